// What a batch used, and what that saved.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cobatch/core/ledger.hpp>
#include <cobatch/core/savings.hpp>
#include <cobatch/workspace.hpp>

#include "run/all_tasks.hpp"
#include "run/all_turns.hpp"
#include "run/not_found.hpp"
#include "run/workspace_state.hpp"

namespace cobatch {
inline namespace v1 {

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

// A task that ended without a turn counts like one with, if somebody said what it used.
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

result<void> add_without_turn(store& storage, const batch_id& batch, std::vector<turn_record>& to) {
  return visit_tasks(storage, batch, [&](const task_record& task) -> result<void> {
    if (!has_ended(task.state) || task.turn != turn_no{}) return {};
    auto result = storage.find_result(task.spec.id);
    if (!result) return fail(result.error());
    if (*result && (*result)->turn == turn_no{} && (*result)->what.used) to.push_back(as_turn(std::move(**result)));
    return {};
  });
}

// Of told figures that are silent about the cache nobody knows what was read from it.
measured compare(const ledger& accounts) {
  measured out = compare_measured(figures_by_task(accounts));
  if (accounts.total.told && out.cache_read == 0) out.processed = out.cache_read = std::nullopt;
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

}  // namespace v1
}  // namespace cobatch
