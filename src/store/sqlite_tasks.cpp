// Batches, tasks and what is read of many of them.
#include <string>
#include <utility>

#include "store/list_text.hpp"
#include "store/sql_text.hpp"
#include "store/sqlite_rows.hpp"
#include "store/sqlite_values.hpp"

namespace cobatch {

using columns::read_word;
using columns::sql_limit;
using columns::word_for;

namespace {

constexpr sql_text select_batch(
    "SELECT b.seq, b.last_position, b.batch_id, b.state, b.priority, b.sealed_at, b.round, b.agent, b.lingers,"
    " b.fruitless_sessions, b.hold_reason, b.held_until, b.created_at, b.last_assign_at,"
    " b.queued, b.in_progress, b.done, b.error, b.cancelled, b.model, b.way, b.on_error, b.budget_nano_dollars,"
    " b.budget_tokens, b.budget_ms, b.budget_allow_unknown, b.has_preamble FROM batch b ");

batch_settings read_settings(const sqlite_query& q, int first) {
  batch_settings out;
  out.model = q.text(first);
  if (!q.is_null(first + 1)) out.way = read_word<running_way, 3>(q.text(first + 1));
  if (!q.is_null(first + 2)) out.on_error = read_word<error_rule, 2>(q.text(first + 2));
  if (!q.is_null(first + 3))
    out.budget = {q.integer(first + 3), q.integer(first + 4), std::chrono::milliseconds{q.integer(first + 5)},
                  q.integer(first + 6) != 0};
  return out;
}

// Settings as they are bound.
struct settings_columns {
  std::optional<std::string_view> way, on_error;
  std::optional<std::int64_t> nano_dollars, tokens, ms, allow_unknown;

  explicit settings_columns(const batch_settings& s) {
    if (s.way) way = word_for(*s.way);
    if (s.on_error) on_error = word_for(*s.on_error);
    if (!s.budget) return;
    nano_dollars = s.budget->nano_dollars;
    tokens = s.budget->tokens;
    ms = s.budget->time.count();
    allow_unknown = s.budget->allow_unknown ? 1 : 0;
  }
};

batch_row read_batch(const sqlite_query& q) {
  batch_row row;
  row.key = q.integer(0);
  row.last_position = q.integer(1);
  batch_record& b = row.record;
  b.id = batch_id(std::string(q.text(2)));
  b.state = read_word<batch_state, batch_state_count>(q.text(3));
  b.prio = static_cast<priority>(q.integer(4));
  b.sealed_at = q.moment(5);
  b.round = q.integer(6);
  b.agent = q.text(7);
  b.lingers = q.integer(8) != 0;
  b.fruitless_sessions = static_cast<int>(q.integer(9));
  b.hold_reason = q.text(10);
  b.held_until = q.moment(11);
  b.created_at = {q.integer(12)};
  b.last_assign_at = {q.integer(13)};
  for (std::size_t i = 0; i < task_state_count; ++i) b.tally.by_state[i] = q.integer(14 + static_cast<int>(i));
  b.settings = read_settings(q, 19);
  b.has_preamble = q.integer(26) != 0;
  return row;
}

constexpr sql_text select_task(
    "SELECT t.seq, t.batch_seq, t.task_id, b.batch_id, t.position, t.round, t.state, t.owner, t.priority,"
    " t.max_attempts, t.attempts, t.interruptions, t.epoch, t.turn, t.created_at, t.started_at, t.ended_at,"
    " coalesce(t.description, x.description), coalesce(t.context, x.context), coalesce(t.assigned_by, x.assigned_by),"
    " t.reason, m.needs, m.check_argv, m.model, m.tools, m.limit_ms, m.extra"
    " FROM task t CROSS JOIN batch b ON b.seq = t.batch_seq LEFT JOIN task_text x ON x.task_seq = t.seq"
    " LEFT JOIN task_more m ON m.task_seq = iif(t.more, t.seq, NULL) ");

std::vector<std::string> texts_of(const std::vector<task_id>& ids) {
  std::vector<std::string> out;
  out.reserve(ids.size());
  for (const auto& id : ids) out.push_back(id.str());
  return out;
}

void read_more(const sqlite_query& q, int first, task_record& task) {
  task_spec& spec = task.spec;
  for (auto& id : read_list(q.text(first))) spec.needs.emplace_back(std::move(id));
  spec.check = read_list(q.text(first + 1));
  spec.model = q.text(first + 2);
  spec.tools = read_list(q.text(first + 3));
  spec.limit = std::chrono::milliseconds{q.integer(first + 4)};
  task.extra = q.text(first + 5);
}

// True if the task has something that is kept in `task_more`.
bool has_more(const task_record& task) {
  const task_spec& spec = task.spec;
  return !spec.needs.empty() || !spec.check.empty() || !spec.model.empty() || !spec.tools.empty() ||
         spec.limit.count() != 0 || !task.extra.empty();
}

// True if the texts of a task are kept in `task_text`.
bool has_long_text(const task_spec& spec) {
  constexpr std::size_t short_text = 1024;  // several such rows fit on a page
  return spec.description.size() + spec.context.size() + spec.assigned_by.size() > short_text;
}

// A text as it stands in `task`.
std::optional<std::string_view> text_here(const task_spec& spec, const std::string& text) {
  return has_long_text(spec) ? std::nullopt : std::optional<std::string_view>(text);
}

task_row read_task(const sqlite_query& q) {
  task_row row;
  row.key = q.integer(0);
  row.batch_key = q.integer(1);
  task_record& t = row.record;
  t.spec.id = task_id(std::string(q.text(2)));
  t.batch = batch_id(std::string(q.text(3)));
  t.position = q.integer(4);
  t.round = q.integer(5);
  t.state = read_word<task_state, task_state_count>(q.text(6));
  t.owner = read_word<task_owner, 3>(q.text(7));
  t.spec.prio = read_word<priority, 3>(q.text(8));
  t.spec.max_attempts = static_cast<int>(q.integer(9));
  t.counts.attempts = static_cast<int>(q.integer(10));
  t.counts.interruptions = static_cast<int>(q.integer(11));
  t.session.value = q.integer(12);
  t.turn.value = q.integer(13);
  t.created_at = {q.integer(14)};
  t.started_at = q.moment(15);
  t.ended_at = q.moment(16);
  t.spec.description = q.text(17);
  t.spec.context = q.text(18);
  t.spec.assigned_by = q.text(19);
  t.reason = q.text(20);
  if (!q.is_null(21)) read_more(q, 21, t);
  return row;
}

std::vector<task_row> read_rows(sqlite_query q) {
  std::vector<task_row> out;
  while (q.step()) out.push_back(read_task(q));
  return out;
}

std::vector<task_record> read_tasks(sqlite_query q) {
  std::vector<task_record> out;
  while (q.step()) out.push_back(std::move(read_task(q).record));
  return out;
}

// Tasks that have not ended, of all batches.
constexpr sql_text live_tasks(
    "SELECT t.seq FROM batch b CROSS JOIN task t ON t.batch_seq = b.seq AND t.ended = 0 WHERE b.state <> 'finished'");

// Reads what `list_tasks` asks for by the index that fits the filter: ?1 batch, ?2 position, ?3 state, ?4 limit.
const char* list_statement(const task_filter& filter) {
  constexpr auto of_batch = [](const auto& ended) {
    return select_task + "WHERE t.batch_seq = (SELECT seq FROM batch WHERE batch_id = ?1) AND t.ended = " + ended +
           " AND t.position > ?2 AND (?3 IS NULL OR t.state = ?3)";
  };
  constexpr sql_text in_order(" ORDER BY 5 LIMIT ?4");
  static constexpr auto batch_live = of_batch("0") + in_order;
  static constexpr auto batch_ended = of_batch("1") + in_order;
  static constexpr auto batch = of_batch("0") + " UNION ALL " + of_batch("1") + in_order;
  static constexpr auto live = select_task + "WHERE t.seq IN (" + live_tasks +
                               ") AND t.state = ?3 AND ?1 IS NULL AND ?2 IS NOT NULL ORDER BY t.seq LIMIT ?4";
  static constexpr auto all =
      select_task + "WHERE (?3 IS NULL OR t.state = ?3) AND ?1 IS NULL AND ?2 IS NOT NULL ORDER BY t.seq LIMIT ?4";
  if (filter.batch && filter.state) return has_ended(*filter.state) ? batch_ended.c_str() : batch_live.c_str();
  if (filter.batch) return batch.c_str();
  return filter.state && !has_ended(*filter.state) ? live.c_str() : all.c_str();
}

// Reads what `list_batches` asks for, by the index of unfinished batches if that serves: ?1 state, ?2 after, ?3 limit.
const char* list_statement(const batch_filter& filter) {
  constexpr sql_text from_there_on(
      " AND b.seq > CASE WHEN ?2 IS NULL THEN 0 ELSE (SELECT seq FROM batch WHERE batch_id = ?2) END"
      " ORDER BY b.seq LIMIT ?3");
  constexpr sql_text back_from_there(
      " AND (?2 IS NULL OR b.seq < (SELECT seq FROM batch WHERE batch_id = ?2)) ORDER BY b.seq DESC LIMIT ?3");
  static constexpr auto waiting = select_batch + "WHERE b.state = ?1 AND b.state <> 'finished'";
  static constexpr auto all = select_batch + "WHERE (?1 IS NULL OR b.state = ?1)";
  static constexpr auto waiting_forth = waiting + from_there_on;
  static constexpr auto waiting_back = waiting + back_from_there;
  static constexpr auto all_forth = all + from_there_on;
  static constexpr auto all_back = all + back_from_there;
  if (filter.state && *filter.state != batch_state::finished)
    return filter.newest_first ? waiting_back.c_str() : waiting_forth.c_str();
  return filter.newest_first ? all_back.c_str() : all_forth.c_str();
}

}  // namespace

std::optional<batch_row> sqlite_rows::find_batch(const batch_id& id) {
  if (cache_ != nullptr)
    if (const auto* known = cache_->find(id)) return *known;
  static constexpr auto sql = select_batch + "WHERE b.batch_id = ?1";
  auto q = db_.query(sql.c_str(), id.str());
  if (!q.step()) return std::nullopt;
  auto row = read_batch(q);
  if (cache_ != nullptr) cache_->put(row);
  return row;
}

bool sqlite_rows::has_batch(const batch_id& id) {
  return db_.query("SELECT 1 FROM batch WHERE batch_id = ?1", id.str()).step();
}

void sqlite_rows::visit_batches(batch_state state, const std::function<bool(const batch_row&)>& visit) {
  // The condition on `finished` lets SQLite use the partial index.
  static constexpr auto waiting =
      select_batch + "WHERE b.state = ?1 AND b.state <> 'finished' ORDER BY b.priority DESC, b.sealed_at, b.seq";
  auto q = db_.query(waiting.c_str(), word_for(state));
  while (q.step())
    if (!visit(read_batch(q))) return;
}

void sqlite_rows::insert_batch(batch_row& row) {
  const batch_record& b = row.record;
  const auto& n = b.tally.by_state;
  const settings_columns s(b.settings);
  db_.run(
      "INSERT INTO batch(batch_id, state, priority, sealed_at, round, agent, lingers, fruitless_sessions, hold_reason,"
      " held_until, created_at, last_assign_at, last_position, queued, in_progress, done, error, cancelled, model, way,"
      " on_error, budget_nano_dollars, budget_tokens, budget_ms, budget_allow_unknown, has_preamble)"
      " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      b.id.str(), word_for(b.state), static_cast<int>(b.prio), b.sealed_at, b.round, b.agent, b.lingers,
      b.fruitless_sessions, b.hold_reason, b.held_until, b.created_at, b.last_assign_at, row.last_position, n[0], n[1],
      n[2], n[3], n[4], b.settings.model, s.way, s.on_error, s.nano_dollars, s.tokens, s.ms, s.allow_unknown,
      b.has_preamble);
  row.key = db_.last_insert_key();
  if (cache_ != nullptr) cache_->put(row);
  ++writes_;
}

void sqlite_rows::update_batch(const batch_row& before, const batch_row& after) {
  const batch_record& b = after.record;
  const auto& n = b.tally.by_state;
  db_.run(
      "UPDATE batch SET round = ?2, agent = ?3, lingers = ?4, fruitless_sessions = ?5, hold_reason = ?6,"
      " held_until = ?7, last_assign_at = ?8, last_position = ?9, queued = ?10, in_progress = ?11, done = ?12,"
      " error = ?13, cancelled = ?14 WHERE seq = ?1",
      after.key, b.round, b.agent, b.lingers, b.fruitless_sessions, b.hold_reason, b.held_until, b.last_assign_at,
      after.last_position, n[0], n[1], n[2], n[3], n[4]);
  const bool moves =
      before.record.state != b.state || before.record.prio != b.prio || before.record.sealed_at != b.sealed_at;
  if (moves)
    db_.run("UPDATE batch SET state = ?2, priority = ?3, sealed_at = ?4 WHERE seq = ?1", after.key, word_for(b.state),
            static_cast<int>(b.prio), b.sealed_at);
  if (before.record.settings != b.settings || before.record.has_preamble != b.has_preamble) {
    const settings_columns s(b.settings);
    db_.run(
        "UPDATE batch SET model = ?2, way = ?3, on_error = ?4, budget_nano_dollars = ?5, budget_tokens = ?6,"
        " budget_ms = ?7, budget_allow_unknown = ?8, has_preamble = ?9 WHERE seq = ?1",
        after.key, b.settings.model, s.way, s.on_error, s.nano_dollars, s.tokens, s.ms, s.allow_unknown,
        b.has_preamble);
  }
  if (cache_ != nullptr) cache_->put(after);
  ++writes_;
}

preamble sqlite_rows::find_preamble(std::int64_t batch_key) {
  auto q = db_.query("SELECT text, files FROM batch_preamble WHERE batch_seq = ?1", batch_key);
  if (!q.step()) throw store_failure{{errc::store_damaged, "a batch's preamble is missing from the store"}};
  return {std::string(q.text(0)), read_list(q.text(1))};
}

void sqlite_rows::put_preamble(std::int64_t batch_key, const preamble& shared) {
  const std::string files = write_list(shared.files);
  db_.run("INSERT INTO batch_preamble(batch_seq, text, files) VALUES(?, ?, ?)", batch_key, shared.text, files);
  ++writes_;
}

std::optional<task_row> sqlite_rows::find_task(const task_id& id) {
  static constexpr auto sql = select_task + "WHERE t.task_id = ?1";
  auto q = db_.query(sql.c_str(), id.str());
  return q.step() ? std::optional(read_task(q)) : std::nullopt;
}

bool sqlite_rows::has_task(const task_id& id) {
  return db_.query("SELECT 1 FROM task WHERE task_id = ?1", id.str()).step();
}

std::optional<task_place> sqlite_rows::find_place(const task_id& id) {
  auto q = db_.query("SELECT seq, batch_seq, state FROM task WHERE task_id = ?1", id.str());
  if (!q.step()) return std::nullopt;
  return task_place{q.integer(0), q.integer(1), read_word<task_state, task_state_count>(q.text(2))};
}

std::optional<task_row> sqlite_rows::next_queued(std::int64_t batch_key, std::int64_t after) {
  static constexpr auto sql =
      select_task +
      "WHERE t.batch_seq = ?1 AND t.ended = 0 AND t.position > ?2 AND t.state = 'queued' ORDER BY t.position LIMIT 1";
  auto q = db_.query(sql.c_str(), batch_key, after);
  return q.step() ? std::optional(read_task(q)) : std::nullopt;
}

std::optional<task_row> sqlite_rows::next_dependent(std::int64_t need_key, std::int64_t after) {
  static constexpr auto sql =
      select_task +
      "WHERE t.seq = (SELECT n.task_seq FROM task_need n CROSS JOIN task d ON d.seq = n.task_seq"
      " WHERE n.need_seq = ?1 AND n.task_seq > ?2 AND d.state = 'queued' ORDER BY n.task_seq LIMIT 1)";
  auto q = db_.query(sql.c_str(), need_key, after);
  return q.step() ? std::optional(read_task(q)) : std::nullopt;
}

std::optional<task_row> sqlite_rows::next_failed(std::int64_t batch_key, std::int64_t after) {
  static constexpr auto sql = select_task +
                              "WHERE t.batch_seq = ?1 AND t.ended = 1 AND t.position > ?2"
                              " AND t.state IN ('error', 'cancelled') ORDER BY t.position LIMIT 1";
  auto q = db_.query(sql.c_str(), batch_key, after);
  return q.step() ? std::optional(read_task(q)) : std::nullopt;
}

bool sqlite_rows::is_taken(std::int64_t batch_key, std::int64_t position) {
  return db_.query("SELECT 1 FROM task WHERE batch_seq = ?1 AND ended IN (0, 1) AND position = ?2", batch_key, position)
      .step();
}

priority sqlite_rows::highest_priority(std::int64_t batch_key) {
  for (const priority p : {priority::high, priority::medium})
    if (db_.query("SELECT 1 FROM task WHERE batch_seq = ?1 AND priority = ?2 LIMIT 1", batch_key, word_for(p)).step())
      return p;
  return priority::low;
}

void sqlite_rows::insert_task(task_row& row) {
  const task_record& t = row.record;
  const task_spec& spec = t.spec;
  const bool more = has_more(t);
  db_.run(
      "INSERT INTO task(task_id, batch_seq, position, round, state, owner, priority, max_attempts, attempts,"
      " interruptions, epoch, turn, created_at, ended, description, context, assigned_by, more)"
      " VALUES(?, ?, ?, ?, 'queued', 'nobody', ?, ?, 0, 0, 0, 0, ?, 0, ?, ?, ?, ?)",
      spec.id.str(), row.batch_key, t.position, t.round, word_for(spec.prio), spec.max_attempts, t.created_at,
      text_here(spec, spec.description), text_here(spec, spec.context), text_here(spec, spec.assigned_by), more);
  row.key = db_.last_insert_key();
  if (has_long_text(spec)) insert_text(row);
  if (more) insert_more(row);
  ++counted_[t.state];
  ++writes_;
}

void sqlite_rows::insert_text(const task_row& row) {
  const task_spec& spec = row.record.spec;
  db_.run("INSERT INTO task_text(task_seq, description, context, assigned_by) VALUES(?, ?, ?, ?)", row.key,
          spec.description, spec.context, spec.assigned_by);
}

void sqlite_rows::insert_more(const task_row& row) {
  const task_spec& spec = row.record.spec;
  const std::string needs = write_list(texts_of(spec.needs));
  const std::string check = write_list(spec.check);
  const std::string tools = write_list(spec.tools);
  db_.run(
      "INSERT INTO task_more(task_seq, needs, check_argv, model, tools, limit_ms, extra) VALUES(?, ?, ?, ?, ?, ?, ?)",
      row.key, needs, check, spec.model, tools, spec.limit.count(), row.record.extra);
  link_needs(row);
}

void sqlite_rows::link_needs(const task_row& row) {
  for (const auto& need : row.record.spec.needs)
    db_.run("INSERT OR IGNORE INTO task_need(need_seq, task_seq) SELECT seq, ?2 FROM task WHERE task_id = ?1",
            need.str(), row.key);
}

void sqlite_rows::update_task(const task_row& before, const task_row& after) {
  const task_record& t = after.record;
  if (before.record.ended_at == t.ended_at)  // then no index is touched
    db_.run(
        "UPDATE task SET state = ?2, owner = ?3, attempts = ?4, interruptions = ?5, epoch = ?6, turn = ?7,"
        " started_at = ?8, round = ?9 WHERE seq = ?1",
        after.key, word_for(t.state), word_for(t.owner), t.counts.attempts, t.counts.interruptions, t.session.value,
        t.turn.value, t.started_at, t.round);
  else
    db_.run(
        "UPDATE task SET state = ?2, owner = ?3, attempts = ?4, interruptions = ?5, epoch = ?6, turn = ?7,"
        " started_at = ?8, round = ?9, ended_at = ?10, ended = ?11, reason = ?12 WHERE seq = ?1",
        after.key, word_for(t.state), word_for(t.owner), t.counts.attempts, t.counts.interruptions, t.session.value,
        t.turn.value, t.started_at, t.round, t.ended_at, t.ended_at.has_value(), t.reason);
  --counted_[before.record.state];
  ++counted_[t.state];
  ++writes_;
}

void sqlite_rows::update_spec(const task_row& after) {
  const task_spec& spec = after.record.spec;
  db_.run("UPDATE task SET priority = ?2, description = ?3, context = ?4, assigned_by = ?5 WHERE seq = ?1", after.key,
          word_for(spec.prio), text_here(spec, spec.description), text_here(spec, spec.context),
          text_here(spec, spec.assigned_by));
  db_.run("DELETE FROM task_text WHERE task_seq = ?1", after.key);
  if (has_long_text(spec)) insert_text(after);
  ++writes_;
}

void sqlite_rows::remove_task(const task_row& row) {
  remove_result(row);
  db_.run("DELETE FROM task_text WHERE task_seq = ?1", row.key);
  db_.run("DELETE FROM task_more WHERE task_seq = ?1", row.key);
  db_.run("DELETE FROM task_need WHERE need_seq = ?1", row.key);
  for (const auto& need : row.record.spec.needs)
    db_.run("DELETE FROM task_need WHERE task_seq = ?2 AND need_seq = (SELECT seq FROM task WHERE task_id = ?1)",
            need.str(), row.key);
  db_.run("DELETE FROM task WHERE seq = ?1", row.key);
  --counted_[row.record.state];
  ++writes_;
}

task_tally sqlite_rows::tally() {
  auto q = db_.query("SELECT queued, in_progress, done, error, cancelled FROM meta");
  task_tally out;
  if (!q.step()) throw store_failure{{errc::store_damaged, "the store's counters are missing"}};
  for (std::size_t i = 0; i < task_state_count; ++i)
    out.by_state[i] = q.integer(static_cast<int>(i)) + counted_.by_state[i];
  return out;
}

std::vector<task_record> sqlite_rows::list_tasks(const task_filter& filter) {
  std::optional<std::string_view> batch;
  if (filter.batch) batch = filter.batch->str();
  std::optional<std::string_view> state;
  if (filter.state) state = word_for(*filter.state);
  return read_tasks(db_.query(list_statement(filter), batch, filter.after_position, state, sql_limit(filter.limit)));
}

std::vector<batch_record> sqlite_rows::list_batches(const batch_filter& filter) {
  std::optional<std::string_view> state, after;
  if (filter.state) state = word_for(*filter.state);
  if (filter.after) after = filter.after->str();
  auto q = db_.query(list_statement(filter), state, after, sql_limit(filter.limit));
  std::vector<batch_record> out;
  while (q.step()) out.push_back(std::move(read_batch(q).record));
  return out;
}

std::optional<std::int64_t> sqlite_rows::save() {
  if (writes_ == 0) return std::nullopt;
  const std::int64_t change = change_counter() + 1;  // RETURNING would cost more than both statements
  const auto& n = counted_.by_state;
  db_.run(
      "UPDATE meta SET change = ?, queued = queued + ?, in_progress = in_progress + ?, done = done + ?,"
      " error = error + ?, cancelled = cancelled + ?",
      change, n[0], n[1], n[2], n[3], n[4]);
  writes_ = unseen_writes_ = 0;
  counted_ = {};
  return change;
}

std::int64_t sqlite_rows::change_counter() {
  auto q = db_.query("SELECT change FROM meta");
  if (!q.step()) throw store_failure{{errc::store_damaged, "the store's counters are missing"}};
  return q.integer(0);
}

namespace {

// The tasks of a view: those that have not ended, and those that ended last.
constexpr auto in_view =
    "(" + live_tasks +
    " UNION ALL SELECT seq FROM"
    " (SELECT seq FROM task WHERE ended_at IS NOT NULL ORDER BY ended_at DESC, seq DESC LIMIT ?1))";

}  // namespace

view_snapshot sqlite_rows::read_views(std::size_t ended_limit) {
  static constexpr auto tasks = select_task + "WHERE t.seq IN " + in_view + " ORDER BY t.seq";
  static constexpr auto results =
      "SELECT t.task_id FROM result r CROSS JOIN task t ON t.seq = r.task_seq WHERE r.task_seq IN " + in_view +
      " ORDER BY r.task_seq";
  view_snapshot out;
  out.version = change_counter();
  out.tasks = read_tasks(db_.query(tasks.c_str(), sql_limit(ended_limit)));
  auto q = db_.query(results.c_str(), sql_limit(ended_limit));
  while (q.step())
    if (auto result = find_result(task_id(std::string(q.text(0))))) out.results.push_back(std::move(*result));
  return out;
}

archive_mark sqlite_rows::archived_until() {
  auto q = db_.query("SELECT archived_at, archived_task FROM meta");
  if (!q.step()) throw store_failure{{errc::store_damaged, "the store's counters are missing"}};
  return {*q.moment(0), q.integer(1)};
}

void sqlite_rows::set_archived_until(const archive_mark& until) {
  db_.run("UPDATE meta SET archived_at = ?, archived_task = ?", until.ended_at, until.task);
  ++unseen_writes_;
}

void sqlite_rows::say_archived(std::int64_t task_key, bool archived) {
  db_.run("INSERT OR REPLACE INTO result_archived(task_seq, archived) VALUES(?, ?)", task_key, archived);
  ++unseen_writes_;
}

std::optional<archive_mark> sqlite_rows::end_beyond(std::size_t newest) {
  auto q = db_.query(
      "SELECT ended_at, seq FROM task WHERE ended_at IS NOT NULL ORDER BY ended_at DESC, seq DESC LIMIT 1 OFFSET ?1",
      sql_limit(newest));
  if (!q.step()) return std::nullopt;
  return archive_mark{*q.moment(0), q.integer(1)};
}

std::vector<task_row> sqlite_rows::ended_between(const archive_mark& after, const archive_mark& until,
                                                 std::size_t limit) {
  static constexpr auto sql = select_task +
                              "WHERE t.ended_at BETWEEN ?1 AND ?3 AND (t.ended_at, t.seq) > (?1, ?2)"
                              " AND (t.ended_at, t.seq) <= (?3, ?4)"
                              " AND EXISTS(SELECT 1 FROM result WHERE task_seq = t.seq)"
                              " AND NOT EXISTS(SELECT 1 FROM result_archived WHERE task_seq = t.seq)"
                              " ORDER BY t.ended_at, t.seq LIMIT ?5";
  return read_rows(db_.query(sql.c_str(), after.ended_at, after.task, until.ended_at, until.task, sql_limit(limit)));
}

std::vector<task_row> sqlite_rows::said_not_archived(std::size_t limit) {
  static constexpr auto sql =
      select_task + "WHERE t.seq IN (SELECT task_seq FROM result_archived WHERE NOT archived) ORDER BY t.seq LIMIT ?1";
  return read_rows(db_.query(sql.c_str(), sql_limit(limit)));
}

}  // namespace cobatch
