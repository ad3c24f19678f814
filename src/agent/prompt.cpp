#include <fmt/format.h>

#include <cobatch/agent.hpp>

namespace cobatch {
inline namespace v1 {

namespace {

std::string attempt_note(const prompt_parts& parts) {
  if (parts.previous == nullptr) return {};
  const turn_record& before = *parts.previous;
  const auto when = to_iso(before.ended_at.value_or(before.started_at));
  std::string how = "did not finish";
  if (before.end == turn_end::interrupted) how = fmt::format("was interrupted (found at {})", when);
  if (before.end == turn_end::timed_out) how = fmt::format("ran into its time limit at {}", when);
  if (before.end == turn_end::broke) how = fmt::format("broke off at {}", when);
  if (before.end == turn_end::stopped) how = fmt::format("was stopped at {}", when);
  return fmt::format(
      "Note: this is attempt {} of this task. An earlier turn of it began at {} and {}. It may have changed files "
      "already: look at what is there before you do anything a second time.\n\n",
      parts.attempt, to_iso(before.started_at), how);
}

}  // namespace

std::string make_prompt(const prompt_parts& parts) {
  const task_record& task = *parts.task;
  std::string prompt = fmt::format("Task {} of {} in batch {} (task id {}).\n\n{}\n\n", task.position,
                                   std::max(parts.batch_total, task.position), task.batch.str(), task.spec.id.str(),
                                   task.spec.description);
  if (!task.spec.context.empty()) prompt += fmt::format("Context: {}\n\n", task.spec.context);
  prompt += attempt_note(parts);
  prompt +=
      "Do only this task; the other tasks of the batch come as messages of their own. When you have finished, or if "
      "the "
      "task cannot be done, end with one line:\n"
      "COBATCH {\"status\":\"done\",\"summary\":\"what was done, in one sentence\"}\n"
      "Write \"error\" instead of \"done\" if the task failed, and say why in the summary.\n";
  return prompt;
}

}  // namespace v1
}  // namespace cobatch
