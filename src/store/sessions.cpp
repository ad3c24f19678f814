// Sessions: their rows, the commands claim, end and recover, what is said of a live one, and lists. Each command names
// the session's epoch and does nothing if that session is not live.
#include <algorithm>
#include <functional>
#include <string>
#include <utility>

#include "store/database.hpp"
#include "store/settling.hpp"

namespace cobatch {

namespace {

// SQL cannot call `settles`; and IN would make SQLite build a table of the words for each session that it reads.
static_assert([] {
  for (std::size_t i = 0; i < turn_end_count; ++i) {
    const auto end = static_cast<turn_end>(i);
    const bool is_named = end == turn_end::done || end == turn_end::error || end == turn_end::denied;
    if (settles(end) != is_named) return false;
  }
  return true;
}());
constexpr sql_text select_session(
    "SELECT s.epoch, s.batch_seq, s.nonce, (SELECT batch_id FROM batch WHERE seq = s.batch_seq), s.round, s.agent,"
    " s.phase, s.boot_id, s.pid_namespace, s.pid, s.start_time, s.started_at, s.ended_at, s.\"end\", s.end_detail,"
    " s.end_requested,"
    " (SELECT count(*) FROM turn u WHERE u.epoch = s.epoch AND u.task_id <> ''"
    " AND (u.\"end\" = 'done' OR u.\"end\" = 'error' OR u.\"end\" = 'denied')),"
    " s.agent_version, s.agent_model, s.agent_billing, s.pause_until, s.pause_reason FROM session s ");

session_row read_session(const sql_query& q) {
  session_row row;
  session_record& s = row.record;
  const int pause =
      q.read(0, s.id, row.batch_key, row.nonce, s.batch, s.round, s.agent, s.phase, s.owner.boot_id,
             s.owner.pid_namespace, s.owner.pid, s.owner.start_time, s.started_at, s.ended_at, s.end, s.end_detail,
             s.end_requested, s.turns_settled, s.about.version, s.about.model, s.about.billing);
  if (!q.is_null(pause)) s.pause = {q.get<timestamp>(pause), q.get<std::string>(pause + 1)};
  return row;
}

std::optional<session_row> one_session(sql_query q) { return q.step() ? std::optional(read_session(q)) : std::nullopt; }

std::optional<session_record> record_of(std::optional<session_row> row) {
  return row ? std::optional(std::move(row->record)) : std::nullopt;
}

}  // namespace

std::optional<session_row> transaction::find_session(epoch id) {
  static constexpr auto sql = select_session + "WHERE s.epoch = ?1";
  return one_session(db.query(sql, id));
}

std::optional<session_row> transaction::find_last_session() {
  static constexpr auto sql = select_session + "ORDER BY s.epoch DESC LIMIT 1";
  return one_session(db.query(sql));
}

std::optional<session_row> transaction::find_live_session() {
  auto last = find_last_session();
  return last && last->live() ? std::move(last) : std::nullopt;
}

std::optional<session_row> transaction::find_live_session(epoch id) {
  auto session = find_session(id);
  return session && session->live() ? std::move(session) : std::nullopt;
}

// -------------------------------------------------------------------------------------------------- claim

namespace {

claim_outcome claimed(claim_outcome::kind what, const session_row& session, const batch_row& batch) {
  return {what, session.record, batch.record};
}

std::optional<batch_row> batch_to_claim(transaction& t, const claim_request& request) {
  if (!request.only) return t.next_to_claim(request.serves);
  auto named = t.find_batch(*request.only);
  return named && t.can_be_claimed(*named, request.serves) ? std::move(named) : std::nullopt;
}

void insert(transaction& t, const session_row& row) {
  const session_record& s = row.record;
  t.db.run(
      "INSERT INTO session(epoch, batch_seq, round, agent, phase, nonce, boot_id, pid_namespace, pid, start_time,"
      " started_at, end_detail, end_requested, agent_version, agent_model, agent_billing)"
      " VALUES(?, ?, ?, ?, 'live', ?, ?, ?, ?, ?, ?, '', 0, '', '', '')",
      s.id, row.batch_key, s.round, s.agent, row.nonce, s.owner.boot_id, s.owner.pid_namespace, s.owner.pid,
      s.owner.start_time, s.started_at);
  t.wrote();
}

claim_outcome claim_batch(transaction& t, const claim_request& request) {
  const auto last = t.find_last_session();
  if (last && last->live()) {
    const bool same = last->nonce == request.nonce;
    return claimed(same ? claim_outcome::kind::claimed : claim_outcome::kind::session_live, *last,
                   t.batch_of(last->record.batch));
  }
  auto batch = batch_to_claim(t, request);
  if (!batch) return {};
  batch->record.state = batch_state::running;
  batch->record.hold_reason.clear();
  batch->record.held_until.reset();
  t.save(*batch);

  session_row session;
  session.batch_key = batch->key;
  session.nonce = request.nonce;
  session.record.id.value = std::max(last ? last->record.id.value : 0, request.above.value) + 1;
  session.record.batch = batch->record.id;
  session.record.round = batch->record.round;
  session.record.agent = batch->record.agent.empty() ? request.serves.default_agent : batch->record.agent;
  session.record.owner = request.owner;
  session.record.started_at = t.now;
  insert(t, session);
  return claimed(claim_outcome::kind::claimed, session, *batch);
}

// ---------------------------------------------------------------------------------------------------- end

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

bool is_about_budget(session_end why) { return why == session_end::budget || why == session_end::usage_unknown; }

// A batch whose budget is spent, or cannot be kept, has no time to wait for. One whose agent is blocked was held at
// once: each such session counts as one after the third that came to nothing.
std::optional<timestamp> hold_end(int fruitless, session_end why, timestamp now) {
  if (is_about_budget(why)) return std::nullopt;
  const int before = why == session_end::blocked ? fruitless_sessions_before_hold - 1 : 0;
  return now + hold_time(before + std::max(fruitless, 1));
}

void settle_batch(batch_record& b, const session_record& session, timestamp now) {
  const session_end why = *session.end;
  b.fruitless_sessions = fruitless_after(b.fruitless_sessions, why, session.turns_settled);
  // A task that somebody has in progress by hand keeps its batch from having finished, too.
  b.state = on_session_end(b.state, b.round, session.round, live_tasks(b), b.fruitless_sessions);
  const bool at_once = why == session_end::blocked || is_about_budget(why);
  if (at_once && b.state == batch_state::sealed) b.state = batch_state::held;
  if (b.state != batch_state::held) return;
  b.hold_reason = hold_sentence(b.fruitless_sessions, session);
  b.held_until = hold_end(b.fruitless_sessions, why, now);
}

// `settle_open` settles a turn that is still running.
using open_turn_rule = std::function<void(batch_row&, const turn_record&)>;

end_outcome end(transaction& t, epoch id, session_end why, std::string_view detail, const open_turn_rule& settle_open) {
  end_outcome out;
  auto session = t.find_session(id);
  if (!session) return out;
  batch_row batch = t.batch_of(session->record.batch);
  if (session->live()) {
    if (const auto running = t.find_open_turn(id)) {
      settle_open(batch, *running);
      session = t.find_session(id);  // with the turn counted
    }
    session_record& s = session->record;
    s.phase = session_phase::ended;
    s.ended_at = t.now;
    s.end = why;
    s.end_detail = std::string(detail);
    s.pause.reset();
    t.db.run(
        "UPDATE session SET phase = 'ended', ended_at = ?2, \"end\" = ?3, end_detail = ?4, pause_until = NULL,"
        " pause_reason = NULL WHERE epoch = ?1",
        id, s.ended_at, s.end, s.end_detail);
    t.wrote();
    settle_batch(batch.record, s, t.now);
    t.save(batch);
    out.what = end_outcome::kind::ended;
  } else {
    out.what = end_outcome::kind::repeated;
  }
  out.session = std::move(session->record);
  out.batch = std::move(batch.record);
  return out;
}

}  // namespace

result<claim_outcome> v1::store::claim(const claim_request& request) {
  return change([&](transaction& t) { return claim_batch(t, request); });
}

result<end_outcome> v1::store::end_session(epoch session, session_end why, std::string_view detail) {
  return change([&](transaction& t) {
    return end(t, session, why, detail, [&](batch_row& batch, const turn_record& turn) {
      const bool cancelled = t.task_of(turn).record.state == task_state::cancelled;
      t.settle(
          batch, turn,
          cancelled ? cancelled_meanwhile() : unfinished(turn_end::stopped, "the session ended while the turn ran"));
    });
  });
}

result<end_outcome> v1::store::recover(const recover_request& request) {
  return change([&](transaction& t) {
    constexpr std::string_view why = "its orchestrator died";
    return end(t, request.session, session_end::crashed, why, [&](batch_row& batch, const turn_record& turn) {
      const bool finished = request.finished_turn == turn.turn;
      t.settle(batch, turn,
               finished ? request.what : unfinished(turn_end::interrupted, "the orchestrator died while the turn ran"),
               {.recovered = finished});
    });
  });
}

// --------------------------------------------------------------------------------- what is said of a live one

result<bool> v1::store::request_end(epoch session) {
  return change([&](transaction& t) {
    const auto live = t.find_live_session(session);
    if (!live) return false;
    if (live->record.end_requested) return true;
    t.db.run("UPDATE session SET end_requested = 1 WHERE epoch = ?1", session);
    t.wrote();
    return true;
  });
}

result<bool> v1::store::set_pause(epoch session, const std::optional<session_pause>& pause) {
  return change([&](transaction& t) {
    const auto live = t.find_live_session(session);
    if (!live) return false;
    if (live->record.pause == pause) return true;
    t.db.run("UPDATE session SET pause_until = ?2, pause_reason = ?3 WHERE epoch = ?1", session,
             pause ? std::optional(pause->until) : std::nullopt, pause ? std::optional(pause->reason) : std::nullopt);
    t.wrote();
    return true;
  });
}

result<bool> v1::store::describe_agent(epoch session, const agent_facts& about) {
  return change([&](transaction& t) {
    const auto live = t.find_live_session(session);
    if (!live) return false;
    if (live->record.about == about) return true;
    t.db.run("UPDATE session SET agent_version = ?2, agent_model = ?3, agent_billing = ?4 WHERE epoch = ?1", session,
             about.version, about.model, about.billing);
    t.wrote();
    return true;
  });
}

// --------------------------------------------------------------------------------------------------- reads

result<std::optional<session_record>> v1::store::find_session(epoch session) {
  return look([&](transaction& t) { return record_of(t.find_session(session)); });
}

result<std::optional<session_record>> v1::store::find_last_session() {
  return look([&](transaction& t) { return record_of(t.find_last_session()); });
}

result<std::optional<session_record>> v1::store::find_live_session() {
  return look([&](transaction& t) { return record_of(t.find_live_session()); });
}

result<std::optional<session_record>> v1::store::find_session_of_marker(const batch_id& batch, timestamp locked_at) {
  static constexpr auto sql =
      select_session +
      "WHERE s.batch_seq = (SELECT seq FROM batch WHERE batch_id = ?1) AND s.started_at >= ?2 AND s.started_at < ?3"
      " ORDER BY s.epoch DESC LIMIT 1";
  constexpr std::chrono::milliseconds second{1000};
  const timestamp from{locked_at.ms - locked_at.ms % second.count()};
  return look([&](transaction& t) { return record_of(one_session(t.db.query(sql, batch, from, from + second))); });
}

result<std::vector<session_record>> v1::store::list_sessions(const session_filter& filter) {
  static constexpr auto of_batch =
      select_session +
      "WHERE s.epoch IN (SELECT epoch FROM session WHERE batch_seq = (SELECT seq FROM batch WHERE batch_id = ?2)"
      " AND epoch > ?1) ORDER BY s.epoch LIMIT ?3";
  static constexpr auto all = select_session + "WHERE s.epoch > ?1 AND ?2 IS NULL ORDER BY s.epoch LIMIT ?3";
  return look([&](transaction& t) {
    std::vector<session_record> out;
    auto q = t.db.query(filter.batch ? sql_literal(of_batch) : sql_literal(all), filter.after, filter.batch,
                        sql_limit(filter.limit));
    while (q.step()) out.push_back(std::move(read_session(q).record));
    return out;
  });
}

}  // namespace cobatch
