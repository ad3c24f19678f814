#include <algorithm>

#include <fmt/format.h>

#include <cobatch/agent.hpp>
#include <cobatch/core/text.hpp>

#include "base/json.hpp"

namespace cobatch {

namespace {

// In place of a longer output, a task that needs it gets the summary.
constexpr std::size_t longest_needed_output = 8 * 1024;
constexpr std::size_t most_changed_files = 20;

std::string how_it_ended(const turn_record& turn) {
  const auto when = to_iso(turn.ended_at.value_or(turn.started_at));
  if (turn.end == turn_end::interrupted) return fmt::format("was interrupted (found at {})", when);
  if (turn.end == turn_end::timed_out) return fmt::format("ran into its time limit at {}", when);
  if (turn.end == turn_end::broke) return fmt::format("broke off at {}", when);
  if (turn.end == turn_end::stopped) return fmt::format("was stopped at {}", when);
  return "did not finish";
}

std::string what_it_changed(const turn_record& turn) {
  if (!turn.changes || (turn.changes->files.empty() && turn.changes->commits.empty())) return {};
  const auto& files = turn.changes->files;
  std::string text = "In that time these files changed:";
  const std::size_t shown = std::min(files.size(), most_changed_files);
  for (std::size_t i = 0; i < shown; ++i) text += fmt::format("{} {}", i == 0 ? "" : ",", files[i]);
  if (shown < files.size()) text += fmt::format(" and {} more", files.size() - shown);
  if (!turn.changes->commits.empty()) text += fmt::format("; {} commits were made", turn.changes->commits.size());
  return text + ". ";
}

std::string attempt_note(const prompt_parts& parts) {
  if (parts.previous == nullptr) return {};
  const turn_record& before = *parts.previous;
  const std::string changed = what_it_changed(before);
  return fmt::format(
      "Note: {}an earlier turn of this task began at {} and {}. {}Look at what is there before you do anything a "
      "second time.\n\n",
      parts.attempt > 1 ? fmt::format("this is attempt {}; ", parts.attempt) : "", to_iso(before.started_at),
      how_it_ended(before), changed.empty() ? "It may have changed files already. " : changed);
}

std::string needed_result(const result_record& needed) {
  const std::string& output = needed.what.output;
  if (!output.empty() && output.size() <= longest_needed_output)
    return fmt::format("Task {} was done before; its answer:\n\n{}\n\n", needed.task.str(), output);
  const std::string where =
      output.empty()
          ? std::string()
          : fmt::format(
                " Its whole answer, {} bytes, is the \"output\" of this task in the project's "
                "data/claude_task_results.json, and in what `cobatch call get_task_result task_id={}` answers.",
                output.size(), needed.task.str());
  return fmt::format("Task {} was done before: {}{}\n\n", needed.task.str(),
                     needed.what.output_summary.empty() ? "(it left no answer)" : needed.what.output_summary, where);
}

std::string in_full(const prompt_parts& parts) {
  const task_record& task = *parts.task;
  std::string text;
  if (!parts.shared.empty()) text += fmt::format("What all tasks of this batch share:\n\n{}\n\n", parts.shared);
  text += fmt::format("Task {} of {} in batch {} (task id {}).\n\n{}\n\n", task.position,
                      std::max(parts.batch_total, task.position), task.batch.str(), task.spec.id.str(),
                      task.spec.description);
  if (!task.spec.context.empty()) text += fmt::format("Context: {}\n\n", task.spec.context);
  for (const auto& needed : parts.needed) text += needed_result(needed);
  return text + attempt_note(parts);
}

std::string going_on(const prompt_parts& parts) {
  return fmt::format("Continue with the task above (task id {}). Its turn {}. Look at what is there already.\n\n",
                     parts.task->spec.id.str(), how_it_ended(*parts.previous));
}

}  // namespace

std::string v1::make_prompt(const prompt_parts& parts) {
  std::string prompt = parts.goes_on && parts.previous != nullptr ? going_on(parts) : in_full(parts);
  prompt +=
      "Do only this task; the other tasks of the batch come as messages of their own. When you have finished, or if "
      "the task cannot be done, end with one line:\n"
      "COBATCH {\"task\":";
  json::append_string(prompt, parts.task->spec.id.str());
  prompt +=
      ",\"status\":\"done\",\"summary\":\"what was done, in one sentence\"}\n"
      "Write \"error\" instead of \"done\" if the task failed, and say why in the summary.\n";
  return prompt;
}

std::string v1::make_preamble_prompt(const batch_id& batch, std::string_view shared) {
  return fmt::format(
      "What all tasks of batch {} share follows; the tasks come after it as messages of their own. Read it, do nothing "
      "yet, and answer with the one word: ready.\n\n{}\n",
      batch.str(), shared);
}

}  // namespace cobatch
