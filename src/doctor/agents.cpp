// What runs tasks: the keeper, and the agent programs that are installed.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include <cobatch/core/text.hpp>

#include "doctor/checks.hpp"
#include "os/keeper.hpp"
#include "os/presence.hpp"
#include "os/programs.hpp"
#include "store/schema.hpp"
#include "workspace/layout.hpp"

namespace cobatch {

namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds version_patience{20};
constexpr std::size_t version_bytes = 200;

struct agent_program {
  std::string_view name, npm_package;
};
constexpr agent_program agent_programs[] = {
    {"claude", "@anthropic-ai/claude-code"}, {"codex", "@openai/codex"}, {"gemini", "@google/gemini-cli"}};

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

// The first line, as far as it can be shown.
std::string first_line(const std::string& text) {
  return to_utf8(utf8_prefix(std::string_view(text).substr(0, text.find('\n')), version_bytes));
}

std::string why_no_version(const result<program_end>& ran) {
  if (!ran) return ran.error().message;
  if (ran->timed_out) return fmt::format("it did not answer within {} s", version_patience.count());
  if (ran->signal) return fmt::format("signal {} ended it", *ran->signal);
  return fmt::format("it ended with exit code {}: {}", ran->exit_code.value_or(-1), first_line(ran->errors));
}

void check_version(const agent_program& program, const fs::path& path, findings& out) {
  program_call call;
  call.argv = {path.string(), "--version"};
  call.deadline = std::chrono::steady_clock::now() + version_patience;
  const auto ran = run_program(call);
  const std::string name = fmt::format("Agent {} ({})", program.name, path.string());
  if (ran && ran->exit_code == 0)
    return out.yes("agent", fmt::format("{} says that it is {}.", name, first_line(ran->output)));
  out.no("agent", fmt::format("{} cannot be started with --version: {}.", name, why_no_version(ran)),
         fmt::format("npm install -g {}", program.npm_package));
}

// Of Claude Code: the credential that it takes first, as far as one can be seen from outside.
std::string visible_credential() {
  for (const char* variable : {"CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "ANTHROPIC_AUTH_TOKEN",
                               "ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN"})
    if (is_set(variable)) return fmt::format("what the variable {} names", variable);
  const fs::path folder = is_set("CLAUDE_CONFIG_DIR") ? fs::path(std::getenv("CLAUDE_CONFIG_DIR"))
                          : is_set("HOME")            ? fs::path(std::getenv("HOME")) / ".claude"
                                                      : fs::path();
  const fs::path file = folder / ".credentials.json";
  std::error_code none;
  return !folder.empty() && fs::exists(file, none) ? "the login in " + file.string() : std::string();
}

void check_credential(findings& out) {
  const std::string credential = visible_credential();
  if (credential.empty())
    return out.unknown("credential",
                       "Whether claude is logged in cannot be asked without a request that costs; the first task will "
                       "tell.");
  out.yes(
      "credential",
      fmt::format("Tasks of claude would be paid by {}. Whether it is valid the first task will tell.", credential));
}

// The agents of the engines that run there, as a sentence; empty if none runs, or none can be looked for.
std::string about_engines(const workspace_options& place) {
  const auto paths = find_paths(place);
  if (!paths) return {};
  const auto engines = live_engines(paths->state);
  if (!engines || engines->empty()) return {};
  std::vector<std::string> agents;
  for (const auto& engine : *engines)
    for (const auto& agent : engine.agents)
      if (std::find(agents.begin(), agents.end(), agent) == agents.end()) agents.push_back(agent);
  return fmt::format("An engine runs, with: {}.", fmt::join(agents, ", "));
}

void check_programs(const workspace_options& place, findings& out) {
  std::vector<std::string_view> missing;
  for (const auto& program : agent_programs) {
    const auto path = find_program(program.name);
    if (!path) {
      missing.push_back(program.name);
      continue;
    }
    check_version(program, *path, out);
    if (program.name == "claude") check_credential(out);
  }
  const bool has_any = missing.size() < std::size(agent_programs);
  const std::string engines = has_any ? "" : about_engines(place);
  if (!has_any && engines.empty())
    out.unknown("agent",
                fmt::format("None of the agents {} is in PATH, so tasks need a program of yours (--agent command).",
                            fmt::join(missing, ", ")),
                fmt::format("npm install -g {}", agent_programs[0].npm_package));
  else if (!missing.empty())
    out.yes("agent", fmt::format("Not in PATH: {}. Only batches that name them need them.{}{}",
                                 fmt::join(missing, ", "), engines.empty() ? "" : " ", engines));
}

void look_at_keeper(findings& out) {
  const auto keeper = find_keeper();
  const auto checked = keeper ? check_keeper(*keeper) : result<void>(fail(keeper.error()));
  if (checked)
    out.yes("keeper", fmt::format("The keeper is {}.", keeper->string()));
  else
    out.no("keeper", checked.error().message, "export COBATCH_KEEPER=/path/to/cobatch-keeper");
}

void check_nested(findings& out) {
  if (is_set("CLAUDECODE"))
    out.yes("nested_session",
            "CLAUDECODE is set: this runs inside a Claude Code session. That does no harm, as Cobatch keeps it and its "
            "like from the agents.");
  else
    out.yes("nested_session", "This does not run inside a Claude Code session.");
}

}  // namespace

std::vector<finding> v1::diagnose_agents(const workspace_options& place) {
  findings out({});
  out.yes("version", fmt::format("Cobatch {}, SQLite {}, schema {}.", version(), sqlite_version(), schema_version));
  look_at_keeper(out);
  check_programs(place, out);
  check_nested(out);
  return std::move(out).take();
}

}  // namespace cobatch
