// Durations of the C interface: milliseconds, negative for none.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace cobatch::capi {

/// Longer than any process lives, and far from where a clock's numbers end.
inline constexpr std::chrono::milliseconds for_ever{std::chrono::hours{24 * 365 * 100}};

/// The moment at which to stop waiting; negative: as long as it takes.
[[nodiscard]] inline std::chrono::steady_clock::time_point deadline_in(std::int64_t ms) {
  const std::chrono::milliseconds given{ms};
  return std::chrono::steady_clock::now() + (ms < 0 ? for_ever : std::min(given, for_ever));
}

/// A duration of options: 0 is the default, negative none.
[[nodiscard]] inline std::chrono::milliseconds duration_or(std::int64_t ms, std::chrono::milliseconds by_default) {
  if (ms == 0) return by_default;
  return ms < 0 ? std::chrono::milliseconds{0} : std::min(std::chrono::milliseconds{ms}, for_ever);
}

}  // namespace cobatch::capi
