#include "program/foreground.hpp"

#include "unit/program/support.hpp"

namespace cobatch_test {

using program::choose_agent;
using program::tokens_text;

namespace {

// PATH for the time of a test: these tests ask what is found there.
class path_of {
 public:
  explicit path_of(const std::string& value) : before_(::getenv("PATH") == nullptr ? "" : ::getenv("PATH")) {
    ::setenv("PATH", value.c_str(), 1);
  }
  path_of(const path_of&) = delete;
  path_of& operator=(const path_of&) = delete;
  ~path_of() { ::setenv("PATH", before_.c_str(), 1); }

 private:
  std::string before_;
};

}  // namespace

TEST_CASE("without --agent, claude is taken if it is in PATH, and what it may do is told") {
  const folder f;
  f.write("claude", "#!/bin/sh\n", 0700);
  const path_of path(f.str());
  program::agent_options options;
  options.allowed_tools = {"Bash"};
  const auto chosen = choose_agent(options);
  REQUIRE(chosen);
  REQUIRE(chosen->driver);
  CHECK(chosen->driver->name() == "claude");
  std::string about;
  for (const auto& line : chosen->about) about += line + "\n";
  CHECK(about.find("acceptEdits") != std::string::npos);
  CHECK(about.find("Read, Glob, Grep, Edit, Write, Bash") != std::string::npos);
}

TEST_CASE("without --agent and without claude there is none, and never the scripted one") {
  const folder f;
  const path_of path(f.str());
  const auto chosen = choose_agent({});
  REQUIRE(chosen);
  CHECK_FALSE(chosen->driver);
}

TEST_CASE("an agent that was named and is not there is an error") {
  const folder f;
  const path_of path(f.str());
  program::agent_options options;
  options.agent = "claude";
  CHECK(choose_agent(options).error().code == errc::agent_missing);
  options.agent = "command";
  options.program = "no-such-program";
  CHECK(choose_agent(options).error().code == errc::agent_missing);
}

TEST_CASE("who has no agent is told only ways out that there are") {
  const folder f;
  const path_of path(f.str());
  program::agent_options options;
  const auto told = [&](const std::string& agent, const std::string& program) {
    options.agent = agent;
    options.program = program;
    return choose_agent(options).error().message;
  };
  for (const std::string agent : {"claude", "codex", "gemini"})
    CHECK(told(agent, {}).ends_with("or give its path, such as ./" + agent));
  for (const char* agent : {"command", "prompt", "claude", "codex", "gemini"}) {
    CHECK(told(agent, "agent.py").ends_with("or give its path, such as ./agent.py"));
    CHECK(told(agent, "/no/such/program").find("Correct the path") != std::string::npos);
  }
  for (const auto agent : built_in_agents) CHECK(program::how_to_choose_an_agent().find(agent) != std::string::npos);
}

TEST_CASE("options that do not go together are refused") {
  program::agent_options options;
  options.agent = "command";
  CHECK(choose_agent(options).error().code == errc::bad_value);
  options = {};
  options.program = "/bin/true";
  CHECK(choose_agent(options).error().code == errc::bad_value);
  options = {};
  options.agent = "scripted";
  options.allowed_tools = {"Bash"};
  CHECK(choose_agent(options).error().code == errc::bad_value);
  options = {};
  options.agent = "scripted";
  options.script = "/no/such/script.json";
  CHECK(choose_agent(options).error().code == errc::bad_value);
  options = {};
  options.agent = "claude";
  options.script = "x.json";
  CHECK(choose_agent(options).error().code == errc::bad_value);
}

TEST_CASE("the scripted agent says that its figures are a demo's") {
  program::agent_options options;
  options.agent = "scripted";
  const auto chosen = choose_agent(options);
  REQUIRE(chosen);
  REQUIRE(chosen->about.size() == 1);
  CHECK(chosen->about.front().find("scripted agent: demo figures, no model is asked") != std::string::npos);
}

TEST_CASE("the engine gets what the command line says") {
  program::agent_options options;
  options.agent = "scripted";
  options.engine.turn_limit = std::chrono::milliseconds{1500};
  options.engine.max_tasks_per_session = 3;
  options.engine.working_directory = "/tmp";
  const auto chosen = choose_agent(options);
  REQUIRE(chosen);
  const auto wanted = program::engine_options_of(options, *chosen, {});
  REQUIRE(wanted);
  REQUIRE(wanted->agents.size() == 1);
  CHECK(wanted->turn_limit == std::chrono::milliseconds{1500});
  CHECK(wanted->max_tasks_per_session == 3);
  CHECK(wanted->working_directory == "/tmp");
  options.engine.day_budget.nano_dollars = 1;
  CHECK(program::engine_options_of(options, *chosen, {}).error().code == errc::bad_value);
}

TEST_CASE("tokens are told as the guide writes them, with what came from the cache if something did") {
  CHECK(tokens_text({.uncached_input = 45'200, .output = 2'000}, true) == "45.2K in, 2K out");
  CHECK(tokens_text({.cache_read = 45'000, .output = 80}, true) == "0 in, 80 out, 45K from cache");
}

TEST_CASE("of tokens that are not known in full none is told to be 0") {
  CHECK(tokens_text({.output = 1'500}, false) == "at least 1.5K out");
  CHECK(tokens_text({.uncached_input = 45'000}, false) == "at least 45K in");
  CHECK(tokens_text({.uncached_input = 45'000, .output = 1'500}, false) == "at least 45K in, 1.5K out");
  CHECK(tokens_text({}, false) == "unknown");
}

}  // namespace cobatch_test
