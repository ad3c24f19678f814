// What is said of an agent program reaches it: each of these writes down what it was started with.
#include <algorithm>

#include "capi/host.hpp"

using namespace cobatch_test;

namespace {

constexpr std::string_view notes_its_arguments = R"(#!/bin/sh
[ "$*" = "app-server --help" ] && echo "Usage: codex app-server" && exit 0
printf '%s\n' "$@" >arguments
exit 1
)";

// A workspace with a program in the place of an agent's.
struct agent_scene : scratch_workspace {
  std::string program = (folder.path() / "program").native();

  agent_scene() {
    std::ofstream(program) << notes_its_arguments;
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  }

  // The arguments that the program got for a task of a batch that names the agent.
  [[nodiscard]] list arguments_of(const owned<cobatch_agent>& agent, std::string_view name) const {
    assign_all(*this, {"a"}, "b1", name);
    run_all(*this, agent);
    std::ifstream noted(folder.path() / "arguments");
    list all;
    for (std::string line; std::getline(noted, line);) all.push_back(line);
    return all;
  }
};

// What stands behind the flag; "(none)" if it is not there.
std::string value_of(const list& arguments, std::string_view flag) {
  const auto at = std::find(arguments.begin(), arguments.end(), flag);
  return at == arguments.end() || at + 1 == arguments.end() ? "(none)" : *(at + 1);
}

bool has(const list& arguments, std::string_view flag) {
  return std::find(arguments.begin(), arguments.end(), flag) != arguments.end();
}

}  // namespace

TEST_CASE("what is said of Claude Code reaches it") {
  const agent_scene place;
  const cobatch_text tools[]{cobatch_str("Read"), cobatch_str("WebFetch")};
  const cobatch_text allowed[]{cobatch_str("Bash(git *)")};
  const cobatch_text extra[]{cobatch_str("--debug")};
  auto options = fresh<cobatch_claude_options>();
  options.program = text(place.program);
  options.tools = {tools, 2};
  options.allowed_tools = allowed;
  options.allowed_tool_count = 1;
  options.model = cobatch_str("large");
  options.permission_mode = cobatch_str("plan");
  options.system_prompt = cobatch_str("Be brief.");
  options.mcp_config = cobatch_str("servers.json");
  options.max_turns = 7;
  options.max_nano_dollars = 2'500'000'001;
  options.extra_arguments = extra;
  options.extra_argument_count = 1;
  const auto arguments = place.arguments_of(make<cobatch_agent>(cobatch_agent_claude, &options), "claude");
  CHECK(value_of(arguments, "--tools") == "Read,WebFetch,Bash");
  CHECK(value_of(arguments, "--allowedTools") == "Bash(git *)");
  CHECK(value_of(arguments, "--model") == "large");
  CHECK(value_of(arguments, "--permission-mode") == "plan");
  CHECK(value_of(arguments, "--append-system-prompt") == "Be brief.");
  CHECK(value_of(arguments, "--mcp-config") == "servers.json");
  CHECK(value_of(arguments, "--max-turns") == "7");
  CHECK(value_of(arguments, "--max-budget-usd") == "2.500000001");
  CHECK(arguments.back() == "--debug");
}

TEST_CASE("what is not said of Claude Code is as in C++, and a list of no tools is none") {
  const agent_scene place;
  auto options = fresh<cobatch_claude_options>();
  options.program = text(place.program);
  std::string tools = "Read,Glob,Grep,Edit,Write";
  const cobatch_text nothing{};
  SUBCASE("no list of tools") {}
  SUBCASE("one of none") {
    options.tools = {&nothing, 0};
    tools = "";
  }
  const auto arguments = place.arguments_of(make<cobatch_agent>(cobatch_agent_claude, &options), "claude");
  CHECK(value_of(arguments, "--tools") == tools);
  CHECK(value_of(arguments, "--permission-mode") == "acceptEdits");
  for (const auto* flag : {"--allowedTools", "--model", "--append-system-prompt", "--mcp-config", "--max-turns"})
    CHECK_FALSE(has(arguments, flag));
}

TEST_CASE("of a caller from before ABI version 2 the options of then are taken, and what stands behind them is not") {
  const agent_scene place;
  auto options = fresh<cobatch_claude_options>();
  options.struct_size = offsetof(cobatch_claude_options, max_turns);
  options.program = text(place.program);
  options.model = cobatch_str("large");
  options.max_turns = 7;
  options.system_prompt = cobatch_str("None of the caller's.");
  const auto arguments = place.arguments_of(make<cobatch_agent>(cobatch_agent_claude, &options), "claude");
  CHECK(value_of(arguments, "--model") == "large");
  CHECK_FALSE(has(arguments, "--max-turns"));
  CHECK_FALSE(has(arguments, "--append-system-prompt"));
}

TEST_CASE("what is said of Codex reaches it") {
  const agent_scene place;
  const cobatch_text extra[]{cobatch_str("--config"), cobatch_str("a=1")};
  auto options = fresh<cobatch_codex_options>();
  options.program = text(place.program);
  options.model = cobatch_str("large");
  options.sandbox = cobatch_str("read-only");
  options.extra_arguments = {extra, 2};
  options.no_app_server = 1;
  const auto arguments = place.arguments_of(make<cobatch_agent>(cobatch_agent_codex, &options), "codex");
  CHECK(value_of(arguments, "--model") == "large");
  CHECK(value_of(arguments, "--sandbox") == "read-only");
  CHECK(value_of(arguments, "--config") == "a=1");
}

TEST_CASE("Codex is driven by its app-server, unless that is not wanted") {
  const agent_scene place;
  auto options = fresh<cobatch_codex_options>();
  options.program = text(place.program);
  std::string command = "app-server";
  SUBCASE("wanted") {}
  SUBCASE("not wanted") {
    options.no_app_server = 1;
    command = "exec";
  }
  CHECK(place.arguments_of(make<cobatch_agent>(cobatch_agent_codex, &options), "codex").front() == command);
}

TEST_CASE("what is said of the Gemini CLI reaches it") {
  const agent_scene place;
  const cobatch_text extra[]{cobatch_str("--debug")};
  auto options = fresh<cobatch_gemini_options>();
  options.program = text(place.program);
  options.model = cobatch_str("large");
  options.approval_mode = cobatch_str("yolo");
  options.extra_arguments = {extra, 1};
  const auto arguments = place.arguments_of(make<cobatch_agent>(cobatch_agent_gemini, &options), "gemini");
  CHECK(value_of(arguments, "--model") == "large");
  CHECK(value_of(arguments, "--approval-mode") == "yolo");
  CHECK(has(arguments, "--debug"));
}

TEST_CASE("options of agents that make no sense are refused, and no agent is made") {
  cobatch_agent* agent = nullptr;
  const cobatch_text zero_byte = text(std::string_view("a\0b", 3));
  const auto refused = [&](const auto& change) {
    auto options = fresh<cobatch_claude_options>();
    change(options);
    return call(cobatch_agent_claude, &options, &agent);
  };
  CHECK(refused([](auto& o) { o.max_turns = -1; }) == COBATCH_E_BAD_VALUE);
  CHECK(refused([](auto& o) { o.max_nano_dollars = -1; }) == COBATCH_E_BAD_VALUE);
  CHECK(refused([](auto& o) { o.tools = {nullptr, 1}; }) == COBATCH_E_BAD_VALUE);
  CHECK(refused([&](auto& o) { o.system_prompt = zero_byte; }) == COBATCH_E_BAD_VALUE);
  CHECK(refused([&](auto& o) { o.mcp_config = zero_byte; }) == COBATCH_E_BAD_VALUE);
  auto codex = fresh<cobatch_codex_options>();
  codex.sandbox = zero_byte;
  CHECK(call(cobatch_agent_codex, &codex, &agent) == COBATCH_E_BAD_VALUE);
  auto prompt = fresh<cobatch_prompt_options>();
  prompt.argv = {&zero_byte, 1};
  CHECK(call(cobatch_agent_prompt, &prompt, &agent) == COBATCH_E_BAD_VALUE);
  auto gemini = fresh<cobatch_gemini_options>();
  gemini.extra_arguments = {&zero_byte, 1};
  CHECK(call(cobatch_agent_gemini, &gemini, &agent) == COBATCH_E_BAD_VALUE);
  CHECK(agent == nullptr);
}
