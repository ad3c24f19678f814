// The guide's own way: one process gets one prompt with all tasks, and tells of each by a call.
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cobatch/agent.hpp>
#include <cobatch/core/session.hpp>

#include "agents/objection.hpp"
#include "agents/process_agent.hpp"
#include "os/programs.hpp"

namespace cobatch {

namespace {

// What it writes is for people: the calls say how its tasks stand.
class unheard_dialect final : public dialect {
 public:
  std::string ask(const turn_request& request) override { return request.prompt; }
  std::optional<turn_report> read(std::string_view, const turn_key&) override { return std::nullopt; }
};

std::string describe(const task_record& task, const std::string& call) {
  std::string text =
      fmt::format("Task {} (task id {})\n\n{}\n\n", task.position, task.spec.id.str(), task.spec.description);
  if (!task.spec.context.empty()) text += fmt::format("Context: {}\n\n", task.spec.context);
  const std::string id = shell_quoted("task_id=" + task.spec.id.str());
  return text + fmt::format(
                    "  begin:  {} mark_task_in_progress {}\n"
                    "  done:   {} log_task_completion {} status=done 'output_summary=what was done, in one sentence'\n"
                    "  failed: {} log_task_completion {} status=error 'output_summary=why it cannot be done'\n\n",
                    call, id, call, id, call, id);
}

std::string objection_to(const task_spec& task) {
  if (!task.check.empty())
    return "the task has a check, and an agent that reports by calls is held to none; leave the check out, or give the "
           "batch another agent";
  return objection_to_choices(task, calling_agent);
}

}  // namespace

std::string v1::make_batch_prompt(const batch_prompt_parts& parts) {
  std::string prompt = fmt::format(
      "You have {} task{} of batch {} to do, one after another, in this order. Before each task run its line "
      "\"begin\", "
      "after it the line \"done\" or \"failed\": a task of which neither was run counts as not done, and the next one "
      "cannot begin. Each line answers with JSON; if its status is \"error\", its message says what to do.\n\n",
      parts.tasks.size(), parts.tasks.size() == 1 ? "" : "s", parts.batch.str());
  if (!parts.shared.empty()) prompt += fmt::format("What all tasks share:\n\n{}\n\n", parts.shared);
  for (const auto& task : parts.tasks) prompt += describe(task, parts.call);
  return prompt + "When the last task is logged, end.\n";
}

std::shared_ptr<agent> v1::make_prompt_agent(prompt_agent_options options) {
  process_agent_options process;
  process.name = calling_agent;
  process.grace = options.grace;
  process.argv = [argv = std::move(options.argv)](const session_start&) -> result<std::vector<std::string>> {
    if (argv.empty()) return fail(errc::agent_missing, "no program is named for the prompt agent; nothing was started");
    return argv;
  };
  process.one_turn_a_process = true;
  process.lines_are_output = true;
  process.objection = objection_to;
  process.calls_back_with = options.call.empty() ? "cobatch call" : std::move(options.call);
  process.make_dialect = [](const session_start&) { return std::make_unique<unheard_dialect>(); };
  return make_process_agent(std::move(process));
}

}  // namespace cobatch
