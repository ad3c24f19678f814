// cobatch run: one batch, or everything sealed, with the engine in the foreground. cobatch engine: sealed batches as
// they come.
#include <algorithm>
#include <optional>
#include <set>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "base/text.hpp"
#include "engine/engine.hpp"
#include "program/foreground.hpp"
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
    names.push_back(one_line(batch.id.str()) +
                    (batch.agent.empty() ? "" : fmt::format(" (agent {})", one_line(batch.agent))));
  return names;
}

std::string first_of(const std::vector<std::string>& names) {
  constexpr std::size_t shown = 5;
  const auto end = names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), shown));
  return fmt::format("{}{}", fmt::join(names.begin(), end, ", "),
                     end == names.end() ? "" : fmt::format(" and {} more", names.end() - end));
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
                        first_of(names));
  return text;
}

// Where it is the lock file, and this is not for a program, that was printed at length when the run met it.
std::string why_left(const run_report& report, bool json) {
  if (report.why_left.empty()) return "cobatch status tells why.";
  const std::string why = sentence(one_line(report.why_left));
  if (!report.behind_lock_file) return why;
  return (json ? why : "The lock file is in the way.") + " cobatch run --wait waits until it goes.";
}

// What was done, and what is left and why, in sentences. `named`: the batch of the command line, as it is now.
result<std::string> summary_of(workspace& place, const run_report& report, const std::optional<batch_record>& named,
                               bool stopped, bool json) {
  const std::int64_t left = report.tasks_left();
  if (report.sessions == 0 && left == 0) return why_nothing_ran(place, named);
  std::string text = fmt::format("{}, {}: {} done", counted(report.sessions, "session"), counted(report.turns, "turn"),
                                 report.tasks_done);
  if (report.tasks_failed > 0) text += fmt::format(", {} in error or cancelled", report.tasks_failed);
  text += ".";
  if (left == 0) return text + (stopped ? " Stopped on request." : "");
  text += fmt::format(" {} {} left in {}", counted(left, "task"), left == 1 ? "is" : "are",
                      first_of(names_of_left(report)));
  if (const auto held = report.tasks_held(); held > 0 && held < left) text += fmt::format(", {} of them held", held);
  return text + ". " + (stopped ? "Stopped on request; run it again to go on." : why_left(report, json));
}

int summarise(workspace& place, bool json, const run_report& report, const outcome_keeper& outcomes,
              const std::optional<batch_record>& named, bool stopped) {
  const bool failed = report.tasks_failed > 0 || (named && has_failed(*named));
  const exit_code code = !report.left.empty() || stopped ? exit_unfinished : failed ? exit_refused : exit_success;
  const auto text = summary_of(place, report, named, stopped, json);
  if (!text) return fail_with(text.error(), json);
  if (!json) {
    print_line(*text);
    return code;
  }
  auto tasks = outcomes.tasks(place);
  if (!tasks) return fail_with(tasks.error(), true);
  const auto left = names_of_left(report);
  json::object out{{"status", code == exit_success ? "success" : "error"},
                   {"message", *text},
                   {"sessions", report.sessions},
                   {"turns", report.turns},
                   {"tasks", std::move(*tasks)},
                   {"tasks_done", report.tasks_done},
                   {"tasks_failed", report.tasks_failed},
                   {"tasks_left", report.tasks_left()},
                   {"tasks_held", report.tasks_held()},
                   {"batches_left", json::array(left.begin(), left.end())}};
  if (!report.why_left.empty()) out.push_back({"why_left", report.why_left});
  out.push_back({"stopped", stopped});
  print_json(std::move(out));
  return code;
}

}  // namespace

int run_run(const run_options& options) {
  const bool json = options.common.json;
  const auto chosen = choose_agent_to_run(options.agent);
  if (!chosen) return fail_with(chosen.error(), json);
  std::optional<batch_id> batch;
  if (!options.batch.empty()) {
    auto parsed = batch_id::parse(options.batch);
    if (!parsed) return fail_with(parsed.error(), json);
    batch = std::move(*parsed);
  }
  auto place = open_workspace(options.common, options.agent.engine.max_tasks_per_session);
  if (!place) return fail_with(place.error(), json);
  const auto warnings = place->prepare_to_run(batch);
  if (!warnings) return fail_with(warnings.error(), json);
  if (!json) {
    // That no engine is attached is not worth a word: this command is one. The lock file is told of when it is met.
    for (const auto& entry : *warnings)
      if (entry.code != "no_engine" && entry.code != "foreign_marker") print_warnings({entry});
    for (const auto& line : chosen->about) print_line(line);
  }

  const auto signals = stop_signals::watch();
  if (!signals) return fail_with(signals.error(), json);
  const std::stop_token stop = (*signals)->stop().get_token();
  auto wanted = engine_options_of(options.agent, *chosen, (*signals)->hurry());
  if (!wanted) return fail_with(wanted.error(), json);
  wanted->only = batch;
  wanted->wait_for_lock_file = options.wait;
  outcome_keeper outcomes;
  progress_printer printer(options.agent.show_prompts, wanted->prices);
  wanted->on_event = [&](const event& happened) {
    outcomes.on_event(happened);
    if (!json) printer.on_event(happened);
  };
  const auto report = run(*place, *wanted, stop, run_until::idle);
  if (!report) return fail_with(report.error(), json);
  std::optional<batch_record> named;
  if (batch) {
    auto now = place->batch(*batch);
    if (!now) return fail_with(now.error(), json);
    named = std::move(now->batch);
  }
  return summarise(*place, json, *report, outcomes, named, stop.stop_requested());
}

int run_engine(const engine_command_options& options) {
  const bool json = options.common.json;
  const auto chosen = choose_agent_to_run(options.agent);
  if (!chosen) return fail_with(chosen.error(), json);
  auto place = open_workspace(options.common, options.agent.engine.max_tasks_per_session);
  if (!place) return fail_with(place.error(), json);
  const auto signals = stop_signals::watch();
  if (!signals) return fail_with(signals.error(), json);
  auto wanted = engine_options_of(options.agent, *chosen, (*signals)->hurry());
  if (!wanted) return fail_with(wanted.error(), json);
  // Who reads that it is ready, and asks, finds it.
  auto here = announce_engine(*place, *wanted);
  if (!here) return fail_with(here.error(), json);
  if (json) {
    print_json({{"status", "success"},
                {"workspace", place->paths().root.string()},
                {"agent", chosen->driver->name()},
                {"pid", static_cast<std::int64_t>(::getpid())}});
  } else {
    print_line(fmt::format("engine for {}", one_line(place->paths().root.string())));
    for (const auto& line : chosen->about) print_line(line);
    print_line(how_to_stop);
  }

  progress_printer printer(options.agent.show_prompts, wanted->prices);
  wanted->on_event = [&](const event& happened) {
    if (!json) printer.on_event(happened);
  };
  const auto report =
      run_announced(*place, *wanted, std::move(*here), (*signals)->stop().get_token(), run_until::stopped);
  return report ? exit_success : fail_with(report.error(), false);
}

}  // namespace cobatch::program
