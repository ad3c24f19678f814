// An agent that has said that its task is done, and writes no result.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <sys/stat.h>

#include <doctest/doctest.h>

#include <cobatch/agent.hpp>

#include "unit/engine/fixture.hpp"

using namespace cobatch_test;
using namespace std::chrono_literals;

namespace {

const std::string closing = R"(COBATCH {\"task\":\"a\",\"status\":\"done\",\"summary\":\"all of it\"})";

std::string assistant_line(const std::string& text) {
  return R"(printf '%s\n' '{"type":"assistant","message":{"content":[{"type":"text","text":")" + text + R"("}]}}'; )";
}

std::string result_line(const std::string& more) {
  return R"(printf '%s\n' '{"type":"result","session_id":"s","modelUsage":{"m":{"inputTokens":5,"outputTokens":7,)"
         R"("cacheReadInputTokens":0,"cacheCreationInputTokens":0}},)" +
         more + "}'; ";
}

// A batch of one task, done by a shell script in the place of claude. It reads `$go`, a pipe, to wait for the test.
struct silent_scene {
  scratch_folder folder;
  workspace place = open_workspace(folder.path());
  engine_options options;
  list notices;

  explicit silent_scene(const std::string& script) {
    REQUIRE(::mkfifo(go().c_str(), 0600) == 0);
    const auto program = folder.path() / "claude";
    std::ofstream(program) << "#!/bin/sh\ngo=" << go().string() << "\nread -r prompt\n" << script << '\n';
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    options = options_with(make_claude_agent({.program = program.string(), .grace = 200ms}));
    options.quiet_after = 1ms;
    assign_all(place, {"a"}, "b1");
  }
  [[nodiscard]] std::filesystem::path go() const { return folder.path() / "go"; }
  [[nodiscard]] std::optional<session_pause> shown_wait() {
    const auto status = place.batch(batch_id("b1"));
    REQUIRE(status);
    REQUIRE(status->session);
    return status->session->pause;
  }
  result_record outcome() {
    const auto task = place.task(task_id("a"));
    REQUIRE(task);
    REQUIRE(task->result);
    return *task->result;
  }
};

constexpr const char* wait_for_go = R"(read -r word <"$go"; )";

}  // namespace

TEST_CASE("an agent that closed its task and is silent is shown by status, until it speaks again") {
  silent_scene s(assistant_line("did it\\n" + closing) + wait_for_go + R"(echo '{"type":"user"}'; )" +
                 result_line(R"("is_error":false,"result":"did it")"));
  std::optional<session_pause> silent;
  bool shown_later = false;
  s.options.on_event = [&](const event& e) {
    if (e.what == event::kind::notice && e.text.find("closes the task") != std::string_view::npos) {
      silent = s.shown_wait();
      s.notices.emplace_back(e.text);
      std::ofstream(s.go()) << "go\n";
    }
    if (e.what == event::kind::progress && e.text.find("\"user\"") != std::string_view::npos)
      shown_later = s.shown_wait().has_value();
  };
  run_until_idle(s.place, s.options);
  REQUIRE(s.notices.size() == 1);
  REQUIRE(silent);
  CHECK(silent->reason == s.notices.front());
  CHECK(silent->until > system_now());
  CHECK_FALSE(shown_later);
  CHECK(s.outcome().what.output == "did it");
}

TEST_CASE("the idle limit ends a turn with the message that closes its task, and what it used is asked for") {
  silent_scene s(assistant_line("did it\\n" + closing) + "read -r interrupt; " +
                 result_line(R"("is_error":true,"terminal_reason":"aborted_streaming")"));
  s.options.idle_limit = 1ms;
  run_until_idle(s.place, s.options);
  const auto came_to = s.outcome();
  CHECK(came_to.what.end == turn_end::done);
  CHECK(came_to.what.source == status_source::reported);
  CHECK(came_to.what.output_summary == "all of it");
  CHECK(came_to.what.output.starts_with("did it\n"));
  CHECK_MESSAGE(came_to.what.detail.find("no result in 0.001 s") != std::string::npos, came_to.what.detail);
  REQUIRE(came_to.what.used);
  CHECK(came_to.what.used->total().output == 7);
}

TEST_CASE("the idle limit ends no turn whose agent has not closed its task") {
  for (const std::string& said : {std::string("on it"), "it will end with\\n" + closing +
                                                            R"("},{"type":"tool_use","id":"1","name":"Bash","x":")"}) {
    CAPTURE(said);
    silent_scene s(assistant_line(said) + wait_for_go + result_line(R"("is_error":false,"result":"real")"));
    s.options.idle_limit = 1ms;
    bool has_said = false;  // it may be silent before its first word, too
    s.options.on_event = [&](const event& e) {
      if (e.what == event::kind::progress) has_said = true;
      if (!has_said || e.what != event::kind::notice) return;
      s.notices.emplace_back(e.text);
      CHECK_FALSE(s.shown_wait());
      std::ofstream(s.go()) << "go\n";
    };
    run_until_idle(s.place, s.options);
    CHECK(s.notices.size() == 1);
    CHECK(s.outcome().what.output == "real");
  }
}
