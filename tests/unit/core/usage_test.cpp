#include <limits>

#include <doctest/doctest.h>

#include <cobatch/core/usage.hpp>

using namespace cobatch;

TEST_CASE("what the guide calls input is all that was loaded anew, and reads are no part of it") {
  const tokens t{.uncached_input = 1, .cache_write_5m = 20, .cache_write_1h = 300, .cache_read = 4000, .output = 50000};
  CHECK(t.loaded_input() == 321);
  CHECK(t.processed() == 54321);
}

TEST_CASE("reasoning is part of the output and is not counted twice") {
  CHECK(tokens{.output = 10, .reasoning = 7}.processed() == 10);
}

TEST_CASE("sums and differences go kind by kind") {
  const tokens a{1, 2, 3, 4, 5, 6};
  const tokens b{10, 20, 30, 40, 50, 60};
  CHECK(a + b == tokens{11, 22, 33, 44, 55, 66});
  CHECK(b - a == tokens{9, 18, 27, 36, 45, 54});
  CHECK((a + b) - b == a);
}

TEST_CASE("a hostile count stops at the largest value and never wraps") {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  constexpr auto least = std::numeric_limits<std::int64_t>::min();
  CHECK((tokens{.output = most} + tokens{.output = 1}).output == most);
  CHECK(tokens{.uncached_input = most, .cache_write_1h = most}.loaded_input() == most);
  CHECK(tokens{.uncached_input = most, .cache_read = most, .output = most}.processed() == most);
  CHECK(detail::saturating_add(least, -1) == least);
  CHECK(detail::saturating_add(most, least) == -1);
  CHECK(detail::saturating_add(most, 0) == most);
}

TEST_CASE("counts below zero or beyond a million million are not plausible, whichever kind they are of") {
  CHECK(is_plausible(tokens{}));
  for (auto field : {&tokens::uncached_input, &tokens::cache_write_5m, &tokens::cache_write_1h, &tokens::cache_read,
                     &tokens::output, &tokens::reasoning}) {
    tokens t;
    t.*field = max_reported_tokens;
    CHECK(is_plausible(t));
    t.*field = max_reported_tokens + 1;
    CHECK_FALSE(is_plausible(t));
    t.*field = -1;
    CHECK_FALSE(is_plausible(t));
  }
}

TEST_CASE("the total of a usage is the sum over its models") {
  usage used;
  CHECK(used.total() == tokens{});
  used.by_model = {{"a", {1, 2, 3, 4, 5, 0}}, {"b", {10, 20, 30, 40, 50, 1}}};
  CHECK(used.total() == tokens{11, 22, 33, 44, 55, 1});
}

TEST_CASE("every source has its name") {
  CHECK(name_of(usage_source::reported) == "reported");
  CHECK(name_of(usage_source::difference) == "difference");
  CHECK(name_of(usage_source::transcript) == "transcript");
  CHECK(name_of(usage_source::scripted) == "scripted");
  CHECK(name_of(usage_source::told) == "told");
}
