#include <fstream>
#include <map>
#include <thread>

#include "os/presence.hpp"
#include "store/store.hpp"
#include "unit/api/fixture.hpp"

namespace cobatch_test {

TEST_CASE("execute_queue with nothing sealed answers success with task_count 0") {
  fixture f;
  const auto r = f.ask("execute_queue");
  CHECK(r.kind == reply_kind::ok);
  CHECK(r.text("status") == "success");
  CHECK(r.number("task_count") == 0);
}

TEST_CASE("execute_queue needs no params at all, nor may they be null only") {
  fixture f;
  CHECK(f.send(R"({"tool_name":"claude_assistant","action":"execute_queue"})").text("status") == "success");
  CHECK(f.send(R"({"tool_name":"claude_assistant","action":"execute_queue","params":null})").text("status") ==
        "success");
}

TEST_CASE("execute_queue answers task_started with the tasks of every sealed batch and lists what was left open") {
  fixture f;
  f.ask("assign_batch", R"({"batch_id":"b1","tasks":[)" + task("a") + "," + task("b") + "]}");
  f.ask("assign_batch", R"({"batch_id":"b2","tasks":[)" + task("c") + "]}");
  f.ask("assign_task", task("d", R"(,"batch_id":"open","auto_execute":false)"));
  const auto r = f.ask("execute_queue");
  CHECK(r.text("status") == "task_started");
  CHECK(r.number("task_count") == 3);
  REQUIRE(r.list("batches").size() == 2);
  CHECK(*r.list("batches")[0].find("batch_id") == json::value("b1"));
  CHECK(*r.list("batches")[0].find("task_count") == json::value(2));
  REQUIRE(r.list("left_open").size() == 1);
  CHECK(*r.list("left_open")[0].find("batch_id") == json::value("open"));
}

TEST_CASE("execute_queue with a batch_id seals and runs exactly that batch") {
  fixture f;
  f.ask("assign_task", task("a", R"(,"batch_id":"b1","auto_execute":false)"));
  f.ask("assign_task", task("b", R"(,"batch_id":"b2","auto_execute":false)"));
  const auto r = f.ask("execute_queue", R"({"batch_id":"b2"})");
  CHECK(r.text("status") == "task_started");
  CHECK(r.number("task_count") == 1);
  CHECK(f.ask("batch_status", R"({"batch_id":"b2"})").text("batch_status") == "sealed");
  CHECK(f.ask("batch_status", R"({"batch_id":"b1"})").text("batch_status") == "open");
  const auto none = f.ask("execute_queue", R"({"batch_id":"none"})");
  CHECK(none.text("code") == "batch_not_found");
  CHECK(none.says("list_batches"));
}

TEST_CASE("what execute_queue starts waits where no engine takes it, which is said") {
  fixture f;
  f.ask("assign_task", task("a", R"(,"batch_id":"b1","agent":"codex")"));
  const auto run = [&] {
    const auto r = f.ask("execute_queue");
    CHECK(r.text("status") == "task_started");
    return r;
  };
  CHECK(run().says("1 queued task of 1 batch will run, in one session. No engine takes it now, so it waits"));
  CHECK(run().warns("no_engine"));
  const auto engine = presence::announce(f.place().paths().state, {"codex"});
  REQUIRE(engine);
  CHECK(run().text("message") == "1 queued task of 1 batch will run, in one session.");
  f.ask("assign_task", task("b", R"(,"batch_id":"b2","agent":"gemini")"));
  CHECK(run().says("Those that the warnings name wait"));
}

TEST_CASE("a batch that has nothing to run says why, and what would change that") {
  fixture f;
  const auto run = [&] {
    const auto r = f.ask("execute_queue", R"({"batch_id":"b"})");
    CHECK(r.text("code") == "empty_batch");
    CHECK(r.says("nothing was changed"));
    return r;
  };
  f.ask("assign_batch", R"({"batch_id":"b","auto_execute":false,"tasks":[)" + task("a") + "," + task("c") + "]}");
  SUBCASE("it has ended") {
    f.ask("seal_batch", R"({"batch_id":"b"})");
    f.ask("cancel_task", R"({"task_id":"c"})");
    f.run_next_batch(turn_end::error);
    CHECK(run().says("all of its 2 tasks have ended (0 done, 1 in error, 1 cancelled)"));
    for (const char* way : {"retry_batch", "reset_task", "assign"}) CHECK(run().says(way));
    CHECK(f.ask("retry_batch", R"({"batch_id":"b"})").text("status") == "success");
    CHECK(f.ask("execute_queue", R"({"batch_id":"b"})").text("status") == "task_started");
  }
  SUBCASE("it is open, and all of it was cancelled") {
    for (const char* id : {"a", "c"}) f.ask("cancel_task", R"({"task_id":")" + std::string(id) + "\"}");
    CHECK(run().says("2 cancelled"));
    CHECK(f.ask("seal_batch", R"({"batch_id":"b"})").says("2 cancelled"));
  }
  SUBCASE("what is left of it is in progress by hand") {
    f.ask("cancel_task", R"({"task_id":"c"})");
    f.ask("mark_task_in_progress", R"({"task_id":"a"})");
    CHECK(run().says("a task is in progress by hand"));
    CHECK(run().says("log_task_completion"));
  }
  SUBCASE("its tasks were deleted") {
    for (const char* id : {"a", "c"}) f.ask("delete_task", R"({"task_id":")" + std::string(id) + "\"}");
    CHECK(run().says("it has no task. Assign one first"));
  }
}

TEST_CASE("execute_queue with the batch_id of a batch that is held lets it go") {
  fixture f;
  f.ask("assign_batch", R"({"batch_id":"b","tasks":[)" + task("a") + "]}");
  const session_record session = f.begin_session();
  REQUIRE(f.place().storage().end_session(session.id, session_end::blocked, "no login"));
  CHECK(f.ask("batch_status", R"({"batch_id":"b"})").text("batch_status") == "held");
  CHECK(f.ask("execute_queue", R"({"batch_id":"b"})").text("status") == "task_started");
  CHECK(f.ask("batch_status", R"({"batch_id":"b"})").text("batch_status") == "sealed");
}

TEST_CASE("batch_status tells state, tally and tasks, and pages through them") {
  fixture f;
  f.ask("assign_batch", R"({"batch_id":"b","tasks":[)" + task("a") + "," + task("b") + "," + task("c") + "]}");
  const auto first = f.ask("batch_status", R"({"batch_id":"b","limit":2})");
  CHECK(first.text("batch_status") == "sealed");
  CHECK(first.number("round") == 1);
  CHECK(*first.in("tally", "queued") == json::value(3));
  CHECK(first.number("tasks_listed") == 2);
  CHECK(first.number("next_after_position") == 2);
  const auto second = f.ask("batch_status", R"({"batch_id":"b","limit":2,"after_position":2})");
  REQUIRE(second.list("tasks").size() == 1);
  CHECK(*second.list("tasks")[0].find("task_id") == json::value("c"));
  CHECK(second.body.find("next_after_position") == nullptr);
  CHECK(f.ask("batch_status", R"({"batch_id":"b","limit":0})").list("tasks").empty());
  CHECK(f.ask("batch_status", R"({"batch_id":"none"})").text("code") == "batch_not_found");
}

TEST_CASE("while a session works a batch, its status names the session") {
  fixture f;
  f.ask("assign_batch", R"({"batch_id":"b","tasks":[)" + task("a") + "]}");
  const session_record session = f.begin_session();
  f.begin_turn(session.id);
  const auto r = f.ask("batch_status", R"({"batch_id":"b"})");
  CHECK(r.text("batch_status") == "running");
  REQUIRE(r.in("session", "session") != nullptr);
  CHECK(*r.in("session", "session") == json::value(session.id.value));
  CHECK(*r.in("tally", "in_progress") == json::value(1));
}

TEST_CASE("waiting with a timeout of 0 answers at once with the present state") {
  fixture f;
  f.ask("assign_batch", R"({"batch_id":"b","tasks":[)" + task("a") + "]}");
  const auto r = f.ask("wait_batch", R"({"batch_id":"b","timeout_seconds":0})");
  CHECK(r.text("status") == "success");
  CHECK_FALSE(r.flag("ended"));
  CHECK(r.says("Call wait_batch again"));
  CHECK(r.text("batch_status") == "sealed");
}

TEST_CASE("waiting for an open batch says that it must be sealed first") {
  fixture f;
  f.ask("assign_task", task("a", R"(,"batch_id":"b","auto_execute":false)"));
  CHECK(f.ask("wait_batch", R"({"batch_id":"b","timeout_seconds":0})").says("seal_batch"));
}

TEST_CASE("a wait ends when the batch ends, long before its timeout") {
  fixture f;
  f.ask("assign_batch", R"({"batch_id":"b","tasks":[)" + task("a") + "," + task("b") + "]}");
  const auto start = std::chrono::steady_clock::now();
  std::jthread engine([&] { f.run_next_batch(); });
  const auto r = f.ask("wait_batch", R"({"batch_id":"b","timeout_seconds":40})");
  CHECK(r.flag("ended"));
  CHECK(r.text("batch_status") == "finished");
  CHECK(*r.in("tally", "done") == json::value(2));
  CHECK(std::chrono::steady_clock::now() - start < max_wait);
}

TEST_CASE("a wait ends when a stop is requested") {
  fixture f;
  f.ask("assign_batch", R"({"batch_id":"b","tasks":[)" + task("a") + "]}");
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  const auto r = f.ask("wait_batch", R"({"batch_id":"b","timeout_seconds":40})", stop.get_token());
  CHECK(r.text("status") == "success");
  CHECK_FALSE(r.flag("ended"));
}

TEST_CASE("waiting for a batch that has ended already does not wait") {
  fixture f;
  f.ask("assign_batch", R"({"batch_id":"b","tasks":[)" + task("a") + "]}");
  f.run_next_batch();
  CHECK(f.ask("wait_batch", R"({"batch_id":"b","timeout_seconds":40})").flag("ended"));
}

TEST_CASE("with no lock, lock_status says so and unlock has nothing to remove") {
  fixture f;
  const auto r = f.ask("lock_status");
  CHECK(r.text("status") == "success");
  CHECK_FALSE(r.flag("locked"));
  CHECK(r.text("marker") == "absent");
  CHECK(r.text("lock_file") == f.place().paths().marker.string());
  CHECK_FALSE(r.text("message").empty());
  CHECK(f.ask("unlock").text("code") == "no_marker");
}

TEST_CASE("a lock file that we did not write is honoured, explained, and removed when asked") {
  fixture f;
  f.ask("assign_batch", R"({"batch_id":"b","tasks":[)" + task("a") + "]}");
  std::ofstream(f.place().paths().marker) << R"({"created_at":"2025-11-07T21:45:00","pid":1,"note":"other"})";
  const auto lock = f.ask("lock_status");
  CHECK(lock.text("marker") == "foreign");
  CHECK(lock.text("marker_content").find("other") != std::string::npos);
  CHECK(lock.says("unlock"));
  const auto run = f.ask("execute_queue");
  CHECK(run.text("status") == "already_running");
  CHECK(run.says("nothing was changed"));
  const auto removed = f.ask("unlock");
  CHECK(removed.text("status") == "success");
  CHECK(removed.flag("removed_marker"));
  CHECK_FALSE(removed.flag("session_cancelled"));
  CHECK(f.ask("execute_queue").text("status") == "task_started");
}

TEST_CASE("a session that died is cut off in every reply, and of one that lives none says so") {
  fixture f;
  f.ask("assign_batch", R"({"batch_id":"b","tasks":[)" + task("a") + "," + task("b") + "]}");
  f.begin_turn(f.begin_session().id);
  const auto replies = [&] {
    auto listed = f.ask("list_batches");
    listed.body = listed.list("batches").front();
    return std::map<std::string, parsed_reply>{
        {"batch_status", f.ask("batch_status", R"({"batch_id":"b"})")},
        {"wait_batch", f.ask("wait_batch", R"({"batch_id":"b","timeout_seconds":0})")},
        {"lock_status", f.ask("lock_status")},
        {"list_batches", std::move(listed)}};
  };
  for (const auto& [action, r] : replies()) {
    CAPTURE(action);
    CHECK(r.body.find("cut_off") == nullptr);
    CHECK_FALSE(r.says("cut off"));
    CHECK((r.body.find("session") != nullptr) == (action != "list_batches"));
  }
  f.kill_session();
  for (const auto& [action, r] : replies()) {
    CAPTURE(action);
    CHECK(r.flag("cut_off"));
    CHECK_FALSE(r.says("is running"));
    if (action != "list_batches") CHECK_MESSAGE(r.says("cut off"), r.text("message"));
  }
  CHECK(f.ask("batch_status", R"({"batch_id":"b"})").body.find("session") == nullptr);
  const auto late = f.ask("assign_task", task("c", R"(,"batch_id":"b")"));
  CHECK_MESSAGE(late.text("execution").find("cut off") != std::string::npos, late.text("execution"));
}

TEST_CASE("a dead session's row does not keep execute_queue from starting") {
  fixture f;
  f.ask("assign_batch", R"({"batch_id":"b","tasks":[)" + task("a") + "," + task("b") + "]}");
  f.begin_turn(f.begin_session().id);
  f.kill_session();
  const auto r = f.ask("execute_queue");
  CHECK(r.text("status") == "task_started");
}

}  // namespace cobatch_test
