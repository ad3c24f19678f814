// cobatch run: one batch, or everything sealed, with the engine in the foreground.
#include <algorithm>
#include <set>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include <cobatch/prices.hpp>

#include "base/text.hpp"
#include "program/choose_agent.hpp"
#include "program/exit_codes.hpp"
#include "program/options.hpp"
#include "program/progress.hpp"
#include "program/signals.hpp"
#include "program/speak.hpp"
#include "views/record_json.hpp"

namespace cobatch::program {

namespace {

// The tasks that had a turn in this run.
class outcome_keeper {
 public:
  void on_event(const event& happened) {
    if (happened.what == event::kind::turn_ended && happened.task) ids_.insert(happened.task->spec.id);
  }
  // As they are now: each as in the results view; one that has no result, because it is queued again, as in the queue
  // view.
  [[nodiscard]] result<json::array> tasks(workspace& place) const {
    std::vector<task_status> in_order;
    for (const auto& id : ids_) {
      auto now = place.task(id);
      if (now)
        in_order.push_back(std::move(*now));
      else if (now.error().code != errc::task_not_found)  // deleted meanwhile
        return fail(std::move(now.error()));
    }
    std::sort(in_order.begin(), in_order.end(), [](const auto& a, const auto& b) {
      return std::pair(a.task.batch, a.task.position) < std::pair(b.task.batch, b.task.position);
    });
    json::array out;
    for (const auto& [task, came_to] : in_order)
      out.emplace_back(came_to ? result_json(*came_to, &task) : task_json(task));
    return out;
  }

 private:
  std::set<task_id> ids_;
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

// A task of it has ended in error or was cancelled, in this run or before.
bool has_failed(const batch_record& batch) {
  return batch.tally[task_state::error] + batch.tally[task_state::cancelled] > 0;
}

// What the named batch has come to, or which batches are still open.
result<std::string> why_nothing_ran(workspace& place, const std::optional<batch_record>& named) {
  if (named) {
    const std::string id = one_line(named->id.str());
    std::string text =
        fmt::format("There is nothing to run: of batch {} no task waits ({}).", id, tally_text(named->tally));
    if (has_failed(*named))
      text += fmt::format(
          " cobatch status {0} tells why; cobatch call retry_batch batch_id={0} queues again what failed or "
          "was cancelled.",
          id);
    return text;
  }
  std::string text = "There is nothing to run: no sealed batch has a task that waits.";
  const auto open = place.batches({.state = batch_state::open});
  if (!open) return fail(open.error());
  std::vector<std::string> names;
  for (const auto& batch : *open)
    if (batch.tally[task_state::queued] > 0) names.push_back(one_line(batch.id.str()));
  if (!names.empty())
    text += fmt::format(" Still open: {}. cobatch run BATCH seals one and runs it; so does seal_batch, with an engine.",
                        joined(names));
  return text;
}

// `told`: the reason was printed when the run began to wait.
std::string why_left(const run_report& report, bool behind_lock_file, bool told) {
  if (report.why_left.empty()) return "cobatch status tells why.";
  if (!behind_lock_file) return sentence(one_line(report.why_left));
  return (told ? "The lock file is in the way." : sentence(one_line(report.why_left))) +
         " cobatch run --wait waits until it goes.";
}

// What was done, and what is left and why, in sentences.
result<std::string> summary_of(workspace& place, const run_report& report, const std::optional<batch_record>& named,
                               bool stopped, bool told) {
  const std::int64_t left = report.tasks_left();
  if (report.sessions == 0 && left == 0) return why_nothing_ran(place, named);
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
  const auto lock = place.lock();
  if (!lock) return fail(lock.error());
  return text + why_left(report, lock->marker == marker_state::foreign && report.why_left == lock->advice, told);
}

// `named`: the batch of the command line, as it is now.
int summarise(workspace& place, const run_options& options, const run_report& report, const outcome_keeper& outcomes,
              const std::optional<batch_record>& named, bool stopped) {
  const bool unfinished = !report.left.empty() || stopped;
  const bool failed = report.tasks_failed > 0 || (named && has_failed(*named));
  const exit_code code = unfinished ? exit_unfinished : failed ? exit_refused : exit_success;
  const auto text = summary_of(place, report, named, stopped, !options.common.json);
  if (!text) return fail_with(text.error(), options.common.json);
  if (!options.common.json) {
    print_line(*text);
    return code;
  }
  auto tasks = outcomes.tasks(place);
  if (!tasks) return fail_with(tasks.error(), true);
  json::array batches;
  for (const auto& name : names_of_left(report)) batches.emplace_back(name);
  json::object out{{"status", code == exit_success ? "success" : "error"},
                   {"message", *text},
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
  wanted->on_event = [&](const event& happened) {
    outcomes.on_event(happened);
    if (!json) printer.on_event(happened);
  };
  const auto report = run(*place, *wanted, stop.get_token(), run_until::idle);
  if (!report) return fail_with(report.error(), json);
  std::optional<batch_record> named;
  if (batch) {
    auto now = place->batch(*batch);
    if (!now) return fail_with(now.error(), json);
    named = std::move(now->batch);
  }
  return summarise(*place, options, *report, outcomes, named, stop.stop_requested());
}

}  // namespace cobatch::program
