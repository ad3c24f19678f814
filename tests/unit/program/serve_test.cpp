// The real server: what it says at the start, what it runs, and how it ends.
#include <optional>

#include "os/presence.hpp"
#include "program/commands.hpp"
#include "unit/program/http_client.hpp"
#include "unit/program/support.hpp"

namespace cobatch_test {

using namespace program;

namespace {

// The command, with so few descriptors as its hard limit.
std::vector<std::string> with_open_files(int most, std::vector<std::string> argv) {
  argv.insert(argv.begin(), {"/bin/sh", "-c", "ulimit -n " + std::to_string(most) + " && exec \"$@\"", "sh"});
  return argv;
}

const std::string call_for_b = http_request(
    "POST", "/execute_task", {},
    R"({"tool_name":"claude_assistant","action":"wait_batch","params":{"batch_id":"b","timeout_seconds":40}})");

// `cobatch serve` on a free port, once it has said which.
class served {
 public:
  explicit served(const folder& f, std::vector<std::string> more, const std::string& command = "serve",
                  const std::map<std::string, std::string>& environment = {}, int open_files = 0) {
    std::vector<std::string> argv{paths::program, command, "--root", f.str(), "--json"};
    if (command == "serve") argv.insert(argv.end(), {"--port", "0"});
    argv.insert(argv.end(), more.begin(), more.end());
    program_.emplace(open_files == 0 ? argv : with_open_files(open_files, argv), environment);
    auto parsed = json::parse(program_->line());
    REQUIRE(parsed);
    about_ = std::move(*parsed);
  }
  [[nodiscard]] const json::value& about() const { return about_; }
  [[nodiscard]] int port() const { return static_cast<int>(*about_.find("port")->as_int()); }
  child& program() { return *program_; }

  json::value ask(std::string_view action, const std::string& params) {
    const auto r = http_client(port()).post(R"({"tool_name":"claude_assistant","action":")" + std::string(action) +
                                            R"(","params":)" + params + "}");
    REQUIRE(r);
    REQUIRE(r->status == 200);
    return std::move(*json::parse(r->body));
  }

 private:
  std::optional<child> program_;
  json::value about_;
};

std::string slow_agent(const folder& f) {
  return f.write("slow.py",
                 "#!/usr/bin/env python3\n"
                 "import os, sys, time\n"
                 "sys.stdin.readline()\n"
                 "open(os.environ['STARTED'], 'w').close()\n"
                 "time.sleep(600)\n",
                 0700);
}

}  // namespace

TEST_CASE("the guide's three calls run in one session, and the server ends with 0 when asked") {
  const folder f;
  served server(f, {"--agent", "scripted"});
  for (int i = 1; i <= 3; ++i)
    server.ask("assign_task", R"({"task_id":"create_doc_)" + std::to_string(i) +
                                  R"(","description":"d","batch_id":"b","auto_execute":)" +
                                  (i == 3 ? "true" : "false") + "}");
  const auto ended = server.ask("wait_batch", R"({"batch_id":"b","timeout_seconds":40})");
  CHECK(*ended.find("ended") == json::value(true));
  const auto first = server.ask("get_task_result", R"({"task_id":"create_doc_1"})");
  const auto last = server.ask("get_task_result", R"({"task_id":"create_doc_3"})");
  CHECK(*first.find("result")->find("session") == *last.find("result")->find("session"));
  CHECK_FALSE(std::filesystem::exists(f.path() / "data/execute_queue.lock"));
  server.program().signal(SIGTERM);
  CHECK(server.program().wait() == exit_success);
}

TEST_CASE("serve says where it listens, for which workspace, with which agent, and how to stop it") {
  const folder f;
  child program({paths::program, "serve", "--root", f.str(), "--port", "0", "--agent", "scripted"});
  CHECK(program.line().find("http://localhost:") != std::string::npos);
  CHECK(program.line().find(std::filesystem::canonical(f.path()).string()) != std::string::npos);
  CHECK(program.line().find("scripted agent: demo figures, no model is asked") != std::string::npos);
  CHECK(program.line().find("Ctrl-C") != std::string::npos);
  program.signal(SIGINT);
  CHECK(program.wait() == exit_success);
}

TEST_CASE("a server that has said that it is ready is known to run tasks") {
  const folder f;
  served server(f, {"--agent", "scripted"});
  const auto alive = live_engines(f.path() / "data/.cobatch");
  REQUIRE(alive);
  REQUIRE(alive->size() == 1);
  CHECK(alive->front().pid == server.program().pid());
  CHECK(alive->front().agents == std::vector<std::string>{"scripted"});
}

TEST_CASE("a server whose prices cannot be read never says that it is ready") {
  const folder f;
  const auto failed = cobatch_run({"serve", "--root", f.str(), "--port", "0", "--agent", "scripted", "--prices",
                                   f.write("prices.json", "no prices")});
  CHECK(failed.code != exit_success);
  CHECK(failed.out.empty());
}

TEST_CASE("what a batch cost is answered over HTTP at the server's prices, or at those of the request") {
  const folder f;
  served server(
      f, {"--agent", "scripted", "--script",
          f.write("script.json", R"({"otherwise":{"model":"m","usage":{"input_tokens":100,"output_tokens":10}}})"),
          "--prices", f.write("prices.json", R"({"m":{"input_cost_per_token":0.001,"output_cost_per_token":0.01}})")});
  server.ask("assign_task", R"({"task_id":"t","description":"d","batch_id":"b"})");
  server.ask("wait_batch", R"({"batch_id":"b","timeout_seconds":40})");
  const auto cost_with = [&](const std::string& more) {
    const auto r = server.ask("savings", R"({"batch_id":"b")" + more + "}");
    REQUIRE_MESSAGE(r.find("total") != nullptr, json::write(r));
    const json::value* cost = r.find("total")->find("cost_usd");
    return cost == nullptr ? std::string() : json::write(*cost);
  };
  CHECK(cost_with("") == "0.2");
  CHECK(cost_with(R"(,"prices":{"m":{"input_cost_per_token":0.01,"output_cost_per_token":0}})") == "1");
  CHECK(cost_with(R"(,"prices":{})").empty());
}

TEST_CASE("without an agent, serve accepts tasks, runs none, and says how to choose one") {
  const folder f;
  served server(f, {}, "serve", {{"PATH", f.str()}});
  CHECK(*server.about().find("engine") == json::value(false));
  const auto r = server.ask("assign_task", R"({"task_id":"t","description":"d"})");
  CHECK(text_in(r, "status") == "success");
  REQUIRE(r.find("warnings") != nullptr);
  CHECK(json::write(*r.find("warnings")).find("no_engine") != std::string::npos);
  server.program().signal(SIGTERM);
  CHECK(server.program().wait() == exit_success);

  child plain({paths::program, "serve", "--root", f.str(), "--port", "0"}, {{"PATH", f.str()}});
  CHECK_FALSE(plain.line_with("--exec PROGRAM").empty());
}

TEST_CASE("a port in use exits with 4 and says what to do") {
  const folder f, g;
  served server(f, {"--no-engine"});
  const auto second = cobatch_run({"serve", "--root", g.str(), "--port", std::to_string(server.port()), "--no-engine"});
  CHECK(second.code == exit_port);
  CHECK(second.err.find("port_in_use") != std::string::npos);
  CHECK(second.err.find("--port") != std::string::npos);
}

TEST_CASE("SIGTERM ends the waits with a reply that says why, and the server at once, with 0") {
  const folder f;
  served server(f, {"--no-engine"});
  server.ask("assign_task", R"({"task_id":"t","description":"d","batch_id":"b"})");
  std::vector<http_client> waiting;
  for (int i = 0; i < 20; ++i) waiting.emplace_back(server.port());
  // Each connection is known to be served before anything is sent that must be read before the signal is.
  for (auto& client : waiting) REQUIRE(client.get("/health"));
  for (auto& client : waiting) client.send(call_for_b);
  server.ask("lock_status", "{}");
  server.program().signal(SIGTERM);
  for (auto& client : waiting) {
    const auto r = client.next();
    REQUIRE(r);
    CHECK(r->status == 200);
    CHECK(r->header("Connection") == "close");
    const auto body = json::parse(r->body);
    REQUIRE(body);
    CHECK(*body->find("ended") == json::value(false));
    CHECK(text_in(*body, "message").find("is stopping") != std::string::npos);
  }
  CHECK(server.program().wait() == exit_success);
}

TEST_CASE("with few descriptors, waits in great number leave the sessions theirs") {
  const folder f;
  served server(f, {"--agent", "scripted", "--linger", "0"}, "serve", {}, 256);
  server.ask("assign_task", R"({"task_id":"t","description":"d","batch_id":"b","auto_execute":false})");
  std::vector<http_client> clients;
  for (int i = 0; i < 200; ++i) {
    clients.emplace_back(server.port());
    clients.back().send(call_for_b);
  }
  // The last is turned away at once, and the batch runs although no place is free.
  const auto last = clients.back().next();
  REQUIRE(last);
  CHECK(last->status == 503);
  CHECK(last->header("Retry-After") == "1");
  clients.pop_back();
  REQUIRE(cobatch_run({"call", "seal_batch", "batch_id=b", "--root", f.str()}).code == exit_success);
  int ended = 0;
  for (auto& client : clients)
    if (const auto r = client.next();
        r && r->status == 200 && *json::parse(r->body)->find("ended") == json::value(true))
      ++ended;
  CHECK(ended == 128);
  clients.clear();
  CHECK(text_in(server.ask("check_task_status", R"({"task_id":"t"})"), "task_status") == "done");
  server.program().signal(SIGTERM);
  CHECK(server.program().wait() == exit_success);
}

TEST_CASE("with too few descriptors the server does not start, and says what it needs") {
  const folder f;
  child program(with_open_files(64, {paths::program, "serve", "--root", f.str(), "--port", "0", "--no-engine"}));
  CHECK(program.wait() == exit_fault);
  CHECK(program.err().find("ulimit -n") != std::string::npos);
}

TEST_CASE("unlock --force ends a session that runs, and its task stays queued") {
  const folder f;
  const auto started = f.path() / "started";
  cobatch_run({"assign", "t", "x", "--batch", "b", "--root", f.str()});
  served engine(f, {"--agent", "command", "--exec", slow_agent(f), "--linger", "0"}, "engine",
                {{"STARTED", started.string()}});
  await_file(started);
  CHECK(cobatch_run({"unlock", "--root", f.str()}).code == exit_refused);
  const auto forced = cobatch_run({"unlock", "--force", "--root", f.str(), "--json"});
  CHECK(forced.code == exit_success);
  CHECK(*forced.json().find("session_cancelled") == json::value(true));
  engine.program().signal(SIGTERM);
  engine.program().signal(SIGTERM);
  CHECK(engine.program().wait() == exit_success);
}

TEST_CASE("during a run execute_queue answers already_running") {
  const folder f;
  const auto started = f.path() / "started";
  served server(f, {"--agent", "command", "--exec", slow_agent(f), "--linger", "0"}, "serve",
                {{"STARTED", started.string()}});
  server.ask("assign_task", R"({"task_id":"t","description":"d","batch_id":"b"})");
  await_file(started);
  const auto r = server.ask("execute_queue", "{}");
  CHECK(text_in(r, "status") == "already_running");
  CHECK(text_in(r, "batch_id") == "b");
  CHECK(*server.ask("lock_status", "{}").find("locked") == json::value(true));
  CHECK(text_in(server.ask("cancel_task", R"({"task_id":"t"})"), "previous_status") == "in_progress");
  CHECK(*server.ask("wait_batch", R"({"batch_id":"b","timeout_seconds":40})").find("ended") == json::value(true));
  server.program().signal(SIGTERM);
  CHECK(server.program().wait() == exit_success);
}

TEST_CASE("a workspace that is replaced under a server ends it with 3 and the reason") {
  const folder f;
  served server(f, {"--agent", "scripted", "--linger", "0"});
  server.ask("assign_task", R"({"task_id":"before","description":"d","batch_id":"b"})");
  CHECK(*server.ask("wait_batch", R"({"batch_id":"b","timeout_seconds":40})").find("ended") == json::value(true));
  std::filesystem::rename(f.path() / "data", f.path() / "moved");
  std::filesystem::create_directory(f.path() / "data");
  // Any sealed task in the old store wakes the engine, which looks at its workspace before it starts anything.
  http_client client(server.port());
  client.post(R"({"tool_name":"claude_assistant","action":"assign_task","params":{"task_id":"t","description":"d"}})");
  CHECK(server.program().wait() == exit_fault);
  CHECK_MESSAGE(server.program().err().find("workspace_replaced") != std::string::npos, server.program().err());
}

}  // namespace cobatch_test
