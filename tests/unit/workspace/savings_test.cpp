// What a batch is said to have saved if its tasks shared a preamble.
#include <fstream>

#include "store/store.hpp"
#include "unit/api/fixture.hpp"

namespace cobatch_test {

namespace {

// Two tasks that loaded 10 tokens each, after a preamble that used what is given.
result<savings_report> savings_after(const std::optional<usage>& preamble_used) {
  fixture f;
  f.ask("assign_batch", R"({"batch_id":"b","preamble":"All of it.","tasks":[)" + task("x") + "," + task("y") + "]}");
  const session_record session = f.begin_session();
  settlement told;
  told.end = turn_end::done;
  told.used = preamble_used;
  REQUIRE(f.place().storage().settle_turn(session.id, f.begin_preamble(session.id).turn.turn, told));
  told.used = usage{{{"model", {.uncached_input = 10}}}};
  for (int i = 0; i < 2; ++i)
    REQUIRE(f.place().storage().settle_turn(session.id, f.begin_turn(session.id).turn.turn, told));
  return f.place().savings(batch_id("b"));
}

void assign_by_hand(fixture& f, const std::vector<std::string>& tasks) {
  for (const auto& id : tasks)
    f.ask("assign_task", R"({"task_id":")" + id + R"(","description":"d","batch_id":"b","auto_execute":false})");
}

// `told`: what it used, as members of JSON; empty if nobody says.
void complete_by_hand(fixture& f, const std::string& id, const std::string& told) {
  const std::string named = R"({"task_id":")" + id + "\"";
  f.ask("mark_task_in_progress", named + "}");
  if (!told.empty()) f.ask("capture_token_telemetry", named + "," + told + "}");
  f.ask("log_task_completion", named + R"(,"status":"done"})");
}

}  // namespace

TEST_CASE("in the comparison the first task has loaded the preamble, as it would have alone") {
  const auto report = savings_after(usage{{{"model", {.cache_write_5m = 1000}}}});
  REQUIRE(report);
  CHECK(report->accounts.shared.used.cache_write_5m == 1000);
  REQUIRE(report->accounts.by_task.size() == 2);
  CHECK(report->accounts.by_task[0].sum.used.processed() == 10);
  CHECK(report->compared.guide == comparison{2 * 1010, 1020});
  CHECK(report->compared.processed == 1020);
}

TEST_CASE("a preamble whose usage nobody knows leaves nothing to compare") {
  const auto report = savings_after(std::nullopt);
  REQUIRE(report);
  CHECK_FALSE(report->compared.guide);
  CHECK_FALSE(report->compared.processed);
}

TEST_CASE("a task that ended without a turn is part of the accounts with what it was told to have used") {
  fixture f;
  assign_by_hand(f, {"x", "y"});
  complete_by_hand(f, "x", R"("tokens_input":45000,"tokens_output":2000)");
  complete_by_hand(f, "y", R"("tokens_input":0,"tokens_output":2000)");
  const auto report = f.place().savings(batch_id("b"));
  REQUIRE(report);
  CHECK(report->accounts.total.used == tokens{.uncached_input = 45'000, .output = 4000});
  CHECK(report->accounts.total.told);
  CHECK(report->accounts.total.complete);
  REQUIRE(report->accounts.by_task.size() == 2);
  CHECK(report->compared.guide == comparison{94'000, 49'000});
  CHECK_FALSE_MESSAGE(report->compared.processed, "what was read from the cache nobody said");
}

TEST_CASE("a task that failed, was reset and was then completed by hand counts with both, and each once") {
  fixture f;
  f.ask("assign_batch", R"({"batch_id":"b","tasks":[)" + task("x") + "," + task("y") + "]}");
  f.run_next_batch(turn_end::error);
  f.ask("reset_task", R"({"task_id":"x"})");
  complete_by_hand(f, "x", R"("tokens_input":45000,"tokens_output":2000)");
  const auto report = f.place().savings(batch_id("b"));
  REQUIRE(report);
  CHECK(report->accounts.total.used == tokens{.uncached_input = 45'000, .cache_write_5m = 200, .output = 2014});
  CHECK(report->accounts.total.complete);
  REQUIRE(report->accounts.by_task.size() == 2);
  CHECK(report->accounts.by_task[0].sum.used ==
        tokens{.uncached_input = 45'000, .cache_write_5m = 100, .output = 2007});
}

TEST_CASE(
    "a task that ended without a turn and was told nothing makes the accounts incomplete, and nothing is counted") {
  fixture f;
  assign_by_hand(f, {"x", "y", "z"});
  complete_by_hand(f, "x", R"("tokens_input":45000,"tokens_output":2000)");
  complete_by_hand(f, "y", R"("tokens_input":0,"tokens_output":2000)");
  complete_by_hand(f, "z", "");
  const auto report = f.place().savings(batch_id("b"));
  REQUIRE(report);
  CHECK_FALSE(report->accounts.total.complete);
  CHECK(report->accounts.total.turns_without_usage == 1);
  REQUIRE(report->accounts.by_task.size() == 3);
  CHECK(report->accounts.by_task[2].task == task_id("z"));
  CHECK_FALSE(is_known(report->accounts.by_task[2].sum));
  CHECK_FALSE_MESSAGE(report->compared.guide, "it would be that of two tasks");
}

TEST_CASE("with a deleted result only what stood nowhere else is lost, and then the accounts are incomplete") {
  fixture f;
  f.ask("assign_batch", R"({"batch_id":"b","tasks":[)" + task("x") + "," + task("y") + "]}");
  f.run_next_batch(turn_end::error);
  f.ask("delete_task_result", R"({"task_id":"x"})");
  auto report = f.place().savings(batch_id("b"));
  REQUIRE(report);
  CHECK_MESSAGE(report->accounts.total.complete, "what the turn used is known without the result");
  CHECK(report->accounts.total.turns == 2);
  f.ask("reset_task", R"({"task_id":"y"})");
  complete_by_hand(f, "y", R"("tokens_input":45000,"tokens_output":2000)");
  f.ask("delete_task_result", R"({"task_id":"y"})");
  report = f.place().savings(batch_id("b"));
  REQUIRE(report);
  CHECK_FALSE(report->accounts.total.complete);
  CHECK(report->accounts.total.turns_without_usage == 1);
}

TEST_CASE("a task that was told nothing of the cache leaves unknown what was read from it, whatever others read") {
  fixture f;
  f.ask("assign_batch", R"({"batch_id":"b","tasks":[)" + task("x") + "," + task("y") + "]}");
  const session_record session = f.begin_session();
  settlement measured{.end = turn_end::done};
  measured.used = usage{{{"model", {.uncached_input = 10, .cache_read = 100}}}};
  REQUIRE(f.place().storage().settle_turn(session.id, f.begin_turn(session.id).turn.turn, measured));
  REQUIRE(f.place().storage().end_session(session.id, session_end::finished, ""));
  complete_by_hand(f, "y", R"("tokens_input":45000,"tokens_output":2000)");
  const auto report = f.place().savings(batch_id("b"));
  REQUIRE(report);
  CHECK(report->accounts.total.complete);
  CHECK(report->accounts.total.cache_unknown);
  CHECK_FALSE(report->compared.processed);
  CHECK_FALSE(report->compared.cache_read);
}

TEST_CASE("told writes to the cache tell of its reads, in the comparison as in the result") {
  fixture f;
  assign_by_hand(f, {"x"});
  f.ask("mark_task_in_progress", R"({"task_id":"x"})");
  std::ofstream(f.place().paths().data / "last_execution_telemetry.json")
      << R"({"tokens_input":45000,"tokens_output":2000,"tokens_cache_creation":45000})";
  f.ask("log_task_completion", R"({"task_id":"x","status":"done"})");
  CHECK(*f.ask("get_task_result", R"({"task_id":"x"})").in("result", "tokens_cache_read") == json::value(0));
  const auto report = f.place().savings(batch_id("b"));
  REQUIRE(report);
  CHECK(report->compared.cache_read == 0);
  CHECK(report->compared.processed == 47'000);
}

}  // namespace cobatch_test
