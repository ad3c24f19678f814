#include "store/turns.hpp"

#include <algorithm>
#include <utility>

#include "store/archive.hpp"
#include "store/followers.hpp"
#include "store/settling.hpp"

namespace cobatch {
namespace commands {

bool is_live(const std::optional<session_row>& session) {
  return session && session->record.phase == session_phase::live;
}

bool is_preamble(const turn_record& turn) {
  return turn.task.empty();
}

batch_row batch_of(rows& t, const batch_id& id) {
  auto row = t.find_batch(id);
  if (!row) throw store_failure{{errc::store_damaged, "the batch of a session or task is missing from the store"}};
  return std::move(*row);
}

task_row task_of(rows& t, const turn_record& turn) {
  if (is_preamble(turn)) return {};
  auto row = t.find_task(turn.task);
  if (!row) throw store_failure{{errc::store_damaged, "the task of a turn is missing from the store"}};
  return std::move(*row);
}

std::optional<turn_record> open_turn(rows& t, epoch session) {
  auto last = t.last_turn(session);
  if (last && last->ended_at) last.reset();
  return last;
}

std::optional<task_id> unmet_need(rows& t, const task_spec& task) {
  const auto is_done = [&](const task_id& need) {
    const auto place = t.find_place(need);
    return place && place->state == task_state::done;
  };
  const auto unmet = std::find_if_not(task.needs.begin(), task.needs.end(), is_done);
  return unmet == task.needs.end() ? std::nullopt : std::optional(*unmet);
}

// Needs stand before their task, so only one that somebody has in progress by hand can make it wait.
std::optional<task_row> next_to_begin(rows& t, const batch_row& batch) {
  auto task = t.next_queued(batch.key, 0);
  while (task && unmet_need(t, task->record.spec)) task = t.next_queued(batch.key, task->record.position);
  return task;
}

bool is_at_work(const session_record& session, const batch_record& batch) {
  return batch.state == batch_state::running && batch.round == session.round;
}

turn_record new_turn(const batch_row& batch, const begin_request& request, timestamp now) {
  turn_record turn;
  turn.session = request.session;
  turn.turn.value = request.ordinal;
  turn.batch = batch.record.id;
  turn.process = request.process;
  turn.process_turn = request.process_turn;
  turn.loaded_context = request.process_turn == 1;
  turn.started_at = now;
  return turn;
}

task_record begin_task(rows& t, const batch_row& batch, const task_row& task, turn_record& turn) {
  turn.task = task.record.spec.id;
  turn.position = task.record.position;
  turn.attempt = task.record.counts.next_attempt();
  t.insert_turn(turn, task.record);

  task_row running = task;
  running.record.state = task_state::in_progress;
  running.record.owner = task_owner::session;
  running.record.session = turn.session;
  running.record.turn = turn.turn;
  running.record.started_at = turn.started_at;
  t.update_task(task, running);

  batch_row counted = batch;
  --counted.record.tally[task_state::queued];
  ++counted.record.tally[task_state::in_progress];
  t.update_batch(batch, counted);
  return std::move(running.record);
}

namespace {

// What the preamble used if its turn came right before this one, and came to something.
std::optional<usage> preamble_before(rows& t, const turn_record& turn) {
  auto before = t.find_turn(turn.session, turn_no{turn.turn.value - 1});
  const bool counts = before && is_preamble(*before) && before->end == turn_end::done;
  return counts ? std::move(before->used) : std::nullopt;
}

}  // namespace

// A task that was removed meanwhile cannot be: one whose turn is not settled is not removed.
settle_outcome settle_running(rows& t, batch_row& batch, const turn_record& turn, const settlement& what, settler by,
                              timestamp now) {
  const task_row before = task_of(t, turn);
  settled_turn settled = settle(before.record, turn, what, now);
  settled.turn.recovered = by.recovered;
  t.settle_turn(settled.turn);

  task_row after = before;
  after.record = settled.task;
  if (after.record != before.record) {
    t.update_task(before, after);
    --batch.record.tally[before.record.state];
    ++batch.record.tally[after.record.state];
    cancel_followers(t, batch.record, after, now);
  }
  if (settled.result) {
    if (batch.record.has_preamble) settled.result->preamble_used = preamble_before(t, turn);
    settled.result->fenced = by.fenced;
    put_result(t, after, *settled.result);
  }

  settle_outcome out;
  out.what = settle_outcome::kind::settled;
  out.task = std::move(settled.task);
  out.turn = std::move(settled.turn);
  return out;
}

settlement unfinished(turn_end end, std::string detail) {
  settlement what;
  what.end = end;
  what.detail = std::move(detail);
  what.source = status_source::cobatch;
  return what;
}

settlement cancelled_meanwhile() {
  return unfinished(turn_end::cancelled, "the task was cancelled while the turn ran");
}

}  // namespace commands
}  // namespace cobatch
