#include "agents/reset_time.hpp"

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

namespace {

using words = std::vector<std::string_view>;
using std::chrono::minutes;

constexpr std::array<std::string_view, 12> months{"jan", "feb", "mar", "apr", "may", "jun",
                                                  "jul", "aug", "sep", "oct", "nov", "dec"};
// A moment that is over for no longer than this is meant as it stands: clocks differ, and sentences drop the seconds.
constexpr minutes just_over{10};
constexpr std::int64_t half_a_year_ms = std::int64_t{183} * 24 * 60 * 60 * 1000;
constexpr std::int64_t year_s = std::int64_t{366} * 24 * 60 * 60;

// In lower case, with plain spaces for the spaces and marks that programs put around dates.
std::string simplified(std::string_view text) {
  std::string out(text);
  for (const std::string_view mark : {"\u00A0", "\u202F", "\u00B7"})
    for (std::size_t at = 0; (at = out.find(mark, at)) != std::string::npos;) out.replace(at, mark.size(), " ");
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

words words_of(std::string_view text) {
  words out;
  constexpr std::string_view between = " \t\r\n,;()[]!";
  for (std::size_t at = 0; (at = text.find_first_not_of(between, at)) < text.size();) {
    const std::size_t end = std::min(text.find_first_of(between, at), text.size());
    std::string_view word = text.substr(at, end - at);
    while (word.size() > 1 && (word.back() == '.' || word.back() == ':')) word.remove_suffix(1);
    out.push_back(word);
    at = end;
  }
  return out;
}

// A number at the beginning of a word, which is taken off it.
std::optional<int> take_number(std::string_view& word) {
  int value = 0;
  const auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (failure != std::errc{} || value < 0 || value > 9999) return std::nullopt;
  word.remove_prefix(static_cast<std::size_t>(end - word.data()));
  return value;
}

bool is_half(std::string_view word) {
  return word == "am" || word == "pm" || word == "a.m" || word == "p.m";
}

// What a sentence says of a date and a time.
class moment {
 public:
  // Reads words until one is none of a date and time. False if what was read makes no sense.
  bool read(const words& said, std::size_t from) {
    for (std::size_t i = from; i < said.size(); ++i) {
      const std::string_view word = said[i];
      if (word == "at" || word == "on") continue;
      if (word == "utc" || word == "gmt") {
        is_utc_ = true;
      } else if (const int found = month_of(word); found > 0 && month_ == 0) {
        month_ = found;
      } else if (is_half(word) && has_time_ && !has_half_) {
        if (!set_half(word[0])) return false;
      } else if (word[0] < '0' || word[0] > '9') {
        break;
      } else if (!read_number(word)) {
        return false;
      }
    }
    // An hour alone may be anything: "resets 5 hours from now".
    return (month_ != 0) == (day_ != 0) && (is_complete_ || (day_ != 0 && !has_time_));
  }

  // The next such moment, or the one that is just over.
  [[nodiscard]] std::optional<timestamp> seen_from(timestamp now) const {
    const std::time_t seconds = now.ms / 1000;
    std::tm civil{};
    if ((is_utc_ ? ::gmtime_r(&seconds, &civil) : ::localtime_r(&seconds, &civil)) == nullptr) return std::nullopt;
    civil.tm_hour = hour_;
    civil.tm_min = minute_;
    civil.tm_sec = 0;
    if (year_ != 0) civil.tm_year = year_ - 1900;
    if (month_ != 0) civil.tm_mon = month_ - 1, civil.tm_mday = day_;
    auto at = to_timestamp(civil);
    if (!at || year_ != 0) return at;
    if (month_ == 0) {
      if (*at + just_over < now) ++civil.tm_mday;
    } else if (now.ms - at->ms > half_a_year_ms) {
      ++civil.tm_year;
    } else if (at->ms - now.ms > half_a_year_ms) {
      --civil.tm_year;
    }
    return to_timestamp(civil);
  }

 private:
  static int month_of(std::string_view word) {
    const auto* named = std::find(months.begin(), months.end(), word.substr(0, 3));
    return named == months.end() ? 0 : static_cast<int>(named - months.begin()) + 1;
  }

  bool read_number(std::string_view word) {
    const auto number = take_number(word);
    if (!number) return false;
    if (*number >= 1970 && word.empty()) {
      year_ = *number;
      return true;
    }
    const bool is_ordinal = word == "st" || word == "nd" || word == "rd" || word == "th";
    if (month_ != 0 && day_ == 0 && (word.empty() || is_ordinal)) {
      day_ = *number;
      return day_ >= 1 && day_ <= 31;
    }
    if (has_time_ || *number > 23) return false;
    has_time_ = true;
    hour_ = *number;
    if (word.starts_with(':')) {
      word.remove_prefix(1);
      const auto after = take_number(word);
      if (!after || *after > 59) return false;
      minute_ = *after;
      is_complete_ = true;
      if (word.starts_with(':')) return true;  // the seconds say nothing
    }
    return word.empty() || (is_half(word) && set_half(word[0]));
  }

  bool set_half(char half) {
    if (hour_ < 1 || hour_ > 12) return false;
    hour_ = hour_ % 12 + (half == 'p' ? 12 : 0);
    is_complete_ = has_half_ = true;
    return true;
  }

  [[nodiscard]] std::optional<timestamp> to_timestamp(std::tm civil) const {
    civil.tm_isdst = -1;
    const std::time_t at = is_utc_ ? ::timegm(&civil) : ::mktime(&civil);
    return at == std::time_t{-1} ? std::nullopt : std::optional(timestamp{std::int64_t{at} * 1000});
  }

  int year_ = 0, month_ = 0, day_ = 0;  // 0: not said
  int hour_ = 0, minute_ = 0;
  bool has_time_ = false;
  bool has_half_ = false;
  bool is_complete_ = false;  // the time has minutes, or am or pm
  bool is_utc_ = false;
};

// "2h 30m", "45 minutes"
std::optional<timestamp> after_a_time(const words& said, std::size_t from, timestamp now) {
  std::int64_t seconds = 0;
  for (std::size_t i = from; i < said.size() && seconds < year_s; ++i) {
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
  if (seconds <= 0 || seconds > year_s) return std::nullopt;
  return now + std::chrono::seconds{seconds};
}

std::optional<timestamp> read_from(const words& said, timestamp now) {
  std::size_t from = 0;
  while (from < said.size() && (said[from] == "at" || said[from] == "on")) ++from;
  if (from == said.size()) return std::nullopt;
  if (said[from] == "in") return after_a_time(said, from + 1, now);
  if (said[from].find('t') == std::string_view("2026-10-09").size()) {  // ISO 8601
    std::string iso(said[from]);
    std::transform(iso.begin(), iso.end(), iso.begin(), [](unsigned char c) { return std::toupper(c); });
    return parse_iso(iso);
  }
  moment named;
  return named.read(said, from) ? named.seen_from(now) : std::nullopt;
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
  const std::string text = simplified(said);
  for (const std::string_view before : {"resets", "reset", "try again"})
    for (std::size_t at = text.find(before); at != std::string::npos; at = text.find(before, at)) {
      at += before.size();
      if (const auto found = read_from(words_of(std::string_view(text).substr(at)), now)) return found;
    }
  return behind_bar(said);
}

}  // namespace cobatch
