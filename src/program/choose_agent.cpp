#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "os/programs.hpp"
#include "program/foreground.hpp"

namespace cobatch::program {

namespace {

std::string joined(const std::vector<std::string>& parts, std::string_view between) {
  std::string out;
  for (const auto& part : parts) out += fmt::format("{}{}", out.empty() ? std::string_view() : between, one_line(part));
  return out;
}

std::string with_model(std::string_view agent, const std::string& model) {
  return fmt::format("{}{}", agent, model.empty() ? "" : ", model " + one_line(model));
}

// The options of an agent that Cobatch knows, as far as such agents have the same. Error: agent_missing.
template <class Options>
result<Options> options_of(const agent_options& options) {
  Options wanted;
  if (!options.program.empty()) wanted.program = options.program;
  if (const auto found = find_program(wanted.program); !found) return fail(found.error());
  wanted.model = options.model;
  wanted.extra_arguments = options.agent_arguments;
  return wanted;
}

result<chosen_agent> choose_claude(const agent_options& options) {
  auto wanted = options_of<claude_agent_options>(options);
  if (!wanted) return fail(std::move(wanted.error()));
  if (!options.permission_mode.empty()) wanted->permission_mode = options.permission_mode;
  wanted->system_prompt = options.system_prompt;
  wanted->mcp_config = options.mcp_config;
  wanted->max_turns = options.max_turns;
  wanted->allowed_tools = options.allowed_tools;
  std::vector<std::string> tools = wanted->tools;
  tools.insert(tools.end(), wanted->allowed_tools.begin(), wanted->allowed_tools.end());
  chosen_agent chosen;
  chosen.about = {with_model("agent: claude", options.model),
                  fmt::format("it may: permission mode {}; tools {} (--allow TOOL adds one)",
                              one_line(wanted->permission_mode), joined(tools, ", "))};
  chosen.driver = make_claude_agent(std::move(*wanted));
  return chosen;
}

result<chosen_agent> choose_codex(const agent_options& options) {
  auto wanted = options_of<codex_agent_options>(options);
  if (!wanted) return fail(std::move(wanted.error()));
  if (!options.permission_mode.empty()) wanted->sandbox = options.permission_mode;
  wanted->app_server = !options.codex_exec;
  chosen_agent chosen;
  chosen.about = {
      with_model(options.codex_exec ? "agent: codex, a process a task in one thread"
                                    : "agent: codex, by its app-server (without one: a process a task in one thread)",
                 options.model),
      fmt::format("it may: what the sandbox {} allows, without asking", one_line(wanted->sandbox))};
  chosen.driver = make_codex_agent(std::move(*wanted));
  return chosen;
}

result<chosen_agent> choose_gemini(const agent_options& options) {
  auto wanted = options_of<gemini_agent_options>(options);
  if (!wanted) return fail(std::move(wanted.error()));
  if (!options.permission_mode.empty()) wanted->approval_mode = options.permission_mode;
  chosen_agent chosen;
  chosen.about = {
      with_model("agent: gemini, a process and a conversation a task: each loads its context anew", options.model),
      fmt::format("it may: what approval mode {} allows", one_line(wanted->approval_mode))};
  chosen.driver = make_gemini_agent(std::move(*wanted));
  return chosen;
}

// This program, for a shell. Where it cannot be told, one that is in PATH.
std::string call_command() {
  const auto self = this_program();
  return self.empty() ? "cobatch call" : shell_quoted(self.string()) + " call";
}

// A program of the user's own: of --agent command or prompt.
result<chosen_agent> choose_own_program(const agent_options& options) {
  const bool by_prompt = options.agent == "prompt";
  if (options.program.empty())
    return fail(errc::bad_value,
                by_prompt ? "--agent prompt needs --exec PROGRAM: it gets one prompt with all tasks on its standard "
                            "input, such as --exec claude --exec-arg -p."
                          : "--agent command needs --exec PROGRAM: the program that does the tasks.");
  if (const auto found = find_program(options.program); !found) return fail(found.error());
  std::vector<std::string> argv{options.program};
  argv.insert(argv.end(), options.arguments.begin(), options.arguments.end());
  chosen_agent chosen;
  chosen.about = {fmt::format("agent: {}: {}{}", options.agent, joined(argv, " "),
                              by_prompt ? ": one prompt for all tasks; it reports each by a call" : ""),
                  "it may: whatever you may; Cobatch does not confine it"};
  chosen.driver = by_prompt ? make_prompt_agent({.argv = std::move(argv), .call = call_command()})
                            : make_command_agent({.argv = std::move(argv)});
  return chosen;
}

result<chosen_agent> choose_scripted(const agent_options& options) {
  std::error_code ignored;
  if (!options.script.empty() && !std::filesystem::is_regular_file(options.script, ignored))
    return fail(errc::bad_value, fmt::format("--script: there is no file '{}'.", options.script.string()));
  return chosen_agent{make_scripted_agent({options.script}),
                      {"agent: scripted agent: demo figures, no model is asked"}};
}

// An option of another agent is a mistake that would otherwise pass unseen.
result<void> check_together(const agent_options& options) {
  struct rule {
    bool is_given;
    std::vector<std::string_view> agents;  // that it goes with; empty: none was named
    std::string_view message;
  };
  const rule rules[]{{!options.program.empty(),
                      {"command", "prompt", "claude", "codex", "gemini"},
                      "--exec goes with --agent command, prompt, claude, codex or gemini."},
                     {!options.arguments.empty(),
                      {"command", "prompt"},
                      "--exec-arg goes with --agent command or prompt; the others have --agent-arg."},
                     {!options.script.empty(), {"scripted"}, "--script goes with --agent scripted."},
                     {options.codex_exec, {"codex"}, "--codex-exec goes with --agent codex."},
                     {!options.allowed_tools.empty() || !options.system_prompt.empty() || !options.mcp_config.empty() ||
                          options.max_turns > 0,
                      {"", "claude"},
                      "--allow, --system-prompt, --mcp-config and --max-turns go with --agent claude."},
                     {!options.model.empty() || !options.permission_mode.empty() || !options.agent_arguments.empty(),
                      {"", "claude", "codex", "gemini"},
                      "--model, --permission and --agent-arg go with --agent claude, codex or gemini."}};
  for (const auto& [is_given, agents, message] : rules)
    if (is_given && std::find(agents.begin(), agents.end(), options.agent) == agents.end())
      return fail(errc::bad_value, std::string(message));
  std::error_code ignored;
  if (!options.mcp_config.empty() && !std::filesystem::is_regular_file(options.mcp_config, ignored))
    return fail(errc::bad_value, fmt::format("--mcp-config: there is no file '{}'.", options.mcp_config.string()));
  return {};
}

}  // namespace

result<chosen_agent> choose_agent(const agent_options& options) {
  if (auto fits = check_together(options); !fits) return fail(std::move(fits.error()));
  if (options.agent == "codex") return choose_codex(options);
  if (options.agent == "gemini") return choose_gemini(options);
  if (options.agent == "command" || options.agent == "prompt") return choose_own_program(options);
  if (options.agent == "scripted") return choose_scripted(options);
  auto chosen = choose_claude(options);
  if (!chosen && options.agent.empty()) return chosen_agent{};
  return chosen;
}

result<chosen_agent> choose_agent_to_run(const agent_options& options) {
  auto chosen = choose_agent(options);
  if (chosen && !chosen->driver) return fail(errc::agent_missing, how_to_choose_an_agent());
  return chosen;
}

std::string how_to_choose_an_agent() {
  return fmt::format(
      "no agent: claude is not in PATH. Install it, or choose one with --agent NAME: {}. With command and prompt, "
      "--exec PROGRAM names a program of yours, with claude, codex and gemini where theirs is; scripted is a demo.",
      fmt::join(built_in_agents, ", "));
}

result<engine_options> engine_options_of(const agent_options& options, const chosen_agent& chosen,
                                         std::stop_token hurry) {
  engine_options wanted = options.engine;
  if (chosen.driver) wanted.agents.push_back(chosen.driver);
  wanted.hurry = std::move(hurry);
  if (!options.prices.empty()) {
    auto prices = read_price_file(options.prices);
    if (!prices) return fail(prices.error());
    wanted.prices = std::make_shared<const price_table>(std::move(*prices));
  }
  if (wanted.day_budget.nano_dollars > 0 && !wanted.prices)
    return fail(errc::bad_value, "--day-usd needs --prices FILE: without prices nobody knows what was spent.");
  return wanted;
}

}  // namespace cobatch::program
