#include <cstdint>
#include <string>

#include <doctest/doctest.h>

#include "base/json.hpp"

using cobatch::json::decimal;
using cobatch::json::decimal_value;
using cobatch::json::read_decimal;
using cobatch::json::write_decimal;

TEST_CASE("a decimal is read exactly, however it is written") {
  for (const auto* const text : {"3e-06", "3E-6", "0.000003", "0.0000030", "30e-7", "0.3e-5", "300e-08", "3.0e-06"}) {
    CAPTURE(text);
    CHECK(read_decimal(text, 12) == decimal{3'000'000, true});
  }
  CHECK(read_decimal("1e+2", 9) == decimal{100'000'000'000, true});
  CHECK(read_decimal("12", 0) == decimal{12, true});
  CHECK(read_decimal("0.1", 9) == decimal{100'000'000, true});
  CHECK(read_decimal("1234567.123456789", 9) == decimal{1'234'567'123'456'789, true});
}

TEST_CASE("a decimal is written exactly, and no longer than it needs to be") {
  CHECK(write_decimal(1'203'000'000, 9, 2) == "1.203");
  CHECK(write_decimal(1'200'000'000, 9, 2) == "1.20");
  CHECK(write_decimal(5, 9, 2) == "0.000000005");
  CHECK(write_decimal(0, 12, 1) == "0.0");
  CHECK(write_decimal(12'000, 3, 3) == "12.000");
  CHECK(write_decimal(12'000, 3, 0) == "12");
}

TEST_CASE("a decimal as a JSON number has no more decimals than it needs") {
  CHECK(write(decimal_value(1'203'000'000, 9)) == "1.203");
  CHECK(write(decimal_value(12'000, 3)) == "12");
  CHECK(write(decimal_value(0, 9)) == "0");
  CHECK(write(decimal_value(5, 3)) == "0.005");
  CHECK(write(decimal_value(90'071'992'547'409'937, 9)) == "90071992.547409937");
  CHECK(write(decimal_value(INT64_MAX, 9)) == "9223372036.854775807");
}

TEST_CASE("zero is zero in all its forms") {
  for (const auto* const text : {"0", "-0", "0.000", "-0.0e5", "0e-99999999999"})
    CHECK(read_decimal(text, 12) == decimal{0, true});
}

TEST_CASE("what is written more precisely is rounded once, half up") {
  CHECK(read_decimal("1.4", 0) == decimal{1, false});
  CHECK(read_decimal("1.5", 0) == decimal{2, false});
  CHECK(read_decimal("1.49999999999999999999", 0) == decimal{1, false});
  CHECK(read_decimal("9.5", 0) == decimal{10, false});
  CHECK(read_decimal("0.5", 0) == decimal{1, false});
  CHECK(read_decimal("0.05", 0) == decimal{0, false});
  CHECK(read_decimal("2.0000000000000002e-07", 12) == decimal{200'000, false});
  CHECK(read_decimal("9.499999999999999e-07", 12) == decimal{950'000, false});
  CHECK(read_decimal("1e-2147483647", 12) == decimal{0, false});
}

TEST_CASE("what is negative or too large is not read") {
  for (const auto* const text : {"-1", "-1e-30", "1e18", "999999999999999999.9e1", "1e99999999999", "1e2147483647"}) {
    CAPTURE(text);
    CHECK_FALSE(read_decimal(text, 0));
  }
  CHECK(read_decimal("999999999999999999", 0) == decimal{999'999'999'999'999'999, true});
  CHECK_FALSE(read_decimal("1000000", 12));
}
