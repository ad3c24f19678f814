#include "program/choose_agent.hpp"

#include <cmath>
#include <filesystem>

#include <fmt/format.h>

#include <cobatch/prices.hpp>

#include "os/programs.hpp"
#include "os/programs.hpp"
#include "program/terminal.hpp"

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

// The program of an agent that Cobatch knows: another one than its own name, where one was given.
result<void> choose_program(std::string& program, const agent_options& options) {
  if (!options.program.empty()) program = options.program;
  if (const auto found = find_program(program); !found) return fail(found.error());
  return {};
}

result<chosen_agent> choose_claude(const agent_options& options) {
  claude_agent_options wanted;
  if (auto there = choose_program(wanted.program, options); !there) return fail(std::move(there.error()));
  wanted.model = options.model;
  if (!options.permission_mode.empty()) wanted.permission_mode = options.permission_mode;
  wanted.system_prompt = options.system_prompt;
  wanted.mcp_config = options.mcp_config;
  wanted.max_turns = options.max_turns;
  wanted.extra_arguments = options.agent_arguments;
  wanted.allowed_tools = options.allowed_tools;
  chosen_agent chosen;
  chosen.about.push_back(with_model("agent: claude", options.model));
  std::vector<std::string> tools = wanted.tools;
  tools.insert(tools.end(), wanted.allowed_tools.begin(), wanted.allowed_tools.end());
  chosen.about.push_back(fmt::format("it may: permission mode {}; tools {} (--allow TOOL adds one)",
                                     one_line(wanted.permission_mode), joined(tools, ", ")));
  chosen.driver = make_claude_agent(std::move(wanted));
  return chosen;
}

result<chosen_agent> choose_codex(const agent_options& options) {
  codex_agent_options wanted;
  if (auto there = choose_program(wanted.program, options); !there) return fail(std::move(there.error()));
  wanted.model = options.model;
  if (!options.permission_mode.empty()) wanted.sandbox = options.permission_mode;
  wanted.extra_arguments = options.agent_arguments;
  wanted.app_server = !options.codex_exec;
  chosen_agent chosen;
  const char* way = options.codex_exec
                        ? "agent: codex, a process a task in one thread"
                        : "agent: codex, by its app-server (without one: a process a task in one thread)";
  chosen.about.push_back(with_model(way, options.model));
  chosen.about.push_back(fmt::format("it may: what the sandbox {} allows, without asking", one_line(wanted.sandbox)));
  chosen.driver = make_codex_agent(std::move(wanted));
  return chosen;
}

result<chosen_agent> choose_gemini(const agent_options& options) {
  gemini_agent_options wanted;
  if (auto there = choose_program(wanted.program, options); !there) return fail(std::move(there.error()));
  wanted.model = options.model;
  if (!options.permission_mode.empty()) wanted.approval_mode = options.permission_mode;
  wanted.extra_arguments = options.agent_arguments;
  chosen_agent chosen;
  chosen.about.push_back(
      with_model("agent: gemini, a process and a conversation a task: each loads its context anew", options.model));
  chosen.about.push_back(fmt::format("it may: what approval mode {} allows", one_line(wanted.approval_mode)));
  chosen.driver = make_gemini_agent(std::move(wanted));
  return chosen;
}

// The program of the user's own, with its arguments.
std::vector<std::string> argv_of(const agent_options& options) {
  std::vector<std::string> argv{options.program};
  argv.insert(argv.end(), options.arguments.begin(), options.arguments.end());
  return argv;
}

result<chosen_agent> choose_command(const agent_options& options) {
  if (options.program.empty())
    return fail(errc::bad_value, "--agent command needs --exec PROGRAM: the program that does the tasks.");
  if (const auto found = find_program(options.program); !found) return fail(found.error());
  command_agent_options wanted;
  wanted.argv = argv_of(options);
  chosen_agent chosen;
  chosen.about.push_back(fmt::format("agent: command: {}", joined(wanted.argv, " ")));
  chosen.about.emplace_back("it may: whatever you may; Cobatch does not confine it");
  chosen.driver = make_command_agent(std::move(wanted));
  return chosen;
}

// This program, for a shell. Where it cannot be told, one that is in PATH.
std::string call_command() {
  const auto self = this_program();
  return self.empty() ? "cobatch call" : shell_quoted(self.string()) + " call";
}

result<chosen_agent> choose_prompt(const agent_options& options) {
  if (options.program.empty())
    return fail(errc::bad_value,
                "--agent prompt needs --exec PROGRAM: it gets one prompt with all tasks on its "
                "standard input, such as --exec claude --exec-arg -p.");
  if (const auto found = find_program(options.program); !found) return fail(found.error());
  prompt_agent_options wanted;
  wanted.call = call_command();
  wanted.argv = argv_of(options);
  chosen_agent chosen;
  chosen.about.push_back(
      fmt::format("agent: prompt: {}: one prompt for all tasks; it reports each by a call", joined(wanted.argv, " ")));
  chosen.about.emplace_back("it may: whatever you may; Cobatch does not confine it");
  chosen.driver = make_prompt_agent(std::move(wanted));
  return chosen;
}

result<chosen_agent> choose_scripted(const agent_options& options) {
  std::error_code ignored;
  if (!options.script.empty() && !std::filesystem::is_regular_file(options.script, ignored))
    return fail(errc::bad_value, fmt::format("--script: there is no file '{}'.", options.script.string()));
  chosen_agent chosen;
  chosen.about.emplace_back("agent: scripted agent: demo figures, no model is asked");
  chosen.driver = make_scripted_agent({options.script});
  return chosen;
}

// An option of another agent is a mistake that would otherwise pass unseen.
result<void> check_together(const agent_options& options) {
  const bool is_claude = options.agent.empty() || options.agent == "claude";
  if (!options.program.empty() && (options.agent.empty() || options.agent == "scripted"))
    return fail(errc::bad_value, "--exec goes with --agent command, prompt, claude, codex or gemini.");
  if (!options.arguments.empty() && options.agent != "command" && options.agent != "prompt")
    return fail(errc::bad_value, "--exec-arg goes with --agent command or prompt; the others have --agent-arg.");
  if (options.agent != "scripted" && !options.script.empty())
    return fail(errc::bad_value, "--script goes with --agent scripted.");
  const bool only_claude = !options.allowed_tools.empty() || !options.system_prompt.empty() ||
                           !options.mcp_config.empty() || options.max_turns > 0;
  if (options.codex_exec && options.agent != "codex")
    return fail(errc::bad_value, "--codex-exec goes with --agent codex.");
  if (!is_claude && only_claude)
    return fail(errc::bad_value, "--allow, --system-prompt, --mcp-config and --max-turns go with --agent claude.");
  const bool is_program = is_claude || options.agent == "codex" || options.agent == "gemini";
  if (!is_program && (!options.model.empty() || !options.permission_mode.empty() || !options.agent_arguments.empty()))
    return fail(errc::bad_value, "--model, --permission and --agent-arg go with --agent claude, codex or gemini.");
  std::error_code ignored;
  if (!options.mcp_config.empty() && !std::filesystem::is_regular_file(options.mcp_config, ignored))
    return fail(errc::bad_value, fmt::format("--mcp-config: there is no file '{}'.", options.mcp_config.string()));
  return {};
}

std::chrono::milliseconds from_seconds(double seconds) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::duration<double>(seconds));
}

}  // namespace

result<chosen_agent> choose_agent(const agent_options& options) {
  if (auto fits = check_together(options); !fits) return fail(std::move(fits.error()));
  if (options.agent == "codex") return choose_codex(options);
  if (options.agent == "gemini") return choose_gemini(options);
  if (options.agent == "command") return choose_command(options);
  if (options.agent == "prompt") return choose_prompt(options);
  if (options.agent == "scripted") return choose_scripted(options);
  auto chosen = choose_claude(options);
  if (!chosen && options.agent.empty()) return chosen_agent{};
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
  engine_options wanted;
  if (chosen.driver) wanted.agents.push_back(chosen.driver);
  wanted.working_directory = options.working_directory;
  wanted.hurry = std::move(hurry);
  wanted.turn_limit = from_seconds(options.turn_limit_seconds);
  wanted.linger = from_seconds(options.linger_seconds);
  wanted.max_tasks_per_session = options.max_tasks_per_session;
  wanted.allow_checks = options.allow_checks;
  wanted.quiet_after = from_seconds(options.quiet_seconds);
  wanted.idle_limit = from_seconds(options.idle_seconds);
  wanted.limit_wait = from_seconds(options.limit_wait_seconds);
  wanted.day_budget.nano_dollars = std::llround(options.day_usd * 1e9);
  wanted.day_budget.tokens = options.day_tokens;
  wanted.day_budget.allow_unknown = options.day_unknown == "allow";
  wanted.day_budget.time = from_seconds(options.day_minutes * 60);
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
