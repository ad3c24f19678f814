// The guide's own way to run an agent: one process gets one prompt with all tasks, and reports each by a call.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cobatch/agent.hpp>
#include <cobatch/core/session.hpp>

#include "agents/agent_process.hpp"
#include "agents/dialect.hpp"
#include "agents/turn_outcome.hpp"
#include "os/programs.hpp"

namespace cobatch {

namespace {

// What the program writes is for people: its calls say how its tasks stand.
class one_way_dialect final : public dialect {
 public:
  std::string ask(const turn_request& request) override { return request.prompt; }

 protected:
  void understand(const json::value&, const turn_key&, line_meaning&) override {}
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

class prompt_agent final : public program_agent {
 public:
  explicit prompt_agent(prompt_agent_options options) : options_(std::move(options)) {}

  std::string_view name() const override { return calling_agent; }
  std::string_view calls_back_with() const override {
    return options_.call.empty() ? std::string_view("cobatch call") : options_.call;
  }
  std::string objection(const task_spec& task) const override {
    if (!task.check.empty())
      return "the task has a check, and an agent that reports by calls is held to none; leave the check out, or give "
             "the batch another agent";
    return objection_to_choices(task, name());
  }

 protected:
  result<agent_program> program(const session_start&) override {
    if (options_.argv.empty())
      return fail(errc::agent_missing, "no program is named for the prompt agent; nothing was started");
    return agent_program{.argv = options_.argv,
                         .grace = options_.grace,
                         .dialect = make_dialect(),
                         .one_turn_a_process = true,
                         .lines_are_output = true};
  }

  std::unique_ptr<dialect> make_dialect() const override { return std::make_unique<one_way_dialect>(); }

 private:
  const prompt_agent_options options_;
};

}  // namespace

std::string v1::make_batch_prompt(const batch_prompt_parts& parts) {
  std::string prompt = fmt::format(
      "You have {} task{} of batch {} to do, one after another, in this order. Before each task run its line "
      "\"begin\", after it the line \"done\" or \"failed\": a task of which neither was run counts as not done, and "
      "the next one cannot begin. Each line answers with JSON; if its status is \"error\", its message says what to "
      "do.\n\n",
      parts.tasks.size(), parts.tasks.size() == 1 ? "" : "s", parts.batch.str());
  if (!parts.shared.empty()) prompt += fmt::format("What all tasks share:\n\n{}\n\n", parts.shared);
  for (const auto& task : parts.tasks) prompt += describe(task, parts.call);
  return prompt + "When the last task is logged, end.\n";
}

std::shared_ptr<agent> v1::make_prompt_agent(prompt_agent_options options) {
  return std::make_shared<prompt_agent>(std::move(options));
}

}  // namespace cobatch
