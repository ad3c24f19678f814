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

/// Repeats `command` (safe: each store command has a natural key) at once, for a while, as long as nobody knows whether
/// it was done.
template <class Command>
[[nodiscard]] auto until_known(const Command& command) -> decltype(command()) {
  constexpr int most = 20;
  auto outcome = command();
  for (int n = 1; n < most && !outcome && outcome.error().code == errc::outcome_unknown; ++n) outcome = command();
  return outcome;
}

/// Repeats `command` until it succeeds, fails for good, or a stop is requested. `on_trouble` hears of each failure.
template <class Command, class OnTrouble>
[[nodiscard]] auto persist(const Command& command, const std::stop_token& stop, const OnTrouble& on_trouble)
    -> decltype(command()) {
  constexpr std::chrono::milliseconds longest{std::chrono::seconds{10}};
  for (std::chrono::milliseconds wait{200};; wait = std::min(wait * 2, longest)) {
    auto outcome = until_known(command);
    if (outcome || !may_pass(outcome.error().code) || stop.stop_requested()) return outcome;
    on_trouble(outcome.error());
    pause_for(wait, stop);
  }
}

}  // namespace cobatch
