// Commands about what people do to single tasks: cancel, update, reset, remove, mark by hand. `decide` is their table.
#include "store/single_tasks.hpp"

#include <algorithm>
#include <utility>

#include "store/archive.hpp"
#include "store/commands.hpp"
#include "store/followers.hpp"
#include "store/settling.hpp"
#include "store/turns.hpp"

namespace cobatch {
namespace commands {

namespace {

// What the rules say of it: `changed` is left to be done.
task_outcome ask(const task_row& row, task_action action) {
  task_outcome out;
  out.before = row.record.state;
  out.task = row.record;
  const task_decision decision = decide(action, row.record.state, row.record.owner);
  switch (decision.what) {
    case task_decision::kind::becomes:
    case task_decision::kind::removed:
      out.what = task_outcome::kind::changed;
      break;
    case task_decision::kind::unchanged:
      out.what = task_outcome::kind::unchanged;
      break;
    case task_decision::kind::refused:
      out.what = task_outcome::kind::refused;
      out.code = decision.code;
      break;
  }
  return out;
}

task_outcome refuse(task_outcome out, errc code, task_id need = {}) {
  out.what = task_outcome::kind::refused;
  out.code = code;
  out.need = std::move(need);
  return out;
}

// A task that was cancelled may have a turn that its engine has not yet ended.
bool has_open_turn(rows& t, const task_record& task) {
  const auto turn = t.find_turn(task.session, task.turn);
  return turn && !turn->ended_at;
}

// The first need that will never be done.
std::optional<task_id> lost_need(rows& t, const task_row& task) {
  const auto is_lost = [&](const task_id& need) {
    const auto place = t.find_place(need);
    return !place || place->batch_key != task.batch_key || ended_badly(place->state);
  };
  const auto& needs = task.record.spec.needs;
  const auto lost = std::find_if(needs.begin(), needs.end(), is_lost);
  return lost == needs.end() ? std::nullopt : std::optional(*lost);
}

// The same as `ask`, with what only other rows tell.
task_outcome ask_to_reset(rows& t, const task_row& row) {
  task_outcome out = ask(row, task_action::reset);
  if (out.what != task_outcome::kind::changed) return out;
  if (has_open_turn(t, row.record)) return refuse(std::move(out), errc::task_in_progress);
  if (auto need = lost_need(t, row)) return refuse(std::move(out), errc::need_unknown, std::move(*need));
  return out;
}

// Queues a task again in its batch's round, and counts it in `batch`, whose row is the caller's to write.
task_record queue_again(rows& t, batch_record& batch, const task_row& before) {
  task_row after = before;
  after.record.state = task_state::queued;
  after.record.owner = task_owner::nobody;
  after.record.round = batch.round;
  after.record.counts = {};
  after.record.reason.clear();
  after.record.started_at.reset();
  after.record.ended_at.reset();
  t.update_task(before, after);
  t.remove_result(after);
  t.link_needs(after);
  --batch.tally[before.record.state];
  ++batch.tally[task_state::queued];
  return std::move(after.record);
}

}  // namespace

void recount(rows& t, const task_row& before, const task_row& after, timestamp now) {
  const batch_row batch_before = batch_of(t, after.record.batch);
  batch_row batch = batch_before;
  --batch.record.tally[before.record.state];
  ++batch.record.tally[after.record.state];
  cancel_followers(t, batch.record, after, now);
  finish_if_done(batch.record);
  t.update_batch(batch_before, batch);
}

void put_result_of_its_own(rows& t, const task_row& ended, result_record result, bool archived) {
  result.task = ended.record.spec.id;
  result.batch = ended.record.batch;
  result.position = ended.record.position;
  result.session = {};
  result.turn = {};
  result.status = ended.record.state;
  result.what.conversation.clear();
  result.what.changes.reset();
  result.what.loaded_context.reset();  // it stands in the result itself
  result.preamble_used.reset();
  put_result(t, ended, result, archived);
}

task_outcome cancel(rows& t, const task_id& task, timestamp now) {
  const auto before = t.find_task(task);
  if (!before) return {};
  task_outcome out = ask(*before, task_action::cancel);
  if (out.what != task_outcome::kind::changed) return out;
  task_row after = *before;
  after.record.state = task_state::cancelled;
  after.record.owner = task_owner::nobody;
  after.record.ended_at = now;
  t.update_task(*before, after);
  recount(t, *before, after, now);
  out.task = std::move(after.record);
  return out;
}

task_outcome update(rows& t, const task_id& task, const task_changes& changes) {
  const auto before = t.find_task(task);
  if (!before) return {};
  task_outcome out = ask(*before, task_action::update);
  if (out.what != task_outcome::kind::changed) return out;
  task_row after = *before;
  task_spec& spec = after.record.spec;
  spec.description = changes.description.value_or(spec.description);
  spec.context = changes.context.value_or(spec.context);
  spec.prio = changes.prio.value_or(spec.prio);
  if (after.record == before->record) {
    out.what = task_outcome::kind::unchanged;
    return out;
  }
  t.update_spec(after);
  if (spec.prio != before->record.spec.prio) {
    const batch_row batch_before = batch_of(t, after.record.batch);
    batch_row batch = batch_before;
    batch.record.prio = t.highest_priority(batch.key);
    t.update_batch(batch_before, batch);
  }
  out.task = std::move(after.record);
  return out;
}

task_outcome reset(rows& t, const task_id& task, timestamp now) {
  const auto before = t.find_task(task);
  if (!before) return {};
  task_outcome out = ask_to_reset(t, *before);
  if (out.what != task_outcome::kind::changed) return out;
  const batch_row batch_before = batch_of(t, before->record.batch);
  batch_row batch = batch_before;
  apply(on_assign(batch.record.state, false), batch.record, now);
  out.task = queue_again(t, batch.record, *before);
  t.update_batch(batch_before, batch);
  return out;
}

retry_outcome retry(rows& t, const batch_id& id, timestamp now) {
  retry_outcome out;
  const auto before = t.find_batch(id);
  if (!before) return out;
  batch_row batch = *before;
  apply(on_assign(batch.record.state, true), batch.record, now);
  let_go(batch.record);
  for (auto task = t.next_failed(batch.key, 0); task; task = t.next_failed(batch.key, task->record.position)) {
    if (ask_to_reset(t, *task).what == task_outcome::kind::changed)
      out.tasks.push_back(queue_again(t, batch.record, *task).spec.id);
    else
      out.left.push_back(task->record.spec.id);
  }
  out.what = out.tasks.empty() ? retry_outcome::kind::nothing_to_do : retry_outcome::kind::retried;
  if (!out.tasks.empty()) t.update_batch(*before, batch);
  out.batch = out.tasks.empty() ? before->record : std::move(batch.record);
  return out;
}

task_outcome remove(rows& t, const task_id& task, timestamp now) {
  const auto row = t.find_task(task);
  if (!row) return {};
  task_outcome out = ask(*row, task_action::remove);
  if (out.what != task_outcome::kind::changed) return out;
  if (has_open_turn(t, row->record)) return refuse(std::move(out), errc::task_in_progress);
  const batch_row batch_before = batch_of(t, row->record.batch);
  batch_row batch = batch_before;
  cancel_dependents(t, batch.record, row->key, now);
  t.remove_task(*row);
  --batch.record.tally[row->record.state];
  batch.record.prio = t.highest_priority(batch.key);
  finish_if_done(batch.record);
  t.update_batch(batch_before, batch);
  return out;
}

task_outcome remove_result(rows& t, const task_id& task) {
  task_outcome out;
  const auto row = t.find_task(task);
  if (!row) return out;
  out.before = row->record.state;
  out.task = row->record;
  if (t.remove_result(*row)) out.what = task_outcome::kind::changed;
  return out;
}

namespace {

task_outcome marked_by_agent(const task_row& before, begin_called_outcome begun) {
  using kind = begin_called_outcome::kind;
  task_outcome out;
  out.before = before.record.state;
  out.task = std::move(begun.task);
  if (begun.what == kind::busy) return refuse(std::move(out), errc::task_in_progress);
  if (begun.what == kind::refused) return refuse(std::move(out), begun.code, std::move(begun.need));
  out.what = begun.what == kind::begun ? task_outcome::kind::changed : task_outcome::kind::unchanged;
  return out;
}

}  // namespace

task_outcome mark_manually(rows& t, const task_id& task, timestamp now) {
  const auto before = t.find_task(task);
  if (!before) return {};
  if (auto begun = begin_without_token(t, *before, now)) return marked_by_agent(*before, std::move(*begun));
  task_outcome out = ask(*before, task_action::mark_manually);
  if (out.what != task_outcome::kind::changed) return out;
  task_row after = *before;
  after.record.state = task_state::in_progress;
  after.record.owner = task_owner::manual;
  after.record.started_at = now;
  t.update_task(*before, after);
  recount(t, *before, after, now);
  out.task = std::move(after.record);
  return out;
}

}  // namespace commands
}  // namespace cobatch
