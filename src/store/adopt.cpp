// The command that puts in tasks as they were elsewhere.
#include <algorithm>
#include <utility>

#include "store/database.hpp"
#include "store/settling.hpp"

namespace cobatch {

namespace {

// Needs are to be there already, in the same batch, as they are for `assign`.
std::optional<errc> why_not(transaction& t, const batch_row& batch, const task_record& wanted) {
  if (batch.record.tally.total() >= static_cast<std::int64_t>(max_batch_tasks)) return errc::too_large;
  const auto is_there = [&](const task_id& need) {
    const auto place = t.find_place(need);
    return place && place->batch_key == batch.key;
  };
  const auto& needs = wanted.spec.needs;
  return std::all_of(needs.begin(), needs.end(), is_there) ? std::nullopt : std::optional(errc::need_unknown);
}

std::int64_t position_for(transaction& t, const batch_row& batch, std::int64_t wanted) {
  const bool sound = wanted > 0 && wanted <= static_cast<std::int64_t>(max_batch_tasks);
  const auto is_taken = [&] {
    return t.db
        .query("SELECT 1 FROM task WHERE batch_seq = ?1 AND ended IN (0, 1) AND position = ?2", batch.key, wanted)
        .step();
  };
  return sound && !is_taken() ? wanted : batch.last_position + 1;
}

batch_row make_batch(transaction& t, const task_record& first) {
  batch_row batch;
  batch.record.id = first.batch;
  batch.record.created_at = first.created_at;
  batch.record.last_assign_at = t.now;
  t.save(batch);
  return batch;
}

// The task as it is inserted; how it ended comes after that.
task_row as_queued(const task_record& wanted, const batch_row& batch, std::int64_t position) {
  task_row row;
  row.batch_key = batch.key;
  row.record.spec = wanted.spec;
  row.record.batch = batch.record.id;
  row.record.position = position;
  row.record.round = batch.record.round;
  row.record.created_at = wanted.created_at;
  row.record.extra = wanted.extra;
  return row;
}

void end_as(transaction& t, const task_row& queued, const adopted_task& wanted) {
  task_row ended = queued;
  ended.record.state = wanted.task.state;
  ended.record.reason = wanted.task.reason;
  ended.record.started_at = wanted.task.started_at;
  ended.record.ended_at = wanted.task.ended_at.value_or(wanted.result ? wanted.result->completed_at : t.now);
  t.update(queued, ended);
  if (wanted.result && wanted.task.state != task_state::cancelled) t.insert_own(ended, *wanted.result, wanted.archived);
}

// Queued tasks that are adopted do not start by themselves. True if the batch had ended.
bool open_again(batch_record& batch) {
  if (batch.state != batch_state::finished && batch.state != batch_state::ending) return false;
  batch.state = batch_state::open;
  batch.sealed_at.reset();
  ++batch.round;
  return true;
}

// A task that needs one which will never be done is cancelled at once, as it is when it is assigned.
void cancel_if_lost(transaction& t, batch_row& batch, const task_spec& spec) {
  for (const auto& need : spec.needs)
    if (const auto place = t.find_place(need); place && ended_badly(place->state)) t.cancel_dependents(batch, need);
}

// `opened` takes the batches that are open by this.
adopt_outcome adopt_one(transaction& t, const adopted_task& wanted, std::vector<batch_id>& opened) {
  if (const auto there = t.find_task(wanted.task.spec.id)) return adopt_again(there->record, wanted.task);
  auto batch = t.find_batch(wanted.task.batch);
  if (const auto no = why_not(t, batch.value_or(batch_row{}), wanted.task))
    return {adopt_outcome::kind::refused, *no, wanted.task};
  if (!batch) {
    batch = make_batch(t, wanted.task);
    opened.push_back(wanted.task.batch);
  }
  const bool ended = has_ended(wanted.task.state);
  if (!ended && open_again(batch->record)) opened.push_back(batch->record.id);
  task_row row = as_queued(wanted.task, *batch, position_for(t, *batch, wanted.task.position));
  t.insert(row);
  if (ended) end_as(t, row, wanted);
  batch->last_position = std::max(batch->last_position, row.record.position);
  batch->record.prio = std::max(batch->record.prio, row.record.spec.prio);
  ++batch->record.tally[ended ? wanted.task.state : task_state::queued];
  if (!ended) cancel_if_lost(t, *batch, row.record.spec);
  t.save(*batch);
  return {adopt_outcome::kind::adopted, errc::internal, t.find_task(row.record.spec.id)->record};
}

// A batch that holds nothing but history.
void finish_ended(transaction& t, const batch_id& id) {
  batch_row batch = t.batch_of(id);
  if (live_tasks(batch.record) > 0) return;
  batch.record.state = batch_state::finished;
  t.save(batch);
}

}  // namespace

result<std::vector<adopt_outcome>> v1::store::adopt(const std::vector<adopted_task>& tasks) {
  return change([&](transaction& t) {
    std::vector<adopt_outcome> out;
    std::vector<batch_id> opened;
    out.reserve(tasks.size());
    for (const auto& task : tasks) out.push_back(adopt_one(t, task, opened));
    for (const auto& batch : opened) finish_ended(t, batch);
    return out;
  });
}

}  // namespace cobatch
