// Watches for reasons to interrupt the running turn: its task was cancelled, the session's end was requested, or the
// engine's stop and then its grace.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include <cobatch/core/id.hpp>
#include <cobatch/store.hpp>

#include "store/store.hpp"

namespace cobatch {

enum class interruption : std::uint8_t {
  none,
  task_cancelled,
  end_requested,
  stopping,  ///< the engine was asked to stop and the grace is over
};

class turn_monitor {
 public:
  /// `hurry` ends the grace of a stop.
  turn_monitor(store& storage, epoch session, std::stop_token engine_stop, std::chrono::milliseconds stop_grace,
               std::stop_token hurry);
  ~turn_monitor();

  /// A turn of this task begins; the token asks for its interruption.
  [[nodiscard]] std::stop_token begin(const task_id& task);
  /// It has ended; why it was interrupted, if it was.
  interruption end();

  /// True once somebody asked for the session's end.
  [[nodiscard]] bool end_requested();

 private:
  void watch(const std::stop_token& quit);
  void await_stop_grace(const std::stop_token& quit);
  void look();
  void interrupt(interruption why);

  store& storage_;
  epoch session_;
  std::stop_token engine_stop_, hurry_;
  std::chrono::milliseconds grace_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<task_id> task_;
  std::stop_source turn_;
  interruption why_ = interruption::none;
  bool end_requested_ = false;
  bool stopping_ = false;  // the grace of a stop is over

  std::stop_source waiting_;  // ends wait_for_change
  std::jthread thread_;       // last: it uses all of the above
};

}  // namespace cobatch
