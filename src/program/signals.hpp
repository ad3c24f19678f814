// SIGINT, SIGTERM and SIGHUP as calls in a thread of our own, where anything may be done.
//
// The handler only counts and writes a byte to a pipe. Handlers, unlike blocked signals, are not inherited by agents.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <thread>

#include <cobatch/core/error.hpp>

#include "os/watch.hpp"

namespace cobatch::program {

class stop_signals {
 public:
  /// Calls `on_signal(1)` for the first signal and `on_signal(2)` for the second; the third ends the program at once,
  /// as if nobody had asked for signals. SIGHUP is never more than the first. One watch at a time in a process.
  [[nodiscard]] static result<std::unique_ptr<stop_signals>> watch(std::function<void(int count)> on_signal);
  stop_signals(const stop_signals&) = delete;
  stop_signals& operator=(const stop_signals&) = delete;
  ~stop_signals();

 private:
  stop_signals(wake_signal bell, std::function<void(int)> on_signal);
  void listen(std::stop_token done);

  wake_signal bell_;
  std::function<void(int)> on_signal_;
  std::jthread thread_;
};

}  // namespace cobatch::program
