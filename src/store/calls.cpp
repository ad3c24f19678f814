// Commands of agents whose one process does many tasks: it reports the beginning and the end of each by a call, from
// any process. What shows that a call is its own is the session's token.
#include <string>
#include <utility>

#include "store/commands.hpp"
#include "store/settling.hpp"
#include "store/single_tasks.hpp"
#include "store/turns.hpp"

namespace cobatch {
namespace commands {

namespace {

std::optional<session_row> session_of(rows& t, const session_token& token) {
  auto session = t.find_session(token.session);
  const bool its_own = is_live(session) && same_secret(session->nonce, token.nonce);
  return its_own ? std::move(session) : std::nullopt;
}

// The task that the session's open turn keeps in progress; an empty row for the preamble. A task that was cancelled
// meanwhile is not kept.
std::optional<task_row> running_task(rows& t, const std::optional<turn_record>& open) {
  if (!open) return std::nullopt;
  auto task = task_of(t, *open);
  const bool runs = is_preamble(*open) || is_running_turn(task.record, *open);
  return runs ? std::optional(std::move(task)) : std::nullopt;
}

// Why a task cannot be begun in a session now.
struct refusal {
  errc code = errc::internal;
  task_id need = {};
};

std::optional<refusal> why_not(rows& t, const session_row& session, const std::optional<task_row>& task) {
  if (!task) return refusal{errc::task_not_found};
  if (task->record.state == task_state::in_progress) return refusal{errc::task_in_progress};
  if (has_ended(task->record.state)) return refusal{errc::task_ended};
  if (task->batch_key != session.batch_key) return refusal{errc::batch_conflict};
  const batch_row batch = batch_of(t, session.record.batch);
  if (!is_at_work(session.record, batch.record)) return refusal{errc::task_queued};
  if (auto need = unmet_need(t, task->record.spec)) return refusal{errc::need_unknown, std::move(*need)};
  return std::nullopt;
}

void settle_open(rows& t, const session_row& session, const turn_record& open, const settlement& what, timestamp now) {
  batch_row batch = batch_of(t, session.record.batch);
  settle_running(t, batch, open, what, {}, now);  // its task is cancelled, so that nothing of the batch changes
}

struct begun_turn {
  turn_record turn;
  task_record task;
};

// Begins the session's next turn with this task. `open` is a turn of a task that was cancelled meanwhile.
begun_turn begin_next(rows& t, const session_row& session, const std::optional<turn_record>& open, const task_row& task,
                      timestamp now) {
  if (open) settle_open(t, session, *open, cancelled_meanwhile(), now);
  const auto last = t.last_turn(session.record.id);
  begin_request request;
  request.session = session.record.id;
  request.ordinal = last ? last->turn.value + 1 : 1;
  request.process = last ? last->process : 1;
  request.process_turn = last ? last->process_turn + 1 : 1;
  const batch_row batch = batch_of(t, session.record.batch);
  begun_turn out;
  out.turn = new_turn(batch, request, now);
  out.task = begin_task(t, batch, task, out.turn);
  return out;
}

// The live session whose agent may call without a token.
std::optional<session_row> session_without_token(rows& t) {
  auto session = t.last_session();
  const bool may = is_live(session) && session->record.agent == calling_agent;
  return may ? std::move(session) : std::nullopt;
}

begin_called_outcome begin_in(rows& t, const session_row& session, const task_id& id, timestamp now) {
  using kind = begin_called_outcome::kind;
  begin_called_outcome out;
  const auto open = open_turn(t, session.record.id);
  if (auto running = running_task(t, open)) {
    out.what = open->task == id ? kind::repeated : kind::busy;
    out.turn = *open;
    out.task = std::move(running->record);
    return out;
  }
  const auto task = t.find_task(id);
  if (auto no = why_not(t, session, task)) {
    out.what = kind::refused;
    out.code = no->code;
    out.need = std::move(no->need);
    if (task) out.task = task->record;
    return out;
  }
  auto begun = begin_next(t, session, open, *task, now);
  out.what = kind::begun;
  out.turn = std::move(begun.turn);
  out.task = std::move(begun.task);
  return out;
}

}  // namespace

begin_called_outcome begin_called(rows& t, const session_token& token, const task_id& id, timestamp now) {
  const auto session = session_of(t, token);
  return session ? begin_in(t, *session, id, now) : begin_called_outcome{};
}

std::optional<begin_called_outcome> begin_without_token(rows& t, const task_row& task, timestamp now) {
  const auto session = session_without_token(t);
  const bool is_its_own = session && task.batch_key == session->batch_key;
  if (!is_its_own || has_ended(task.record.state) || task.record.owner == task_owner::manual) return std::nullopt;
  return begin_in(t, *session, task.record.spec.id, now);
}

namespace {

using completed = complete_called_outcome;

completed refused(errc code, task_record task, task_id need = {}) {
  completed out;
  out.what = completed::kind::refused;
  out.code = code;
  out.task = std::move(task);
  out.need = std::move(need);
  return out;
}

completed settle_called(rows& t, const turn_record& turn, const settlement& what, bool fenced, timestamp now) {
  const batch_row before = batch_of(t, turn.batch);
  batch_row after = before;
  auto settled = settle_running(t, after, turn, what, {.fenced = fenced}, now);
  if (after.record != before.record) t.update_batch(before, after);
  completed out;
  out.what = completed::kind::settled;
  out.task = std::move(settled.task);
  out.turn = std::move(settled.turn);
  return out;
}

completed complete_by_hand(rows& t, const task_row& before, const settlement& what, timestamp now) {
  task_row after = before;
  after.record.state = after_turn(what.end, before.record.counts, {}).state;
  after.record.owner = task_owner::nobody;
  after.record.ended_at = now;
  t.update_task(before, after);
  recount(t, before, after, now);

  result_record result;
  result.what = what;
  result.completed_at = now;
  result.duration_ms = (now - before.record.started_at.value_or(now)).count();
  result.loaded_context = what.loaded_context.value_or(true);
  result.fenced = false;
  put_result_of_its_own(t, after, std::move(result));
  completed out;
  out.what = completed::kind::settled;
  out.task = std::move(after.record);
  return out;
}

completed complete_again(rows& t, const task_record& task, const settlement& what) {
  const auto first = t.find_result(task.spec.id);
  const bool same = first && first->what.end == what.end && first->what.output == what.output &&
                    first->what.output_summary == what.output_summary;
  completed out;
  out.what = same ? completed::kind::repeated : completed::kind::already_completed;
  out.task = task;
  return out;
}

// A task in progress with a turn. Without a token it is the live session's, if its agent may call without one.
completed complete_running(rows& t, const std::optional<session_row>& session, const task_record& task,
                           const settlement& what, timestamp now) {
  const bool fenced = session.has_value();
  const auto owner = fenced ? session : t.find_session(task.session);
  const bool may =
      is_live(owner) && owner->record.id == task.session && (fenced || owner->record.agent == calling_agent);
  const auto turn = may ? t.find_turn(task.session, task.turn) : std::nullopt;
  return turn ? settle_called(t, *turn, what, fenced, now) : refused(errc::task_in_progress, task);
}

// The turn that ran as the task was cancelled is kept with what it cost.
completed complete_cancelled(rows& t, const std::optional<session_row>& session, const task_record& task,
                             const settlement& what, timestamp now) {
  const auto open = session ? open_turn(t, session->record.id) : std::nullopt;
  if (open && open->task == task.spec.id) settle_open(t, *session, *open, what, now);
  return refused(errc::task_ended, task);
}

completed complete_queued(rows& t, const std::optional<session_row>& session, const task_row& task,
                          const settlement& what, timestamp now) {
  if (!session) return refused(errc::task_queued, task.record);
  const auto open = open_turn(t, session->record.id);
  if (auto running = running_task(t, open)) {
    completed out;
    out.what = completed::kind::busy;
    out.task = std::move(running->record);
    return out;
  }
  if (auto no = why_not(t, *session, task)) return refused(no->code, task.record, std::move(no->need));
  const auto begun = begin_next(t, *session, open, task, now);
  return settle_called(t, begun.turn, what, true, now);
}

}  // namespace

complete_called_outcome complete_called(rows& t, const complete_called_request& request, timestamp now) {
  if (!settles(request.what.end))
    throw store_failure{{errc::bad_value,
                         "a completion says that the task is done, or that it failed; nothing was "
                         "stored"}};
  std::optional<session_row> session;
  if (request.token) {
    session = session_of(t, *request.token);
    if (!session) return {};
  }
  const auto task = t.find_task(request.task);
  if (!task) return refused(errc::task_not_found, {});
  switch (task->record.state) {
    case task_state::queued:
      return complete_queued(t, session, *task, request.what, now);
    case task_state::in_progress:
      if (task->record.owner == task_owner::manual) return complete_by_hand(t, *task, request.what, now);
      return complete_running(t, session, task->record, request.what, now);
    case task_state::cancelled:
      return complete_cancelled(t, session, task->record, request.what, now);
    case task_state::done:
    case task_state::error:
      break;
  }
  return complete_again(t, task->record, request.what);
}

}  // namespace commands
}  // namespace cobatch
