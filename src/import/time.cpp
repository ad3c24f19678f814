#include <chrono>
#include <cstddef>
#include <ctime>
#include <string>

#include "import/original.hpp"

namespace cobatch {

namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t length_to_seconds = std::string_view("2025-11-07T21:45:00").size();

// A text in parts, each of which may be empty but the first: 2025-11-07T21:45:00 .123456 +01:00
struct time_parts {
  std::string_view head, fraction, zone;
};

time_parts parts_of(std::string_view text) {
  time_parts parts;
  parts.head = text.substr(0, length_to_seconds);
  std::string_view rest = text.substr(parts.head.size());
  if (rest.starts_with('.')) {
    parts.fraction = rest.substr(0, rest.find_first_not_of("0123456789", 1));
    rest.remove_prefix(parts.fraction.size());
  }
  parts.zone = rest;
  return parts;
}

// Of "Z", "+01:00" or "-01:00"; nothing for any other text.
std::optional<minutes> offset_in(std::string_view zone) {
  if (zone == "Z") return minutes{0};
  if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':') return std::nullopt;
  std::size_t at = 1;
  const auto h = detail::read_digits(zone, at, 2);
  const auto m = detail::read_digits(zone, ++at, 2);
  if (!h || !m || *h > 23 || *m > 59) return std::nullopt;
  const minutes offset{*h * 60 + *m};
  return zone[0] == '-' ? -offset : offset;
}

// The moment at which clocks here show what `shown` shows in UTC. One that the clocks skip or show twice is taken as
// the system takes it.
std::optional<timestamp> from_local(timestamp shown) {
  const auto c = detail::to_civil(shown);
  std::tm civil{};
  civil.tm_year = c.year - 1900;
  civil.tm_mon = c.month - 1;
  civil.tm_mday = c.day;
  civil.tm_hour = c.hour;
  civil.tm_min = c.minute;
  civil.tm_sec = c.second;
  civil.tm_isdst = -1;
  const std::time_t at = std::mktime(&civil);
  if (at == std::time_t{-1}) return std::nullopt;
  return timestamp{} + seconds{at} + milliseconds{c.milli};
}

// What clocks here show at `at`, as if it were UTC.
timestamp to_local(timestamp at) {
  const auto since_epoch = std::chrono::floor<seconds>(at - timestamp{});
  const std::time_t moment{since_epoch.count()};
  std::tm civil{};
  if (::localtime_r(&moment, &civil) == nullptr) return at;
  return at + seconds{civil.tm_gmtoff};
}

std::string_view first_characters(std::string_view text, std::size_t count) {
  std::size_t at = 0;
  for (; count > 0 && at < text.size(); --count) at += detail::utf8_sequence_length(text, at);
  return text.substr(0, at);
}

}  // namespace

std::optional<original_time> read_original_time(std::string_view text) {
  const auto parts = parts_of(text);
  std::string utc(parts.head);
  if (utc.size() == length_to_seconds && utc[10] == ' ') utc[10] = 'T';
  utc += parts.fraction.substr(0, std::string_view(".123").size());
  const auto shown = parse_iso(utc + 'Z');
  if (!shown) return std::nullopt;
  if (parts.zone.empty()) {
    const auto at = from_local(*shown);
    return at ? std::optional(original_time{*at, true}) : std::nullopt;
  }
  const auto offset = offset_in(parts.zone);
  return offset ? std::optional(original_time{*shown + -*offset, false}) : std::nullopt;
}

batch_id default_batch_id(timestamp created, const task_id& task) {
  const std::string_view beginning = first_characters(task.str(), 8);
  return batch_id(make_batch_id(to_local(created)).str() + "_" + std::string(beginning));
}

}  // namespace cobatch
