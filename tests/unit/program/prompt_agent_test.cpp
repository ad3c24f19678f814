// The guide's own way: one process, one prompt, and a call for each task. The agents are shell scripts that call the
// real program.
#include "program/commands.hpp"
#include "unit/program/support.hpp"

namespace cobatch_test {

using namespace program;

namespace {

struct scene {
  folder f;

  explicit scene(std::vector<std::string> tasks = {"a", "b", "c"}) {
    json::array list;
    for (const auto& task : tasks) list.emplace_back(json::object{{"task_id", task}, {"description", "Do " + task}});
    const json::object params{{"batch_id", "batch"}, {"tasks", std::move(list)}};
    const auto assigned = call(
        "assign_batch",
        json::write(json::object{{"tool_name", "claude_assistant"}, {"action", "assign_batch"}, {"params", params}}));
    REQUIRE_MESSAGE(assigned.code == exit_success, assigned.out);
  }

  ran call(const std::string&, const std::string& request) const {
    return cobatch_run({"call", "--root", f.str()}, request);
  }
  ran ask(std::vector<std::string> words) const {
    words.insert(words.begin(), "call");
    words.insert(words.end(), {"--root", f.str()});
    return cobatch_run(std::move(words));
  }
  // `begin ID` and `log ID STATUS` are the calls; the prompt is in $prompt.
  ran run(const std::string& script, std::vector<std::string> more = {}) const {
    const std::string agent = f.write("agent.sh",
                                      "#!/bin/sh\n"
                                      "call() { '" +
                                          paths::program +
                                          "' call \"$@\"; }\n"
                                          "begin() { call mark_task_in_progress task_id=$1; }\n"
                                          "log() { call log_task_completion task_id=$1 status=$2 output_summary=$1; }\n"
                                          "prompt=$(cat)\n" +
                                          script,
                                      0700);
    std::vector<std::string> words{"run", "batch", "--agent", "prompt", "--exec", agent, "--root", f.str()};
    words.insert(words.end(), more.begin(), more.end());
    return cobatch_run(std::move(words));
  }
  std::string state(const std::string& task) const {
    return text_in(ask({"check_task_status", "task_id=" + task}).json(), "task_status");
  }
  std::string states() const { return state("a") + " " + state("b") + " " + state("c"); }
};

}  // namespace

TEST_CASE("one process does all tasks of a batch, and reports each by a call") {
  const scene s;
  const auto r = s.run("for t in a b c; do begin $t; log $t done; done; rm -f data/execute_queue.lock\n");
  CHECK_MESSAGE(r.code == exit_success, (r.out + r.err));
  CHECK(r.out.find("1 session, 3 turns: 3 done.") != std::string::npos);
  CHECK(s.states() == "done done done");
  CHECK_FALSE(std::filesystem::exists(s.f.path() / "data/execute_queue.lock"));
}

TEST_CASE("the prompt has every task, and commands that do what they say when they are run") {
  const scene s({"a", "it's b", "c"});
  const auto r = s.run(
      "printf %s \"$prompt\" >prompt.txt\n"
      "printf '%s\\n' \"$prompt\" | sed -n -e 's/^  begin:  //p' -e 's/^  done:   //p' >commands\n"
      ". ./commands\n");
  CHECK_MESSAGE(r.code == exit_success, (r.out + r.err));
  CHECK(s.state("it's b") == "done");
  std::ifstream file(s.f.path() / "prompt.txt");
  const std::string prompt(std::istreambuf_iterator<char>(file), {});
  for (const char* part : {"3 tasks of batch batch", "Do a", "Do it's b", "Do c"})
    CHECK(prompt.find(part) != std::string::npos);
}

TEST_CASE("what an agent logs without having begun it counts") {
  const scene s;
  s.run("log a done; log b error; log c done\n");
  CHECK(s.states() == "done error done");
}

TEST_CASE("a task that an agent left in the middle is tried again, and then has failed") {
  const scene s;
  const auto r =
      s.run("begin a >answer\ncat answer >>answers; case $prompt in *'task id b'*) ;; *) log c done;; esac\nexit 3\n");
  CHECK(s.state("a") == "error");
  const auto told = s.ask({"get_task_result", "task_id=a"}).json();
  CHECK(text_in(*told.find("result"), "reason") == "attempts_exhausted");
  CHECK_MESSAGE(r.out.find("ended with exit code 3 before every task was logged") != std::string::npos, r.out);
  CHECK(r.code != exit_success);
}

TEST_CASE("an agent that reports nothing at all does not run for ever") {
  const scene s({"a"});
  const auto r = s.run("echo started >>starts\n");
  CHECK(r.code != exit_success);
  CHECK(s.state("a") == "queued");
  std::ifstream starts(s.f.path() / "starts");
  int count = 0;
  for (std::string line; std::getline(starts, line);) ++count;
  CHECK(count == 3);
  const auto status = s.ask({"batch_status", "batch_id=batch"}).json();
  CHECK(text_in(status, "batch_status") == "held");
  const std::string why = text_in(status, "message");
  for (const char* part : {"none was begun", "mark_task_in_progress", "log_task_completion", "COBATCH_SESSION"})
    CHECK_MESSAGE(why.find(part) != std::string::npos, why);
}

TEST_CASE("tasks that came after the prompt run in a next session, and the first one's agent counts as well ended") {
  const scene s;
  const auto r = s.run(
      "late() { call assign_task task_id=$1 description=x batch_id=batch; }\n"
      "case $prompt in\n"
      "  *'task id late'*) tasks='late later';;\n"
      "  *) tasks='a b c'; late late >reply; late later;;\n"
      "esac\n"
      "for t in $tasks; do begin $t; log $t done; done\n");
  CHECK_MESSAGE(r.code == exit_success, (r.out + r.err));
  CHECK_MESSAGE(r.out.find("2 sessions, 5 turns: 5 done.") != std::string::npos, r.out);
  CHECK_MESSAGE(r.out.find("session 1 ended: full (tasks that its prompt did not name") != std::string::npos, r.out);
  CHECK(r.out.find("agent_lost") == std::string::npos);
  std::ifstream file(s.f.path() / "reply");
  const std::string reply(std::istreambuf_iterator<char>(file), {});
  CHECK_MESSAGE(reply.find("in a session after it") != std::string::npos, reply);
}

TEST_CASE("an agent that logs some of its tasks and leaves the others is lost, also if more have come") {
  const scene s;
  const auto r = s.run(
      "case $prompt in\n"
      "  *'task id late'*) tasks='c late';;\n"
      "  *) tasks='a b'; call assign_task task_id=late description=x batch_id=batch;;\n"
      "esac\n"
      "for t in $tasks; do begin $t; log $t done; done\n");
  CHECK_MESSAGE(r.out.find("session 1 ended: agent_lost (tasks are left") != std::string::npos, r.out);
  CHECK(s.states() == "done done done");
}

TEST_CASE("two tasks at a time are refused, and the agent is told which one runs") {
  const scene s;
  s.run("begin a; begin b >refused; log a done; begin b; log b done; log c done\n");
  CHECK(s.states() == "done done done");
  std::ifstream file(s.f.path() / "refused");
  const std::string refused(std::istreambuf_iterator<char>(file), {});
  CHECK(refused.find("task_in_progress") != std::string::npos);
  CHECK_MESSAGE(refused.find("Task \\\"a\\\"") != std::string::npos, refused);
}

TEST_CASE("a task that asks for what the agent is not held to is refused, and no other") {
  const scene s;
  for (const char* more : {"check=[\"true\"]", "model=large", "tools=[\"Read\"]"}) {
    const std::string id = std::string("asks_") + more[0];
    s.ask({"assign_task", "task_id=" + id, "description=x", "batch_id=batch", more});
    CHECK(s.state(id) == "queued");
  }
  s.ask({"assign_task", "task_id=needs", "description=x", "batch_id=batch", "needs=[\"a\"]", "check=[\"true\"]"});
  s.run("for t in a b c asks_c; do begin $t; log $t done; done\n");
  CHECK(s.states() == "done done done");
  for (const char* id : {"asks_c", "asks_m", "asks_t", "needs"}) {
    CHECK(s.state(id) == "error");
    const auto told = s.ask({"get_task_result", std::string("task_id=") + id}).json();
    const json::value* came_to = told.find("result");
    REQUIRE(came_to != nullptr);
    CHECK(text_in(*came_to, "reason") == "not_allowed");
  }
}

TEST_CASE("an agent of a session that is over cannot report any more") {
  const scene s;
  s.run("echo \"$COBATCH_SESSION\" >token; for t in a b c; do begin $t; log $t done; done\n");
  std::ifstream file(s.f.path() / "token");
  std::string token;
  std::getline(file, token);
  CHECK_FALSE(token.empty());
  s.ask({"reset_task", "task_id=a"});
  const auto late = s.ask({"log_task_completion", "task_id=a", "status=done", "session=" + token});
  CHECK(text_in(late.json(), "code") == "stale_session");
  CHECK(s.state("a") == "queued");
}

TEST_CASE("a task that takes longer than it may ends its agent, and counts as timed out") {
  const scene s({"a"});
  const auto r = s.run("begin a; exec sleep 1000\n", {"--turn-limit", "1"});
  CHECK(s.state("a") == "error");
  CHECK(r.out.find("timed_out") != std::string::npos);
}

TEST_CASE("an agent that marks all its tasks at once, without a token, and is killed leaves none in progress") {
  const scene s({"a", "b", "c"});
  s.run("unset COBATCH_SESSION; begin a; begin b; begin c; kill -9 $$\n");
  for (const auto* task : {"a", "b", "c"}) CHECK(s.state(task) != "in_progress");
}

TEST_CASE("the guide's literal call, without a token, completes what the agent has begun") {
  const scene s({"a"});
  s.run("begin a; unset COBATCH_SESSION; log a done\n");
  CHECK(s.state("a") == "done");
}

}  // namespace cobatch_test
