// cobatch run: one batch, or everything sealed, with the engine in the foreground.
#include <algorithm>
#include <map>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include <cobatch/prices.hpp>

#include "program/choose_agent.hpp"
#include "program/exit_codes.hpp"
#include "program/options.hpp"
#include "program/progress.hpp"
#include "program/signals.hpp"
#include "program/speak.hpp"
#include "run/sentence.hpp"
#include "views/record_json.hpp"

namespace cobatch::program {

namespace {

// The tasks that had a turn in this run.
class outcome_keeper {
 public:
  void on_event(const engine_event& event) {
    if (event.what == engine_event::kind::turn_ended && event.task != nullptr)
      latest_.insert_or_assign(event.task->spec.id, *event.task);
  }
  // Each as in the results view; one that has no result, because it is queued again, as in the queue view.
  [[nodiscard]] result<json::array> tasks(workspace& place) const {
    std::vector<const task_record*> in_order;
    for (const auto& [id, task] : latest_) in_order.push_back(&task);
    std::sort(in_order.begin(), in_order.end(), [](const auto* a, const auto* b) {
      return std::pair(a->batch, a->position) < std::pair(b->batch, b->position);
    });
    json::array out;
    for (const auto* task : in_order) {
      const auto came_to = place.storage().find_result(task->spec.id);
      if (!came_to) return fail(came_to.error());
      out.emplace_back(*came_to ? result_json(**came_to, task) : task_json(*task));
    }
    return out;
  }

 private:
  std::map<task_id, task_record> latest_;
};

// "b (agent mine)" of each batch that has tasks left.
std::vector<std::string> names_of_left(const run_report& report) {
  std::vector<std::string> names;
  for (const auto& batch : report.left)
    names.push_back(batch.agent.empty()
                        ? one_line(batch.id.str())
                        : fmt::format("{} (agent {})", one_line(batch.id.str()), one_line(batch.agent)));
  return names;
}

std::string joined(const std::vector<std::string>& names) {
  constexpr std::size_t shown = 5;
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), shown); ++i) out += (i == 0 ? "" : ", ") + names[i];
  return names.size() > shown ? fmt::format("{} and {} more", out, names.size() - shown) : out;
}

std::string counted(std::int64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// What was done, and what is left and why, in sentences.
std::string summary_of(const run_report& report, bool stopped) {
  const std::int64_t left = report.tasks_left();
  if (report.sessions == 0 && left == 0) return "There is nothing to run: no sealed batch has a task that waits.";
  std::string text = fmt::format("{}, {}: {} done", counted(report.sessions, "session"), counted(report.turns, "turn"),
                                 report.tasks_done);
  if (report.tasks_failed > 0) text += fmt::format(", {} in error or cancelled", report.tasks_failed);
  text += ".";
  if (left == 0) return text + (stopped ? " Stopped on request." : "");
  text +=
      fmt::format(" {} {} left in {}", counted(left, "task"), left == 1 ? "is" : "are", joined(names_of_left(report)));
  if (const auto held = report.tasks_held(); held > 0 && held < left) text += fmt::format(", {} of them held", held);
  text += ". ";
  if (stopped) return text + "Stopped on request; run it again to go on.";
  return text + (report.why_left.empty() ? "cobatch status tells why." : sentence(one_line(report.why_left)));
}

// `batch_failed`: a task of the named batch has ended in error or was cancelled, in this run or before.
int summarise(workspace& place, const run_options& options, const run_report& report, const outcome_keeper& outcomes,
              bool batch_failed, bool stopped) {
  const bool unfinished = !report.left.empty() || stopped;
  const bool failed = report.tasks_failed > 0 || batch_failed;
  const exit_code code = unfinished ? exit_unfinished : failed ? exit_refused : exit_success;
  const std::string text = summary_of(report, stopped);
  if (!options.common.json) {
    print_line(text);
    return code;
  }
  auto tasks = outcomes.tasks(place);
  if (!tasks) return fail_with(tasks.error(), true);
  json::array batches;
  for (const auto& name : names_of_left(report)) batches.emplace_back(name);
  json::object out{{"status", code == exit_success ? "success" : "error"},
                   {"message", text},
                   {"sessions", report.sessions},
                   {"turns", report.turns},
                   {"tasks", std::move(*tasks)},
                   {"tasks_done", report.tasks_done},
                   {"tasks_failed", report.tasks_failed},
                   {"tasks_left", report.tasks_left()},
                   {"tasks_held", report.tasks_held()},
                   {"batches_left", std::move(batches)}};
  if (!report.why_left.empty()) out.push_back({"why_left", report.why_left});
  out.push_back({"stopped", stopped});
  print_line(json::write(std::move(out)));
  return code;
}

result<bool> has_failed(workspace& place, const std::optional<batch_id>& batch) {
  if (!batch) return false;
  const auto status = place.batch(*batch);
  if (!status) return fail(status.error());
  return status->batch.tally[task_state::error] + status->batch.tally[task_state::cancelled] > 0;
}

}  // namespace

int run_run(const run_options& options) {
  const bool json = options.common.json;
  const auto chosen = choose_agent(options.agent);
  if (!chosen) return fail_with(chosen.error(), json);
  if (!chosen->driver) return fail_with({errc::agent_missing, how_to_choose_an_agent()}, json);
  std::optional<batch_id> batch;
  if (!options.batch.empty()) {
    auto parsed = batch_id::parse(options.batch);
    if (!parsed) return fail_with(parsed.error(), json);
    batch = std::move(*parsed);
  }
  auto place = open_workspace(options.common, options.agent.max_tasks_per_session);
  if (!place) return fail_with(place.error(), json);
  const auto warnings = place->prepare_to_run(batch);
  if (!warnings) return fail_with(warnings.error(), json);
  // That no engine is attached is not worth a word: this command is one. Of a lock file it tells when it waits for it.
  if (!json)
    for (const auto& entry : *warnings)
      if (entry.code != "no_engine" && entry.code != "foreign_marker") print_warnings({entry});
  if (!json)
    for (const auto& line : chosen->about) print_line(line);

  std::stop_source stop, hurry;
  auto signals = stop_signals::watch([&](int count) {
    stop.request_stop();
    if (count > 1) hurry.request_stop();
  });
  if (!signals) return fail_with(signals.error(), json);
  outcome_keeper outcomes;
  auto wanted = engine_options_of(options.agent, *chosen, hurry.get_token());
  if (!wanted) return fail_with(wanted.error(), json);
  progress_printer printer(is_terminal(STDOUT_FILENO), options.agent.show_prompts, wanted->prices);
  wanted->only = batch;
  wanted->wait_for_lock_file = options.wait;
  wanted->on_event = [&](const engine_event& event) {
    outcomes.on_event(event);
    if (!json) printer.on_event(event);
  };
  const auto report = run(*place, *wanted, stop.get_token(), run_until::idle);
  if (!report) return fail_with(report.error(), json);
  const auto failed = has_failed(*place, batch);
  if (!failed) return fail_with(failed.error(), json);
  return summarise(*place, options, *report, outcomes, *failed, stop.stop_requested());
}

}  // namespace cobatch::program
