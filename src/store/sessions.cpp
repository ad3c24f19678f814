// Commands about sessions and their turns: claim, begin, settle, end, recover. Each names the session's epoch and
// does nothing if that session is not live.
#include <algorithm>
#include <string>
#include <utility>

#include "store/commands.hpp"
#include "store/settling.hpp"
#include "store/turns.hpp"

namespace cobatch {
namespace commands {

namespace {

// What somebody has in progress by hand is not the engine's, and what needs it has to wait.
bool has_task_to_begin(rows& t, const batch_row& batch) {
  const auto& tally = batch.record.tally;
  if (tally[task_state::queued] == 0) return false;
  return tally[task_state::in_progress] == 0 || next_to_begin(t, batch);
}

bool can_be_claimed(rows& t, const batch_row& batch, const served_agents& serves, timestamp now) {
  const batch_record& b = batch.record;
  const bool waits = b.state == batch_state::sealed || b.state == batch_state::held;
  return waits && is_due(b, now) && serves.serves(b.agent) && has_task_to_begin(t, batch);
}

std::optional<batch_row> first_claimable(rows& t, batch_state state, const served_agents& serves, timestamp now) {
  std::optional<batch_row> found;
  t.visit_batches(state, [&](const batch_row& row) {
    if (can_be_claimed(t, row, serves, now)) found = row;
    return !found;
  });
  return found;
}

std::optional<batch_row> next_to_claim(rows& t, const served_agents& serves, timestamp now) {
  auto sealed = first_claimable(t, batch_state::sealed, serves, now);
  auto held = first_claimable(t, batch_state::held, serves, now);
  if (!held) return sealed;
  if (!sealed || runs_before(held->record, held->key, sealed->record, sealed->key)) return held;
  return sealed;
}

claim_outcome claim_answer(claim_outcome::kind what, const session_record& session, const batch_record& batch) {
  claim_outcome out;
  out.what = what;
  out.session = session;
  out.batch = batch;
  return out;
}

}  // namespace

claim_outcome claim(rows& t, const claim_request& request, timestamp now) {
  const auto last = t.last_session();
  if (is_live(last)) {
    const bool same = last->nonce == request.nonce;
    return claim_answer(same ? claim_outcome::kind::claimed : claim_outcome::kind::session_live, last->record,
                        batch_of(t, last->record.batch).record);
  }
  std::optional<batch_row> before;
  if (request.only) {
    before = t.find_batch(*request.only);
    if (before && !can_be_claimed(t, *before, request.serves, now)) before.reset();
  } else {
    before = next_to_claim(t, request.serves, now);
  }
  if (!before) return {};

  batch_row after = *before;
  after.record.state = batch_state::running;
  after.record.hold_reason.clear();
  after.record.held_until.reset();
  t.update_batch(*before, after);

  session_row session;
  session.batch_key = after.key;
  session.nonce = request.nonce;
  session.record.id.value = std::max(last ? last->record.id.value : 0, request.above.value) + 1;
  session.record.batch = after.record.id;
  session.record.round = after.record.round;
  session.record.agent = after.record.agent.empty() ? request.serves.default_agent : after.record.agent;
  session.record.owner = request.owner;
  session.record.started_at = now;
  t.insert_session(session);
  return claim_answer(claim_outcome::kind::claimed, session.record, after.record);
}

namespace {

begin_outcome begun(rows& t, turn_record turn, task_record task) {
  begin_outcome out;
  out.what = begin_outcome::kind::begun;
  out.previous = t.turn_before(turn);
  out.turn = std::move(turn);
  out.task = std::move(task);
  return out;
}

// A session is one conversation: its turns have no gaps, and the next one begins when the last one is settled.
void check_order(rows& t, const begin_request& request) {
  const auto last = t.last_turn(request.session);
  const std::int64_t expected = last ? last->turn.value + 1 : 1;
  if (request.ordinal != expected)
    throw store_failure{{errc::bad_value, "turn " + std::to_string(request.ordinal) + " was asked for, but turn " +
                                              std::to_string(expected) + " comes next; nothing was begun"}};
  if (!last || last->ended_at) return;
  const std::string what = is_preamble(*last) ? "the preamble" : "task \"" + last->task.str() + "\"";
  throw store_failure{{errc::task_in_progress, what + " is still in progress in this session; settle its turn first"}};
}

begin_outcome none_left(rows& t, const batch_row& batch, bool may_end) {
  if (may_end && batch.record.state == batch_state::running) {
    batch_row after = batch;
    after.record.state = batch_state::ending;
    t.update_batch(batch, after);
  }
  return {};
}

begin_outcome begin_preamble(rows& t, turn_record turn) {
  t.insert_turn(turn, {});
  return begun(t, std::move(turn), {});
}

begin_outcome begin_next(rows& t, const batch_row& batch, const task_row& task, turn_record turn) {
  auto running = begin_task(t, batch, task, turn);
  return begun(t, std::move(turn), std::move(running));
}

}  // namespace

begin_outcome begin_turn(rows& t, const begin_request& request, timestamp now) {
  const auto session = t.find_session(request.session);
  if (!is_live(session)) {
    begin_outcome out;
    out.what = begin_outcome::kind::stale;
    return out;
  }
  if (auto turn = t.find_turn(request.session, turn_no{request.ordinal})) {
    auto task = task_of(t, *turn);
    return begun(t, std::move(*turn), std::move(task.record));
  }
  check_order(t, request);
  const batch_row batch = batch_of(t, session->record.batch);
  const auto task = is_at_work(session->record, batch.record) ? next_to_begin(t, batch) : std::nullopt;
  if (!task) return none_left(t, batch, request.may_end);
  auto turn = new_turn(batch, request, now);
  return request.preamble ? begin_preamble(t, std::move(turn)) : begin_next(t, batch, *task, std::move(turn));
}

namespace {

std::string hold_sentence(int fruitless, const session_record& session) {
  const std::string& detail = session.end_detail;
  const std::string behind = detail.empty() ? "" : ": " + detail;
  if (session.end == session_end::budget)
    return "its budget is spent" + (detail.starts_with("budget: ") ? detail.substr(6) : behind);
  if (session.end == session_end::usage_unknown) return "its budget cannot be kept" + behind;
  if (session.end == session_end::blocked) return "it cannot go on until a person has seen to it" + behind;
  std::string text = std::to_string(fruitless) + " sessions in a row came to no answer for any task";
  if (!detail.empty()) text += "; the last one ended with: " + detail;
  return text;
}

bool is_about_budget(session_end why) {
  return why == session_end::budget || why == session_end::usage_unknown;
}

// A batch whose budget is spent, or cannot be kept, has no time to wait for. One whose agent is blocked was held at
// once: each such session counts as one after the third that came to nothing.
std::optional<timestamp> hold_end(int fruitless, session_end why, timestamp now) {
  if (is_about_budget(why)) return std::nullopt;
  const int before = why == session_end::blocked ? fruitless_sessions_before_hold - 1 : 0;
  return now + hold_time(before + std::max(fruitless, 1));
}

void settle_batch(batch_row& batch, const session_row& session, timestamp now) {
  batch_record& b = batch.record;
  b.fruitless_sessions = fruitless_after(b.fruitless_sessions, *session.record.end, session.record.turns_settled);
  // A task that somebody has in progress by hand keeps its batch from having finished, too.
  b.state = on_session_end(b.state, b.round, session.record.round, live_tasks(b), b.fruitless_sessions);
  const session_end why = *session.record.end;
  const bool at_once = why == session_end::blocked || is_about_budget(why);
  if (at_once && b.state == batch_state::sealed) b.state = batch_state::held;
  if (b.state != batch_state::held) return;
  b.hold_reason = hold_sentence(b.fruitless_sessions, session.record);
  b.held_until = hold_end(b.fruitless_sessions, why, now);
}

// `settle_open` says how a turn that is still running is settled, given it and its task.
using open_turn_rule = std::function<void(batch_row&, const turn_record&)>;

end_outcome end(rows& t, epoch id, session_end why, std::string_view detail, timestamp now,
                const open_turn_rule& settle_open) {
  end_outcome out;
  auto session = t.find_session(id);
  if (!session) return out;
  const batch_row before = batch_of(t, session->record.batch);
  if (!is_live(session)) {
    out.what = end_outcome::kind::repeated;
    out.session = session->record;
    out.batch = before.record;
    return out;
  }
  batch_row after = before;
  if (const auto running = open_turn(t, id)) {
    settle_open(after, *running);
    session = t.find_session(id);
  }
  session->record.phase = session_phase::ended;
  session->record.ended_at = now;
  session->record.end = why;
  session->record.end_detail = std::string(detail);
  session->record.pause.reset();
  settle_batch(after, *session, now);
  t.update_session(*session);
  t.update_batch(before, after);
  out.what = end_outcome::kind::ended;
  out.session = session->record;
  out.batch = after.record;
  return out;
}

}  // namespace

settle_outcome settle_turn(rows& t, epoch session, turn_no turn, const settlement& what, timestamp now) {
  settle_outcome out;
  const auto owner = t.find_session(session);
  if (!is_live(owner)) {
    out.what = settle_outcome::kind::stale;
    return out;
  }
  const auto found = t.find_turn(session, turn);
  if (!found) return out;
  if (found->ended_at) {
    out.what = settle_outcome::kind::repeated;
    out.turn = *found;
    if (auto task = t.find_task(found->task)) out.task = std::move(task->record);
    return out;
  }
  const batch_row before = batch_of(t, owner->record.batch);
  batch_row after = before;
  out = settle_running(t, after, *found, what, {}, now);
  if (after.record != before.record) t.update_batch(before, after);
  return out;
}

end_outcome end_session(rows& t, epoch session, session_end why, std::string_view detail, timestamp now) {
  return end(t, session, why, detail, now, [&](batch_row& batch, const turn_record& turn) {
    const bool cancelled = task_of(t, turn).record.state == task_state::cancelled;
    const auto what =
        cancelled ? cancelled_meanwhile() : unfinished(turn_end::stopped, "the session ended while the turn ran");
    settle_running(t, batch, turn, what, {}, now);
  });
}

end_outcome recover(rows& t, const recover_request& request, timestamp now) {
  constexpr std::string_view why = "its orchestrator died";
  return end(t, request.session, session_end::crashed, why, now, [&](batch_row& batch, const turn_record& turn) {
    const bool finished = request.finished_turn == turn.turn;
    const auto what =
        finished ? request.what : unfinished(turn_end::interrupted, "the orchestrator died while the turn ran");
    settle_running(t, batch, turn, what, {.recovered = finished}, now);
  });
}

namespace {

// Writes what `change` makes of a live session; false if it is not live.
template <class Change>
bool change_live(rows& t, epoch id, Change change) {
  const auto before = t.find_session(id);
  if (!is_live(before)) return false;
  session_row after = *before;
  change(after.record);
  if (after.record != before->record) t.update_session(after);
  return true;
}

}  // namespace

bool request_end(rows& t, epoch session) {
  return change_live(t, session, [](session_record& s) { s.end_requested = true; });
}

bool set_pause(rows& t, epoch session, const std::optional<session_pause>& pause) {
  return change_live(t, session, [&](session_record& s) { s.pause = pause; });
}

bool describe_agent(rows& t, epoch session, const agent_facts& about) {
  return change_live(t, session, [&](session_record& s) { s.about = about; });
}

std::optional<session_record> find_live_session(rows& t) {
  auto last = t.last_session();
  return is_live(last) ? std::optional(std::move(last->record)) : std::nullopt;
}

overview read_overview(rows& t) {
  constexpr std::size_t limit = 1000;
  overview out;
  out.tally = t.tally();
  for (const batch_state state :
       {batch_state::running, batch_state::ending, batch_state::sealed, batch_state::held, batch_state::open}) {
    if (out.unfinished.size() >= limit) break;
    t.visit_batches(state, [&](const batch_row& row) {
      out.unfinished.push_back(row.record);
      return out.unfinished.size() < limit;
    });
  }
  out.live = find_live_session(t);
  return out;
}

bool has_work(rows& t, const served_agents& serves, timestamp now) {
  return first_claimable(t, batch_state::sealed, serves, now).has_value() ||
         first_claimable(t, batch_state::held, serves, now).has_value();
}

}  // namespace commands
}  // namespace cobatch
