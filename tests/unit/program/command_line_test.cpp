// The real program, started as people start it.
#include <cobatch/workspace.hpp>

#include "program/commands.hpp"
#include "store/store.hpp"
#include "unit/program/support.hpp"

namespace cobatch_test {

using namespace program;

namespace {

constexpr const char* three_done = R"({"tasks":[{"task_id":"a","description":"A"},{"task_id":"b","description":"B"},)"
                                   R"({"task_id":"c","description":"C"}]})";

// An agent program: answers every task, those whose id begins with "bad" with an error.
std::string agent_program(const folder& f) {
  return f.write("agent.py",
                 "#!/usr/bin/env python3\n"
                 "import json, sys\n"
                 "for line in sys.stdin:\n"
                 "    t = json.loads(line)\n"
                 "    bad = t['task_id'].startswith('bad')\n"
                 "    print(json.dumps({'type': 'result', 'task_id': t['task_id'], 'turn': t['turn'],\n"
                 "        'status': 'error' if bad else 'done', 'output': '\\x1b[31mhello ' + t['description'],\n"
                 "        'usage': {'input_tokens': 10, 'cache_creation_input_tokens': 1000,\n"
                 "                  'cache_read_input_tokens': 500, 'output_tokens': 20}}), flush=True)\n",
                 0700);
}

// Until no signal waits to be taken by the process.
void await_taken(pid_t process) {
  const std::string none = "\nShdPnd:\t0000000000000000\n";
  for (;;) {
    std::ifstream file("/proc/" + std::to_string(process) + "/status");
    const std::string status{std::istreambuf_iterator<char>(file), {}};
    if (status.empty() || status.find(none) != std::string::npos) return;
    ::usleep(1000);
  }
}

std::map<std::string, std::string> without_claude(const folder& f) { return {{"PATH", f.str()}}; }

}  // namespace

TEST_CASE("help and version succeed, every command's help ends with an example") {
  const auto help = cobatch_run({"--help"});
  CHECK(help.code == exit_success);
  CHECK(help.out.find(exit_code_help) != std::string::npos);
  CHECK(cobatch_run({"--version"}).out == "cobatch 0.1.0\n");
  for (const std::string name : {"serve", "engine", "run", "call", "assign", "status", "unlock", "savings"}) {
    CAPTURE(name);
    const auto r = cobatch_run({name, "--help"});
    CHECK(r.code == exit_success);
    CHECK(r.out.find("\nExample:\n  ") != std::string::npos);
    CHECK(help.out.find(name) != std::string::npos);
  }
}

TEST_CASE("without arguments there is the help") {
  const auto r = cobatch_run({});
  CHECK(r.code == exit_success);
  CHECK(r.out == cobatch_run({"--help"}).out);
  CHECK(r.err.empty());
}

TEST_CASE("output that does not arrive is said, and no success, whatever the command") {
  const folder f;
  cobatch_run({"assign", "--file", "-", "--batch", "b", "--open", "--root", f.str()}, three_done);
  const std::string program = agent_program(f), root = " --root " + f.str();
  for (const std::string& words :
       {std::string(), std::string("--help"), std::string("--version"), "assign d D --batch b --open" + root,
        "run b --agent command --linger 0 --exec " + program + root, "status" + root, "status b" + root,
        "status a --json" + root, "call batch_status batch_id=b" + root, std::string("call get_supported_actions"),
        "savings b" + root, std::string("savings"), "import " + f.str() + "/data" + root, "doctor" + root,
        "unlock --json" + root}) {
    CAPTURE(words);
    child full({"/bin/sh", "-c", "exec " + paths::program + " " + words + " > /dev/full"});
    CHECK(full.wait() != exit_success);
    CHECK_MESSAGE(full.err().find("written to standard output") != std::string::npos, full.err());
  }
}

TEST_CASE("a reader that goes away ends no session, it is lost output in the exit code") {
  const folder f;
  const std::string go = f.str() + "/go";
  REQUIRE(::mkfifo(go.c_str(), 0600) == 0);
  const std::string waits =
      f.write("waits", "#!/bin/sh\nread go <'" + go + "'\nexec '" + agent_program(f) + "'\n", 0700);
  cobatch_run({"assign", "--file", "-", "--batch", "b", "--root", f.str()}, three_done);
  std::vector<std::string> words{paths::program, "run", "--root", f.str(), "--agent", "command", "--exec", waits};
  bool ends_itself = true;
  SUBCASE("of run") {}
  SUBCASE("of engine") {
    words[1] = "engine";
    ends_itself = false;
  }
  SUBCASE("of serve") {
    words[1] = "serve";
    words.insert(words.end(), {"--port", "0"});
    ends_itself = false;
  }
  child reads_one(words);
  CHECK_FALSE(reads_one.line().empty());
  reads_one.stop_reading();
  std::ofstream(go) << "go\n";
  if (!ends_itself) {
    cobatch_run({"call", "wait_batch", "batch_id=b", "--root", f.str()});
    reads_one.signal(SIGTERM);
  }
  CHECK(reads_one.wait() == exit_fault);
  CHECK(reads_one.err().empty());
  const auto status = cobatch_run({"status", "--root", f.str()});
  CHECK_MESSAGE(status.out.find("tasks: 3 done") != std::string::npos, status.out);
}

TEST_CASE("JSON is UTF-8 where a path is not") {
  const folder f;
  const std::string root = f.str() + "/caf\xE9";
  std::filesystem::create_directory(root);
  cobatch_run({"assign", "a", "x", "--batch", "b", "--root", root});
  for (const std::vector<std::string>& words : {std::vector<std::string>{"status", "--json"},
                                                {"status", "none", "--json"},
                                                {"call", "lock_status"},
                                                {"doctor", "--json"},
                                                {"assign", "--file", root + "/none", "--json"},
                                                {"import", root + "/none", "--json"},
                                                {"run", "--agent", "command", "--exec", root + "/none", "--json"}}) {
    CAPTURE(words.front());
    auto arguments = words;
    arguments.insert(arguments.end(), {"--root", root});
    const auto r = cobatch_run(arguments);
    CHECK_MESSAGE(r.json().as_object() != nullptr, r.out);
  }
}

TEST_CASE("an argument that is not UTF-8 is named, in a path it is no mistake") {
  const folder f;
  const std::string cafe = "caf\xE9";
  for (const std::vector<std::string>& words : {std::vector<std::string>{"assign", "t", cafe},
                                                {"assign", cafe, "d"},
                                                {"assign", "t", "d", "--context", "\"" + cafe + "\""},
                                                {"assign", "t", "d", "--need", "a", "--need", cafe},
                                                {"assign", "t", "d", "--budget-usd", cafe},
                                                {"call", "assign_task", "task_id=t", "description=" + cafe},
                                                {"call", "assign_task", "task_id=t", cafe + "=x"}}) {
    std::string shown;
    for (const auto& word : words) shown += word + " ";
    CAPTURE(shown);
    auto arguments = words;
    arguments.insert(arguments.end(), {"--root", f.str()});
    const auto r = cobatch_run(arguments);
    CHECK(r.code == exit_usage);
    CHECK_MESSAGE((r.out + r.err).find("xe9") != std::string::npos, (r.out + r.err));
    CHECK((r.out + r.err).find("JSON") == std::string::npos);
    arguments.emplace_back("--json");
    CHECK(text_in(cobatch_run(arguments).json(), "code") == "bad_encoding");
  }
  CHECK_FALSE(std::filesystem::exists(f.path() / "data"));
  cobatch_run({"assign", "t", "d", "--root", f.str()});
  for (const std::string name : {"status", "doctor", "savings"})
    CHECK(text_in(cobatch_run({name, cafe, "--root", f.str(), "--json"}).json(), "code") == "bad_encoding");
  std::filesystem::create_directory(f.path() / cafe);
  CHECK(cobatch_run({"assign", "t", "d", "--root", f.str() + "/" + cafe}).code == exit_success);
}

TEST_CASE("a command line that cannot be understood exits with 2 and prints nothing to standard output") {
  const folder f;
  const std::vector<std::vector<std::string>> cases{
      {"nonsense"},
      {"status", "--nonsense"},
      {"assign", "--root", f.str()},
      {"assign", "only-an-id", "--root", f.str()},
      {"assign", "a", "b", "--file", "x", "--root", f.str()},
      {"assign", "a", "b", "--priority", "urgent", "--root", f.str()},
      {"assign", "a", "b", "--context", "not json", "--root", f.str()},
      {"serve", "--port", "70000"},
      {"serve", "--agent", "nobody"},
      {"serve", "--root", f.str(), "--agent", "command"},
      {"serve", "--root", f.str(), "--agent", "scripted", "--bind", "0.0.0.0"},
      {"serve", "--root", f.str(), "--agent", "scripted", "--allow-host", "box"},
      {"run", "--root", f.str(), "--agent", "scripted", "--exec", "/bin/true"},
      {"run", "--root", f.str(), "--agent", "scripted", "--turn-limit", "0"},
  };
  for (const auto& arguments : cases) {
    std::string shown;
    for (const auto& a : arguments) shown += a + " ";
    CAPTURE(shown);
    const auto r = cobatch_run(arguments);
    CHECK(r.code == exit_usage);
    CHECK(r.out.empty());
    CHECK_FALSE(r.err.empty());
    auto with_json = arguments;
    with_json.emplace_back("--json");
    const auto in_json = cobatch_run(with_json);
    CHECK(in_json.code == exit_usage);
    CHECK(text_in(in_json.json(), "code") == "bad_value");
  }
  CHECK_FALSE(std::filesystem::exists(f.path() / "data"));
}

TEST_CASE("call prints one reply and exits by its kind") {
  const folder f;
  const auto call = [&](std::string_view request) { return cobatch_run({"call", "--root", f.str()}, request); };
  const auto done = call(R"({"tool_name":"claude_assistant","action":"assign_task","params":)"
                         R"({"task_id":"t","description":"d"}})");
  CHECK(done.code == exit_success);
  CHECK(text_in(done.json(), "status") == "success");
  const auto refused =
      call(R"({"tool_name":"claude_assistant","action":"check_task_status","params":{"task_id":"none"}})");
  CHECK(refused.code == exit_refused);
  CHECK(text_in(refused.json(), "code") == "task_not_found");
  const auto malformed = call("not json");
  CHECK(malformed.code == exit_usage);
  CHECK(text_in(malformed.json(), "code") == "bad_json");
  const auto missing = cobatch_run({"call", f.str() + "/none.json", "--root", f.str()});
  CHECK(missing.code == exit_usage);
  CHECK(text_in(missing.json(), "code") == "bad_value");
}

TEST_CASE("a request that cannot be understood is exit code 2, one that is refused 1, however it comes") {
  const folder f;
  const auto call = [&](const std::string& request) { return cobatch_run({"call", "--root", f.str()}, request).code; };
  const auto with = [](const std::string& tool, const std::string& action, const std::string& params) {
    return R"({"tool_name":)" + tool + R"(,"action":)" + action + R"(,"params":)" + params + "}";
  };
  const std::string tool = R"("claude_assistant")", assign = R"("assign_task")";
  const std::string task = R"({"task_id":"t","description":"d"})";
  for (const std::string& request : {std::string(),
                                     std::string("[]"),
                                     std::string("null"),
                                     std::string("17"),
                                     std::string("{} {}"),
                                     std::string("\"\xFF\""),
                                     std::string("{}"),
                                     R"({"tool_name":)" + tool + R"(,"params":)" + task + "}",
                                     with("1", assign, task),
                                     with(R"("other")", assign, task),
                                     with(tool, "7", task),
                                     with(tool, "null", task),
                                     with(tool, R"("no_such_action")", task),
                                     with(tool, assign, "[]"),
                                     with(tool, assign, "\"x\""),
                                     with(tool, assign, "17"),
                                     with(tool, assign, "true"),
                                     with(tool, assign, "null"),
                                     with(tool, assign, R"({"task_id":"t"})"),
                                     with(tool, assign, R"({"task_id":"t","description":5})"),
                                     with(tool, assign, R"({"task_id":"","description":"d"})"),
                                     with(tool, assign, R"({"task_id":"t","description":""})"),
                                     with(tool, R"("assign_batch")", R"({"tasks":[)" + task + "," + task + "]}")}) {
    CAPTURE(request);
    CHECK(call(request) == exit_usage);
  }
  CHECK(call(with(tool, assign, task)) == exit_success);
  CHECK(call(with(tool, assign, R"({"task_id":"t","description":"other"})")) == exit_refused);
  CHECK(call(with(tool, R"("cancel_task")", R"({"task_id":"none"})")) == exit_refused);
  CHECK(cobatch_run({"assign", "", "d", "--root", f.str()}).code == exit_usage);
  CHECK(cobatch_run({"assign", "t", "another", "--root", f.str()}).code == exit_refused);
}

TEST_CASE("call takes an action and its parameters as words, each in the parameter's type") {
  const folder f;
  const auto call = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "call");
    words.insert(words.end(), {"--root", f.str()});
    return cobatch_run(std::move(words)).json();
  };
  const auto done =
      call({"assign_task", "task_id=t", "description=a=b \"c\"", "auto_execute=false", "needs=[]", "max_attempts=3"});
  CHECK_MESSAGE(text_in(done, "batch_status") == "open", json::write(done));
  CHECK(text_in(call({"check_task_status", "task_id=t"}), "description") == "a=b \"c\"");
  CHECK(text_in(call({"assign_task", "task_id=t", "description=x", "auto_execute=yes"}), "code") == "wrong_type");
  CHECK(text_in(call({"assign_task", "task_id"}), "code") == "bad_value");
  CHECK(text_in(call({"assign_tsk", "task_id=t"}), "code") == "bad_value");
}

TEST_CASE("call reads a file too") {
  const folder f;
  const std::string file = f.write("request.json", R"({"tool_name":"claude_assistant","action":"execute_queue"})");
  const auto r = cobatch_run({"call", file, "--root", f.str()});
  CHECK(r.code == exit_success);
  CHECK(*r.json().find("task_count") == json::value(0));
}

TEST_CASE("assign stores a task, --open and --no-execute leave its batch open") {
  const folder f;
  const auto one = cobatch_run({"assign", "t1", "Do it", "--batch", "b", "--open", "--priority", "high", "--context",
                                R"({"k":1})", "--root", f.str(), "--json"});
  CHECK(one.code == exit_success);
  CHECK(text_in(one.json(), "batch_status") == "open");
  CHECK(text_in(cobatch_run({"assign", "t2", "x", "--batch", "c", "--no-execute", "--root", f.str(), "--json"}).json(),
                "batch_status") == "open");
  const auto last = cobatch_run({"assign", "t3", "x", "--batch", "b", "--root", f.str()});
  CHECK(last.code == exit_success);
  CHECK(last.out.find("number 2 of batch 'b'") != std::string::npos);
  const auto refused = cobatch_run({"assign", "t1", "Something else", "--root", f.str()});
  CHECK(refused.code == exit_refused);
  CHECK(refused.out.empty());
  CHECK(refused.err.find("task_exists") != std::string::npos);
}

TEST_CASE("assign takes a whole batch from a file or standard input, as an array or an object") {
  const folder f;
  const std::string file = f.write("tasks.json", three_done);
  const auto from_file = cobatch_run({"assign", "--file", file, "--batch", "b", "--root", f.str(), "--json"});
  CHECK(from_file.code == exit_success);
  CHECK(*from_file.json().find("task_count") == json::value(3));
  CHECK(text_in(from_file.json(), "batch_id") == "b");
  const auto from_input = cobatch_run({"assign", "--file", "-", "--open", "--root", f.str(), "--json"},
                                      R"([{"task_id":"d","description":"D"}])");
  CHECK(from_input.code == exit_success);
  CHECK(text_in(from_input.json(), "batch_status") == "open");
  CHECK(cobatch_run({"assign", "--file", "-", "--root", f.str()}, "17").code == exit_usage);
  CHECK(cobatch_run({"assign", "--file", f.str() + "/none", "--root", f.str()}).code == exit_usage);
}

TEST_CASE("run runs a batch to its end, tells a line a task, and exits with 0") {
  const folder f;
  const std::string program = agent_program(f);
  cobatch_run({"assign", "--file", "-", "--batch", "b", "--open", "--root", f.str()}, three_done);
  const auto r = cobatch_run({"run", "b", "--root", f.str(), "--agent", "command", "--exec", program});
  CHECK(r.code == exit_success);
  CHECK(r.out.find('\x1b') == std::string::npos);
  CHECK(r.out.find("1 session, 3 turns: 3 done.") != std::string::npos);
  for (const char* task : {"   1  a  done", "   2  b  done", "   3  c  done"})
    CHECK(r.out.find(task) != std::string::npos);
  const auto status = cobatch_run({"status", "b", "--root", f.str(), "--json"});
  CHECK(text_in(status.json(), "batch_status") == "finished");
}

TEST_CASE("run exits with 1 if a task ended in error, and its JSON names it") {
  const folder f;
  const std::string program = agent_program(f);
  cobatch_run({"assign", "good", "x", "--batch", "b", "--open", "--root", f.str()});
  cobatch_run({"assign", "bad", "x", "--batch", "b", "--root", f.str()});
  const auto r = cobatch_run({"run", "--root", f.str(), "--agent", "command", "--exec", program, "--json"});
  CHECK(r.code == exit_refused);
  const json::value body = r.json();
  CHECK(text_in(body, "status") == "error");
  REQUIRE(body.find("tasks")->as_array()->size() == 2);
  CHECK(text_in((*body.find("tasks")->as_array())[0], "status") == "done");
  CHECK(text_in((*body.find("tasks")->as_array())[1], "status") == "error");
  CHECK(*body.find("tasks_left") == json::value(0));
}

TEST_CASE("the JSON of run has tokens and answer of each task, as every list of results") {
  const folder f;
  cobatch_run({"assign", "--file", "-", "--batch", "b", "--root", f.str()}, three_done);
  const auto r = cobatch_run(
      {"run", "--root", f.str(), "--agent", "command", "--exec", agent_program(f), "--linger", "0", "--json"});
  const json::value body = r.json();
  const auto listed = cobatch_run({"call", "get_all_results", "--root", f.str()}).json();
  REQUIRE(body.find("tasks")->as_array()->size() == 3);
  for (const auto& task : *body.find("tasks")->as_array()) {
    CHECK(*task.find("tokens_input") == json::value(1010));
    CHECK(*task.find("tokens_output") == json::value(20));
    CHECK(*task.find("tokens_cache_read") == json::value(500));
    CHECK(text_in(task, "output").starts_with("\x1b[31mhello "));
    CHECK(task == *listed.find("results")->find(text_in(task, "task_id")));
  }
}

TEST_CASE("run with nothing to run succeeds") {
  const folder f;
  const auto r = cobatch_run({"run", "--root", f.str(), "--agent", "scripted", "--json"});
  CHECK(r.code == exit_success);
  CHECK(*r.json().find("turns") == json::value(0));
}

TEST_CASE("run says that the day's budget is spent, which no status knows of") {
  const folder f;
  cobatch_run({"assign", "a", "x", "--batch", "b", "--open", "--root", f.str()});
  cobatch_run({"assign", "c", "x", "--batch", "b", "--root", f.str()});
  const auto script = f.write("script.json", R"({"otherwise":{"usage":{"input_tokens":90,"output_tokens":10}}})");
  const auto r =
      cobatch_run({"run", "--root", f.str(), "--agent", "scripted", "--script", script, "--day-tokens", "100"});
  CHECK(r.code == exit_unfinished);
  CHECK_MESSAGE(r.out.find("waiting: today: budget: 100 of 100 tokens are used") != std::string::npos, r.out);
  CHECK_MESSAGE(r.out.find(" 1 task is left in b. Today: budget: 100 of 100 tokens are used") != std::string::npos,
                r.out);
  CHECK(r.out.find("cobatch status tells why") == std::string::npos);
  const auto again = cobatch_run(
      {"run", "--root", f.str(), "--agent", "scripted", "--script", script, "--day-tokens", "100", "--json"});
  CHECK(text_in(again.json(), "message").find("1 task is left in b. Today: budget: 100 of") != std::string::npos);
}

TEST_CASE("run of a batch that has failed says so and what helps, and without a name which batches are open") {
  const folder f;
  const std::vector<std::string> run{"run", "b", "--root", f.str(), "--agent", "command", "--exec", agent_program(f)};
  cobatch_run({"assign", "bad", "x", "--batch", "b", "--root", f.str()});
  cobatch_run(run);
  const auto again = cobatch_run(run);
  CHECK(again.code == exit_refused);
  for (const char* part : {"of batch b no task waits (1 error)", "cobatch status b", "retry_batch batch_id=b"})
    CHECK_MESSAGE(again.out.find(part) != std::string::npos, again.out);
  cobatch_run({"assign", "c", "x", "--batch", "later", "--open", "--root", f.str()});
  const auto all = cobatch_run({"run", "--root", f.str(), "--agent", "scripted"});
  CHECK(all.code == exit_success);
  CHECK_MESSAGE(all.out.find("Still open: later. cobatch run BATCH") != std::string::npos, all.out);
}

TEST_CASE("the JSON of run shows tasks as they are at its end") {
  const folder f;
  cobatch_run({"assign", "a", "x", "--batch", "b", "--root", f.str()});
  const std::string reset =
      f.write("agent",
              "#!/bin/sh\nread task\necho "
              "'{\"type\":\"result\",\"task_id\":\"a\",\"turn\":1,\"status\":\"error\",\"output\":\"no\"}'\n"
              "read rest\n'" +
                  paths::program + "' call reset_task task_id=a --root '" + f.str() +
                  "' >/dev/null\n"
                  "'" +
                  paths::program + "' call cancel_task task_id=a --root '" + f.str() + "' >/dev/null\n",
              0700);
  const auto r =
      cobatch_run({"run", "b", "--root", f.str(), "--agent", "command", "--exec", reset, "--linger", "0", "--json"});
  const auto said = r.json();
  REQUIRE(said.find("tasks")->as_array()->size() == 1);
  const auto listed = cobatch_run({"status", "a", "--root", f.str(), "--json"}).json();
  CHECK_MESSAGE(text_in(said.find("tasks")->as_array()->front(), "status") == text_in(listed, "task_status"), r.out);
}

TEST_CASE("run says once that a lock file is in the way, and at its end what is left") {
  const folder f;
  cobatch_run({"assign", "a", "x", "--batch", "b", "--root", f.str()});
  f.write("data/execute_queue.lock", R"({"created_at":"2025-11-07","pid":1,"note":"x"})");
  child run({paths::program, "run", "--root", f.str(), "--agent", "scripted", "--wait"});
  const std::string waits = run.line_with("waiting:");
  CHECK(waits.find("did not write") != std::string::npos);
  run.signal(SIGINT);
  CHECK(run.wait() == exit_unfinished);
  CHECK_MESSAGE((run.out() + run.err()).find("did not write") == std::string::npos, (run.out() + run.err()));
  CHECK_MESSAGE(run.out().find(" 1 task is left in b. Stopped on request;") != std::string::npos, run.out());
}

TEST_CASE("a stop that goes to a whole process group charges no attempt") {
  const folder f;
  const std::string said = f.str() + "/said";
  REQUIRE(::mkfifo(said.c_str(), 0600) == 0);
  int stop = SIGTERM;
  SUBCASE("as a service is stopped") {}
  SUBCASE("as a terminal is closed") { stop = SIGHUP; }
  const std::string program = f.write("agent", "#!/bin/sh\nread task\necho $$ >said\nread nothing\n", 0700);
  cobatch_run({"assign", "a", "x", "--batch", "b", "--root", f.str()});
  child run({paths::program, "run", "--root", f.str(), "--agent", "command", "--exec", program});
  pid_t agent = 0;
  std::ifstream(said) >> agent;
  REQUIRE(agent > 0);
  ::kill(agent, stop);
  run.signal(stop);
  CHECK(run.wait() == exit_unfinished);
  CHECK_MESSAGE(run.out().find("Stopped on request") != std::string::npos, run.out());
  auto place = workspace::open({.root = f.path()}).value();
  const auto task = place.task(task_id("a"))->task;
  CHECK(task.state == task_state::queued);
  CHECK(task.counts == attempt_counts{});
  CHECK(place.turns({})->back().end == turn_end::stopped);
}

TEST_CASE("a terminal that is closed is one stop, however often its signal comes") {
  const folder f;
  const std::string said = f.str() + "/said", go = f.str() + "/go";
  for (const auto& pipe : {said, go}) REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const std::string program = f.write(
      "agent",
      "#!/bin/sh\nread task\necho up >'" + said + "'\nread go <'" + go +
          "'\necho '{\"type\":\"result\",\"task_id\":\"a\",\"turn\":1,\"status\":\"done\",\"output\":\"x\"}'\nread "
          "rest\n",
      0700);
  cobatch_run({"assign", "a", "x", "--batch", "b", "--root", f.str()});
  child run({paths::program, "run", "--root", f.str(), "--agent", "command", "--exec", program});
  std::string word;
  std::ifstream(said) >> word;
  REQUIRE(word == "up");
  for (int i = 0; i < 3; ++i) {
    run.signal(SIGHUP);
    await_taken(run.pid());
  }
  std::ofstream(go) << "go\n";
  CHECK(run.wait() == exit_unfinished);
  CHECK_MESSAGE(run.out().find(" 1 done") != std::string::npos, run.out());
}

TEST_CASE("a project folder that is none is a mistake of the command line, and nothing is made") {
  const folder f;
  const std::string file = f.write("file", "");
  for (const std::string& root : {f.str() + "/none", file})
    for (const std::vector<std::string>& words : {std::vector<std::string>{"status"},
                                                  {"assign", "a", "b"},
                                                  {"unlock"},
                                                  {"run", "--agent", "scripted"},
                                                  {"serve", "--agent", "scripted", "--port", "0"},
                                                  {"engine", "--agent", "scripted"},
                                                  {"savings", "b"},
                                                  {"import", f.str()},
                                                  {"import", f.str(), "--dry-run"}}) {
      CAPTURE(words.front());
      std::vector<std::string> arguments = words;
      arguments.insert(arguments.end(), {"--root", root});
      const auto plain = cobatch_run(arguments);
      CHECK(plain.code == exit_usage);
      CHECK(plain.out.empty());
      for (const std::string& part : {"there is no folder '" + root + "'", std::string("COBATCH_ROOT")})
        CHECK_MESSAGE(plain.err.find(part) != std::string::npos, plain.err);
      arguments.emplace_back("--json");
      const auto r = cobatch_run(arguments);
      CHECK(r.code == exit_usage);
      CHECK(text_in(r.json(), "code") == "bad_value");
    }
  CHECK_FALSE(std::filesystem::exists(f.path() / "none"));
}

TEST_CASE("run refuses an unknown batch") {
  const folder f;
  const auto r = cobatch_run({"run", "none", "--root", f.str(), "--agent", "scripted", "--json"});
  CHECK(r.code == exit_refused);
  CHECK(text_in(r.json(), "code") == "batch_not_found");
}

TEST_CASE("run exits with 6 if a batch is left that names another agent") {
  const folder f;
  cobatch_run({"assign", "t", "x", "--batch", "b", "--agent", "command", "--root", f.str()});
  const auto r = cobatch_run({"run", "--root", f.str(), "--agent", "scripted", "--json"});
  CHECK(r.code == exit_unfinished);
  CHECK(*r.json().find("tasks_left") == json::value(1));
}

TEST_CASE("without an agent, run and engine exit with 5 and say how to choose one") {
  const folder f;
  for (const std::string name : {"run", "engine"}) {
    const auto r = cobatch_run({name, "--root", f.str()}, {}, without_claude(f));
    CHECK(r.code == exit_no_agent);
    CHECK(r.err.find("--exec PROGRAM") != std::string::npos);
    CHECK(text_in(cobatch_run({name, "--root", f.str(), "--json"}, {}, without_claude(f)).json(), "code") ==
          "agent_missing");
  }
  CHECK(cobatch_run({"run", "--root", f.str(), "--agent", "command", "--exec", "/no/such/program"}).code ==
        exit_no_agent);
}

TEST_CASE("the program of claude, codex and gemini can be given by its path, without a shell") {
  const folder f;
  const auto answer = [](const std::string& line) { return "#!/bin/sh\nread -r task\necho '" + line + "'\n"; };
  const std::map<std::string, std::string> programs{
      {"claude", answer(R"({"type":"result","subtype":"success","is_error":false,"session_id":"s","result":"ok"})")},
      {"codex", answer(R"({"type":"item.completed","item":{"type":"agent_message","text":"ok"}}'; )"
                       R"(echo '{"type":"turn.completed","usage":{"input_tokens":1,"output_tokens":1}})")},
      {"gemini", answer(R"({"type":"message","role":"assistant","content":"ok"}'; )"
                        R"(echo '{"type":"result","status":"success","stats":{}})")}};
  for (const auto& [agent, script] : programs) {
    CAPTURE(agent);
    const std::string program = f.write("my " + agent + " $HOME", script, 0700);
    cobatch_run({"assign", agent, "x", "--batch", agent, "--root", f.str()});
    const auto r = cobatch_run({"run", agent, "--root", f.str(), "--agent", agent, "--exec", program, "--linger", "0"});
    CHECK_MESSAGE(r.out.find("1 session, 1 turn: 1 done.") != std::string::npos, (r.out + r.err));
  }
  CHECK(cobatch_run({"run", "--root", f.str(), "--agent", "claude", "--exec", "/bin/true", "--exec-arg", "x"}).code ==
        exit_usage);
}

TEST_CASE("status tells of the workspace, of a batch and of a task, and never prints an agent's text raw") {
  const folder f;
  cobatch_run({"assign", "t", "x", "--batch", "b", "--root", f.str()});
  cobatch_run({"run", "--root", f.str(), "--agent", "command", "--exec", agent_program(f), "--linger", "0"});
  const auto all = cobatch_run({"status", "--root", f.str(), "--json"});
  CHECK(all.code == exit_success);
  CHECK(*all.json().find("tasks")->find("done") == json::value(1));
  CHECK(all.json().find("lock") != nullptr);
  CHECK(cobatch_run({"status", "--root", f.str()}).code == exit_success);
  CHECK(text_in(cobatch_run({"status", "b", "--root", f.str(), "--json"}).json(), "batch_status") == "finished");
  CHECK(text_in(cobatch_run({"status", "t", "--root", f.str(), "--json"}).json(), "task_status") == "done");
  const auto task = cobatch_run({"status", "t", "--root", f.str()});
  CHECK(task.out.find("\\x1b[31mhello x") != std::string::npos);
  CHECK(task.out.find('\x1b') == std::string::npos);
  const auto none = cobatch_run({"status", "none", "--root", f.str(), "--json"});
  CHECK(none.code == exit_refused);
  CHECK(text_in(none.json(), "code") == "task_not_found");
}

TEST_CASE("status of a batch and of the workspace say alike that a session was cut off") {
  const folder f;
  cobatch_run({"assign", "t", "x", "--batch", "b", "--root", f.str()});
  {
    auto place = workspace::open({.root = f.path()});
    REQUIRE(place);
    // What a session leaves that dies with its keeper: its row, and nobody with the lock.
    REQUIRE(place->storage().claim({.nonce = "n", .owner = {"boot", 1, 1, 1}, .serves = {{"test"}, "test"}}));
  }
  for (const std::vector<std::string>& words : {std::vector<std::string>{"status"}, {"status", "b"}}) {
    CAPTURE(words.size());
    auto arguments = words;
    arguments.insert(arguments.end(), {"--root", f.str()});
    const auto text = cobatch_run(arguments).out;
    CHECK_MESSAGE(text.find("cut off") != std::string::npos, text);
    CHECK_MESSAGE(text.find("running") == std::string::npos, text);
    arguments.emplace_back("--json");
    const auto said = cobatch_run(arguments).json();
    const json::value batch = words.size() == 2 ? said : said.find("unfinished_batches")->as_array()->front();
    REQUIRE(batch.find("cut_off") != nullptr);
    CHECK(*batch.find("cut_off") == json::value(true));
    CHECK(said.find("session") == nullptr);
  }
}

TEST_CASE("a command that only looks makes nothing where no workspace is, and says how to make one") {
  const folder f;
  const std::string elsewhere = f.str() + "/state";
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"status"}, {"status", "b"}, {"savings", "b"}, {"unlock"}, {"doctor", "b"}})
    for (const std::vector<std::string>& where : {std::vector<std::string>{}, {"--state", elsewhere}}) {
      CAPTURE(words.front());
      auto arguments = words;
      arguments.insert(arguments.end(), {"--root", f.str()});
      arguments.insert(arguments.end(), where.begin(), where.end());
      const auto r = cobatch_run(arguments);
      arguments.emplace_back("--json");
      const auto in_json = cobatch_run(arguments).json();
      CHECK(std::filesystem::is_empty(f.path()));
      if (words.front() == "doctor") continue;  // of what is not there yet it tells in its own way
      CHECK(r.code == exit_usage);
      CHECK(r.out.empty());
      CHECK_MESSAGE(r.err.find("there is no workspace in " + f.str()) != std::string::npos, r.err);
      CHECK(r.err.find("cobatch assign") != std::string::npos);
      CHECK(text_in(in_json, "code") == "bad_value");
    }
  cobatch_run({"assign", "t", "x", "--root", f.str(), "--state", elsewhere});
  CHECK(cobatch_run({"status", "--root", f.str(), "--state", elsewhere}).code == exit_success);
}

TEST_CASE("unlock removes a lock file where no workspace is and makes none, status and savings tell of it") {
  const folder f;
  std::filesystem::create_directory(f.path() / "data");
  f.write("data/execute_queue.lock", "somebody's");
  for (const std::vector<std::string>& words : {std::vector<std::string>{"status"}, {"savings", "b"}}) {
    auto arguments = words;
    arguments.insert(arguments.end(), {"--root", f.str()});
    const auto r = cobatch_run(arguments);
    CHECK(r.code == exit_usage);
    CHECK_MESSAGE(r.err.find("cobatch unlock removes it") != std::string::npos, r.err);
  }
  const auto r = cobatch_run({"unlock", "--root", f.str(), "--json"});
  CHECK(r.code == exit_success);
  CHECK(*r.json().find("removed_marker") == json::value(true));
  CHECK(std::filesystem::is_empty(f.path() / "data"));
}

TEST_CASE("unlock without a lock is refused, a foreign marker is explained by status and removed by unlock") {
  const folder f;
  cobatch_run({"assign", "t", "x", "--root", f.str()});
  CHECK(text_in(cobatch_run({"unlock", "--root", f.str(), "--json"}).json(), "code") == "no_marker");
  f.write("data/execute_queue.lock", R"({"created_at":"2025-11-07","pid":1,"note":"x"})");
  CHECK(cobatch_run({"status", "--root", f.str()}).out.find("execute_queue.lock") != std::string::npos);
  const auto r = cobatch_run({"unlock", "--root", f.str(), "--json"});
  CHECK(r.code == exit_success);
  CHECK(*r.json().find("removed_marker") == json::value(true));
  CHECK_FALSE(std::filesystem::exists(f.path() / "data/execute_queue.lock"));
}

TEST_CASE("run returns 6 at once where a lock file of others is, says what to do, and waits only with --wait") {
  const folder f;
  const std::string program = agent_program(f);
  cobatch_run({"assign", "a", "A", "--batch", "b", "--root", f.str()});
  const std::string marker = f.write("data/execute_queue.lock", "somebody");
  const std::vector<std::string> run{"run", "b", "--root", f.str(), "--agent", "command", "--exec", program};
  const auto r = cobatch_run(run);
  CHECK(r.code == exit_unfinished);
  CHECK(r.out.find("cobatch unlock") != std::string::npos);
  CHECK(r.out.find("1 task is left in b") != std::string::npos);
  CHECK(r.out.find("did not write") == r.out.rfind("did not write"));
  CHECK_MESSAGE(r.out.find("cobatch run --wait") != std::string::npos, r.out);
  auto as_json = run;
  as_json.emplace_back("--json");
  const auto j = cobatch_run(as_json);
  CHECK(j.code == exit_unfinished);
  CHECK(text_in(j.json(), "message").find("cobatch unlock") != std::string::npos);

  std::vector<std::string> waiting{paths::program};
  waiting.insert(waiting.end(), run.begin(), run.end());
  waiting.emplace_back("--wait");
  child waits(waiting);
  CHECK_FALSE(waits.line_with("cobatch unlock").empty());
  std::filesystem::remove(marker);
  CHECK(waits.wait() == exit_success);
  CHECK(text_in(cobatch_run({"status", "a", "--root", f.str(), "--json"}).json(), "task_status") == "done");
}

TEST_CASE("savings prints the guide's table, every figure of it, and the modelled ones beside it") {
  const auto r = cobatch_run({"savings"});
  CHECK(r.code == exit_success);
  for (const char* figure : {"94K", "48.5K", "48 %", "140K", "50.3K", "64 %", "235K", "54K", "77 %", "470K", "63K",
                             "87 %", "140.3K", "145.8K", "50.7 % saved", "5.0 % more"})
    CHECK_MESSAGE(r.out.find(figure) != std::string::npos, figure);
  const auto with_json = cobatch_run({"savings", "--json"});
  CHECK(text_in(with_json.json(), "basis") == "modelled");
  REQUIRE(with_json.json().find("rows")->as_array()->size() == 4);
  CHECK(*(*with_json.json().find("rows")->as_array())[1].find("guide_percent") == json::value(64));
}

TEST_CASE("savings of a batch are measured, of one without figures they are refused") {
  const folder f;
  cobatch_run({"assign", "--file", "-", "--batch", "b", "--root", f.str()}, three_done);
  CHECK(text_in(cobatch_run({"savings", "b", "--root", f.str(), "--json"}).json(), "code") == "no_usage");
  cobatch_run({"run", "--root", f.str(), "--agent", "command", "--exec", agent_program(f), "--linger", "0"});
  const auto r = cobatch_run({"savings", "b", "--root", f.str(), "--json"});
  CHECK(r.code == exit_success);
  CHECK(text_in(r.json(), "basis") == "measured");
  CHECK(*r.json().find("tokens_cache_read") == json::value(1500));
  CHECK(cobatch_run({"savings", "b", "--root", f.str()}).code == exit_success);
  CHECK(text_in(cobatch_run({"savings", "none", "--root", f.str(), "--json"}).json(), "code") == "batch_not_found");
}

}  // namespace cobatch_test
