// Sessions, turns and results.
#include <array>
#include <string>
#include <utility>

#include "store/list_text.hpp"
#include "store/sql_text.hpp"
#include "store/sqlite_rows.hpp"
#include "store/sqlite_values.hpp"
#include "store/usage_text.hpp"

namespace cobatch {

using columns::read_word;
using columns::sql_limit;
using columns::word_for;

namespace {

// SQL for "the turn u settled a task". Not IN: SQLite would build a table of the words for each session it reads.
template <turn_end End>
constexpr auto or_ended_so() {
  constexpr std::string_view word = settles(End) ? word_for(End) : "";
  return either<settles(End)>(" OR u.\"end\" = '" + sql_text<word.size()>(word) + "'", "");
}
template <std::size_t... End>
constexpr auto is_settled(std::index_sequence<End...>) {
  return "u.task_id <> '' AND (FALSE" + (... + or_ended_so<static_cast<turn_end>(End)>()) + ")";
}
constexpr auto is_settled() {
  return is_settled(std::make_index_sequence<turn_end_count>());
}

constexpr auto select_session =
    "SELECT s.epoch, s.batch_seq, s.nonce, b.batch_id, s.round, s.agent, s.phase, s.boot_id, s.pid_namespace, s.pid,"
    " s.start_time, s.started_at, s.ended_at, s.\"end\", s.end_detail, s.end_requested,"
    " (SELECT count(*) FROM turn u WHERE u.epoch = s.epoch AND " +
    is_settled() +
    "), s.agent_version, s.agent_model, s.agent_billing, s.pause_until, s.pause_reason"
    " FROM session s CROSS JOIN batch b ON b.seq = s.batch_seq ";

session_row read_session(const sqlite_query& q) {
  session_row row;
  row.batch_key = q.integer(1);
  row.nonce = q.text(2);
  session_record& s = row.record;
  s.id.value = q.integer(0);
  s.batch = batch_id(std::string(q.text(3)));
  s.round = q.integer(4);
  s.agent = q.text(5);
  s.phase = read_word<session_phase, 2>(q.text(6));
  s.owner.boot_id = q.text(7);
  s.owner.pid_namespace = q.integer(8);
  s.owner.pid = q.integer(9);
  s.owner.start_time = q.integer(10);
  s.started_at = {q.integer(11)};
  s.ended_at = q.moment(12);
  if (!q.is_null(13)) s.end = read_word<session_end, session_end_count>(q.text(13));
  s.end_detail = q.text(14);
  s.end_requested = q.integer(15) != 0;
  s.turns_settled = q.integer(16);
  s.about = {std::string(q.text(17)), std::string(q.text(18)), std::string(q.text(19))};
  if (const auto until = q.moment(20)) s.pause = {*until, std::string(q.text(21))};
  return row;
}

std::optional<session_row> one_session(sqlite_query q) {
  return q.step() ? std::optional(read_session(q)) : std::nullopt;
}

// The usage of the turn of that name.
constexpr auto usage_columns(const sql_text<1>& u) {
  return u + ".usage_source, " + u + ".usage_complete, " + u + ".by_model, " + u + ".requests, " + u +
         ".inherited_read ";
}

constexpr auto turn_columns =
    "u.epoch, u.turn, u.task_id, b.batch_id, u.position, u.attempt, u.process, u.process_turn, u.started_at,"
    " u.ended_at, u.\"end\", u.reason, u.detail, u.recovered, coalesce(u.loaded_context, u.process_turn = 1),"
    " u.conversation, u.changed_files, u.commits, u.changes_complete, " +
    usage_columns(sql_text("u"));

constexpr auto select_turn = "SELECT " + turn_columns +
                             "FROM turn u CROSS JOIN session s ON s.epoch = u.epoch"
                             " CROSS JOIN batch b ON b.seq = s.batch_seq ";

std::optional<usage> read_usage(const sqlite_query& q, int first) {
  if (q.is_null(first)) return std::nullopt;
  usage out;
  out.source = read_word<usage_source, usage_source_count>(q.text(first));
  out.complete = q.integer(first + 1) != 0;
  auto by_model = read_models(q.text(first + 2));
  if (!by_model) throw store_failure{std::move(by_model.error())};
  out.by_model = std::move(*by_model);
  if (!q.is_null(first + 3)) out.requests = q.integer(first + 3);
  if (!q.is_null(first + 4)) out.inherited_read = q.integer(first + 4);
  return out;
}

std::optional<work_changes> read_changes(const sqlite_query& q, int first) {
  if (q.is_null(first)) return std::nullopt;
  return work_changes{read_list(q.text(first)), read_list(q.text(first + 1)), q.integer(first + 2) != 0};
}

turn_record read_turn(const sqlite_query& q) {
  turn_record t;
  t.session.value = q.integer(0);
  t.turn.value = q.integer(1);
  t.task = task_id(std::string(q.text(2)));
  t.batch = batch_id(std::string(q.text(3)));
  t.position = q.integer(4);
  t.attempt = static_cast<int>(q.integer(5));
  t.process = q.integer(6);
  t.process_turn = q.integer(7);
  t.started_at = {q.integer(8)};
  t.ended_at = q.moment(9);
  if (!q.is_null(10)) t.end = read_word<turn_end, turn_end_count>(q.text(10));
  t.reason = q.text(11);
  t.detail = q.text(12);
  t.recovered = q.integer(13) != 0;
  t.loaded_context = q.integer(14) != 0;
  t.conversation = q.text(15);
  t.changes = read_changes(q, 16);
  t.used = read_usage(q, 19);
  return t;
}

std::optional<turn_record> one_turn(sqlite_query q) {
  return q.step() ? std::optional(read_turn(q)) : std::nullopt;
}

// A result, with what is told of it by its turn u or, if it has none, by its own row o. The preamble's turn is p.
constexpr auto select_result =
    "SELECT t.task_id, b.batch_id, t.position, r.epoch, r.turn, r.status, coalesce(u.\"end\", o.\"end\"), r.reason,"
    " coalesce(u.detail, o.detail), r.source, r.output, r.output_summary, r.actions_taken, r.errors,"
    " coalesce(u.conversation, ''), u.changed_files, u.commits, u.changes_complete,"
    " coalesce(u.ended_at, o.completed_at), coalesce(u.ended_at - u.started_at, o.duration_ms),"
    " coalesce(u.loaded_context, u.process_turn = 1, o.loaded_context), r.fenced, coalesce(o.extra, ''),"
    " iif(r.turn, u.usage_source, o.usage_source), iif(r.turn, u.usage_complete, o.usage_complete),"
    " iif(r.turn, u.by_model, o.by_model), iif(r.turn, u.requests, o.requests),"
    " iif(r.turn, u.inherited_read, o.inherited_read), " +
    usage_columns(sql_text("p")) +
    "FROM task t CROSS JOIN result r ON r.task_seq = t.seq CROSS JOIN batch b ON b.seq = t.batch_seq"
    " LEFT JOIN turn u ON u.epoch = r.epoch AND u.turn = r.turn"
    " LEFT JOIN result_own o ON o.task_seq = iif(r.turn, NULL, t.seq)"
    " LEFT JOIN turn p ON p.epoch = u.epoch AND p.turn = iif(r.after_preamble, u.turn - 1, NULL) ";

result_record read_result(const sqlite_query& q) {
  result_record out;
  out.task = task_id(std::string(q.text(0)));
  out.batch = batch_id(std::string(q.text(1)));
  out.position = q.integer(2);
  out.session.value = q.integer(3);
  out.turn.value = q.integer(4);
  out.status = read_word<task_state, task_state_count>(q.text(5));
  out.what.end = read_word<turn_end, turn_end_count>(q.text(6));
  out.what.reason = q.text(7);
  out.what.detail = q.text(8);
  out.what.source = read_word<status_source, 3>(q.text(9));
  out.what.output = q.text(10);
  out.what.output_summary = q.text(11);
  out.what.actions_taken = q.text(12);
  out.what.errors = q.text(13);
  out.what.conversation = q.text(14);
  out.what.changes = read_changes(q, 15);
  out.completed_at = {q.integer(18)};
  out.duration_ms = q.integer(19);
  out.loaded_context = q.integer(20) != 0;
  out.fenced = q.integer(21) != 0;
  out.extra = q.text(22);
  out.what.used = read_usage(q, 23);
  out.preamble_used = read_usage(q, 28);
  return out;
}

// One statement for each set of filters, in the order in which tasks ended: ?1 batch, ?2 limit.
template <bool Batch, bool NewestFirst>
constexpr auto results_statement = [] {
  constexpr auto down = either<NewestFirst>(" DESC", "");
  return select_result + "WHERE t.ended_at IS NOT NULL AND " +
         either<Batch>("t.batch_seq = (SELECT seq FROM batch WHERE batch_id = ?1) AND t.ended = 1", "?1 IS NULL") +
         " ORDER BY t.ended_at" + down + ", t.seq" + down + " LIMIT ?2";
}();

// A usage as it is bound.
struct usage_values {
  std::optional<std::string_view> source;
  std::optional<bool> complete;
  std::optional<std::string> by_model;
  std::optional<std::int64_t> requests, inherited;

  explicit usage_values(const std::optional<usage>& used) {
    if (!used) return;
    source = word_for(used->source);
    complete = used->complete;
    by_model = write_models(used->by_model);
    requests = used->requests;
    inherited = used->inherited_read;
  }
};

// One statement for each set of filters, so that each finds its turns by the way that fits: 1 batch, 2 task, 4 session.
template <unsigned Set>
constexpr auto turn_statement = [] {
  constexpr bool batch = (Set & 1U) != 0, task = (Set & 2U) != 0, session = (Set & 4U) != 0;
  constexpr auto of_task = either<task>(
      "WITH RECURSIVE chain(epoch, turn) AS (SELECT epoch, turn FROM task WHERE task_id = ?4 UNION ALL"
      " SELECT u.previous_epoch, u.previous_turn FROM chain c CROSS JOIN turn u ON u.epoch = c.epoch AND u.turn = "
      "c.turn) ",
      "");
  constexpr auto turns_first =
      either<task>("FROM chain c CROSS JOIN turn u ON u.epoch = c.epoch AND u.turn = c.turn", "FROM turn u") +
      " CROSS JOIN session s ON s.epoch = u.epoch CROSS JOIN batch b ON b.seq = s.batch_seq ";
  constexpr bool batch_first = batch && !task && !session;
  constexpr auto from = either<batch_first>(
      "FROM batch b CROSS JOIN session s ON s.batch_seq = b.seq CROSS JOIN turn u ON u.epoch = s.epoch ", turns_first);
  return of_task + "SELECT " + turn_columns + from + "WHERE (u.epoch, u.turn) > (?1, ?2) AND " +
         either<batch>("b.batch_id = ?3", "?3 IS NULL") + " AND " + either<task>("u.task_id = ?4", "?4 IS NULL") +
         " AND " + either<session>("u.epoch = ?5", "?5 IS NULL") +
         " AND (?7 IS NULL OR u.started_at >= ?7) ORDER BY u.epoch, u.turn LIMIT ?6";
}();

}  // namespace

std::optional<session_row> sqlite_rows::find_session(epoch id) {
  static constexpr auto sql = select_session + "WHERE s.epoch = ?1";
  return one_session(db_.query(sql.c_str(), id.value));
}

std::optional<session_row> sqlite_rows::last_session() {
  static constexpr auto sql = select_session + "ORDER BY s.epoch DESC LIMIT 1";
  return one_session(db_.query(sql.c_str()));
}

std::optional<session_row> sqlite_rows::session_started(const batch_id& batch, timestamp from, timestamp until) {
  static constexpr auto sql =
      select_session +
      "WHERE s.batch_seq = (SELECT seq FROM batch WHERE batch_id = ?1) AND s.started_at >= ?2 AND s.started_at < ?3"
      " ORDER BY s.epoch DESC LIMIT 1";
  return one_session(db_.query(sql.c_str(), batch.str(), from, until));
}

void sqlite_rows::insert_session(const session_row& row) {
  const session_record& s = row.record;
  db_.run(
      "INSERT INTO session(epoch, batch_seq, round, agent, phase, nonce, boot_id, pid_namespace, pid, start_time,"
      " started_at, end_detail, end_requested) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      s.id.value, row.batch_key, s.round, s.agent, word_for(s.phase), row.nonce, s.owner.boot_id, s.owner.pid_namespace,
      s.owner.pid, s.owner.start_time, s.started_at, s.end_detail, s.end_requested);
  ++writes_;
}

void sqlite_rows::update_session(const session_row& row) {
  const session_record& s = row.record;
  std::optional<std::string_view> end;
  if (s.end) end = word_for(*s.end);
  std::optional<timestamp> until;
  std::optional<std::string_view> why;
  if (s.pause) {
    until = s.pause->until;
    why = s.pause->reason;
  }
  db_.run(
      "UPDATE session SET phase = ?2, ended_at = ?3, \"end\" = ?4, end_detail = ?5, end_requested = ?6,"
      " agent_version = ?7, agent_model = ?8, agent_billing = ?9, pause_until = ?10, pause_reason = ?11"
      " WHERE epoch = ?1",
      s.id.value, word_for(s.phase), s.ended_at, end, s.end_detail, s.end_requested, s.about.version, s.about.model,
      s.about.billing, until, why);
  ++writes_;
}

std::optional<turn_record> sqlite_rows::find_turn(epoch session, turn_no turn) {
  static constexpr auto sql = select_turn + "WHERE u.epoch = ?1 AND u.turn = ?2";
  return one_turn(db_.query(sql.c_str(), session.value, turn.value));
}

std::optional<turn_record> sqlite_rows::last_turn(epoch session) {
  static constexpr auto sql = select_turn + "WHERE u.epoch = ?1 ORDER BY u.turn DESC LIMIT 1";
  return one_turn(db_.query(sql.c_str(), session.value));
}

std::optional<turn_record> sqlite_rows::turn_before(const turn_record& turn) {
  static constexpr auto sql =
      select_turn +
      "WHERE (u.epoch, u.turn) = (SELECT previous_epoch, previous_turn FROM turn WHERE epoch = ?1 AND turn = ?2)";
  return one_turn(db_.query(sql.c_str(), turn.session.value, turn.turn.value));
}

void sqlite_rows::insert_turn(const turn_record& t, const task_record& task) {
  db_.run(
      "INSERT INTO turn(epoch, turn, task_id, position, attempt, process, process_turn, previous_epoch, previous_turn,"
      " started_at, reason, detail, recovered) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', 0)",
      t.session.value, t.turn.value, t.task.str(), t.position, t.attempt, t.process, t.process_turn, task.session.value,
      task.turn.value, t.started_at);
  ++writes_;
}

void sqlite_rows::settle_turn(const turn_record& t) {
  std::optional<std::string_view> end;
  if (t.end) end = word_for(*t.end);
  const usage_values used(t.used);
  std::array<std::optional<std::int64_t>, 6> sums;
  if (t.used) {
    const tokens sum = t.used->total();
    sums = {sum.uncached_input, sum.cache_write_5m, sum.cache_write_1h, sum.cache_read, sum.output, sum.reasoning};
  }
  std::optional<std::string> files, commits;
  std::optional<bool> all_changes;
  if (t.changes) {
    files = write_list(t.changes->files);
    commits = write_list(t.changes->commits);
    all_changes = t.changes->complete;
  }
  db_.run(
      "UPDATE turn SET ended_at = ?3, \"end\" = ?4, reason = ?5, detail = ?6, recovered = ?7, usage_source = ?8,"
      " usage_complete = ?9, uncached_input = ?10, cache_write_5m = ?11, cache_write_1h = ?12, cache_read = ?13,"
      " output = ?14, reasoning = ?15, by_model = ?16, requests = ?17, inherited_read = ?18, loaded_context = ?19,"
      " conversation = ?20, changed_files = ?21, commits = ?22, changes_complete = ?23 WHERE epoch = ?1 AND turn = ?2",
      t.session.value, t.turn.value, t.ended_at, end, t.reason, t.detail, t.recovered, used.source, used.complete,
      sums[0], sums[1], sums[2], sums[3], sums[4], sums[5], used.by_model, used.requests, used.inherited,
      t.loaded_context, t.conversation, files, commits, all_changes);
  ++writes_;
}

std::optional<result_record> sqlite_rows::find_result(const task_id& task) {
  static constexpr auto sql = select_result + "WHERE t.task_id = ?1";
  auto q = db_.query(sql.c_str(), task.str());
  return q.step() ? std::optional(read_result(q)) : std::nullopt;
}

void sqlite_rows::put_result(const task_row& task, const result_record& result) {
  const settlement& w = result.what;
  db_.run(
      "INSERT INTO result(task_seq, epoch, turn, status, reason, source, output, output_summary, actions_taken,"
      " errors, after_preamble, fenced) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      task.key, result.session.value, result.turn.value, word_for(result.status), w.reason, word_for(w.source),
      w.output, w.output_summary, w.actions_taken, w.errors, result.preamble_used.has_value(), result.fenced);
  if (result.turn == turn_no{}) insert_own(task.key, result);
  ++writes_;
}

void sqlite_rows::insert_own(std::int64_t task_key, const result_record& result) {
  const usage_values used(result.what.used);
  db_.run(
      "INSERT INTO result_own(task_seq, \"end\", detail, completed_at, duration_ms, loaded_context, usage_source,"
      " usage_complete, by_model, requests, inherited_read, extra) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      task_key, word_for(result.what.end), result.what.detail, result.completed_at, result.duration_ms,
      result.loaded_context, used.source, used.complete, used.by_model, used.requests, used.inherited, result.extra);
}

bool sqlite_rows::remove_result(const task_row& task) {
  if (!db_.query("SELECT 1 FROM result WHERE task_seq = ?1", task.key).step()) return false;
  db_.run("DELETE FROM result WHERE task_seq = ?1", task.key);
  db_.run("DELETE FROM result_own WHERE task_seq = ?1", task.key);
  db_.run("DELETE FROM result_archived WHERE task_seq = ?1", task.key);
  ++writes_;
  return true;
}

std::vector<result_record> sqlite_rows::list_results(const result_filter& filter) {
  const char* const of_batch =
      filter.newest_first ? results_statement<true, true>.c_str() : results_statement<true, false>.c_str();
  const char* const of_all =
      filter.newest_first ? results_statement<false, true>.c_str() : results_statement<false, false>.c_str();
  std::optional<std::string_view> batch;
  if (filter.batch) batch = filter.batch->str();
  auto q = db_.query(batch ? of_batch : of_all, batch, sql_limit(filter.limit));
  std::vector<result_record> out;
  while (q.step()) out.push_back(read_result(q));
  return out;
}

std::vector<session_record> sqlite_rows::list_sessions(const session_filter& filter) {
  static constexpr auto of_batch =
      select_session +
      "WHERE s.epoch IN (SELECT epoch FROM session WHERE batch_seq = (SELECT seq FROM batch WHERE batch_id = ?2)"
      " AND epoch > ?1) ORDER BY s.epoch LIMIT ?3";
  static constexpr auto all = select_session + "WHERE s.epoch > ?1 AND ?2 IS NULL ORDER BY s.epoch LIMIT ?3";
  std::optional<std::string_view> batch;
  if (filter.batch) batch = filter.batch->str();
  auto q = db_.query(batch ? of_batch.c_str() : all.c_str(), filter.after.value, batch, sql_limit(filter.limit));
  std::vector<session_record> out;
  while (q.step()) out.push_back(std::move(read_session(q).record));
  return out;
}

std::vector<turn_record> sqlite_rows::list_turns(const turn_filter& filter) {
  constexpr std::array statements{turn_statement<0>.c_str(), turn_statement<1>.c_str(), turn_statement<2>.c_str(),
                                  turn_statement<3>.c_str(), turn_statement<4>.c_str(), turn_statement<5>.c_str(),
                                  turn_statement<6>.c_str(), turn_statement<7>.c_str()};
  const unsigned set = (filter.batch ? 1U : 0U) | (filter.task ? 2U : 0U) | (filter.session ? 4U : 0U);
  std::optional<std::string_view> batch, task;
  std::optional<std::int64_t> session;
  if (filter.batch) batch = filter.batch->str();
  if (filter.task) task = filter.task->str();
  if (filter.session) session = filter.session->value;
  auto q = db_.query(statements[set], filter.after_session.value, filter.after_turn.value, batch, task, session,
                     sql_limit(filter.limit), filter.since);
  std::vector<turn_record> out;
  while (q.step()) out.push_back(read_turn(q));
  return out;
}

}  // namespace cobatch
