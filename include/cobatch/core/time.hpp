// A moment: milliseconds since 1970-01-01T00:00:00Z, always UTC, never a local time.
//
// In text it is ISO 8601 with `Z`. The core has no clock: functions that need the time take it as an argument.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cobatch {
inline namespace v1 {

/// Milliseconds since the Unix epoch, UTC.
struct timestamp {
  std::int64_t ms = 0;

  friend constexpr auto operator<=>(const timestamp&, const timestamp&) = default;
  friend constexpr timestamp operator+(timestamp t, std::chrono::milliseconds d) noexcept { return {t.ms + d.count()}; }
  friend constexpr std::chrono::milliseconds operator-(timestamp a, timestamp b) noexcept {
    return std::chrono::milliseconds{a.ms - b.ms};
  }
};

namespace detail {
struct civil_time {
  int year, month, day, hour, minute, second, milli;
};

[[nodiscard]] constexpr civil_time to_civil(timestamp t) noexcept {
  using namespace std::chrono;
  const sys_time<milliseconds> point{milliseconds{t.ms}};
  const auto day = floor<days>(point);
  const year_month_day date{day};
  const hh_mm_ss time{point - day};
  return {static_cast<int>(date.year()),
          static_cast<int>(static_cast<unsigned>(date.month())),
          static_cast<int>(static_cast<unsigned>(date.day())),
          static_cast<int>(time.hours().count()),
          static_cast<int>(time.minutes().count()),
          static_cast<int>(time.seconds().count()),
          static_cast<int>(time.subseconds().count())};
}

inline void append_padded(std::string& out, int value, int width) {
  std::string digits = std::to_string(value);
  if (static_cast<int>(digits.size()) < width) out.append(static_cast<std::size_t>(width) - digits.size(), '0');
  out += digits;
}

// Reads exactly `width` digits at `at` and moves past them.
[[nodiscard]] constexpr std::optional<int> read_digits(std::string_view text, std::size_t& at, int width) {
  int value = 0;
  for (int i = 0; i < width; ++i, ++at) {
    if (at >= text.size() || text[at] < '0' || text[at] > '9') return std::nullopt;
    value = value * 10 + (text[at] - '0');
  }
  return value;
}
}  // namespace detail

/// "2025-11-07T21:45:00Z", the guide's form; anything below a second is dropped.
[[nodiscard]] inline std::string to_iso_seconds(timestamp t) {
  const auto c = detail::to_civil(t);
  std::string out;
  detail::append_padded(out, c.year, 4);
  out += '-';
  detail::append_padded(out, c.month, 2);
  out += '-';
  detail::append_padded(out, c.day, 2);
  out += 'T';
  detail::append_padded(out, c.hour, 2);
  out += ':';
  detail::append_padded(out, c.minute, 2);
  out += ':';
  detail::append_padded(out, c.second, 2);
  out += 'Z';
  return out;
}

/// "2025-11-07T21:45:00.123Z".
[[nodiscard]] inline std::string to_iso(timestamp t) {
  std::string out = to_iso_seconds(t);
  out.pop_back();
  out += '.';
  detail::append_padded(out, detail::to_civil(t).milli, 3);
  out += 'Z';
  return out;
}

/// Reads what `to_iso` and `to_iso_seconds` write (one to three decimals allowed); nothing for any other text.
[[nodiscard]] constexpr std::optional<timestamp> parse_iso(std::string_view text) {
  using namespace std::chrono;
  std::size_t at = 0;
  const auto number = [&](int width) { return detail::read_digits(text, at, width); };
  const auto literal = [&](char c) { return at < text.size() && text[at++] == c; };
  const auto y = number(4);
  if (!y || !literal('-')) return std::nullopt;
  const auto mo = number(2);
  if (!mo || !literal('-')) return std::nullopt;
  const auto d = number(2);
  if (!d || !literal('T')) return std::nullopt;
  const auto h = number(2);
  if (!h || !literal(':')) return std::nullopt;
  const auto mi = number(2);
  if (!mi || !literal(':')) return std::nullopt;
  const auto s = number(2);
  if (!s) return std::nullopt;
  std::int64_t milli = 0;
  if (at < text.size() && text[at] == '.') {
    ++at;
    int scale = 100;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10) {
      if (scale == 0) return std::nullopt;
      milli += (text[at] - '0') * scale;
    }
    if (scale == 100) return std::nullopt;
  }
  if (!literal('Z') || at != text.size()) return std::nullopt;
  const year_month_day date{year{*y}, month{static_cast<unsigned>(*mo)}, day{static_cast<unsigned>(*d)}};
  if (!date.ok() || *h > 23 || *mi > 59 || *s > 59) return std::nullopt;
  const sys_days midnight{date};
  const auto ms = duration_cast<milliseconds>(midnight.time_since_epoch()) + hours{*h} + minutes{*mi} + seconds{*s};
  return timestamp{ms.count() + milli};
}

static_assert(parse_iso("2025-11-07T21:45:00Z") == timestamp{1762551900000});
static_assert(!parse_iso("2025-02-30T00:00:00Z"));

}  // namespace v1
}  // namespace cobatch
