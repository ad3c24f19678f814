#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cobatch/agent.hpp>

#include "agents/claude_dialect.hpp"
#include "agents/claude_transcript.hpp"
#include "agents/process_agent.hpp"
#include "base/json.hpp"

namespace cobatch {

namespace {

using arguments = std::vector<std::string>;

bool contains(const arguments& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// A tool or a rule for one, as in "Bash(git *)": the tool.
std::string tool_of(const std::string& rule) {
  return rule.substr(0, rule.find('('));
}

bool is_of_mcp_server(const std::string& tool) {
  return tool.starts_with("mcp__");
}

// `--tools` is what there is; what is not used by the permission mode's leave needs `--allowedTools`, too. (That alone
// would leave the others, a shell among them, and lift the folder's fence for those that it names.)
void append_tools(arguments& argv, const claude_agent_options& options, const arguments& wanted) {
  arguments tools, allowed;
  const auto may_use = [&](const std::string& tool) { return wanted.empty() || contains(wanted, tool); };
  for (const auto& tool : options.tools)
    if (may_use(tool)) tools.push_back(tool);
  for (const auto& rule : options.allowed_tools) {
    const std::string tool = tool_of(rule);
    if (!may_use(tool)) continue;
    allowed.push_back(rule);
    if (!is_of_mcp_server(tool) && !contains(tools, tool)) tools.push_back(tool);
  }
  argv.insert(argv.end(), {"--tools", fmt::format("{}", fmt::join(tools, ","))});
  if (!allowed.empty()) argv.insert(argv.end(), {"--allowedTools", fmt::format("{}", fmt::join(allowed, ","))});
}

arguments argv_of(const claude_agent_options& options, const session_start& how) {
  arguments argv{options.program, "-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose"};
  const auto add = [&](const char* flag, const std::string& value) {
    if (!value.empty()) argv.insert(argv.end(), {flag, value});
  };
  add("--permission-mode", options.permission_mode);
  append_tools(argv, options, how.tools);
  add("--model", how.model.empty() ? options.model : how.model);
  add("--append-system-prompt", options.system_prompt);
  if (!options.mcp_config.empty())
    argv.insert(argv.end(), {"--mcp-config", options.mcp_config.string(), "--strict-mcp-config"});
  if (options.max_turns > 0) add("--max-turns", std::to_string(options.max_turns));
  if (options.max_nano_dollars > 0) add("--max-budget-usd", json::write_decimal(options.max_nano_dollars, 9, 2));
  add("--resume", how.conversation);
  if (how.fork && !how.conversation.empty()) argv.emplace_back("--fork-session");
  argv.insert(argv.end(), options.extra_arguments.begin(), options.extra_arguments.end());
  return argv;
}

std::string objection_of(const claude_agent_options& options, const task_spec& task) {
  arguments known = options.tools;
  for (const auto& rule : options.allowed_tools) known.push_back(tool_of(rule));
  for (const auto& tool : task.tools)
    if (!contains(known, tool))
      return fmt::format(
          "the task asks for the tool {}, which this engine does not allow; start it with --allow {}, or leave the "
          "tool "
          "out",
          tool, tool);
  return {};
}

}  // namespace

std::shared_ptr<agent> v1::make_claude_agent(claude_agent_options options) {
  process_agent_options process;
  process.name = "claude";
  process.grace = options.grace;
  process.takes_preamble = true;
  process.can_fork = true;
  // A subagent in the background would end a turn of its own, which nobody asked for, in the middle of another task's.
  process.environment = {"CLAUDE_CODE_DISABLE_BACKGROUND_TASKS=1"};
  process.make_dialect = [tools = options.tools](const session_start&) { return make_claude_dialect(tools); };
  process.used_since = read_claude_transcript;
  process.argv = [options](const session_start& how) -> result<arguments> { return argv_of(options, how); };
  process.objection = [options = std::move(options)](const task_spec& task) { return objection_of(options, task); };
  return make_process_agent(std::move(process));
}

}  // namespace cobatch
