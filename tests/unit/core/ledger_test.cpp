#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <cobatch/core/ledger.hpp>

using namespace cobatch;

namespace {

turn_record turn(std::string task, std::optional<turn_end> end, std::optional<usage> used) {
  turn_record t;
  t.session = epoch{1};
  t.task = task_id(std::move(task));
  t.end = end;
  t.used = std::move(used);
  return t;
}

usage used(tokens count, std::string model = "m") {
  return {{{std::move(model), count}}, usage_source::reported, true};
}

}  // namespace

TEST_CASE("no turns: nothing used, and that is known") {
  CHECK(make_ledger({}) == ledger{});
  CHECK(make_ledger({}).total.complete);
}

TEST_CASE("every turn of a task counts, whatever it came to") {
  const std::vector<turn_record> turns{turn("a", turn_end::broke, used({.output = 1})),
                                       turn("b", turn_end::done, used({.output = 10})),
                                       turn("a", turn_end::done, used({.output = 100}))};
  const auto sums = make_ledger(turns);
  CHECK(sums.total.used.output == 111);
  CHECK(sums.total.turns == 3);
  REQUIRE(sums.by_task.size() == 2);
  CHECK(sums.by_task[0].task == task_id("a"));
  CHECK(sums.by_task[0].sum.used.output == 101);
  CHECK(sums.by_task[0].sum.turns == 2);
  CHECK(sums.by_task[1].sum.used.output == 10);
}

TEST_CASE("what was used in turns that settled nothing is waste") {
  for (std::size_t i = 0; i < turn_end_count; ++i) {
    const auto end = static_cast<turn_end>(i);
    const bool settled = end == turn_end::done || end == turn_end::error || end == turn_end::denied;
    CHECK(settles(end) == settled);
    const std::vector<turn_record> turns{turn("a", end, used({.uncached_input = 7, .output = 3}))};
    const auto sums = make_ledger(turns);
    CHECK(sums.total.waste == (settled ? tokens{} : sums.total.used));
    CHECK(sums.total.wasted_turns == (settled ? 0 : 1));
    CHECK(sums.by_task[0].sum == sums.total);
  }
}

TEST_CASE("a turn whose usage nobody knows makes the sums a lower bound") {
  const std::vector<turn_record> turns{turn("a", turn_end::done, std::nullopt),
                                       turn("b", turn_end::done, used({.output = 5}))};
  const auto sums = make_ledger(turns);
  CHECK(sums.total.used.output == 5);
  CHECK(sums.total.turns_without_usage == 1);
  CHECK_FALSE(sums.total.complete);
  CHECK_FALSE(sums.by_task[0].sum.complete);
  CHECK(sums.by_task[1].sum.complete);
}

TEST_CASE("a turn that still runs, and one known in part, leave the sums incomplete") {
  const std::vector<turn_record> running{turn("a", std::nullopt, std::nullopt)};
  CHECK_FALSE(make_ledger(running).total.complete);
  CHECK(make_ledger(running).total.turns_without_usage == 0);
  CHECK(make_ledger(running).total.wasted_turns == 0);
  auto part = used({.output = 5});
  part.complete = false;
  const std::vector<turn_record> in_part{turn("a", turn_end::done, part)};
  CHECK_FALSE(make_ledger(in_part).total.complete);
  CHECK(make_ledger(in_part).total.turns_without_usage == 0);
}

TEST_CASE("models are kept apart in every account, and add up to what was used") {
  usage two{{{"big", {.output = 1}}, {"small", {.cache_read = 20}}}, usage_source::reported, true};
  const std::vector<turn_record> turns{turn("a", turn_end::done, two),
                                       turn("b", turn_end::stopped, used({.output = 300}, "small"))};
  const auto sums = make_ledger(turns);
  const model_tokens big{"big", {.output = 1}};
  CHECK(sums.total.by_model == std::vector{big, model_tokens{"small", {.cache_read = 20, .output = 300}, 20}});
  CHECK(sums.total.by_model[0].count + sums.total.by_model[1].count == sums.total.used);
  CHECK(sums.by_task[0].sum.by_model == std::vector{big, model_tokens{"small", {.cache_read = 20}}});
  CHECK(sums.by_task[1].sum.by_model == std::vector{model_tokens{"small", {.output = 300}}});
}

TEST_CASE("the preamble's turns are shared: in the total, and in no task's account") {
  const std::vector<turn_record> turns{
      turn("", turn_end::broke, used({.cache_write_5m = 1})), turn("a", turn_end::done, used({.output = 10})),
      turn("", turn_end::done, used({.cache_write_5m = 100})), turn("b", turn_end::done, used({.output = 1000}))};
  const auto sums = make_ledger(turns);
  CHECK(sums.total.turns == 4);
  REQUIRE(sums.by_task.size() == 2);
  CHECK(sums.by_task[0].task == task_id("a"));
  CHECK(sums.by_task[1].sum.used == tokens{.output = 1000});
  CHECK(sums.shared.used == tokens{.cache_write_5m = 101});
  CHECK(sums.shared.waste == tokens{.cache_write_5m = 1});
  CHECK(sums.shared.turns == 2);
  CHECK(sums.by_task[0].sum.used + sums.by_task[1].sum.used + sums.shared.used == sums.total.used);
  CHECK(sums.shared.by_model == std::vector{model_tokens{"m", sums.shared.used, 100}});
  CHECK(sums.total.by_model == std::vector{model_tokens{"m", sums.total.used, 100}});
}

TEST_CASE("figures of the scripted agent are marked") {
  auto played = used({.output = 5});
  played.source = usage_source::scripted;
  const std::vector<turn_record> turns{turn("a", turn_end::done, used({.output = 5})),
                                       turn("b", turn_end::done, played)};
  const auto sums = make_ledger(turns);
  CHECK(sums.total.scripted);
  CHECK_FALSE(sums.by_task[0].sum.scripted);
  CHECK(sums.by_task[1].sum.scripted);
}

TEST_CASE("figures that were only told are marked") {
  auto said = used({.output = 5});
  said.source = usage_source::told;
  const std::vector<turn_record> turns{turn("a", turn_end::done, used({.output = 5})), turn("b", turn_end::done, said)};
  const auto sums = make_ledger(turns);
  CHECK(sums.total.told);
  CHECK_FALSE(sums.by_task[0].sum.told);
  CHECK(sums.by_task[1].sum.told);
}

TEST_CASE("an account with told figures that are silent about the cache says so, whatever others read from it") {
  usage silent = used({.uncached_input = 5}), named = used({.cache_write_5m = 5});
  silent.source = named.source = usage_source::told;
  const std::vector<turn_record> turns{turn("a", turn_end::done, used({.cache_read = 100})),
                                       turn("b", turn_end::done, silent), turn("c", turn_end::done, named),
                                       turn("d", turn_end::done, used({.uncached_input = 5}))};
  const auto sums = make_ledger(turns);
  CHECK(sums.total.cache_unknown);
  CHECK_FALSE(sums.by_task[0].sum.cache_unknown);
  CHECK(sums.by_task[1].sum.cache_unknown);
  CHECK_FALSE(sums.by_task[2].sum.cache_unknown);
  CHECK_FALSE_MESSAGE(sums.by_task[3].sum.cache_unknown, "measured: the 0 is one");
}

TEST_CASE("requests and inherited reads are known of an account only if all of its figures have them") {
  usage seen = used({.output = 1}), unseen = used({.output = 1});
  seen.requests = 2;
  seen.inherited_read = 30;
  account sum;
  add_usage(sum, seen);
  add_usage(sum, seen);
  CHECK(sum.requests == 4);
  CHECK(sum.inherited_read == 60);
  add_usage(sum, unseen);
  add_usage(sum, seen);
  CHECK_FALSE(sum.requests);
  CHECK_FALSE(sum.inherited_read);
}

TEST_CASE("the time of an account is that of the turns that have ended, whatever a clock that was set back says") {
  auto ended = turn("a", turn_end::done, used({})), back = ended, running = turn("b", std::nullopt, {});
  ended.started_at = back.started_at = running.started_at = timestamp{1'000};
  ended.ended_at = timestamp{1'250};
  back.ended_at = timestamp{500};
  account sum;
  for (const auto& one : {ended, back, running, ended}) add_turn(sum, one);
  CHECK(sum.time == std::chrono::milliseconds{500});
}

TEST_CASE("what a result used is that of its turn and of the preamble before it, and nothing if nobody said it") {
  result_record result;
  result.preamble_used = used({.output = 10});
  account sum;
  add_result(sum, result);
  CHECK(sum == account{});
  result.what.used = used({.output = 1});
  add_result(sum, result);
  CHECK(sum.used.output == 11);
  CHECK(sum.complete);
  result.preamble_used->complete = false;
  add_result(sum, result);
  CHECK_FALSE(sum.complete);
  CHECK(sum.says(1));
  CHECK_FALSE(sum.says(0));
  CHECK(sum.turns == 0);
}

TEST_CASE("a hundred thousand tasks are summed in one pass") {
  std::vector<turn_record> turns;
  for (int i = 0; i < 100'000; ++i) turns.push_back(turn("t" + std::to_string(i), turn_end::done, used({.output = 1})));
  CHECK(make_ledger(turns).total.used.output == 100'000);
  CHECK(make_ledger(turns).by_task.size() == 100'000);
}
