// cobatch run: one batch, or everything sealed, with the engine in the foreground.
#include <algorithm>
#include <map>
#include <unistd.h>

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

// What became of the tasks that had a turn in this run, and what it waited for at last.
class outcome_keeper {
 public:
  void on_event(const engine_event& event) {
    if (event.what == engine_event::kind::waiting) waits_ = event.text;
    if (event.what == engine_event::kind::session_started) waits_.clear();
    if (event.what == engine_event::kind::turn_ended && event.task != nullptr)
      latest_.insert_or_assign(event.task->spec.id, *event.task);
  }
  [[nodiscard]] std::int64_t count(task_state state) const {
    return std::count_if(latest_.begin(), latest_.end(),
                         [&](const auto& entry) { return entry.second.state == state; });
  }
  [[nodiscard]] json::array tasks() const {
    std::vector<const task_record*> in_order;
    for (const auto& [id, task] : latest_) in_order.push_back(&task);
    std::sort(in_order.begin(), in_order.end(), [](const auto* a, const auto* b) {
      return std::pair(a->batch, a->position) < std::pair(b->batch, b->position);
    });
    json::array out;
    for (const auto* task : in_order)
      out.emplace_back(json::object{{"task_id", task->spec.id.str()},
                                    {"batch_id", task->batch.str()},
                                    {"batch_position", task->position},
                                    {"status", name_of(task->state)}});
    return out;
  }

  // Empty if it waited for nothing since its latest session.
  [[nodiscard]] const std::string& waits() const noexcept { return waits_; }

 private:
  std::map<task_id, task_record> latest_;
  std::string waits_;
};

// The tasks that should have run and were not: of the batch, or of every batch that is sealed.
struct left_over {
  std::int64_t tasks = 0;
  std::vector<std::string> batches;
  bool failed = false;  ///< a task of the named batch has ended in error or was cancelled
};

void add_left(left_over& to, const batch_record& batch) {
  const std::int64_t n = batch.tally[task_state::queued] + batch.tally[task_state::in_progress];
  if (n == 0 || batch.state == batch_state::open) return;
  to.tasks += n;
  to.batches.push_back(batch.agent.empty()
                           ? one_line(batch.id.str())
                           : fmt::format("{} (agent {})", one_line(batch.id.str()), one_line(batch.agent)));
}

result<left_over> look_for_left(workspace& place, const std::optional<batch_id>& batch) {
  left_over left;
  if (batch) {
    const auto status = place.batch(*batch);
    if (!status) return fail(status.error());
    add_left(left, status->batch);
    left.failed = status->batch.tally[task_state::error] + status->batch.tally[task_state::cancelled] > 0;
    return left;
  }
  const auto status = place.status();
  if (!status) return fail(status.error());
  for (const auto& entry : status->all.unfinished) add_left(left, entry);
  return left;
}

std::string joined(const std::vector<std::string>& names) {
  constexpr std::size_t shown = 5;
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), shown); ++i) out += (i == 0 ? "" : ", ") + names[i];
  return names.size() > shown ? fmt::format("{} and {} more", out, names.size() - shown) : out;
}

// What is left and why, in sentences. What the run waited for was told to people when it began to wait.
std::string about_left(const left_over& left, const outcome_keeper& outcomes, bool json) {
  const std::string what =
      fmt::format("{} task{} left in {}", left.tasks, left.tasks == 1 ? " is" : "s are", joined(left.batches));
  if (outcomes.waits().empty()) return what + "; cobatch status tells why.";
  return json ? fmt::format("{}. {}", what, sentence(outcomes.waits())) : what + "; why is said above.";
}

int summarise(const run_options& options, const run_report& report, const outcome_keeper& outcomes,
              const left_over& left, bool stopped) {
  const std::int64_t failed = outcomes.count(task_state::error) + outcomes.count(task_state::cancelled);
  const bool unfinished = left.tasks > 0 || stopped;
  const exit_code code = unfinished ? exit_unfinished : failed > 0 || left.failed ? exit_refused : exit_success;
  std::vector<std::string> lines;
  lines.push_back(fmt::format("{} session{}, {} turn{}: {} done{}.", report.sessions, report.sessions == 1 ? "" : "s",
                              report.turns, report.turns == 1 ? "" : "s", outcomes.count(task_state::done),
                              failed > 0 ? fmt::format(", {} in error or cancelled", failed) : ""));
  if (left.tasks > 0) lines.push_back(about_left(left, outcomes, options.common.json));
  if (stopped) lines.emplace_back("Stopped on request; run it again to go on.");
  if (!options.common.json) {
    for (const auto& line : lines) print_line(line);
    return code;
  }
  json::array batches;
  for (const auto& name : left.batches) batches.emplace_back(name);
  print_line(json::write(json::object{{"status", code == exit_success ? "success" : "error"},
                                      {"message", fmt::format("{}", fmt::join(lines, " "))},
                                      {"sessions", report.sessions},
                                      {"turns", report.turns},
                                      {"tasks", outcomes.tasks()},
                                      {"tasks_left", left.tasks},
                                      {"batches_left", std::move(batches)},
                                      {"stopped", stopped}}));
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
  if (!json && wanted->prices) print_warnings(wanted->prices->warnings());
  progress_printer printer(is_terminal(STDOUT_FILENO), options.agent.show_prompts, wanted->prices);
  wanted->only = batch;
  wanted->on_event = [&](const engine_event& event) {
    outcomes.on_event(event);
    if (!json) printer.on_event(event);
  };
  const auto report = run(*place, *wanted, stop.get_token(), run_until::idle);
  if (!report) return fail_with(report.error(), json);
  const auto left = look_for_left(*place, batch);
  if (!left) return fail_with(left.error(), json);
  return summarise(options, *report, outcomes, *left, stop.stop_requested());
}

}  // namespace cobatch::program
