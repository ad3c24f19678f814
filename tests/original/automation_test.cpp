// What starts sessions: rules that fired too often, never, or crashed there.
#include "original/scene.hpp"

namespace cobatch_test {

using namespace program;

TEST_CASE("failure 47: a rule that was to fire once fired twelve times, does not happen") {
  const scene s;
  child engine = s.start_engine(s.patient());
  engine.line();
  s.assign("a", "b", true);
  s.await_work();
  for (int i = 0; i < 12; ++i) {
    CHECK(at(s.assign("a", "b", true), "duplicate") == "true");
    CHECK(text_in(s.ask("execute_queue", R"({"batch_id":"b"})"), "status") == "already_running");
  }
  s.go();
  s.await_end("b");
  for (int i = 0; i < 12; ++i) {
    CHECK(at(s.assign("a", "b", true), "duplicate") == "true");
    CHECK(text_in(s.ask("execute_queue", R"({"batch_id":"b"})"), "code") == "empty_batch");
  }
  engine.signal(SIGTERM);
  CHECK(engine.wait() == exit_success);
  CHECK(s.worked().size() == 1);
  CHECK_FALSE(std::filesystem::exists(s.path("data/.cobatch/sessions/2")));
}

TEST_CASE("failure 48: a list where an object was expected crashed the engine, does not happen") {
  const scene s;
  for (const std::string file : {"claude_task_queue.json", "claude_task_results.json", "token_telemetry.json",
                                 "execution_context.json", "automation_rules.json"})
    s.put(file, "[]");
  child engine = s.start_engine(s.scripted(R"("print":"[]","answer":{"actions_taken":{},"errors":[[]]})"));
  engine.line();
  for (const char* request : {"[]", R"([{"tool_name":"claude_assistant"}])",
                              R"({"tool_name":"claude_assistant","action":"assign_task","params":[]})"})
    CHECK(text_in(s.command({"call"}, request).json(), "status") == "error");
  s.assign_all("b", {"a"});
  s.await_end("b");
  CHECK(s.state("a") == "done");
  engine.signal(SIGTERM);
  CHECK(engine.wait() == exit_success);
}

TEST_CASE("failure 49: what was to start a batch matched nothing, and nobody was told, does not happen") {
  const scene s;
  for (const char* wrong : {R"("batchid":"b")", R"("auto_excute":false)"})
    CHECK(text_in(s.about("assign_task", "a", std::string(R"(,"description":"x",)") + wrong), "status") == "error");
  const json::value reply =
      s.about("assign_task", "a", R"(,"description":"x","batch_id":"b","agent":"nobody","auto_run":false)");
  CHECK(warns(reply, "unknown_param"));
  CHECK(warns(reply, "no_engine"));
  CHECK(text_in(s.ask("assign_tsk"), "status") == "error");
  CHECK(s.run(s.scripted()).code != exit_success);
  CHECK(s.state("a") == "queued");
}

TEST_CASE("failure 50: a task that was called pending and not queued stood still without a word, does not happen") {
  const scene s;
  const json::value reply = s.about("assign_task", "a", R"(,"description":"x","status":"pending")");
  CHECK(warns(reply, "unknown_param"));
  CHECK(text_in(reply, "task_status") == "queued");
  CHECK(text_in(s.ask("list_batches", R"({"state":"pending"})"), "code") == "bad_value");
  s.about("mark_task_in_progress", "a");
  CHECK(text_in(s.about("log_task_completion", "a", R"(,"status":"pending")"), "code") == "bad_value");
  CHECK(s.state("a") == "in_progress");
  s.about("reset_task", "a");
  s.put("claude_task_queue.json", R"({"tasks":{"a":{"task_id":"a","status":"pending"}}})");
  CHECK(s.run(s.scripted()).code == exit_success);
  CHECK(s.state("a") == "done");
}

}  // namespace cobatch_test
