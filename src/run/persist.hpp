// Store commands that must not be given up lightly: what an agent was paid for is to be stored.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>

#include <cobatch/core/error.hpp>

namespace cobatch {
inline namespace v1 {

/// True for failures that may pass by themselves: a full disk, an outcome that is not known.
[[nodiscard]] constexpr bool may_pass(errc code) noexcept {
  return code == errc::disk_full || code == errc::not_writable || code == errc::io_error ||
         code == errc::outcome_unknown;
}

/// Waits, at most until a stop is requested.
inline void pause_for(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
}

/// Repeats `command` (safe: each store command has a natural key) until it succeeds, fails for good, or a stop is
/// requested; an unknown outcome is asked again at once. `on_trouble` hears of each failure.
template <class Command, class OnTrouble>
[[nodiscard]] auto persist(const Command& command, const std::stop_token& stop, const OnTrouble& on_trouble)
    -> decltype(command()) {
  constexpr std::chrono::milliseconds longest{std::chrono::seconds{10}};
  constexpr int unknown_in_a_row = 20;
  std::chrono::milliseconds wait{200};
  for (int unknown = 0;;) {
    auto outcome = command();
    if (outcome || !may_pass(outcome.error().code)) return outcome;
    if (outcome.error().code == errc::outcome_unknown && ++unknown < unknown_in_a_row) continue;
    if (stop.stop_requested()) return outcome;
    on_trouble(outcome.error());
    pause_for(wait, stop);
    wait = std::min(wait * 2, longest);
  }
}

}  // namespace v1
}  // namespace cobatch
