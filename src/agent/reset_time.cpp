#include "agent/reset_time.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

namespace cobatch {
inline namespace v1 {

namespace {

using words = std::vector<std::string_view>;

constexpr std::array<std::string_view, 12> months{"jan", "feb", "mar", "apr", "may", "jun",
                                                  "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::int64_t day_ms = 24 * 60 * 60 * 1000;

std::string in_lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

words words_of(std::string_view text) {
  words out;
  constexpr std::string_view between = " \t\r\n,()\u00B7";
  for (std::size_t at = 0; (at = text.find_first_not_of(between, at)) < text.size();) {
    const std::size_t end = std::min(text.find_first_of(between, at), text.size());
    out.push_back(text.substr(at, end - at));
    at = end;
  }
  return out;
}

// A number at the beginning of a word, which is taken off it.
std::optional<int> take_number(std::string_view& word) {
  int value = 0;
  const auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (failure != std::errc{} || value < 0) return std::nullopt;
  word.remove_prefix(static_cast<std::size_t>(end - word.data()));
  return value;
}

// What a sentence says of a date and a time.
struct moment {
  std::optional<int> year, month, day;
  int hour = -1;  // below 0: none is said
  int minute = 0;
  bool is_utc = false;

  // False if the word is none of a date and time.
  bool read(std::string_view word) {
    if (word == "at" || word == "on" || word == ":") return true;
    if (word == "utc" || word == "gmt") return is_utc = true;
    if ((word == "am" || word == "pm") && hour >= 0) return to_24_hours(word);
    if (const auto* named = std::find(months.begin(), months.end(), word.substr(0, 3));
        named != months.end() && !month) {
      month = static_cast<int>(named - months.begin()) + 1;
      return true;
    }
    const auto number = take_number(word);
    if (!number) return false;
    if (*number >= 1970 && word.empty()) return (year = number).has_value();
    if (month && !day && (word.empty() || word == "st" || word == "nd" || word == "rd" || word == "th"))
      return (day = number).has_value();
    if (hour >= 0 || *number > 23) return false;
    hour = *number;
    if (word.starts_with(':')) {
      word.remove_prefix(1);
      minute = take_number(word).value_or(0);
      if (minute > 59) return false;
    }
    return word.empty() || ((word == "am" || word == "pm") && to_24_hours(word));
  }

  bool to_24_hours(std::string_view half) {
    if (hour < 1 || hour > 12) return hour = -1, false;
    hour = hour % 12 + (half == "pm" ? 12 : 0);
    return true;
  }

  // The next such moment.
  [[nodiscard]] std::optional<timestamp> after(timestamp now) const {
    if ((hour < 0 && !day) || month.has_value() != day.has_value()) return std::nullopt;
    const std::time_t seconds = now.ms / 1000;
    std::tm civil{};
    if ((is_utc ? ::gmtime_r(&seconds, &civil) : ::localtime_r(&seconds, &civil)) == nullptr) return std::nullopt;
    if (year) civil.tm_year = *year - 1900;
    if (month) civil.tm_mon = *month - 1, civil.tm_mday = *day;
    civil.tm_hour = std::max(hour, 0);
    civil.tm_min = minute;
    civil.tm_sec = 0;
    civil.tm_isdst = -1;
    auto at = to_timestamp(civil);
    if (at && *at <= now && !month) at = *at + std::chrono::milliseconds{day_ms};
    if (at && *at <= now && month && !year && now.ms - at->ms > 180 * day_ms) {
      ++civil.tm_year;
      at = to_timestamp(civil);
    }
    return at;
  }

  [[nodiscard]] std::optional<timestamp> to_timestamp(std::tm civil) const {
    const std::time_t at = is_utc ? ::timegm(&civil) : ::mktime(&civil);
    return at == std::time_t{-1} ? std::nullopt : std::optional(timestamp{std::int64_t{at} * 1000});
  }
};

// "2h 30m", "45 minutes"
std::optional<timestamp> after_a_time(const words& said, std::size_t from, timestamp now) {
  std::int64_t seconds = 0;
  for (std::size_t i = from; i < said.size(); ++i) {
    std::string_view word = said[i];
    const auto number = take_number(word);
    if (!number) break;
    if (word.empty() && i + 1 < said.size()) word = said[++i];
    if (word.empty()) break;
    const std::int64_t unit = word[0] == 'd'   ? 86400
                              : word[0] == 'h' ? 3600
                              : word[0] == 'm' ? 60
                              : word[0] == 's' ? 1
                                               : 0;
    if (unit == 0) break;
    seconds += *number * unit;
  }
  if (seconds <= 0) return std::nullopt;
  return now + std::chrono::seconds{seconds};
}

std::optional<timestamp> behind_bar(std::string_view said) {
  const auto bar = said.rfind('|');
  if (bar == std::string_view::npos) return std::nullopt;
  std::int64_t seconds = 0;
  const auto [end, failure] = std::from_chars(said.data() + bar + 1, said.data() + said.size(), seconds);
  constexpr std::int64_t year_2001 = 1'000'000'000, year_5138 = 100'000'000'000;
  if (failure != std::errc{} || seconds < year_2001 || seconds >= year_5138) return std::nullopt;
  return timestamp{seconds * 1000};
}

}  // namespace

std::optional<timestamp> read_reset_time(std::string_view said, timestamp now) {
  const std::string text = in_lower_case(said);
  const auto reset = text.find("reset");
  if (reset == std::string::npos) return behind_bar(said);
  const words all = words_of(std::string_view(text).substr(reset));
  std::size_t from = 1;  // behind "resets"
  while (from < all.size() && (all[from] == "at" || all[from] == "on")) ++from;
  if (from < all.size() && all[from] == "in") return after_a_time(all, from + 1, now);
  if (from < all.size() && all[from].find('t') == 10) {  // ISO 8601
    std::string iso(all[from]);
    std::transform(iso.begin(), iso.end(), iso.begin(), [](unsigned char c) { return std::toupper(c); });
    return parse_iso(iso);
  }
  moment named;
  while (from < all.size() && named.read(all[from])) ++from;
  return named.after(now);
}

}  // namespace v1
}  // namespace cobatch
