// What `assign` says of how tasks run, and how `status` shows it.
#include "os/guard.hpp"
#include "program/commands.hpp"
#include "store/store.hpp"
#include "unit/program/stand_in.hpp"

namespace cobatch_test {

using namespace program;

TEST_CASE("assign says how its task is to be run, and what the batch is to be like") {
  const folder f;
  cobatch_run({"assign", "a", "x", "--batch", "b", "--open", "--root", f.str()});
  const auto r = cobatch_run({"assign",
                              "t",
                              "x",
                              "--batch",
                              "b",
                              "--need",
                              "a",
                              "--check",
                              "pytest",
                              "--check-arg",
                              "tests",
                              "--check-arg=-q",
                              "--model",
                              "small",
                              "--tool",
                              "Read",
                              "--tool",
                              "Grep",
                              "--way",
                              "separate",
                              "--agent",
                              "mine",
                              "--on-error",
                              "stop",
                              "--time-limit",
                              "90",
                              "--budget-usd",
                              "2.50",
                              "--budget-tokens",
                              "1000",
                              "--budget-minutes",
                              "0.5",
                              "--budget-unknown",
                              "allow",
                              "--preamble",
                              "All of it.",
                              "--context-file",
                              "a.md",
                              "--context-file",
                              "b/c.md",
                              "--root",
                              f.str(),
                              "--json"});
  CHECK_MESSAGE(r.code == exit_success, r.out);
  workspace place = open(f);
  const auto task = place.task(task_id("t"));
  REQUIRE(task);
  const task_spec& spec = task->task.spec;
  CHECK(spec.needs == std::vector{task_id("a")});
  CHECK(spec.check == std::vector<std::string>{"pytest", "tests", "-q"});
  CHECK(spec.model == "small");
  CHECK(spec.tools == std::vector<std::string>{"Read", "Grep"});
  CHECK(spec.limit == std::chrono::seconds(90));
  const auto batch = place.batch(batch_id("b"));
  REQUIRE(batch);
  CHECK(batch->batch.agent == "mine");
  CHECK(batch->batch.settings == batch_settings{{},
                                                running_way::separate,
                                                error_rule::stop,
                                                spending_cap{2'500'000'000, 1000, std::chrono::seconds(30), true}});
  const auto shared = place.storage().find_preamble(batch_id("b"));
  REQUIRE(shared);
  CHECK(*shared == preamble{"All of it.", {"a.md", "b/c.md"}});
}

TEST_CASE("what the command line says of a batch goes over what its file says, and its model is the batch's") {
  const folder f;
  const auto r =
      cobatch_run({"assign", "--file", "-", "--way", "fork", "--model", "large", "--root", f.str(), "--json"},
                  R"({"batch_id":"b","way":"separate","model":"small","on_error":"stop",)"
                  R"("tasks":[{"task_id":"t","description":"x"}]})");
  CHECK_MESSAGE(r.code == exit_success, r.out);
  workspace place = open(f);
  CHECK(place.batch(batch_id("b"))->batch.settings == batch_settings{"large", running_way::fork, error_rule::stop, {}});
  CHECK(place.task(task_id("t"))->task.spec.model.empty());
}

TEST_CASE("numbers that are none, and options that do not go together, are refused, and nothing is stored") {
  const folder f;
  const std::vector<std::vector<std::string>> cases{
      {"assign", "t", "x", "--budget-usd", "much", "--root", f.str()},
      {"assign", "t", "x", "--budget-usd", "0.0000000001", "--root", f.str()},
      {"assign", "t", "x", "--budget-tokens", "1.5", "--root", f.str()},
      {"assign", "t", "x", "--budget-unknown", "perhaps", "--root", f.str()},
      {"assign", "t", "x", "--time-limit", "soon", "--root", f.str()},
      {"assign", "t", "x", "--way", "forks", "--root", f.str()},
      {"assign", "t", "x", "--on-error", "panic", "--root", f.str()},
      {"assign", "t", "x", "--check-arg", "-q", "--root", f.str()},
      {"assign", "--file", "x", "--need", "a", "--root", f.str()},
      {"assign", "--file", "x", "--check", "a", "--root", f.str()},
      {"assign", "--file", "x", "--tool", "a", "--root", f.str()},
      {"assign", "--file", "x", "--time-limit", "5", "--root", f.str()}};
  for (const auto& arguments : cases) {
    CAPTURE(arguments[3]);
    const auto r = cobatch_run(arguments);
    CHECK(r.code != exit_success);
    CHECK_FALSE(r.err.empty());
  }
  CHECK(open(f).status()->all.tally.total() == 0);
}

TEST_CASE("status shows what was said of a batch, in the workspace and by its id") {
  const folder f;
  cobatch_run({"assign", "t", "x", "--batch", "b", "--way", "fork", "--on-error", "stop", "--budget-usd", "2.50",
               "--budget-minutes", "30", "--root", f.str()});
  constexpr const char* said = "way fork, on error stop, budget 2.5 usd, 30 minutes\n";
  CHECK(cobatch_run({"status", "--root", f.str()}).out.find(said) != std::string::npos);
  CHECK(cobatch_run({"status", "b", "--root", f.str()}).out.find(said) != std::string::npos);
  cobatch_run({"assign", "u", "x", "--batch", "plain", "--root", f.str()});
  CHECK(cobatch_run({"status", "plain", "--root", f.str()}).out.find("budget") == std::string::npos);
}

TEST_CASE("status shows that a session rests, until when and why") {
  const folder f;
  cobatch_run({"assign", "t", "x", "--batch", "b", "--root", f.str()});
  workspace place = open(f);
  auto lock = guard::open(place.paths().state);
  REQUIRE(lock);
  REQUIRE(*lock->try_acquire());
  const session_record session = begin_session(place);
  constexpr const char* rests = "waits until 2025-11-07T21:45:00.000Z: the limit\\x1b[2J is reached";
  CHECK(cobatch_run({"status", "--root", f.str()}).out.find("waits until") == std::string::npos);
  const session_pause pause{timestamp{1'762'551'900'000}, "the limit\x1b[2J is reached"};
  REQUIRE(place.storage().set_pause(session.id, pause));
  CHECK(cobatch_run({"status", "--root", f.str()}).out.find(rests) != std::string::npos);
  CHECK(cobatch_run({"status", "b", "--root", f.str()}).out.find(rests) != std::string::npos);
}

TEST_CASE("status says of a task that failed, or is tried again, what its latest turn came to") {
  const folder f;
  for (const char* task : {"slow", "fine", "broken", "waiting"})
    cobatch_run({"assign", task, "x", "--batch", "b", "--open", "--root", f.str()});
  cobatch_run({"call", "--root", f.str()},
              R"({"tool_name":"claude_assistant","action":"seal_batch","params":{"batch_id":"b"}})");
  workspace place = open(f);
  const session_record session = begin_session(place);
  for (int attempt = 0; attempt < 2; ++attempt)
    play_turn(place, session, {.end = turn_end::timed_out, .detail = "no result within\x1b the limit of 1 s"});
  play_turn(place, session, {.end = turn_end::done, .detail = "unsaid"});
  play_turn(place, session, {.end = turn_end::broke, .reason = "line_too_long"});

  const auto batch = cobatch_run({"status", "b", "--root", f.str()}).out;
  CHECK_MESSAGE(
      batch.find("slow  error\n      timed_out: no result within\\x1b the limit of 1 s\n") != std::string::npos, batch);
  CHECK(batch.find("fine  done\n   3") != std::string::npos);
  CHECK(batch.find("broken  queued\n      earlier turn broke: line_too_long\n") != std::string::npos);
  CHECK(batch.find("waiting  queued\n") == batch.size() - std::string("waiting  queued\n").size());
  CHECK(cobatch_run({"status", "slow", "--root", f.str()}).out.find("\n      timed_out: no result") !=
        std::string::npos);
}

TEST_CASE("status shows by which rule a task was cancelled") {
  const folder f;
  cobatch_run({"assign", "a", "x", "--batch", "b", "--open", "--root", f.str()});
  cobatch_run({"assign", "t", "x", "--batch", "b", "--need", "a", "--root", f.str()});
  REQUIRE(open(f).cancel(task_id("a")));
  const auto batch = cobatch_run({"status", "b", "--root", f.str()});
  CHECK(batch.out.find("a  cancelled\n") != std::string::npos);
  CHECK(batch.out.find("t  cancelled (need_failed)\n") != std::string::npos);
  CHECK(cobatch_run({"status", "t", "--root", f.str()}).out.find("a task that it needs was not done") !=
        std::string::npos);
}

TEST_CASE("the status of a held batch says why it is held, and how it is let go") {
  const folder f;
  cobatch_run({"assign", "a", "x", "--batch", "b", "--root", f.str()});
  {
    workspace place = open(f);
    const auto session = begin_session(place);
    REQUIRE(place.storage().end_session(session.id, session_end::blocked, "nobody is logged in"));
  }
  const auto r = cobatch_run({"status", "b", "--root", f.str()});
  CHECK(r.out.find("nobody is logged in") != std::string::npos);
  CHECK(r.out.find("execute_queue") != std::string::npos);
}

}  // namespace cobatch_test
