// The lock and the agent's process: sessions that never started, started twice, or left everything locked there.
#include "original/scene.hpp"
#include "os/guard.hpp"
#include "os/process.hpp"
#include "unit/is_dead.hpp"

namespace cobatch_test {

using namespace program;

namespace {

const std::string lock_of_the_guide = R"({"locked_at": "2025-11-07T21:45:00Z", "batch_id": "batch_20251107_214500"})";

guard_record record_of(const scene& s) {
  const auto glance = glance_at_guard(s.path("data/.cobatch"));
  REQUIRE(glance);
  REQUIRE(glance->record);
  return *glance->record;
}

bool runs(pid_t process) { return ::waitpid(process, nullptr, WNOHANG) == 0; }

// Nobody but its writer takes such a file away, and what waits for it runs as soon as it is gone.
void check_honoured(const scene& s, const std::string& lock_file) {
  s.put("execute_queue.lock", lock_file);
  s.assign_all("b", {"a"});
  const ran returns = s.run(s.scripted());
  CHECK(returns.code == exit_unfinished);
  CHECK(returns.out.find("cobatch unlock") != std::string::npos);
  auto waiting = s.scripted();
  waiting.emplace_back("--wait");
  child waits = s.start_run(std::move(waiting));
  CHECK_FALSE(waits.line_with("cobatch unlock").empty());
  CHECK(text_in(s.ask("lock_status"), "marker") == "foreign");
  CHECK(text_in(s.ask("execute_queue"), "status") == "already_running");
  CHECK(s.state("a") == "queued");
  CHECK(content_of(s.marker()) == lock_file);
  std::filesystem::remove(s.marker());
  CHECK(waits.wait() == exit_success);
  CHECK(s.state("a") == "done");
}

}  // namespace

TEST_CASE("failure 1: counting the tasks marked them as taken, and the session found none, does not happen") {
  const scene s;
  s.assign_all("b", {"a", "c"});
  CHECK(at(s.ask("process_queue"), "task_count") == "2");
  CHECK(at(s.ask("batch_status", R"({"batch_id":"b"})"), "tally", "queued") == "2");
  s.command({"status"});
  s.command({"doctor", "b"});
  CHECK(at(s.ask("process_queue"), "task_count") == "2");
  CHECK(s.run(s.scripted()).code == exit_success);
  CHECK(s.states({"a", "c"}) == "done done");
}

TEST_CASE("failure 2: the lock named a short-lived process and so always looked stale, does not happen") {
  const scene s;
  s.assign_all("b", {"a"});
  child session = s.start_run(s.patient());
  s.await_work();
  const json::value lock = s.ask("lock_status");
  CHECK(at(lock, "locked") == "true");
  CHECK(at(lock, "session", "pid") == std::to_string(session.pid()));
  CHECK(s.command({"unlock"}).code == exit_refused);
  s.go();
  CHECK(session.wait() == exit_success);
}

TEST_CASE("failure 3: the lock was written after the agent had been started, does not happen") {
  const scene s;
  s.assign_all("b", {"a"});
  s.run(s.shell("cp data/execute_queue.lock seen\nwork() { :; }\n" + answers_all));
  CHECK(text_in(parsed(content_of(s.path("seen"))), "batch_id") == "b");
}

TEST_CASE("failure 4: callers waited for a word that no reply ever had, does not happen") {
  const scene s;
  CHECK(text_in(s.ask("execute_queue"), "status") == "success");
  s.assign("a", "b", false);
  CHECK(text_in(s.ask("execute_queue", R"({"batch_id":"b"})"), "status") == "task_started");
  child session = s.start_run(s.patient());
  s.await_work();
  CHECK(text_in(s.ask("execute_queue"), "status") == "already_running");
  child caller = s.start({"call", "wait_batch", "batch_id=b", "timeout_seconds=40"});
  s.go();
  CHECK(caller.wait() == exit_success);
  CHECK(at(parsed(caller.out()), "ended") == "true");
  CHECK(session.wait() == exit_success);
}

TEST_CASE("failure 5: a lock older than 30 minutes was removed although its owner lived, does not happen") {
  const scene s;
  s.assign_all("b", {"a"});
  child session = s.start_run(s.patient());
  s.await_work();
  std::filesystem::last_write_time(s.marker(), std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  CHECK(s.command({"unlock"}).code == exit_refused);
  CHECK(s.run(s.scripted()).code == exit_unfinished);
  CHECK(std::filesystem::exists(s.marker()));
  s.go();
  CHECK(session.wait() == exit_success);
  CHECK(s.worked().size() == 1);
}

TEST_CASE("failure 6: one part ignored a lock of the guide's form, another waited for it forever, does not happen") {
  check_honoured({}, lock_of_the_guide);
}

TEST_CASE("failure 7: a lock that was only half written was taken for a corrupt one, does not happen") {
  check_honoured({}, lock_of_the_guide.substr(0, 20));
}

TEST_CASE("failure 8: a crash left the lock and tasks in progress behind, does not happen") {
  const scene s;
  s.assign_all("b", {"a", "c"});
  child session = s.start_run(s.patient());
  s.await_work();
  const guard_record record = record_of(s);
  session.signal(SIGSTOP);  // it would set things right
  REQUIRE(::kill(static_cast<pid_t>(record.keeper.pid), SIGKILL) == 0);
  session.signal(SIGKILL);
  session.wait();
  CHECK(std::filesystem::exists(s.marker()));
  CHECK(s.state("a") == "in_progress");
  CHECK(s.run(s.scripted()).code == exit_success);
  CHECK(is_dead(record.agent));
  CHECK(s.states({"a", "c"}) == "done done");
  CHECK_FALSE(std::filesystem::exists(s.marker()));
}

TEST_CASE("failure 9: any session could remove the lock of another, does not happen") {
  const scene s;
  s.assign_all("b", {"a"});
  child session = s.start_run(s.patient());
  s.await_work();
  CHECK(s.command({"unlock"}).code == exit_refused);
  CHECK(std::filesystem::exists(s.marker()));
  std::filesystem::remove(s.marker());
  CHECK(text_in(s.ask("execute_queue"), "status") == "already_running");
  CHECK(s.run(s.scripted()).code == exit_unfinished);
  s.go();
  CHECK(session.wait() == exit_success);
  CHECK(s.worked().size() == 1);
}

TEST_CASE("failure 10: without the agent's program tasks stayed in progress or were tried for ever, does not happen") {
  const scene s;
  s.assign_all("b", {"a"});
  const ran missing = s.run({"--agent", "claude"}, {{"PATH", s.path_text("")}});
  CHECK(missing.code == exit_no_agent);
  CHECK(missing.err.find("agent_missing") != std::string::npos);
  CHECK(s.state("a") == "queued");
  CHECK(s.run(s.scripted()).code == exit_success);
}

TEST_CASE("failure 10: a program that goes while the engine runs holds the batch, and charges nothing") {
  const scene s;
  const auto agent = s.shell("work() { :; }\n" + answers_all);
  child engine = s.start_engine(agent);
  CHECK_FALSE(engine.line().empty());
  std::filesystem::rename(s.path("agent.sh"), s.path("gone.sh"));
  s.assign_all("b", {"a"});
  while (text_in(s.ask("batch_status", R"({"batch_id":"b"})"), "batch_status") != "held") {
  }
  CHECK(s.state("a") == "queued");
  CHECK(at(*s.view("claude_task_queue.json").find("tasks"), "a", "attempts") == "0");
  std::filesystem::rename(s.path("gone.sh"), s.path("agent.sh"));
  s.ask("execute_queue", R"({"batch_id":"b"})");
  s.await_end("b");
  CHECK(s.state("a") == "done");
  engine.signal(SIGTERM);
  CHECK(engine.wait() == exit_success);
}

TEST_CASE("failure 11: with CLAUDECODE set tasks were assigned and then silently never run, does not happen") {
  const scene s;
  const std::map<std::string, std::string> nested{{"CLAUDECODE", "1"}, {"MY_SETTING", "kept"}};
  s.assign_all("b", {"a"});
  const ran r = s.run(s.shell("echo \"${CLAUDECODE-unset} $MY_SETTING\" >seen\nwork() { :; }\n" + answers_all), nested);
  CHECK(r.code == exit_success);
  CHECK(lines_of(s.path("seen")) == std::vector<std::string>{"unset kept"});
  CHECK(s.state("a") == "done");
}

TEST_CASE("failure 12: nobody read what the agent wrote, so that it waited for ever, does not happen") {
  const scene s;
  s.assign_all("b", {"a"});
  // Far more than a pipe holds.
  const std::string much = "head -c 2000000 /dev/zero | tr '\\0' x | fold -w 1000";
  CHECK(s.run(s.shell("work() { " + much + "; " + much + " >&2; echo; }\n" + answers_all)).code == exit_success);
  CHECK(s.state("a") == "done");
}

TEST_CASE("failure 13: each session overwrote the log of the one before, does not happen") {
  const scene s;
  for (const std::string words : {"first", "second"}) {
    s.assign_all(words, {"of_" + words});
    s.run(s.scripted(R"("print":)" + quoted("these are the " + words + " words")));
  }
  CHECK(content_of(s.path("data/.cobatch/sessions/1/1.out")).find("the first words") != std::string::npos);
  CHECK(content_of(s.path("data/.cobatch/sessions/2/1.out")).find("the second words") != std::string::npos);
}

TEST_CASE("failure 14: processes were ended by their name, also those of others, does not happen") {
  const scene s;
  s.assign_all("b", {"a"});
  const auto agent = s.shell("echo $$ >>\"${0%/*}/started\"\nexec tail -f /dev/null\n");
  child session = s.start_run(agent);
  await_file(s.path("started"));
  const guard_record record = record_of(s);
  child stranger({s.path_text("agent.sh")});
  s.about("cancel_task", "a");
  CHECK(session.wait() == exit_refused);
  CHECK(is_dead(record.agent));
  CHECK(runs(stranger.pid()));
}

TEST_CASE("failure 15: two engines ran at once and did everything twice, does not happen") {
  const scene s;
  const auto agent = s.shell(
      "work() { mkdir busy || echo \"$task\" >>overlaps; echo \"$task\" >>worked; rmdir busy; }\n" + answers_all);
  child one = s.start_engine(agent), two = s.start_engine(agent);
  one.line(), two.line();
  const std::vector<std::string> batches{"a", "c", "d", "e"};
  for (const auto& batch : batches) s.assign_all(batch, {batch + "1", batch + "2"});
  for (const auto& batch : batches) s.await_end(batch);
  CHECK_FALSE(std::filesystem::exists(s.path("overlaps")));
  CHECK(s.worked() == std::vector<std::string>{"a1", "a2", "c1", "c2", "d1", "d2", "e1", "e2"});
  for (child* engine : {&one, &two}) {
    engine->signal(SIGTERM);
    CHECK(engine->wait() == exit_success);
  }
}

TEST_CASE("failure 16: two batches overlapped, does not happen") {
  const scene s;
  s.assign_all("one", {"a", "c"});
  child session = s.start_run(s.patient());
  s.await_work();
  s.assign_all("two", {"d", "e"});
  s.ask("execute_queue", R"({"batch_id":"two"})");
  CHECK(s.states({"a", "c", "d", "e"}) == "in_progress queued queued queued");
  s.go();
  CHECK(session.wait() == exit_success);
  CHECK(s.worked() == std::vector<std::string>{"a", "c", "d", "e"});
  CHECK(at(s.result("c"), "session") == "1");
  CHECK(at(s.result("d"), "session") == "2");
}

TEST_CASE("failure 17: an agent that only said Execution error had done its task, does not happen") {
  const scene s;
  s.assign_all("b", {"a"});
  CHECK(s.run(s.shell("echo 'Execution error'\n")).code == exit_refused);
  CHECK(s.state("a") == "error");
  CHECK(text_in(s.result("a"), "detail").find("\"Execution error\"") != std::string::npos);
}

TEST_CASE(
    "failure 17: neither if the agent is claude, and what it said stands in the result with where it stands in full") {
  const scene s;
  s.assign_all("b", {"a"});
  s.executable("claude", "echo 'Execution error'\n");
  CHECK(s.run_claude().code == exit_refused);
  CHECK(s.state("a") == "error");
  const std::string detail = text_in(s.result("a"), "detail");
  CHECK_MESSAGE(detail.find("\"Execution error\"") != std::string::npos, detail);
  const std::string log = "data/.cobatch/sessions/1/2.out";
  CHECK_MESSAGE(detail.find(log) != std::string::npos, detail);
  CHECK(content_of(s.path(log)) == "Execution error\n");
}

}  // namespace cobatch_test
