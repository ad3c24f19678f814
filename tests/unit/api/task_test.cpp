#include <fmt/core.h>

#include "unit/api/fixture.hpp"

namespace cobatch_test {

namespace {

void assign_two(fixture& f) {
  f.ask("assign_batch", R"({"batch_id":"b","tasks":[)" + task("a") + "," + task("b") + "]}");
}

}  // namespace

TEST_CASE("a queued task has a status and no result yet") {
  fixture f;
  assign_two(f);
  const auto status = f.ask("check_task_status", R"({"task_id":"b"})");
  CHECK(status.text("task_status") == "queued");
  CHECK(status.text("description") == "do b");
  CHECK(status.number("batch_position") == 2);
  CHECK_FALSE(status.text("created_at").empty());
  CHECK(status.body.find("output") == nullptr);
  const auto result = f.ask("get_task_result", R"({"task_id":"b"})");
  CHECK(result.kind == reply_kind::refused);
  CHECK(result.text("code") == "task_queued");
  CHECK(result.text("task_status") == "queued");
}

TEST_CASE("a task in progress has no result yet either") {
  fixture f;
  assign_two(f);
  f.begin_turn(f.begin_session().id);
  CHECK(f.ask("check_task_status", R"({"task_id":"a"})").text("task_status") == "in_progress");
  const auto result = f.ask("get_task_result", R"({"task_id":"a"})");
  CHECK(result.text("code") == "task_in_progress");
  CHECK(result.text("task_status") == "in_progress");
}

TEST_CASE("a done task has its output, its times and its tokens under the guide's names") {
  fixture f;
  assign_two(f);
  f.run_next_batch();
  const auto status = f.ask("check_task_status", R"({"task_id":"a"})");
  CHECK(status.text("task_status") == "done");
  CHECK(status.text("output") == "output of a");
  CHECK_FALSE(status.text("completed_at").empty());
  CHECK(status.body.find("execution_time_seconds") != nullptr);
  CHECK(status.number("tokens_input") == 100);

  const auto result = f.ask("get_task_result", R"({"task_id":"b"})");
  CHECK(result.text("status") == "success");
  CHECK(*result.in("result", "status") == json::value("done"));
  CHECK(*result.in("result", "tokens_output") == json::value(7));
  CHECK(*result.in("result", "batch_position") == json::value(2));
  CHECK(*result.in("result", "description") == json::value("do b"));
}

TEST_CASE("a task that failed has a result with status error") {
  fixture f;
  assign_two(f);
  f.run_next_batch(turn_end::error);
  CHECK(f.ask("check_task_status", R"({"task_id":"a"})").text("task_status") == "error");
  const auto result = f.ask("get_task_result", R"({"task_id":"a"})");
  CHECK(result.text("status") == "success");
  CHECK(*result.in("result", "status") == json::value("error"));
}

TEST_CASE("cancelling a queued task cancels it, and again changes nothing") {
  fixture f;
  assign_two(f);
  const auto first = f.ask("cancel_task", R"({"task_id":"b"})");
  CHECK(first.text("status") == "success");
  CHECK(first.text("previous_status") == "queued");
  CHECK(first.text("task_status") == "cancelled");
  const auto second = f.ask("cancel_task", R"({"task_id":"b"})");
  CHECK(second.text("status") == "success");
  CHECK(second.says("nothing was changed"));
  const auto result = f.ask("get_task_result", R"({"task_id":"b"})");
  CHECK(result.text("code") == "task_ended");
  CHECK(result.says("cancelled"));
}

TEST_CASE("a task that has ended and has no result will have none, which its code and its message say") {
  fixture f;
  SUBCASE("its result was deleted") {
    assign_two(f);
    f.run_next_batch();
    f.ask("delete_task_result", R"({"task_id":"a"})");
  }
  SUBCASE("it was imported without one") {
    adopted_task adopted;
    adopted.task.spec = {.id = task_id("a"), .description = "do it"};
    adopted.task.batch = batch_id("b");
    adopted.task.state = task_state::error;
    REQUIRE(f.place().adopt({adopted}));
  }
  const auto result = f.ask("get_task_result", R"({"task_id":"a"})");
  CHECK(result.kind == reply_kind::refused);
  CHECK(result.text("code") == "task_ended");
  CHECK_FALSE(result.says("wait_batch"));
  CHECK(result.says("reset_task"));
  REQUIRE(f.ask("reset_task", R"({"task_id":"a"})").text("status") == "success");
}

TEST_CASE("cancelling a task that somebody has in progress by hand speaks of no turn") {
  fixture f;
  assign_two(f);
  f.ask("mark_task_in_progress", R"({"task_id":"a"})");
  const auto r = f.ask("cancel_task", R"({"task_id":"a"})");
  CHECK(r.text("previous_status") == "in_progress");
  CHECK(r.says("by hand"));
  CHECK_FALSE(r.says("turn"));
}

TEST_CASE("cancelling a running task says that its turn is ended") {
  fixture f;
  assign_two(f);
  f.begin_turn(f.begin_session().id);
  const auto r = f.ask("cancel_task", R"({"task_id":"a"})");
  CHECK(r.text("previous_status") == "in_progress");
  CHECK(r.says("turn"));
}

TEST_CASE("a task that has ended cannot be cancelled") {
  fixture f;
  assign_two(f);
  f.run_next_batch();
  CHECK(f.ask("cancel_task", R"({"task_id":"a"})").text("code") == "task_ended");
}

TEST_CASE("an unknown task is not found by any action") {
  fixture f;
  for (const std::string_view action : {"check_task_status", "get_task_result", "cancel_task"}) {
    const auto r = f.ask(action, R"({"task_id":"none"})");
    CHECK(r.kind == reply_kind::refused);
    CHECK(r.text("code") == "task_not_found");
  }
}

TEST_CASE("the status of an imported task shows what its old store knew beyond that, as the queue view does") {
  fixture f;
  adopted_task adopted;
  adopted.task.spec = {.id = task_id("old"), .description = "do it"};
  adopted.task.batch = batch_id("b");
  adopted.task.extra = R"({"inject_steps":[1.50],"blocked":false,"priority":"odd","message":"theirs","warnings":1})";
  REQUIRE(f.place().adopt({adopted}));
  const auto status = f.ask("check_task_status", R"({"task_id":"old"})");
  CHECK(json::write(*status.body.find("inject_steps")) == "[1.50]");
  CHECK(*status.body.find("blocked") == json::value(false));
  // What has a name of ours, here or in the view, is not shown.
  CHECK(status.body.find("priority") == nullptr);
  CHECK(status.says("Task 'old' is queued"));
  CHECK(status.body.find("warnings") == nullptr);
}

TEST_CASE("the status of an imported task says how long it took only if that is known") {
  fixture f;
  const auto adopt = [&](const char* id, std::int64_t took_ms) {
    adopted_task done;
    done.task.spec = {.id = task_id(id), .description = "do it"};
    done.task.batch = batch_id("b");
    done.task.state = task_state::done;
    done.result.emplace().what.output = "done";
    done.result->duration_ms = took_ms;
    REQUIRE(f.place().adopt({done}));
    return f.ask("check_task_status", fmt::format(R"({{"task_id":"{}"}})", id));
  };
  CHECK(adopt("untimed", 0).body.find("execution_time_seconds") == nullptr);
  CHECK(json::write(*adopt("timed", 1500).body.find("execution_time_seconds")) == "1.500");
}

}  // namespace cobatch_test
