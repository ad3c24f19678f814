// What a batch used, and what that saved.
#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cobatch/core/ledger.hpp>
#include <cobatch/core/savings.hpp>
#include <cobatch/workspace.hpp>

#include "store/store.hpp"
#include "workspace/workspace.hpp"
#include "workspace/workspace_state.hpp"

namespace cobatch {

namespace {

// In order of position; nothing where a task's figures are not known in full. The preamble is part of the first one's:
// that task would have loaded it, were it alone.
std::vector<std::optional<tokens>> figures_by_task(const ledger& accounts) {
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

// Completed by hand, or adopted.
bool is_without_turn(const result_record& result) {
  return result.turn == turn_no{};
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

// What a task came to without a turn counts like a turn. Where nobody said what it used, it is one whose usage is not
// known.
turn_record as_turn(result_record result) {
  turn_record turn;
  turn.task = std::move(result.task);
  turn.batch = std::move(result.batch);
  turn.position = result.position;
  turn.end = result.what.end;
  turn.ended_at = result.completed_at;
  turn.used = std::move(result.what.used);
  return turn;
}

// The same of a task whose result was deleted, and with it what it used.
turn_record as_turn(const task_record& task) {
  turn_record turn;
  turn.task = task.spec.id;
  turn.batch = task.batch;
  turn.position = task.position;
  turn.end = task.state == task_state::done ? turn_end::done : turn_end::error;
  turn.ended_at = task.ended_at;
  return turn;
}

// Adds the tasks that came to something without a turn to all turns of the batch.
result<void> add_without_turn(store& storage, const batch_id& batch, std::vector<turn_record>& turns) {
  std::vector<turn_record> more;
  const auto visited = visit_tasks(storage, batch, [&](const task_record& task) -> result<void> {
    if (task.state != task_state::done && task.state != task_state::error) return {};
    auto result = storage.find_result(task.spec.id);
    if (!result) return fail(result.error());
    if (*result && is_without_turn(**result)) more.push_back(as_turn(std::move(**result)));
    if (!*result && !has_ended_with_turn(turns, task)) more.push_back(as_turn(task));
    return {};
  });
  if (!visited) return visited;
  turns.insert(turns.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  return {};
}

measured compare(const ledger& accounts) {
  measured out = compare_measured(figures_by_task(accounts));
  if (accounts.total.cache_unknown) out.processed = out.cache_read = std::nullopt;
  return out;
}

}  // namespace

result<savings_report> workspace::savings(const batch_id& batch) {
  auto record = batch_there(*state_->storage, batch);
  if (!record) return fail(record.error());
  turn_filter filter;
  filter.batch = batch;
  auto turns = all_turns(*state_->storage, filter);
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
