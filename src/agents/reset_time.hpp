// When a limit of the provider is over, as agents say it in a sentence: "resets Oct 9, 5pm", "resets 3:30pm (UTC)".
#pragma once

#include <optional>
#include <string_view>

#include <cobatch/core/time.hpp>

namespace cobatch {

/// The moment that the sentence names behind "resets" or "try again", seen from `now`; nothing if it names none that
/// can be read. A time without a date is the next such time, or the one of some minutes ago; a date without a year is
/// the nearest such date. Times are of this machine's clock, as an agent prints them that runs on it, unless UTC or GMT
/// stands behind them. Also read: "resets in 2h 30m", an ISO time with Z, and the seconds since 1970 behind a bar
/// ("limit reached|1728493200").
[[nodiscard]] std::optional<timestamp> read_reset_time(std::string_view said, timestamp now);

}  // namespace cobatch
