#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <cobatch/core/savings.hpp>

using namespace cobatch;

namespace {

// The saving in percent with one decimal, as tenths.
std::int64_t tenths(const comparison& c) {
  const auto permille = c.saved_permille();
  REQUIRE(permille);
  return *permille;
}

const std::vector<std::optional<tokens>> ran{tokens{.uncached_input = 100, .cache_write_5m = 44'900, .output = 2'000},
                                             tokens{.cache_write_5m = 2'000, .cache_read = 45'000, .output = 1'500},
                                             tokens{.cache_write_5m = 1'500, .cache_read = 47'000, .output = 1'800}};

}  // namespace

TEST_CASE("every figure of the guide's table comes out of its stated inputs") {
  const std::int64_t without[] = {94'000, 140'300, 235'000, 470'000};
  const std::int64_t with[] = {48'500, 50'300, 54'000, 63'000};
  const std::int64_t percent[] = {48, 64, 77, 87};
  for (std::size_t i = 0; i < guide_table.size(); ++i) {
    const auto& row = guide_table[i];
    CAPTURE(row.tasks);
    const auto count = count_guide(guide_context, row.alone(), row.batch());
    CHECK(count == comparison{without[i], with[i]});
    CHECK(whole_percent(tenths(count)) == percent[i]);
    CHECK(row.percent == percent[i]);
    CHECK(guide_tokens(count.without) == row.without);
    CHECK(guide_tokens(count.with) == row.with);
    CHECK_FALSE(row.note.empty());
  }
}

TEST_CASE("the guide's printed figures are the ones on its page") {
  CHECK(guide_table[0].without == "94K");
  CHECK(guide_table[0].with == "48.5K");
  CHECK(guide_table[1].without == "140K");
  CHECK(guide_table[1].with == "50.3K");
  CHECK(guide_table[2].without == "235K");
  CHECK(guide_table[2].with == "54K");
  CHECK(guide_table[3].without == "470K");
  CHECK(guide_table[3].with == "63K");
}

TEST_CASE("tokens are printed as the guide prints them") {
  const std::pair<std::int64_t, const char*> printed[] = {
      {0, "0"},           {999, "999"},      {1'000, "1K"},        {1'500, "1.5K"},     {46'500, "46.5K"},
      {46'800, "46.8K"},  {45'000, "45K"},   {1'234, "1.23K"},     {1'235, "1.24K"},    {9'994, "9.99K"},
      {9'995, "10K"},     {99'949, "99.9K"}, {99'950, "100K"},     {140'300, "140K"},   {140'500, "141K"},
      {999'499, "999K"},  {999'500, "1M"},   {1'250'000, "1.25M"}, {47'000'000, "47M"}, {2'000'000'000, "2000M"},
      {-48'500, "-48.5K"}};
  for (const auto& [count, text] : printed) CHECK(guide_tokens(count) == text);
  CHECK(guide_tokens(std::numeric_limits<std::int64_t>::max()).ends_with("M"));
  CHECK(guide_tokens(std::numeric_limits<std::int64_t>::min()).starts_with("-"));
}

TEST_CASE("a saving has a sign, is rounded half away from zero, and is absent against nothing") {
  CHECK(comparison{1000, 359}.saved_permille() == 641);
  CHECK(comparison{2000, 999}.saved_permille() == 501);
  CHECK(comparison{2000, 3001}.saved_permille() == -501);
  CHECK(comparison{100, 105}.saved() == -5);
  CHECK_FALSE(comparison{0, 5}.saved_permille());
  CHECK_FALSE(comparison{-1, 5}.saved_permille());
  CHECK(whole_percent(645) == 65);
  CHECK(whole_percent(644) == 64);
  CHECK(whole_percent(-645) == -65);
  CHECK(whole_percent(-4) == 0);
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  CHECK(comparison{most, 0}.saved_permille() == 1000);
}

TEST_CASE("no tasks cost nothing") {
  CHECK(count_guide(guide_context, {}, {}) == comparison{});
  CHECK(one_session(guide_context, {}) == tokens{});
}

TEST_CASE("for the guide's three tasks one session processes 145.8K tokens instead of 140.3K") {
  CHECK(count_processed(guide_context, guide_table[1].batch()) == comparison{140'300, 145'800});
}

TEST_CASE("tokens processed rise by 2.1, 3.9, 7.7 and 17.3 percent with the guide's rows") {
  const std::int64_t rise[] = {21, 39, 77, 173};
  for (std::size_t i = 0; i < guide_table.size(); ++i)
    CHECK(tenths(count_processed(guide_context, guide_table[i].batch())) == -rise[i]);
}

TEST_CASE("in money one session saves 38, 51, 60 and 67 percent against cold sessions") {
  const std::int64_t saves[] = {38, 51, 60, 67};
  for (std::size_t i = 0; i < guide_table.size(); ++i)
    CHECK(whole_percent(tenths(count_money(guide_context, guide_table[i].batch(), prefix_cache::cold))) == saves[i]);
}

TEST_CASE("in money one session costs 3, 5, 9 and 14 percent more than warm sessions") {
  const std::int64_t more[] = {3, 5, 9, 14};
  for (std::size_t i = 0; i < guide_table.size(); ++i)
    CHECK(whole_percent(tenths(count_money(guide_context, guide_table[i].batch(), prefix_cache::warm))) == -more[i]);
}

TEST_CASE("the guide's three tasks: 50.7 percent saved against cold, 5.0 percent dearer than warm") {
  const auto outputs = guide_table[1].batch();
  const auto cold = count_money(guide_context, outputs, prefix_cache::cold);
  CHECK(cold == comparison{195'250 * relative_unit, 96'325 * relative_unit});
  CHECK(tenths(cold) == 507);
  const auto warm = count_money(guide_context, outputs, prefix_cache::warm);
  CHECK(warm == comparison{91'750 * relative_unit, 96'325 * relative_unit});
  CHECK(tenths(warm) == -50);
}

TEST_CASE("one session writes every token of its context once and reads it on each later request") {
  const std::vector<std::int64_t> outputs{10, 20, 30};
  CHECK(one_session(100, outputs) == tokens{.cache_write_5m = 130, .cache_read = 100 + 110, .output = 60});
  CHECK(separate_sessions(100, outputs, prefix_cache::cold) == tokens{.cache_write_5m = 300, .output = 60});
  CHECK(separate_sessions(100, outputs, prefix_cache::warm) ==
        tokens{.cache_write_5m = 100, .cache_read = 200, .output = 60});
}

TEST_CASE("a batch that ran is counted as the guide counts, re-reads beside it") {
  const auto m = compare_measured(ran);
  CHECK(m.guide == comparison{3 * 45'000 + 5'300, 45'000 + 3'500 + 5'300});
  CHECK(m.processed == 45'000 + 47'000 + 48'500 + 5'300);
  CHECK(m.cache_read == 92'000);
}

TEST_CASE("a figure that nobody knows makes no figure of it, never 0") {
  auto figures = ran;
  figures[1] = std::nullopt;
  CHECK(compare_measured(figures) == measured{});
  CHECK(compare_measured({}) == measured{});
}

TEST_CASE("a first task without input gives no comparison: its load was not captured") {
  auto figures = ran;
  figures[0] = tokens{.output = 2'000};
  const auto m = compare_measured(figures);
  CHECK_FALSE(m.guide);
  CHECK(m.processed.has_value());
}

TEST_CASE("a batch that had to load its context anew shows no saving that it did not have") {
  const std::vector<std::optional<tokens>> reloaded(3, tokens{.cache_write_5m = 45'000, .output = 1'000});
  CHECK(compare_measured(reloaded).guide->saved() == 0);
  std::vector<std::optional<tokens>> grown{tokens{.uncached_input = 10}, tokens{.uncached_input = 50}};
  CHECK(compare_measured(grown).guide->saved() == -40);
}

TEST_CASE("hostile figures stop at the largest value") {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  const std::vector<std::optional<tokens>> huge(3, tokens{.uncached_input = most, .output = most});
  CHECK(compare_measured(huge).guide == comparison{most, most});
  const std::vector<std::int64_t> outputs{most, most};
  CHECK(count_guide(most, outputs, outputs) == comparison{most, most});
}
