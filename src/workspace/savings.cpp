// What a batch used, and what that saved.
#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cobatch/core/ledger.hpp>
#include <cobatch/core/savings.hpp>
#include <cobatch/workspace.hpp>

#include "store/store.hpp"
#include "workspace/workspace.hpp"

namespace cobatch {

namespace {

// In order of position; nothing where a task's figures are not known in full. The preamble is part of the first one's:
// that task would have loaded it, were it alone.
std::vector<std::optional<tokens>> figures_in_order(const ledger& accounts) {
  auto by_task = accounts.by_task;
  std::sort(by_task.begin(), by_task.end(),
            [](const task_account& a, const task_account& b) { return a.position < b.position; });
  std::vector<std::optional<tokens>> known;
  for (const auto& line : by_task) known.push_back(line.sum.complete ? std::optional(line.sum.used) : std::nullopt);
  if (known.empty() || !known.front()) return known;
  const account& shared = accounts.shared;
  known.front() = shared.complete ? std::optional(*known.front() + shared.used) : std::nullopt;
  return known;
}

// The turn that a task has is not always the one that ended it: a task that was reset, and then completed by hand,
// keeps its last one.
bool has_ended_with_turn(const std::vector<turn_record>& turns, const task_record& task) {
  const auto place_of = [](const auto& of) { return std::pair(of.session, of.turn); };
  const auto at = std::lower_bound(turns.begin(), turns.end(), task, [&](const auto& turn, const auto& wanted) {
    return place_of(turn) < place_of(wanted);
  });
  return at != turns.end() && place_of(*at) == place_of(task) && at->ended_at == task.ended_at;
}

// What a task came to without a turn, because it was completed by hand or adopted, counts like a turn. Where nobody
// said what it used, or its result was deleted, and with it what it used, it is one whose usage is not known.
turn_record as_turn(const task_record& task, const result_record* result) {
  turn_record turn;
  turn.task = task.spec.id;
  turn.batch = task.batch;
  turn.position = task.position;
  turn.end = task.state == task_state::done ? turn_end::done : turn_end::error;
  turn.ended_at = task.ended_at;
  if (result != nullptr) {
    turn.end = result->what.end;
    turn.ended_at = result->completed_at;
    turn.used = result->what.used;
  }
  turn.started_at = turn.ended_at.value_or(timestamp{});  // nobody measured how long it took
  return turn;
}

// In order of position. Most tasks of most batches end with their turn.
result<std::vector<task_record>> tasks_without_turn(store& storage, const batch_id& batch,
                                                    const std::vector<turn_record>& turns) {
  std::vector<task_record> found;
  for (task_filter filter{.batch = batch};;) {
    auto page = storage.list_tasks(filter);
    if (!page) return fail(page.error());
    const bool last = page->size() < filter.limit;
    if (!last) filter.after_position = page->back().position;
    for (auto& task : *page) {
      const bool came_to_something = task.state == task_state::done || task.state == task_state::error;
      if (came_to_something && !has_ended_with_turn(turns, task)) found.push_back(std::move(task));
    }
    if (last) return found;
  }
}

// Adds the tasks that came to something without a turn to all turns of the batch.
result<void> add_without_turn(store& storage, const batch_id& batch, std::vector<turn_record>& turns) {
  const auto tasks = tasks_without_turn(storage, batch, turns);
  if (!tasks) return fail(tasks.error());
  if (tasks->empty()) return {};
  const auto results = storage.list_results({.batch = batch, .limit = max_batch_tasks});
  if (!results) return fail(results.error());
  std::unordered_map<std::string_view, const result_record*> result_of;
  for (const auto& one : *results) result_of.emplace(one.task.str(), &one);
  for (const auto& task : *tasks) {
    const auto found = result_of.find(task.spec.id.str());
    const result_record* result = found == result_of.end() ? nullptr : found->second;
    if (result == nullptr || result->turn == turn_no{}) turns.push_back(as_turn(task, result));
  }
  return {};
}

measured compare(const ledger& accounts) {
  measured out = compare_measured(figures_in_order(accounts));
  if (accounts.total.cache_unknown) out.processed = out.cache_read = std::nullopt;
  return out;
}

}  // namespace

result<savings_report> workspace::savings(const batch_id& batch) {
  auto record = batch_there(*state_->storage, batch);
  if (!record) return fail(record.error());
  auto turns = all_turns(*state_->storage, {.batch = batch});
  if (!turns) return fail(turns.error());
  if (auto added = add_without_turn(*state_->storage, batch, *turns); !added) return fail(added.error());
  savings_report report;
  report.batch = std::move(*record);
  report.accounts = make_ledger(*turns);
  if (report.accounts.total.by_model.empty())
    return fail(errc::no_usage,
                fmt::format("of no task of batch \"{}\" it is known what it used, so there is nothing to "
                            "compare",
                            batch.str()));
  report.compared = compare(report.accounts);
  return report;
}

}  // namespace cobatch
