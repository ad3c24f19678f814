// What came of a batch: whether it has ended, its tasks are done, it was assigned as it should be, and its tokens: known
// for every task, loaded by the first one, and shared by the others.
#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cobatch/core/ledger.hpp>
#include <cobatch/core/lint.hpp>
#include <cobatch/core/savings.hpp>

#include "base/text.hpp"
#include "doctor/checks.hpp"
#include "os/programs.hpp"
#include "workspace/workspace.hpp"

namespace cobatch {

namespace {

// ------------------------------------------------------------------------------------------------ its record

std::int64_t ended_in(const task_tally& tally) {
  return tally[task_state::done] + tally[task_state::error] + tally[task_state::cancelled];
}

void check_ended(const batch_record& batch, findings& out) {
  const std::string name = fmt::format("Batch \"{}\"", batch.id.str());
  switch (batch.state) {
    case batch_state::finished: return out.yes("batch_ended", name + " has ended.");
    case batch_state::open:
      return out.no("batch_ended", name + " is still open: its last task has to come with auto_execute true.",
                    out.command("run " + shell_quoted(batch.id.str())));
    case batch_state::held:
      return out.no("batch_ended", fmt::format("{} has not ended: it is held. {}", name, batch.hold_reason));
    case batch_state::sealed:
    case batch_state::running:
    case batch_state::ending: break;
  }
  out.unknown("batch_ended",
              fmt::format("{} has not ended yet: it is {}, with {} of {} ended.", name, name_of(batch.state),
                          ended_in(batch.tally), counted(batch.tally.total(), "task")),
              out.command("status " + shell_quoted(batch.id.str())));
}

void check_done(const batch_record& batch, findings& out) {
  const std::int64_t all = batch.tally.total();
  const std::int64_t failed = batch.tally[task_state::error];
  const std::int64_t cancelled = batch.tally[task_state::cancelled];
  const std::string status = out.command("status " + shell_quoted(batch.id.str()));
  if (failed + cancelled > 0)
    return out.no("tasks_done",
                  fmt::format("Of {} {} ended in error and {} cancelled.", counted(all, "task"), failed, cancelled),
                  status);
  if (ended_in(batch.tally) < all)
    return out.unknown("tasks_done",
                       fmt::format("Of {} {} to be done still.", counted(all, "task"), all - ended_in(batch.tally)),
                       status);
  out.yes("tasks_done", fmt::format("Of {} all are done.", counted(all, "task")));
}

// By the words of the warning that the assign got.
void check_auto_execute(const batch_record& batch, findings& out) {
  if (!batch.lingers || batch.tally.total() == 1)
    return out.yes("auto_execute", "auto_execute did not come too early.");
  const assign_facts first{
      .batch = batch.id, .explicit_id = true, .sealed_now = true, .new_tasks = 1, .tasks_in_batch = 1};
  out.no("auto_execute", lint_auto_execute_too_early(first)->message);
}

void check_alone(store& storage, const batch_record& batch, findings& out) {
  if (batch.tally.total() != 1) return out.yes("one_batch", "Its tasks have one batch_id.");
  const auto near = single_batches(storage, batch.created_at + -lint_window, batch.created_at + lint_window);
  if (!near) return out.unknown("one_batch", near.error());
  if (auto found = in_batch_of_its_own(batch, *near); !found.empty()) return out.no("one_batch", std::move(found));
  out.yes("one_batch", "It has one task, and no other was assigned near it.");
}

// ------------------------------------------------------------------------------------------------ its tokens

// Of a task that has a result. What a preamble used that was sent right before is part of `sum`.
struct task_figures {
  task_id task = {};
  std::optional<account> sum = {};  // nothing: nobody said
  bool loaded_context = false;
};

task_figures figures_of(const result_record& result) {
  task_figures out{.task = result.task, .loaded_context = result.loaded_context || result.preamble_used};
  if (!result.what.used) return out;
  add_result(out.sum.emplace(), result);
  return out;
}

// In order of position. A task that a person did, without an agent, need not say what it used.
result<std::vector<task_figures>> read_figures(store& storage, const batch_id& batch) {
  auto results = storage.list_results({.batch = batch, .limit = max_batch_tasks});
  if (!results) return fail(results.error());
  std::sort(results->begin(), results->end(), [](const auto& a, const auto& b) { return a.position < b.position; });
  std::vector<task_figures> all;
  for (const auto& one : *results)
    if (one.session != epoch{} || one.what.used) all.push_back(figures_of(one));
  return all;
}

std::string with_source(std::string message, const task_figures& of) {
  if (of.sum && of.sum->scripted) message += " (Figures of the scripted agent: no model was asked.)";
  return message;
}

void check_known(std::span<const task_figures> all, const std::string& savings, findings& out) {
  const auto is_missing = [](const task_figures& one) { return !one.sum; };
  const auto missing = std::count_if(all.begin(), all.end(), is_missing);
  if (missing == 0)
    return out.yes("telemetry",
                   fmt::format("The tokens of {} that came to something are known.", counted(std::ssize(all), "task")));
  out.no("telemetry",
         fmt::format("Of {} {} did not say what was used, \"{}\" among them. A program of yours says it with `usage` "
                     "in its result line; one that reports by calls (prompt), with capture_token_telemetry or "
                     "data/last_execution_telemetry.json before log_task_completion. The agents of Cobatch say it by "
                     "themselves, unless they break.",
                     counted(std::ssize(all), "task"), missing,
                     std::find_if(all.begin(), all.end(), is_missing)->task.str()),
         savings);
}

void check_first(const task_figures& first, findings& out) {
  if (!first.sum) return out.unknown("first_task", "What the first task loaded is not known.");
  const std::int64_t loaded = first.sum->used.loaded_input();
  const std::int64_t read = first.sum->used.cache_read;
  if (loaded > 0)
    return out.yes("first_task",
                   with_source(fmt::format("The first task loaded {} tokens.", guide_tokens(loaded)), first));
  if (read > 0)
    return out.yes("first_task",
                   with_source(fmt::format("The first task loaded nothing anew: the provider still had all of the "
                                           "context, {} tokens, in its cache from an earlier session.",
                                           guide_tokens(read)),
                               first));
  out.no("first_task", with_source("The first task shows 0 input tokens, and none read from a cache: what loading the "
                                   "context took was not reported. Sums of this batch are too low.",
                                   first));
}

void check_shared(std::span<const task_figures> all, const batch_record& batch, const std::string& savings,
                  findings& out) {
  if (batch.settings.way == running_way::separate)
    return out.yes("context_shared", "Each task loads the context itself, as way separate asks for.");
  const auto later = all.subspan(1);
  if (later.empty()) return out.unknown("context_shared", "One task has come to something; nothing could be shared.");
  const std::string tasks = counted(std::ssize(later), "task") + " after the first";
  const auto anew =
      std::count_if(later.begin(), later.end(), [](const task_figures& one) { return one.loaded_context; });
  if (anew > 0)
    return out.no("context_shared",
                  fmt::format("Of {} {} loaded the context anew. That is so after --max-tasks-per-session tasks (10), "
                              "after a task that broke or came late, for another model, and with an agent that has a "
                              "conversation a task (gemini).",
                              tasks, anew),
                  savings);
  if (std::none_of(later.begin(), later.end(), [](const task_figures& one) { return one.sum.has_value(); }))
    return out.unknown("context_shared", "All tasks had one conversation; what it saved is not known.");
  tokens sum;
  bool cache_unknown = false;
  for (const auto& one : later) {
    if (!one.sum) continue;
    sum = sum + one.sum->used;
    cache_unknown = cache_unknown || one.sum->cache_unknown;
  }
  if (cache_unknown)
    return out.unknown(
        "context_shared",
        fmt::format("The tasks had one conversation, and {} loaded {} tokens, as was told; what was read "
                    "from the provider's cache nobody said.",
                    tasks, guide_tokens(sum.loaded_input())));
  const std::string figures = fmt::format("{} loaded {} tokens and read {} from the cache", tasks,
                                          guide_tokens(sum.loaded_input()), guide_tokens(sum.cache_read));
  if (sum.cache_read == 0 && sum.loaded_input() > 0)
    return out.no("context_shared",
                  with_source(fmt::format("The tasks had one conversation, but {}: the provider's cache did not serve "
                                          "it, so all of it was paid in full each time.",
                                          figures),
                              later.front()),
                  savings);
  out.yes("context_shared", with_source(fmt::format("The context was loaded once: {}.", figures), later.front()));
}

void check_telemetry(store& storage, const batch_record& batch, findings& out) {
  const auto all = read_figures(storage, batch.id);
  if (!all) return out.unknown("telemetry", all.error());
  if (all->empty()) return out.unknown("telemetry", "No task has come to something yet, so no tokens are known.");
  const std::string savings = out.command("savings " + shell_quoted(batch.id.str()));
  check_known(*all, savings, out);
  check_first(all->front(), out);
  check_shared(*all, batch, savings, out);
}

}  // namespace

void check_batch(store& storage, const batch_record& batch, findings& out) {
  check_ended(batch, out);
  check_done(batch, out);
  check_auto_execute(batch, out);
  check_alone(storage, batch, out);
  check_telemetry(storage, batch, out);
}

}  // namespace cobatch
