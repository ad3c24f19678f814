// When a limit of the provider is over, as agents say it in a sentence: "resets Oct 9, 5pm", "resets 3:30pm (UTC)".
#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agents/turn_outcome.hpp"

namespace cobatch {

namespace {

using word_list = std::vector<std::string_view>;
using std::chrono::minutes;

constexpr std::array<std::string_view, 12> months{"jan", "feb", "mar", "apr", "may", "jun",
                                                  "jul", "aug", "sep", "oct", "nov", "dec"};
// A moment that has passed by less than this is not taken as one of the next day: clocks differ, and sentences drop the
// seconds.
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

word_list words_of(std::string_view text) {
  word_list out;
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

bool is_half(std::string_view word) { return word == "am" || word == "pm" || word == "a.m" || word == "p.m"; }

bool is_ordinal(std::string_view ending) {
  return ending.empty() || ending == "st" || ending == "nd" || ending == "rd" || ending == "th";
}

int month_of(std::string_view word) {
  const auto* named = std::find(months.begin(), months.end(), word.substr(0, 3));
  return named == months.end() ? 0 : static_cast<int>(named - months.begin()) + 1;
}

// What a sentence says of a date and a time.
class moment {
 public:
  // Takes in words until one is none of a date and time. False if what was read makes no sense.
  bool read(const word_list& said, std::size_t from) {
    while (from < said.size() && take(said[from])) ++from;
    return makes_sense();
  }

  // The next such moment, or the one that is just over.
  [[nodiscard]] std::optional<timestamp> seen_from(timestamp now) const {
    const std::time_t seconds = now.ms / 1000;
    std::tm civil{};
    if ((is_utc_ ? ::gmtime_r(&seconds, &civil) : ::localtime_r(&seconds, &civil)) == nullptr) return std::nullopt;
    civil.tm_hour = half_ == 0 ? std::max(hour_, 0) : hour_ % 12 + (half_ == 'p' ? 12 : 0);
    civil.tm_min = std::max(minute_, 0);
    civil.tm_sec = 0;
    if (year_ != 0) civil.tm_year = year_ - 1900;
    if (month_ != 0) civil.tm_mon = month_ - 1, civil.tm_mday = day_;
    const auto at = to_timestamp(civil);
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
  bool take(std::string_view word) {
    if (word == "at" || word == "on") return true;
    if (word == "utc" || word == "gmt") return is_utc_ = true;
    if (const int month = month_of(word); month != 0 && month_ == 0) {
      month_ = month;
      return true;
    }
    if (is_half(word) && hour_ >= 0 && half_ == 0) {
      half_ = word[0];
      return true;
    }
    const auto number = take_number(word);
    if (!number) return false;
    if (*number >= 1970 && word.empty())
      year_ = *number;
    else if (month_ != 0 && day_ == 0 && is_ordinal(word))
      day_ = *number;
    else
      take_time(*number, word);
    return true;
  }

  // An hour and what stands behind it without a space.
  void take_time(int hour, std::string_view rest) {
    is_senseless_ = is_senseless_ || hour_ >= 0;
    hour_ = hour;
    if (rest.starts_with(':')) {
      rest.remove_prefix(1);
      minute_ = take_number(rest).value_or(60);
    }
    if (rest.starts_with(':')) return;  // the seconds say nothing
    if (is_half(rest))
      half_ = rest[0];
    else
      is_senseless_ = is_senseless_ || !rest.empty();
  }

  [[nodiscard]] bool makes_sense() const {
    if (is_senseless_ || (month_ != 0) != (day_ != 0) || day_ > 31) return false;
    if (hour_ < 0) return day_ != 0;
    if (half_ != 0) return hour_ >= 1 && hour_ <= 12 && minute_ < 60;
    return hour_ < 24 && minute_ >= 0 && minute_ < 60;  // an hour alone may be anything: "resets 5 hours from now"
  }

  [[nodiscard]] std::optional<timestamp> to_timestamp(std::tm civil) const {
    civil.tm_isdst = -1;
    const std::time_t at = is_utc_ ? ::timegm(&civil) : ::mktime(&civil);
    return at == std::time_t{-1} ? std::nullopt : std::optional(timestamp{std::int64_t{at} * 1000});
  }

  int year_ = 0, month_ = 0, day_ = 0;  // 0: not said
  int hour_ = -1, minute_ = -1;         // -1: not said
  char half_ = 0;                       // of the day: 'a' or 'p'
  bool is_utc_ = false;
  bool is_senseless_ = false;
};

// "2h 30m", "45 minutes"
std::optional<timestamp> after_a_time(const word_list& said, std::size_t from, timestamp now) {
  std::int64_t seconds = 0;
  for (std::size_t i = from; i < said.size() && seconds < year_s; ++i) {
    std::string_view word = said[i];
    const auto number = take_number(word);
    if (!number) break;
    if (word.empty() && i + 1 < said.size()) word = said[++i];
    if (word.empty()) break;
    const auto unit = std::string_view("dhms").find(word[0]);
    if (unit == std::string_view::npos) break;
    constexpr std::array<std::int64_t, 4> seconds_in_unit{86400, 3600, 60, 1};
    seconds += *number * seconds_in_unit[unit];
  }
  if (seconds <= 0 || seconds > year_s) return std::nullopt;
  return now + std::chrono::seconds{seconds};
}

std::optional<timestamp> read_from(const word_list& said, timestamp now) {
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
