// Commands of agents whose one process does many tasks: it reports the beginning and the end of each by a call, from
// any process. What shows that a call is its own is the session's token.
#include <string>
#include <utility>

#include "store/database.hpp"
#include "store/settling.hpp"

namespace cobatch {

namespace {

std::optional<session_row> session_of(transaction& t, const session_token& token) {
  auto session = t.find_live_session(token.session);
  return session && same_secret(session->nonce, token.nonce) ? std::move(session) : std::nullopt;
}

// The task that the session's open turn keeps in progress; an empty row for the preamble. A task that was cancelled
// meanwhile is not kept.
std::optional<task_row> running_task(transaction& t, const std::optional<turn_record>& open) {
  if (!open) return std::nullopt;
  auto task = t.task_of(*open);
  const bool runs = is_preamble(*open) || is_running_turn(task.record, *open);
  return runs ? std::optional(std::move(task)) : std::nullopt;
}

// Why a task cannot be begun in a session now.
struct refusal {
  errc code = errc::internal;
  task_id need = {};
};

std::optional<refusal> why_not(transaction& t, const session_row& session, const std::optional<task_row>& task) {
  if (!task) return refusal{errc::task_not_found};
  if (task->record.state == task_state::in_progress) return refusal{errc::task_in_progress};
  if (has_ended(task->record.state)) return refusal{errc::task_ended};
  if (task->batch_key != session.batch_key) return refusal{errc::batch_conflict};
  if (!is_at_work(session.record, t.batch_of(session.record.batch).record)) return refusal{errc::task_queued};
  if (auto need = t.unmet_need(task->record.spec)) return refusal{errc::need_unknown, std::move(*need)};
  return std::nullopt;
}

// Settles the open turn of a task that was cancelled.
void settle_cancelled(transaction& t, const turn_record& open, const settlement& what) {
  batch_row batch = t.batch_of(open.batch);
  t.settle(batch, open, what);
  t.save(batch);
}

struct begun_turn {
  turn_record turn;
  task_record task;
};

// Begins the session's next turn with this task. `open` is a turn of a task that was cancelled meanwhile.
begun_turn begin_next(transaction& t, const session_row& session, const std::optional<turn_record>& open,
                      const task_row& task) {
  if (open) settle_cancelled(t, *open, cancelled_meanwhile());
  const auto last = t.find_last_turn(session.record.id);
  begin_request request;
  request.session = session.record.id;
  request.ordinal = last ? last->turn.value + 1 : 1;
  request.process = last ? last->process : 1;
  request.process_turn = last ? last->process_turn + 1 : 1;
  batch_row batch = t.batch_of(session.record.batch);
  begun_turn out;
  out.turn = new_turn(batch.record.id, request, t.now);
  out.task = t.begin(batch, task, out.turn);
  return out;
}

begin_called_outcome begin_in(transaction& t, const session_row& session, const task_id& id) {
  using kind = begin_called_outcome::kind;
  begin_called_outcome out;
  const auto open = t.find_open_turn(session.record.id);
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
  auto begun = begin_next(t, session, open, *task);
  out.what = kind::begun;
  out.turn = std::move(begun.turn);
  out.task = std::move(begun.task);
  return out;
}

}  // namespace

std::optional<begin_called_outcome> transaction::begin_without_token(const task_row& task) {
  const auto session = find_live_session();
  const bool is_its_own = session && session->record.agent == calling_agent && task.batch_key == session->batch_key;
  if (!is_its_own || has_ended(task.record.state) || task.record.owner == task_owner::manual) return std::nullopt;
  return begin_in(*this, *session, task.record.spec.id);
}

result<begin_called_outcome> v1::store::begin_called(const session_token& token, const task_id& task) {
  return change([&](transaction& t) {
    const auto session = session_of(t, token);
    return session ? begin_in(t, *session, task) : begin_called_outcome{};
  });
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

completed answered(completed::kind what, task_record task, turn_record turn = {}) {
  completed out;
  out.what = what;
  out.task = std::move(task);
  out.turn = std::move(turn);
  return out;
}

completed settle_called(transaction& t, const turn_record& turn, const settlement& what, bool fenced) {
  batch_row batch = t.batch_of(turn.batch);
  auto settled = t.settle(batch, turn, what, {.fenced = fenced});
  t.save(batch);
  return answered(completed::kind::settled, std::move(settled.task), std::move(settled.turn));
}

completed complete_by_hand(transaction& t, const task_row& before, const settlement& what) {
  task_row after = before;
  after.record.state = after_turn(what.end, before.record.counts, {}).state;
  after.record.owner = task_owner::nobody;
  after.record.ended_at = t.now;
  t.update(before, after);
  t.recount(before, after);

  result_record result;
  result.what = what;
  result.completed_at = t.now;
  result.duration_ms = (t.now - before.record.started_at.value_or(t.now)).count();
  result.loaded_context = what.loaded_context.value_or(true);
  result.fenced = false;
  t.insert_own(after, std::move(result));
  return answered(completed::kind::settled, std::move(after.record));
}

completed complete_again(transaction& t, const task_record& task, const settlement& what) {
  const auto first = t.find_result(task.spec.id);
  const bool same = first && first->what.end == what.end && first->what.output == what.output &&
                    first->what.output_summary == what.output_summary;
  return answered(same ? completed::kind::repeated : completed::kind::already_completed, task);
}

// A task in progress with a turn. Without a token it is the live session's, if its agent may call without one.
completed complete_running(transaction& t, const std::optional<session_row>& session, const task_record& task,
                           const settlement& what) {
  const bool fenced = session.has_value();
  const auto owner = fenced ? session : t.find_live_session(task.session);
  const bool may = owner && owner->record.id == task.session && (fenced || owner->record.agent == calling_agent);
  const auto turn = may ? t.find_turn(task.session, task.turn) : std::nullopt;
  return turn ? settle_called(t, *turn, what, fenced) : refused(errc::task_in_progress, task);
}

// The turn that ran as the task was cancelled is kept with what it cost.
completed complete_cancelled(transaction& t, const std::optional<session_row>& session, const task_record& task,
                             const settlement& what) {
  const auto open = session ? t.find_open_turn(session->record.id) : std::nullopt;
  if (open && open->task == task.spec.id) settle_cancelled(t, *open, what);
  return refused(errc::task_ended, task);
}

completed complete_queued(transaction& t, const std::optional<session_row>& session, const task_row& task,
                          const settlement& what) {
  if (!session) return refused(errc::task_queued, task.record);
  const auto open = t.find_open_turn(session->record.id);
  if (auto running = running_task(t, open)) return answered(completed::kind::busy, std::move(running->record));
  if (auto no = why_not(t, *session, task)) return refused(no->code, task.record, std::move(no->need));
  const auto begun = begin_next(t, *session, open, task);
  return settle_called(t, begun.turn, what, true);
}

completed complete(transaction& t, const complete_called_request& request) {
  if (!settles(request.what.end))
    throw store_failure{
        {errc::bad_value, "a completion says that the task is done, or that it failed; nothing was stored"}};
  std::optional<session_row> session;
  if (request.token) {
    session = session_of(t, *request.token);
    if (!session) return {};
  }
  const auto task = t.find_task(request.task);
  if (!task) return refused(errc::task_not_found, {});
  switch (task->record.state) {
    case task_state::queued: return complete_queued(t, session, *task, request.what);
    case task_state::in_progress:
      if (task->record.owner == task_owner::manual) return complete_by_hand(t, *task, request.what);
      return complete_running(t, session, task->record, request.what);
    case task_state::cancelled: return complete_cancelled(t, session, task->record, request.what);
    case task_state::done:
    case task_state::error: break;
  }
  return complete_again(t, task->record, request.what);
}

}  // namespace

result<complete_called_outcome> v1::store::complete_called(const complete_called_request& request) {
  return change([&](transaction& t) { return complete(t, request); });
}

}  // namespace cobatch
