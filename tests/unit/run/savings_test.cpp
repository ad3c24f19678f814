// What a batch is said to have saved if its tasks shared a preamble.
#include "unit/request/fixture.hpp"

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

TEST_CASE("a task that ended without a turn is part of the accounts if it was told what it used") {
  fixture f;
  for (const std::string id : {"x", "y", "z"}) {
    f.ask("assign_task", R"({"task_id":")" + id + R"(","description":"d","batch_id":"b","auto_execute":false})");
    f.ask("mark_task_in_progress", R"({"task_id":")" + id + "\"}");
    if (id != "z")
      f.ask("capture_token_telemetry", R"({"task_id":")" + id + R"(","tokens_input":)" + (id == "x" ? "45000" : "0") +
                                           R"(,"tokens_output":2000})");
    f.ask("log_task_completion", R"({"task_id":")" + id + R"(","status":"done"})");
  }
  const auto report = f.place().savings(batch_id("b"));
  REQUIRE(report);
  CHECK(report->accounts.total.used == tokens{.uncached_input = 45'000, .output = 4000});
  CHECK(report->accounts.total.told);
  REQUIRE(report->accounts.by_task.size() == 2);
  CHECK(report->compared.guide == comparison{94'000, 49'000});
  CHECK_FALSE_MESSAGE(report->compared.processed, "what was read from the cache nobody said");
}

}  // namespace cobatch_test
