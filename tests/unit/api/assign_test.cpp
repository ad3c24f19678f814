#include <set>

#include "unit/api/fixture.hpp"

namespace cobatch_test {

TEST_CASE("a task with auto_execute false is stored and leaves its batch open") {
  fixture f;
  const auto r = f.ask("assign_task", task("t1", R"(,"batch_id":"b","auto_execute":false)"));
  CHECK(r.kind == reply_kind::ok);
  CHECK(r.text("status") == "success");
  CHECK(r.text("task_id") == "t1");
  CHECK(r.text("batch_id") == "b");
  CHECK(r.text("task_status") == "queued");
  CHECK(r.text("batch_status") == "open");
  CHECK(r.number("batch_position") == 1);
  CHECK_FALSE(r.text("next_step").empty());
  CHECK(r.body.find("execution") == nullptr);
  CHECK(r.body.find("duplicate") == nullptr);
}

TEST_CASE("auto_execute absent means true: the batch is sealed") {
  fixture f;
  const auto r = f.ask("assign_task", task("t1", R"(,"batch_id":"b")"));
  CHECK(r.text("batch_status") == "sealed");
  CHECK_FALSE(r.text("execution").empty());
  CHECK(r.body.find("next_step") == nullptr);
}

TEST_CASE("the guide's three calls make one sealed batch of three tasks in order, and again they are duplicates") {
  fixture f;
  const std::vector<std::string> calls{task("create_doc_1", R"(,"batch_id":"b","auto_execute":false)"),
                                       task("create_doc_2", R"(,"batch_id":"b","auto_execute":false)"),
                                       task("create_doc_3", R"(,"batch_id":"b","auto_execute":true)")};
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const auto r = f.ask("assign_task", calls[i]);
    CHECK(r.number("batch_position") == static_cast<std::int64_t>(i + 1));
    CHECK_FALSE(r.warns("auto_execute_too_early"));
  }
  for (const auto& call : calls) {
    const auto r = f.ask("assign_task", call);
    CHECK(r.text("status") == "success");
    CHECK(r.flag("duplicate"));
    CHECK(r.says("Nothing was stored"));
  }
  const auto s = f.ask("batch_status", R"({"batch_id":"b"})");
  CHECK(s.text("batch_status") == "sealed");
  CHECK(*s.in("tally", "total") == json::value(3));
}

TEST_CASE("a repeat that changes the batch's budget says that it was stored") {
  fixture f;
  f.ask("assign_task", task("t", R"(,"batch_id":"b","budget":{"minutes":1})"));
  const auto one = f.ask("assign_task", task("t", R"(,"batch_id":"b","budget":{"minutes":2})"));
  CHECK(one.flag("duplicate"));
  CHECK(one.says("Only the batch's settings were stored."));
  const auto whole = f.ask("assign_batch", R"({"batch_id":"b","budget":{"minutes":3},"tasks":[)" + task("t") + "]}");
  CHECK(whole.flag("duplicate"));
  CHECK(whole.says("The batch's settings were stored."));
  CHECK_FALSE(f.ask("assign_batch", R"({"batch_id":"b","tasks":[)" + task("t") + "]}").says("settings"));
}

TEST_CASE("a task without batch_id gets a batch id in the guide's form") {
  fixture f;
  const auto r = f.ask("assign_task", task("t1"));
  const std::string id = r.text("batch_id");
  REQUIRE(id.size() == std::string_view("batch_20251107_214500").size());
  CHECK(id.substr(0, 6) == "batch_");
  CHECK(id.find_first_not_of("0123456789", 6) == 14);
  CHECK(id[14] == '_');
}

TEST_CASE("the same id with other content is refused and the first content stays") {
  fixture f;
  f.ask("assign_task", task("t1", R"(,"batch_id":"b")"));
  const auto r = f.ask("assign_task", R"({"task_id":"t1","description":"something else","batch_id":"b"})");
  CHECK(r.kind == reply_kind::refused);
  CHECK(r.text("status") == "error");
  CHECK(r.text("code") == "task_exists");
  CHECK(f.ask("check_task_status", R"({"task_id":"t1"})").text("description") == "do t1");
}

TEST_CASE("a context is any JSON value, and comes back as it was given") {
  for (const std::string context : {R"({"files":["a","b"],"n":1.50})", R"("a string")", "[1,null,true]", "17"}) {
    fixture f;
    CAPTURE(context);
    REQUIRE(f.ask("assign_task", task("t1", R"(,"context":)" + context)).text("status") == "success");
    const auto stored = f.place().task(task_id("t1"));
    REQUIRE(stored);
    CHECK(stored->task.spec.context == context);
  }
}

TEST_CASE("an empty or null context is no context, so that a repeat is a duplicate") {
  fixture f;
  f.ask("assign_task", task("t1", R"(,"batch_id":"b","context":null)"));
  CHECK(f.ask("assign_task", task("t1", R"(,"batch_id":"b","context":"")")).flag("duplicate"));
  CHECK(f.ask("assign_task", task("t1", R"(,"batch_id":"b")")).flag("duplicate"));
}

TEST_CASE("priority, max_attempts, agent and assigned_by are stored") {
  fixture f;
  REQUIRE(f.ask("assign_task",
                task("t1", R"(,"batch_id":"b","priority":"high","max_attempts":1,"agent":"mine","assigned_by":"gpt")"))
              .text("status") == "success");
  const auto stored = f.place().task(task_id("t1"));
  REQUIRE(stored);
  CHECK(stored->task.spec.prio == priority::high);
  CHECK(stored->task.spec.max_attempts == 1);
  CHECK(stored->task.spec.assigned_by == "gpt");
  CHECK(f.ask("batch_status", R"({"batch_id":"b"})").text("agent") == "mine");
}

TEST_CASE("a whole batch is one call: all tasks in order, sealed, and it does not linger") {
  fixture f;
  const auto r = f.ask("assign_batch", R"({"batch_id":"b","tasks":[)" + task("x") + "," + task("y") + "," + task("z") +
                                           R"(],"assigned_by":"gpt"})");
  CHECK(r.text("status") == "success");
  CHECK(r.text("batch_status") == "sealed");
  CHECK(r.number("task_count") == 3);
  CHECK(r.number("duplicates") == 0);
  REQUIRE(r.list("tasks").size() == 3);
  CHECK(*r.list("tasks")[2].find("task_id") == json::value("z"));
  CHECK(*r.list("tasks")[2].find("batch_position") == json::value(3));
  CHECK(*r.list("tasks")[2].find("status") == json::value("queued"));
  const auto batch = f.place().batch(batch_id("b"));
  REQUIRE(batch);
  CHECK_FALSE(batch->batch.lingers);
  CHECK(f.place().task(task_id("y"))->task.spec.assigned_by == "gpt");
}

TEST_CASE("a repeated batch stores nothing and says so for every task") {
  fixture f;
  const std::string call = R"({"batch_id":"b","tasks":[)" + task("x") + "," + task("y") + "]}";
  f.ask("assign_batch", call);
  const auto r = f.ask("assign_batch", call);
  CHECK(r.text("status") == "success");
  CHECK(r.flag("duplicate"));
  CHECK(r.number("duplicates") == 2);
  for (const auto& entry : r.list("tasks")) CHECK(*entry.find("duplicate") == json::value(true));
  CHECK(f.stored_tasks() == 2);
}

TEST_CASE("a batch with one id twice is refused whole") {
  fixture f;
  const auto r =
      f.ask("assign_batch", R"({"batch_id":"b","tasks":[)" + task("x") + "," + task("y") + "," + task("x") + "]}");
  CHECK(r.text("code") == "duplicate_in_batch");
  CHECK(f.stored_tasks() == 0);
}

TEST_CASE("a batch of which one task exists with other content is refused whole") {
  fixture f;
  f.ask("assign_task", task("x", R"(,"batch_id":"b","auto_execute":false)"));
  const auto r = f.ask("assign_batch",
                       R"({"batch_id":"b","tasks":[)" + task("new") + R"(,{"task_id":"x","description":"other"}]})");
  CHECK(r.text("code") == "task_exists");
  CHECK(f.stored_tasks() == 1);
}

TEST_CASE("a batch of 10,000 tasks is accepted, the reply lists 200, says so, and the rest can be listed") {
  fixture f;
  std::string call = R"({"batch_id":"big","tasks":[)";
  for (int i = 1; i <= 10'000; ++i) call += (i > 1 ? "," : "") + task("task_" + std::to_string(i));
  const auto r = f.ask("assign_batch", call + "]}");
  REQUIRE(r.text("status") == "success");
  CHECK(r.number("task_count") == 10'000);
  CHECK(r.number("tasks_listed") == 200);
  CHECK(r.list("tasks").size() == 200);
  CHECK(json::write(r.body).size() < 100'000);
  CHECK_FALSE(r.text("more_tasks").empty());

  std::set<std::string> seen;
  std::int64_t after = 0;
  for (;;) {
    const auto page =
        f.ask("batch_status", R"({"batch_id":"big","limit":1000,"after_position":)" + std::to_string(after) + "}");
    for (const auto& entry : page.list("tasks")) seen.insert(*entry.find("task_id")->as_string());
    if (page.body.find("next_after_position") == nullptr) break;
    after = page.number("next_after_position");
  }
  CHECK(seen.size() == 10'000);
}

TEST_CASE("an unknown parameter is warned of, once a name") {
  fixture f;
  const auto r = f.ask("assign_task", task("t1", R"(,"bach_idd":"b","zzzzzzzzz":1)"));
  CHECK(r.text("status") == "success");
  CHECK(r.warns("unknown_param"));
  const std::string all = json::write(r.body);
  CHECK(all.find("'bach_idd' is not a parameter here and was ignored.") != std::string::npos);
  CHECK(all.find("'zzzzzzzzz' is not a parameter here and was ignored.") != std::string::npos);

  const auto many = f.ask("assign_batch", R"({"batch_id":"c","tasks":[)" + task("a", R"(,"effort":"high")") + "," +
                                              task("b", R"(,"effort":"high")") + "]}");
  std::size_t warned = 0;
  for (const auto& entry : many.list("warnings"))
    if (*entry.find("code") == json::value("unknown_param")) ++warned;
  CHECK(warned == 1);
}

TEST_CASE("sealing an open batch seals it once, an unknown one is not found") {
  fixture f;
  f.ask("assign_task", task("t1", R"(,"batch_id":"b","auto_execute":false)"));
  const auto first = f.ask("seal_batch", R"({"batch_id":"b"})");
  CHECK(first.flag("sealed_now"));
  CHECK(first.text("batch_status") == "sealed");
  const auto second = f.ask("seal_batch", R"({"batch_id":"b"})");
  CHECK(second.text("status") == "success");
  CHECK_FALSE(second.flag("sealed_now"));
  CHECK(f.ask("seal_batch", R"({"batch_id":"none"})").text("code") == "batch_not_found");
}

TEST_CASE("a task that comes after its batch has ended starts the next round and is said to be late") {
  fixture f;
  f.ask("assign_task", task("t1", R"(,"batch_id":"b")"));
  f.run_next_batch();
  const auto r = f.ask("assign_task", task("t2", R"(,"batch_id":"b","auto_execute":false)"));
  CHECK(r.text("batch_status") == "sealed");
  CHECK(r.number("batch_position") == 2);
  CHECK(r.warns("late_task"));
  CHECK(r.text("execution").find("round 2") != std::string::npos);
}

}  // namespace cobatch_test
