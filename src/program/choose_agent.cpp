#include "program/choose_agent.hpp"

#include <filesystem>

#include <fmt/core.h>

#include "program/terminal.hpp"
#include "system/keeper.hpp"

namespace cobatch::program {

namespace {

std::string joined(const std::vector<std::string>& parts, std::string_view between) {
  std::string out;
  for (const auto& part : parts) out += fmt::format("{}{}", out.empty() ? std::string_view() : between, one_line(part));
  return out;
}

result<chosen_agent> choose_claude(const agent_options& options) {
  claude_agent_options wanted;
  if (const auto found = find_program(wanted.program); !found) return fail(found.error());
  wanted.model = options.model;
  wanted.allowed_tools.insert(wanted.allowed_tools.end(), options.allowed_tools.begin(), options.allowed_tools.end());
  chosen_agent chosen;
  chosen.about.push_back(
      fmt::format("agent: claude{}", options.model.empty() ? "" : ", model " + one_line(options.model)));
  chosen.about.push_back(fmt::format("it may: permission mode {}; tools {} (--allow TOOL adds one)",
                                     wanted.permission_mode, joined(wanted.allowed_tools, ", ")));
  chosen.driver = make_claude_agent(std::move(wanted));
  return chosen;
}

result<chosen_agent> choose_command(const agent_options& options) {
  if (options.program.empty())
    return fail(errc::bad_value, "--agent command needs --exec PROGRAM: the program that does the tasks.");
  if (const auto found = find_program(options.program); !found) return fail(found.error());
  command_agent_options wanted;
  wanted.argv.push_back(options.program);
  wanted.argv.insert(wanted.argv.end(), options.arguments.begin(), options.arguments.end());
  chosen_agent chosen;
  chosen.about.push_back(fmt::format("agent: command: {}", joined(wanted.argv, " ")));
  chosen.about.emplace_back("it may: whatever you may; Cobatch does not confine it");
  chosen.driver = make_command_agent(std::move(wanted));
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
  const bool is_command = options.agent == "command";
  const bool is_claude = options.agent.empty() || options.agent == "claude";
  if (!is_command && (!options.program.empty() || !options.arguments.empty()))
    return fail(errc::bad_value, "--exec and --exec-arg go with --agent command.");
  if (options.agent != "scripted" && !options.script.empty())
    return fail(errc::bad_value, "--script goes with --agent scripted.");
  if (!is_claude && (!options.allowed_tools.empty() || !options.model.empty()))
    return fail(errc::bad_value, "--allow and --model go with --agent claude.");
  return {};
}

std::chrono::milliseconds from_seconds(double seconds) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::duration<double>(seconds));
}

}  // namespace

result<chosen_agent> choose_agent(const agent_options& options) {
  if (auto fits = check_together(options); !fits) return fail(std::move(fits.error()));
  if (options.agent == "command") return choose_command(options);
  if (options.agent == "scripted") return choose_scripted(options);
  auto chosen = choose_claude(options);
  if (!chosen && options.agent.empty()) return chosen_agent{};
  return chosen;
}

std::string how_to_choose_an_agent() {
  return "no agent: claude is not in PATH. Choose one with --agent command --exec PROGRAM (a program of yours), or "
         "--agent scripted (a demo), or install claude.";
}

engine_options engine_options_of(const agent_options& options, const chosen_agent& chosen, std::stop_token hurry) {
  engine_options wanted;
  if (chosen.driver) wanted.agents.push_back(chosen.driver);
  wanted.working_directory = options.working_directory;
  wanted.hurry = std::move(hurry);
  wanted.turn_limit = from_seconds(options.turn_limit_seconds);
  wanted.linger = from_seconds(options.linger_seconds);
  wanted.max_tasks_per_session = options.max_tasks_per_session;
  return wanted;
}

}  // namespace cobatch::program
