// What a turn's end and a session's end change: pure functions.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include <cobatch/core/batch.hpp>
#include <cobatch/core/session.hpp>
#include <cobatch/core/task.hpp>
#include <cobatch/store.hpp>

namespace cobatch {

struct settled_turn {
  task_record task;
  turn_record turn;
  std::optional<result_record> result;  ///< if the task came to one
};

/// True if what needs a task in this state can never run.
[[nodiscard]] constexpr bool ended_badly(task_state state) noexcept {
  return state == task_state::error || state == task_state::cancelled;
}

/// True if the turn is the preamble's.
[[nodiscard]] inline bool is_preamble(const turn_record& turn) { return turn.task.empty(); }

/// True if the turn is the one the task is in progress with. A task that was cancelled meanwhile has no such turn.
[[nodiscard]] inline bool is_running_turn(const task_record& task, const turn_record& turn) {
  return task.state == task_state::in_progress && task.owner == task_owner::session && task.session == turn.session &&
         task.turn == turn.turn;
}

/// Settles a running turn: the turn is always kept with what it cost; the task follows `after_turn` only if it is
/// still in progress with this turn.
[[nodiscard]] inline settled_turn settle_turn(task_record task, turn_record turn, const settlement& what,
                                              timestamp now) {
  turn.ended_at = now;
  turn.end = what.end;
  turn.reason = what.reason;
  turn.detail = what.detail;
  turn.used = what.used;
  turn.loaded_context = what.loaded_context.value_or(turn.loaded_context);
  turn.conversation = what.conversation;
  turn.changes = what.changes;
  if (!is_running_turn(task, turn)) return {std::move(task), std::move(turn), std::nullopt};

  attempt_limits limits;
  limits.attempts = task.spec.max_attempts;
  const task_after_turn after = after_turn(what.end, task.counts, limits);
  task.state = after.state;
  task.counts = after.counts;
  task.owner = task_owner::nobody;
  if (!has_ended(task.state)) {
    task.started_at.reset();
    return {std::move(task), std::move(turn), std::nullopt};
  }
  task.ended_at = now;
  if (task.state == task_state::cancelled) return {std::move(task), std::move(turn), std::nullopt};

  result_record result;
  result.task = task.spec.id;
  result.batch = task.batch;
  result.position = task.position;
  result.session = turn.session;
  result.turn = turn.turn;
  result.status = task.state;
  result.what = what;
  if (!after.reason.empty()) {
    result.what.reason = std::string(after.reason);
    result.what.source = status_source::cobatch;
  }
  result.completed_at = now;
  result.duration_ms = (now - turn.started_at).count();
  result.loaded_context = turn.loaded_context;
  result.what.loaded_context.reset();  // it stands in the result itself
  return {std::move(task), std::move(turn), std::move(result)};
}

/// The settlement of a turn that did not come to an end of its own.
[[nodiscard]] inline settlement unfinished(turn_end end, std::string detail) {
  settlement what;
  what.end = end;
  what.detail = std::move(detail);
  what.source = status_source::cobatch;
  return what;
}
[[nodiscard]] inline settlement cancelled_meanwhile() {
  return unfinished(turn_end::cancelled, "the task was cancelled while the turn ran");
}

/// True if the session works this round of its batch, and has not been told that nothing is left.
[[nodiscard]] inline bool is_at_work(const session_record& session, const batch_record& batch) {
  return batch.state == batch_state::running && batch.round == session.round;
}

/// A turn that has no task yet.
[[nodiscard]] inline turn_record new_turn(const batch_id& batch, const begin_request& request, timestamp now) {
  turn_record turn;
  turn.session = request.session;
  turn.turn.value = request.ordinal;
  turn.batch = batch;
  turn.process = request.process;
  turn.process_turn = request.process_turn;
  turn.loaded_context = request.process_turn == 1;
  turn.started_at = now;
  return turn;
}

/// Sessions in a row that settled no turn, after one more has ended. Ends that are not the agent's doing charge
/// nothing.
[[nodiscard]] constexpr int fruitless_after(int before, session_end why, std::int64_t turns_settled) noexcept {
  if (turns_settled > 0) return 0;
  switch (why) {
    case session_end::finished:
    case session_end::agent_lost:
    case session_end::crashed:
    case session_end::blocked:
    case session_end::full: return before + 1;
    case session_end::not_started:
    case session_end::stopped:
    case session_end::cancelled:
    case session_end::budget:
    case session_end::usage_unknown: return before;
  }
  return before;
}

/// A batch that has got back or has got new tasks.
inline void apply(const assign_effect& effect, batch_record& batch, timestamp now) {
  batch.state = effect.state;
  if (effect.next_round) ++batch.round;
  if (effect.next_round || effect.sealed_now) batch.sealed_at = now;
}

/// A batch that has lost tasks, or that has tasks which ended outside a session, may have ended by that.
inline void finish_if_done(batch_record& batch) {
  batch.state = on_cancel(batch.state, live_tasks(batch));
  if (batch.state != batch_state::finished) return;
  batch.hold_reason.clear();
  batch.held_until.reset();
}

inline void seal_now(batch_record& batch, timestamp now) {
  batch.state = on_seal(batch.state);
  batch.sealed_at = now;
}

/// Lets a held batch go; any other stays as it is.
inline void let_go(batch_record& batch) {
  if (batch.state != batch_state::held) return;
  batch.state = batch_state::sealed;
  batch.fruitless_sessions = 0;
  batch.hold_reason.clear();
  batch.held_until.reset();
}

/// What adopting a task comes to if one of its id is `there` already.
[[nodiscard]] inline adopt_outcome adopt_again(const task_record& there, const task_record& wanted) {
  const bool same = there.spec.description == wanted.spec.description;
  return {same ? adopt_outcome::kind::duplicate : adopt_outcome::kind::conflict, errc::internal, there};
}

/// True if engines may take up a batch that waits: a held one when its time has come. One without a time waits until
/// somebody lets it go.
[[nodiscard]] inline bool is_due(const batch_record& batch, timestamp now) {
  return batch.state != batch_state::held || (batch.held_until && *batch.held_until <= now);
}

/// True if `a` runs before `b`: highest priority, then oldest seal, then oldest.
[[nodiscard]] inline bool runs_before(const batch_record& a, std::int64_t a_key, const batch_record& b,
                                      std::int64_t b_key) {
  if (a.prio != b.prio) return a.prio > b.prio;
  if (a.sealed_at != b.sealed_at) return a.sealed_at < b.sealed_at;
  return a_key < b_key;
}

static_assert(fruitless_after(1, session_end::crashed, 0) == 2 && fruitless_after(2, session_end::crashed, 1) == 0);
static_assert(fruitless_after(2, session_end::not_started, 0) == 2);
static_assert(fruitless_after(0, session_end::finished, 0) == 1);
static_assert(fruitless_after(1, session_end::full, 0) == 2 && fruitless_after(2, session_end::full, 3) == 0);

}  // namespace cobatch
