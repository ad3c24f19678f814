#include <string>
#include <utility>

#include <doctest/doctest.h>

#include "agents/turn_outcome.hpp"
#include "unit/zone.hpp"

using namespace cobatch;
using cobatch_test::zone;

namespace {

std::string read(const char* said, const char* now) {
  const auto at = read_reset_time(said, *parse_iso(now));
  return at ? to_iso_seconds(*at) : "nothing";
}

}  // namespace

TEST_CASE("the end of a limit is read as agents write it, in the time of this machine") {
  const zone berlin("CET-1CEST,M3.5.0,M10.5.0/3");
  const char* now = "2026-10-07T10:00:00Z";  // 12:00 here
  const std::pair<const char*, const char*> cases[] = {
      {"You've hit your weekly limit \u00B7 resets Oct 9, 5pm", "2026-10-09T15:00:00Z"},
      {"You've hit your weekly limit \u00B7 resets Oct 9, 5pm (Europe/Berlin)", "2026-10-09T15:00:00Z"},
      {"You've hit your session limit \u00B7 resets 3:30pm", "2026-10-07T13:30:00Z"},
      {"5-hour limit reached \u00B7 resets 9am", "2026-10-08T07:00:00Z"},  // 9 is over for today
      {"limit reached, resets at 23:15 (UTC)", "2026-10-07T23:15:00Z"},
      {"limit reached; resets on November 1 at 12am", "2026-10-31T23:00:00Z"},  // winter time by then
      {"monthly spend limit reached. Resets Jan 1", "2026-12-31T23:00:00Z"},
      {"quota exceeded, resets Jan 2, 2027, 1:05 pm", "2027-01-02T12:05:00Z"},
      {"usage limit, resets in 2h 30m", "2026-10-07T12:30:00Z"},
      {"usage limit, resets in 45 minutes", "2026-10-07T10:45:00Z"},
      {"resets 2026-10-09T17:00:00Z", "2026-10-09T17:00:00Z"},
      {"Claude AI usage limit reached|1795545843", "2026-11-24T18:44:03Z"},
      {"try again at Oct 9th, 2026 5:04 PM.", "2026-10-09T15:04:00Z"},
      {"try again in 3 hours 12 minutes", "2026-10-07T13:12:00Z"},
      {"connection reset; limit resets 5 pm.", "2026-10-07T15:00:00Z"},
      {"resets 3:30\u202FPM!", "2026-10-07T13:30:00Z"},
      {"resets 11:55", "2026-10-07T09:55:00Z"},  // five minutes ago: over
      {"resets 5 hours from now", "nothing"},
      {"resets 10:70", "nothing"},
      {"resets Oct 45, 5pm", "nothing"},
      {"resets in 99999999999d", "nothing"},
      {"limit reached", "nothing"},
      {"resets soon", "nothing"},
      {"resets Oct", "nothing"},
      {"resets 25:00", "nothing"},
      {"resets 17pm", "nothing"},
      {"resets in a while", "nothing"},
      {"", "nothing"}};
  for (const auto& [said, at] : cases) {
    CAPTURE(std::string(said));
    CHECK(read(said, now) == at);
  }
}

TEST_CASE("the time of the next day is right over a change of the clocks") {
  const zone berlin("CET-1CEST,M3.5.0,M10.5.0/3");
  CHECK(read("resets 5pm", "2026-03-28T17:00:00Z") == "2026-03-29T15:00:00Z");
  CHECK(read("resets 5pm", "2026-10-24T17:00:00Z") == "2026-10-25T16:00:00Z");
}

TEST_CASE("a date without a year is the nearest one, over or to come") {
  const zone utc("UTC0");
  CHECK(read("resets Dec 31, 11:59pm", "2027-01-01T00:00:30Z") == "2026-12-31T23:59:00Z");
  CHECK(read("resets Jan 1, 12am", "2026-12-30T00:00:00Z") == "2027-01-01T00:00:00Z");
  CHECK(read("resets Dec 29, 12am", "2026-12-30T00:00:00Z") == "2026-12-29T00:00:00Z");
}
