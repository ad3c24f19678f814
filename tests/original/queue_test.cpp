// The queue and the results: what was lost, overwritten, misread or never run there.
#include <deque>

#include "original/scene.hpp"

namespace cobatch_test {

using namespace program;

namespace {

const std::string queue_file = "claude_task_queue.json";
const std::string results_file = "claude_task_results.json";

std::size_t tasks_in(const json::value& queue) { return queue.find("tasks")->as_object()->size(); }

}  // namespace

TEST_CASE("failure 18: a task that was assigned while another was written got lost, does not happen") {
  const scene s;
  std::deque<child> callers;
  for (int i = 0; i < 12; ++i)
    callers.emplace_back(std::vector<std::string>{paths::program, "assign", "t" + std::to_string(i), "x", "--batch",
                                                  "b", "--open", "--root", s.path_text("")});
  for (auto& caller : callers) CHECK(caller.wait() == exit_success);
  CHECK(at(s.ask("batch_status", R"({"batch_id":"b"})"), "tally", "total") == "12");
  CHECK(tasks_in(s.view(queue_file)) == 12);
}

TEST_CASE("failure 19: readers saw half of a file that was being written, does not happen") {
  const scene s;
  std::vector<std::string> many;
  for (int i = 0; i < 300; ++i) many.push_back("t" + std::to_string(i));
  s.assign_all("all", many);
  auto agent = s.scripted();
  agent.insert(agent.end(), {"--max-tasks-per-session", "1000"});
  child runs = s.start_run(agent);
  const auto ended = [&] { return s.view(results_file).find("results")->as_object()->size(); };
  for (std::size_t seen = 0; seen < many.size();) {
    CHECK(tasks_in(s.view(queue_file)) == many.size());
    const std::size_t now = ended();
    CHECK(now >= seen);
    seen = now;
  }
  CHECK(runs.wait() == exit_success);
}

TEST_CASE("failure 20: a queue file that could not be read was replaced by an empty one, does not happen") {
  const scene s;
  s.assign("a", "b", false);
  s.put(queue_file, R"({"tasks": {"a": {"task_)");
  s.assign("c", "b", false);
  CHECK(s.states({"a", "c"}) == "queued queued");
  CHECK(tasks_in(s.view(queue_file)) == 2);
  CHECK(has_file(s.path("data"), queue_file + ".outside-"));
}

TEST_CASE("failure 20: neither is a database that cannot be read") {
  const scene s;
  s.assign("a", "b", false);
  const std::string garbage(100000, 'x');
  s.put(".cobatch/store.db", garbage);
  std::filesystem::remove(s.path("data/.cobatch/store.db-wal"));
  std::filesystem::remove(s.path("data/.cobatch/store.db-shm"));
  const ran refused = s.command({"assign", "c", "x"});
  CHECK(refused.code == exit_fault);
  CHECK(refused.err.find("store.db") != std::string::npos);
  CHECK(content_of(s.path("data/.cobatch/store.db")) == garbage);
}

TEST_CASE(
    "failure 21: the lock's file was removed when it was let go, so that two could lock two files, does not happen") {
  const scene s;
  const auto number_of_guard = [&] {
    struct stat about {};
    REQUIRE(::stat(s.path_text("data/.cobatch/guard").c_str(), &about) == 0);
    return about.st_ino;
  };
  s.assign_all("one", {"a"});
  s.run(s.scripted());
  const auto first = number_of_guard();
  s.assign_all("two", {"b"});
  s.run(s.scripted());
  s.command({"unlock", "--force"});
  CHECK(number_of_guard() == first);
}

TEST_CASE("failure 22: which task came first hung on a hash that each process makes anew, does not happen") {
  const std::vector<std::string> assigned{"m", "c", "x", "a", "q", "b"};
  for (int process = 0; process < 3; ++process) {
    const scene s;
    for (const auto& id : assigned) s.assign_all("batch_" + id, {id});
    s.run(s.scripted());
    CHECK(s.worked() == assigned);
  }
}

TEST_CASE("failure 23: a task was deleted before its result was written, does not happen") {
  const scene s;
  s.assign_all("b", {"a", "c"});
  child first = s.start_run(s.scripted("", R"({"task_id":"c","exit":1,"touch":)" + quoted(s.path_text("in_c")) +
                                               R"(,"wait_for_file":)" + quoted(s.path_text("go")) + "}"));
  await_file(s.path("in_c"));
  first.signal(SIGKILL);
  first.wait();
  CHECK(s.states({"a", "c"}) == "done in_progress");
  CHECK(text_in(s.result("a"), "status") == "done");
  s.go();
  CHECK(s.run(s.scripted()).code == exit_success);
  CHECK(s.states({"a", "c"}) == "done done");
  CHECK(s.worked() == std::vector<std::string>{"a", "c"});
}

TEST_CASE("failure 24: results that could not be read were replaced by empty ones, does not happen") {
  const scene s;
  s.assign_all("one", {"a"});
  s.run(s.scripted());
  const std::string whole = content_of(s.path("data/" + results_file));
  s.put(results_file, whole.substr(0, whole.size() / 2));
  s.assign_all("two", {"c"});
  s.run(s.scripted());
  const json::value results = s.view(results_file);
  CHECK(at(results, "results", "a") != "");
  CHECK(at(results, "results", "c") != "");
  CHECK(has_file(s.path("data"), results_file + ".outside-"));
}

TEST_CASE("failure 25: a result was filed under the id of another task, does not happen") {
  const scene s;
  s.assign_all("b", {"a", "c"});
  s.run(s.scripted("", R"({"task_id":"a","answer":{"task_id":"c","output":"of a"}},)"
                       R"({"task_id":"a","answer":{"task_id":"c","output":"of a"}},)"
                       R"({"task_id":"c","output":"of c"})"));
  CHECK(s.states({"a", "c"}) == "error done");
  CHECK(text_in(s.result("c"), "output") == "of c");
}

TEST_CASE("failure 26: the agent forgot to log a task, and its work was lost, does not happen") {
  const scene s;
  s.assign_all("b", {"a", "c"});
  const std::string call = "'" + paths::program + "' call ";
  s.run(
      s.shell("for t in a c; do\n"
              "  " +
                  call +
                  "mark_task_in_progress task_id=$t >>log || continue\n"
                  "  [ $t = c ] && [ ! -e forgot ] && touch forgot && exit 0\n"
                  "  " +
                  call +
                  "log_task_completion task_id=$t status=done >>log\n"
                  "  echo $t >>logged\n"
                  "done\n",
              "prompt"));
  CHECK(s.states({"a", "c"}) == "done done");
  CHECK(std::filesystem::exists(s.path("forgot")));
  CHECK(lines_of(s.path("logged")) == std::vector<std::string>{"a", "c"});
}

TEST_CASE("failure 26: an agent that is driven task by task has nothing to forget") {
  const scene s;
  s.assign_all("b", {"a"});
  s.run(s.scripted(R"("output":"the work")"));
  CHECK(text_in(s.result("a"), "output") == "the work");
}

TEST_CASE("failure 27: an unknown or a cancelled task could be completed, does not happen") {
  const scene s;
  const auto complete = [&](const std::string& task) {
    return text_in(s.about("log_task_completion", task, R"(,"status":"done")"), "code");
  };
  s.assign("a", "b", false);
  s.about("cancel_task", "a");
  CHECK(complete("a") == "task_ended");
  CHECK(s.state("a") == "cancelled");
  CHECK(complete("none") == "task_not_found");
  CHECK(s.state("none") == "");
}

TEST_CASE("failure 28: a task with the same id overwrote the one in progress, does not happen") {
  const scene s;
  s.assign_all("b", {"a"});
  child runs = s.start_run(s.patient());
  s.await_work();
  const json::value refused = s.about("assign_task", "a", R"(,"description":"something else","batch_id":"b")");
  CHECK(text_in(refused, "code") == "task_exists");
  s.go();
  CHECK(runs.wait() == exit_success);
  CHECK(text_in(s.result("a"), "description") == "do it");
  CHECK(s.worked().size() == 1);
}

TEST_CASE("failure 29: tasks whose first 200 characters were the same counted as one, does not happen") {
  const scene s;
  const std::string beginning(200, 'x');
  const auto assign = [&](const std::string& id, const std::string& end) {
    return s.about("assign_task", id,
                   R"(,"batch_id":"b","auto_execute":false,"description":)" + quoted(beginning + end));
  };
  CHECK(at(assign("a", "one"), "duplicate") == "");
  CHECK(at(assign("c", "two"), "duplicate") == "");
  CHECK(text_in(assign("a", "two"), "code") == "task_exists");
  CHECK(at(assign("a", "one"), "duplicate") == "true");
  CHECK(tasks_in(s.view(queue_file)) == 2);
}

TEST_CASE("failure 30: a task without an id, or an item that was no object, crashed the assignment, does not happen") {
  const scene s;
  CHECK(text_in(s.ask("assign_task", R"({"description":"x"})"), "code") == "missing_field");
  CHECK(text_in(s.ask("assign_batch", R"({"batch_id":"b","tasks":[{"task_id":"a","description":"x"},7]})"), "code") ==
        "wrong_type");
  const json::value each = s.ask(
      "batch_assign_tasks", R"({"tasks":[{"description":"x"},"no object",null,{"task_id":"c","description":"x"}]})");
  CHECK(at(each, "failed_count") == "3");
  CHECK(text_in(s.about("check_task_status", "a"), "code") == "task_not_found");
  CHECK(s.state("c") == "queued");
}

TEST_CASE("failure 31: the reply named another id than the one that was stored, does not happen") {
  const scene s;
  for (const std::string id : {"plain", " with blanks ", "a/b", "ÄÖ", "7", "batch_20251107_214500"}) {
    const json::value reply = s.about("assign_task", id, R"(,"description":"x","auto_execute":false)");
    const std::string named = text_in(reply, "task_id");
    CHECK(text_in(s.about("check_task_status", named), "task_id") == named);
    CHECK(at(s.view(queue_file), "tasks", named) != "");
    CHECK(text_in(s.ask("batch_status", R"({"batch_id":)" + at(reply, "batch_id") + "}"), "status") == "success");
  }
}

TEST_CASE("failure 32: a task that was to be deleted was never found, does not happen") {
  const scene s;
  s.assign_all("b", {"a"});
  s.run(s.scripted());
  CHECK(text_in(s.about("delete_task_result", "a"), "status") == "success");
  CHECK(at(s.view(results_file), "results") == "{}");
  CHECK(text_in(s.about("delete_task", "a"), "status") == "success");
  CHECK(at(s.view(queue_file), "tasks") == "{}");
  CHECK(text_in(s.about("delete_task", "a"), "code") == "task_not_found");
}

TEST_CASE("failure 33: a queue file of {} crashed it, does not happen") {
  const scene s;
  s.put(queue_file, "{}");
  s.put(results_file, "{}");
  s.assign_all("b", {"a"});
  CHECK(s.run(s.scripted()).code == exit_success);
  CHECK(tasks_in(s.view(queue_file)) == 1);
}

TEST_CASE("failure 34: tasks were stranded because a field was never written, does not happen") {
  const scene s;
  CHECK(text_in(s.about("assign_task", "a", R"(,"description":"x")"), "status") == "success");
  s.assign("c", "b", false);
  s.assign("d", "b", true);
  CHECK(s.run(s.scripted()).code == exit_success);
  CHECK(s.states({"a", "c", "d"}) == "done done done");
}

TEST_CASE("failure 35: execute_queue ran every queued task and not one batch, does not happen") {
  const scene s;
  s.assign("a", "one", false);
  s.assign("c", "two", false);
  s.ask("execute_queue", R"({"batch_id":"two"})");
  s.run(s.scripted());
  CHECK(s.states({"a", "c"}) == "queued done");
}

TEST_CASE("failure 36: finished tasks made the queue file grow without end, does not happen") {
  const scene s;
  std::vector<std::string> many;
  for (int i = 0; i < 1100; ++i) many.push_back("t" + std::to_string(i));
  s.assign_all("b", many, R"(,"on_error":"stop")");
  s.run(s.scripted(R"("status":"error")"));
  s.assign("live", "other", false);
  const json::value queue = s.view(queue_file);
  CHECK(tasks_in(queue) == 1001);
  CHECK(at(queue, "tasks", "live") != "");
  CHECK(s.state("t1") == "cancelled");
}

}  // namespace cobatch_test
