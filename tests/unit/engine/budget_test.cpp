#include "engine/budget.hpp"

#include <doctest/doctest.h>

#include "store/store.hpp"
#include "unit/engine/fixture.hpp"

using namespace cobatch;
using namespace cobatch_test;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t dollar = 1'000'000'000;

// $1 a million tokens, of whatever kind.
const price_table& prices() {
  constexpr std::int64_t each = 1'000'000;
  static const price_table table({{"m", {each, each, each, each, each, "maker"}}});
  return table;
}

turn_record turn(std::optional<usage> used, std::chrono::milliseconds time = 0ms) {
  turn_record out;
  out.started_at = timestamp{1000};
  out.ended_at = out.started_at + time;
  out.end = turn_end::done;
  out.used = std::move(used);
  return out;
}

usage tokens_of(std::int64_t count, const std::string& model = "m") {
  return {.by_model = {{model, {.output = count}}}};
}

spending sum_of(const std::vector<turn_record>& turns, const price_table& table = prices()) {
  spending sum(table);
  for (const auto& t : turns) sum.add(t);
  return sum;
}

}  // namespace

TEST_CASE("every settled turn counts, whatever it came to") {
  auto broke = turn(tokens_of(30), 2s);
  broke.end = turn_end::broke;
  auto of_preamble = turn(tokens_of(500), 3s);
  auto running = turn(tokens_of(7), 1h);
  running.ended_at = {};
  const auto sum = sum_of({turn(usage{.by_model = {{"m", {1, 2, 3, 4, 5, 5}}}}, 1s), broke, of_preamble, running});
  CHECK(sum.tokens() == 545);
  CHECK(sum.time() == 6s);
  CHECK(sum.nano_dollars() == 545'000);
  CHECK(sum.reached({.tokens = 545}) == "budget: 545 of 545 tokens are used");
}

TEST_CASE("a cost is rounded once, not turn by turn") {
  const price_table table({{"m", {.output = 400}}});
  CHECK(sum_of({turn(tokens_of(1)), turn(tokens_of(1))}, table).nano_dollars() == 1);
}

TEST_CASE("a turn that seems to have ended before it began took no time") {
  CHECK(sum_of({turn(tokens_of(1), -5s), turn(tokens_of(1), 2s)}).time() == 2s);
}

TEST_CASE("without a cap nothing is reached") {
  CHECK_FALSE(sum_of({turn(tokens_of(max_reported_tokens), 1000h)}).reached({}));
  CHECK_FALSE(sum_of({}).reached({1, 1, 1ms}));
}

TEST_CASE("a cap is reached when as much is spent, and it is said how much") {
  const auto sum = sum_of({turn(tokens_of(1'203'000), 61min)});
  CHECK(sum.reached({.tokens = 1'000'000}) == "budget: 1,203,000 of 1,000,000 tokens are used");
  CHECK(sum.reached({.tokens = 1'203'000}) == "budget: 1,203,000 of 1,203,000 tokens are used");
  CHECK_FALSE(sum.reached({.tokens = 1'203'001}));

  CHECK(sum.reached({.nano_dollars = dollar}) == "budget: 1.20 of 1.00 USD are spent");
  CHECK(sum.reached({.nano_dollars = 1'203'000'000}) == "budget: 1.203 of 1.203 USD are spent");
  CHECK(sum.reached({.nano_dollars = 5}) == "budget: 1.203000000 of 0.000000005 USD are spent");
  CHECK_FALSE(sum.reached({.nano_dollars = 1'203'000'001}));

  CHECK(sum.reached({.time = 60min}) == "budget: turns have run for 61 of 60 minutes");
  CHECK(sum.reached({.time = 61min}));
  CHECK_FALSE(sum.reached({.time = 61min + 1ms}));

  CHECK(sum.reached({.nano_dollars = 5 * dollar, .tokens = 5'000'000, .time = 1min}));
}

TEST_CASE("what nobody reported counts as nothing, and the sum is then said to be a lower bound") {
  auto part = tokens_of(10);
  part.complete = false;
  for (const auto& unknown : {turn(std::nullopt), turn(part)}) {
    const auto sum = sum_of({turn(tokens_of(100), 1min), unknown});
    CHECK(sum.reached({.tokens = 100})->find("budget: at least 1") == 0);
    CHECK(sum.reached({.nano_dollars = 100'000})->find("budget: at least 0.0001") == 0);
    CHECK(sum.reached({.time = 1min}) == "budget: turns have run for 1 of 1 minutes");
    CHECK_FALSE(sum.reached({.tokens = 111}));
  }
}

TEST_CASE("a cap in dollars cannot be kept with a model that has no price") {
  const spending_cap in_dollars{.nano_dollars = dollar};
  const spending_cap otherwise{.tokens = 1, .time = 1ms};
  const auto sum = sum_of({turn(tokens_of(2'000'000)), turn(tokens_of(1, "first")), turn(tokens_of(1, "second"))});
  const auto why = sum.unpriced_to(in_dollars);
  REQUIRE(why);
  CHECK(why->find("\"first\"") != std::string::npos);
  CHECK(why->find("--prices FILE") != std::string::npos);
  CHECK_FALSE(sum.unpriced_to(otherwise));
  CHECK(sum.reached(in_dollars) == "budget: at least 2.00 of 1.00 USD are spent");
  CHECK_FALSE(sum_of({turn(tokens_of(1))}).unpriced_to(in_dollars));
}

TEST_CASE("a model that is asked for by name needs a price before its turn") {
  const auto checked = sum_of({}).check_priced({.nano_dollars = dollar}, "large");
  REQUIRE_FALSE(checked);
  CHECK(checked.error().message.find("\"large\"") != std::string::npos);
  CHECK(sum_of({}).check_priced({.nano_dollars = dollar}, "m"));
  CHECK(sum_of({}).check_priced({.tokens = 1}, "large"));
}

TEST_CASE("where the agent did not name its model, the advice is to name one, or to count tokens") {
  const auto message = sum_of({turn(tokens_of(1, ""))}).unpriced_to({.nano_dollars = dollar}).value();
  CHECK(message.find("--model") != std::string::npos);
  CHECK(message.find("--day-tokens") != std::string::npos);
  CHECK(message.find("--prices") == std::string::npos);
}

TEST_CASE("a cap in dollars cannot be kept without prices, which is known before anything runs") {
  const price_table none;
  const auto checked = spending(none).check_priced({.nano_dollars = dollar});
  REQUIRE_FALSE(checked);
  CHECK(checked.error().code == errc::unpriced_model);
  CHECK(checked.error().message.find("--prices FILE") != std::string::npos);
  CHECK(spending(none).check_priced({.tokens = 1}));
}

TEST_CASE("what a batch has spent is the sum over all its sessions, and of no other batch") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  const auto agent = agent_that([](const turn_request&, const std::stop_token&) {
    auto what = done();
    what.used = tokens_of(1000);
    return turn_report{what, true};
  });
  assign_all(place, {"a", "b", "c"}, "one");
  assign_all(place, {"d"}, "other");
  auto options = options_with(agent);
  options.max_tasks_per_session = 2;
  CHECK(run_until_idle(place, options).sessions == 3);

  const auto sum = spending::so_far(place.storage(), {.batch = batch_id("one")}, prices());
  REQUIRE(sum);
  CHECK(sum->tokens() == 3000);
  CHECK(sum->nano_dollars() == 3'000'000);
  CHECK(spending::so_far(place.storage(), {.batch = batch_id("none")}, prices())->tokens() == 0);
}

TEST_CASE("a cap in dollars or tokens needs to know what each turn used that an agent worked on") {
  const auto unknown = [](turn_end end, const std::optional<usage>& used, const spending_cap& cap) {
    auto of = turn(used);
    of.task = task_id("a");
    of.end = end;
    return sum_of({turn(tokens_of(1)), of}).unknown_to(cap);
  };
  const usage nothing{.by_model = {}, .complete = false};
  for (const auto end : {turn_end::done, turn_end::error, turn_end::broke, turn_end::timed_out, turn_end::interrupted,
                         turn_end::cancelled})
    for (const auto& used : {std::optional<usage>(), std::optional(nothing)})
      for (const auto& cap : {spending_cap{.tokens = 100}, spending_cap{.nano_dollars = dollar}}) {
        const auto said = unknown(end, used, cap);
        REQUIRE(said);
        CHECK(said->find("task \"a\"") != std::string::npos);
        CHECK(said->find("--budget-unknown allow") != std::string::npos);
      }
  CHECK_FALSE(unknown(turn_end::done, std::nullopt, {.time = 1h}));
  CHECK_FALSE(unknown(turn_end::done, std::nullopt, {.tokens = 100, .allow_unknown = true}));
  CHECK_FALSE(unknown(turn_end::done, usage{}, {.tokens = 100}));
  CHECK_FALSE(unknown(turn_end::stopped, std::nullopt, {.tokens = 100}));
  auto by_person = turn(std::nullopt);
  by_person.end = turn_end::stopped;
  by_person.reason = "stopped";
  CHECK(sum_of({by_person}).unknown_to({.tokens = 100}));
  CHECK_FALSE(unknown(turn_end::denied, std::nullopt, {.tokens = 100}));
}
