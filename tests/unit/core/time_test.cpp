#include <string>
#include <utility>

#include <doctest/doctest.h>

#include <cobatch/core/time.hpp>

using namespace cobatch;

TEST_CASE("known moments are written and read in ISO 8601") {
  const std::pair<std::int64_t, const char*> known[] = {
      {0, "1970-01-01T00:00:00.000Z"},
      {1762551900000, "2025-11-07T21:45:00.000Z"},
      {951782400000, "2000-02-29T00:00:00.000Z"},
      {1709251199999, "2024-02-29T23:59:59.999Z"},
      {-1, "1969-12-31T23:59:59.999Z"},
      {-2208988800000, "1900-01-01T00:00:00.000Z"},
      {-62135596800000, "0001-01-01T00:00:00.000Z"},
      {253402300799999, "9999-12-31T23:59:59.999Z"},
      {4102444800000, "2100-01-01T00:00:00.000Z"},
  };
  for (const auto& [ms, text] : known) {
    CHECK(to_iso(timestamp{ms}) == text);
    CHECK(parse_iso(text) == timestamp{ms});
  }
}

TEST_CASE("every day from 1890 to 2110 comes back from its text") {
  constexpr std::int64_t day = 86'400'000;
  for (std::int64_t d = -80 * 366; d < 140 * 366; ++d) {
    const timestamp t{d * day + (d * 7919 % day + day) % day};
    if (parse_iso(to_iso(t)) != t) FAIL_CHECK(t.ms);
  }
}

TEST_CASE("the guide's form drops what is below a second, before 1970 too") {
  CHECK(to_iso_seconds({1762551900999}) == "2025-11-07T21:45:00Z");
  CHECK(to_iso_seconds({-1}) == "1969-12-31T23:59:59Z");
}

TEST_CASE("one to three decimals are read, more are not") {
  CHECK(parse_iso("1970-01-01T00:00:00.5Z") == timestamp{500});
  CHECK(parse_iso("1970-01-01T00:00:00.05Z") == timestamp{50});
  CHECK(parse_iso("1970-01-01T00:00:00.123Z") == timestamp{123});
  CHECK_FALSE(parse_iso("1970-01-01T00:00:00.1234Z"));
  CHECK_FALSE(parse_iso("1970-01-01T00:00:00.Z"));
}

TEST_CASE("leap days exist in leap years only") {
  CHECK(parse_iso("2024-02-29T00:00:00Z"));
  CHECK(parse_iso("2000-02-29T00:00:00Z"));
  CHECK_FALSE(parse_iso("2023-02-29T00:00:00Z"));
  CHECK_FALSE(parse_iso("1900-02-29T00:00:00Z"));
}

TEST_CASE("texts that are no moment are refused") {
  for (const auto* text :
       {"", "2025", "2025-11-07", "2025-11-07T21:45:00", "2025-11-07T21:45:00z", "2025-11-07 21:45:00Z",
        "2025-11-07T21:45Z", "2025-13-01T00:00:00Z", "2025-00-01T00:00:00Z", "2025-04-31T00:00:00Z",
        "2025-11-07T24:00:00Z", "2025-11-07T21:60:00Z", "2025-11-07T21:45:60Z", "2025-11-07T21:45:00Zx",
        "2025-11-07T21:45:00+00:00", "+025-11-07T21:45:00Z", "2025-1-07T21:45:00Z", " 2025-11-07T21:45:00Z"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_iso(text));
  }
}

TEST_CASE("no text cut short is a moment") {
  const std::string text = "2025-11-07T21:45:00.123Z";
  for (std::size_t n = 0; n < text.size(); ++n) CHECK_FALSE(parse_iso(text.substr(0, n)));
}

TEST_CASE("moments are ordered, and their difference is a duration") {
  using namespace std::chrono_literals;
  CHECK(timestamp{1} < timestamp{2});
  CHECK(timestamp{5000} + 2s == timestamp{7000});
  CHECK(timestamp{5000} - timestamp{7000} == -2s);
}
