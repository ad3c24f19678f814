// Results: their rows, and what is read of many: lists, the views, and the archive.
//
// Results are archived in the order in which their tasks ended, so that a mark tells how far. Of a result that comes to
// stand behind the mark (its task was adopted, or the clock was set back), and of one that is adopted from the archive
// itself, it is said one by one.
#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "store/database.hpp"

namespace cobatch {

namespace {

// A row for each model that the turn u or, if the result has none, the result itself (o) used, and for each that the
// preamble's turn p did; one if there is none.
constexpr auto select_results =
    "SELECT t.task_id, (SELECT batch_id FROM batch WHERE seq = t.batch_seq), t.position, r.epoch, r.turn, r.status,"
    " coalesce(u.\"end\", o.\"end\"), r.reason, coalesce(u.detail, o.detail), r.source, r.output, r.output_summary,"
    " r.actions_taken, r.errors, coalesce(u.conversation, ''), coalesce(u.ended_at, o.completed_at),"
    " coalesce(u.ended_at - u.started_at, o.duration_ms), coalesce(u.loaded_context, o.loaded_context), r.fenced,"
    " coalesce(o.extra, ''), u.changed_files, u.commits, u.changes_complete,"
    " coalesce(u.usage_source, o.usage_source), coalesce(u.usage_complete, o.usage_complete),"
    " coalesce(u.requests, o.requests), coalesce(u.inherited_read, o.inherited_read),"
    " p.usage_source, p.usage_complete, p.requests, p.inherited_read, m.place, m.turn = r.preamble_turn, " +
    model_columns +
    "FROM task t JOIN result r ON r.task_seq = t.seq LEFT JOIN turn u ON u.epoch = r.epoch AND u.turn = r.turn"
    " LEFT JOIN result_own o ON o.task_seq = CASE WHEN r.turn = 0 THEN t.seq END"
    " LEFT JOIN turn p ON p.epoch = r.epoch AND p.turn = CASE WHEN r.preamble_turn > 0 THEN r.preamble_turn END"
    " LEFT JOIN turn_usage m ON m.epoch = r.epoch"
    " AND m.turn IN (CASE WHEN r.turn = 0 THEN t.seq ELSE r.turn END, CASE WHEN r.preamble_turn > 0 THEN"
    " r.preamble_turn END) ";
constexpr int used_column = 23, place_column = 31;

result_record read_result(const sql_query& q) {
  result_record out;
  settlement& what = out.what;
  const int changes =
      q.read(0, out.task, out.batch, out.position, out.session, out.turn, out.status, what.end, what.reason,
             what.detail, what.source, what.output, what.output_summary, what.actions_taken, what.errors,
             what.conversation, out.completed_at, out.duration_ms, out.loaded_context, out.fenced, out.extra);
  what.changes = read_changes(q, changes);
  what.used = read_usage(q, used_column);
  out.preamble_used = read_usage(q, used_column + 4);
  return out;
}

std::vector<result_record> read_results(sql_query q) {
  std::vector<result_record> out;
  while (q.step()) {
    const auto task = q.get<std::string_view>(0);
    if (out.empty() || out.back().task.str() != task) out.push_back(read_result(q));
    if (q.is_null(place_column)) continue;
    result_record& of = out.back();
    auto& used = q.get<bool>(place_column + 1) ? of.preamble_used : of.what.used;
    if (used) used->by_model.push_back(read_model(q, place_column + 2));
  }
  return out;
}

std::vector<task_row> read_tasks(sql_query q) {
  std::vector<task_row> out;
  while (q.step()) out.push_back(read_task(q));
  return out;
}

archive_mark archived_until(transaction& t) {
  auto q = t.db.query("SELECT archived_at, archived_task FROM meta");
  if (!q.step()) throw damaged("the store's counters are missing");
  archive_mark out;
  q.read(0, out.ended_at, out.task);
  return out;
}

void say_archived(transaction& t, std::int64_t task_key, bool archived) {
  t.db.run(
      "INSERT INTO result_archived(task_seq, archived) VALUES(?, ?) ON CONFLICT(task_seq) DO UPDATE SET"
      " archived = excluded.archived",
      task_key, archived);
  t.wrote(true);
}

}  // namespace

// ------------------------------------------------------------------------------------------------- rows

std::optional<result_record> transaction::find_result(const task_id& task) {
  static constexpr auto sql = select_results + "WHERE t.task_id = ?1 ORDER BY m.turn, m.place";
  auto found = read_results(db.query(sql, task));
  return found.empty() ? std::nullopt : std::optional(std::move(found.front()));
}

void transaction::insert(const task_row& ended, const result_record& result, bool archived) {
  const settlement& w = result.what;
  const turn_no preamble{result.preamble_used ? result.turn.value - 1 : 0};
  db.run(
      "INSERT INTO result(task_seq, epoch, turn, preamble_turn, status, reason, source, output, output_summary,"
      " actions_taken, errors, fenced) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      ended.key, result.session, result.turn, preamble, result.status, w.reason, w.source, w.output, w.output_summary,
      w.actions_taken, w.errors, result.fenced);
  wrote();
  if ((end_of(ended) <= archived_until(*this)) != archived) say_archived(*this, ended.key, archived);
}

void transaction::insert_own(const task_row& ended, result_record result, bool archived) {
  result.session = {};
  result.turn = {};
  result.status = ended.record.state;
  result.preamble_used.reset();
  insert(ended, result, archived);
  const settlement& w = result.what;
  const usage_head used(w.used);
  db.run(
      "INSERT INTO result_own(task_seq, \"end\", detail, completed_at, duration_ms, loaded_context, usage_source,"
      " usage_complete, requests, inherited_read, extra) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      ended.key, w.end, w.detail, result.completed_at, result.duration_ms, result.loaded_context, used.source,
      used.complete, used.requests, used.inherited_read, result.extra);
  insert_usage(epoch{}, ended.key, w.used);
}

bool transaction::remove_result(std::int64_t task_key) {
  if (db.run("DELETE FROM result WHERE task_seq = ?1", task_key) == 0) return false;
  db.run("DELETE FROM result_own WHERE task_seq = ?1", task_key);
  db.run("DELETE FROM turn_usage WHERE epoch = 0 AND turn = ?1", task_key);
  db.run("DELETE FROM result_archived WHERE task_seq = ?1", task_key);
  wrote();
  return true;
}

result<task_outcome> v1::store::remove_result(const task_id& task) {
  return change([&](transaction& t) {
    task_outcome out;
    const auto row = t.find_task(task);
    if (!row) return out;
    out.before = row->record.state;
    out.task = row->record;
    if (t.remove_result(row->key)) out.what = task_outcome::kind::changed;
    return out;
  });
}

// ------------------------------------------------------------------------------------------------ lists

result<std::optional<result_record>> v1::store::find_result(const task_id& task) {
  return look([&](transaction& t) { return t.find_result(task); });
}

namespace {

// The results of the tasks that a statement selects, in the order in which their tasks ended or were assigned.
template <std::size_t Chosen, std::size_t Order>
constexpr auto results_of(const sql_text<Chosen>& chosen, const char (&order)[Order]) {
  return select_results + "WHERE t.seq IN (" + chosen + ") ORDER BY " + order + ", m.turn, m.place";
}

// ?1 batch, ?2 limit.
constexpr sql_text results_of_all(
    "SELECT k.seq FROM task k JOIN result x ON x.task_seq = k.seq WHERE k.ended_at IS NOT NULL"
    " AND ?1 IS NULL");
constexpr sql_text results_of_batch(
    "SELECT k.seq FROM task k JOIN result x ON x.task_seq = k.seq WHERE k.ended_at IS NOT NULL"
    " AND k.batch_seq = (SELECT seq FROM batch WHERE batch_id = ?1) AND k.ended = 1");
constexpr sql_text newest_first(" ORDER BY k.ended_at DESC, k.seq DESC LIMIT ?2");
constexpr sql_text oldest_first(" ORDER BY k.ended_at, k.seq LIMIT ?2");
constexpr auto all_newest = results_of(results_of_all + newest_first, "t.ended_at DESC, t.seq DESC");
constexpr auto all_oldest = results_of(results_of_all + oldest_first, "t.ended_at, t.seq");
constexpr auto batch_newest = results_of(results_of_batch + newest_first, "t.ended_at DESC, t.seq DESC");
constexpr auto batch_oldest = results_of(results_of_batch + oldest_first, "t.ended_at, t.seq");

}  // namespace

result<std::vector<result_record>> v1::store::list_results(const result_filter& filter) {
  const sql_literal all = filter.newest_first ? sql_literal(all_newest) : sql_literal(all_oldest);
  const sql_literal batch = filter.newest_first ? sql_literal(batch_newest) : sql_literal(batch_oldest);
  return look([&](transaction& t) {
    return read_results(t.db.query(filter.batch ? batch : all, filter.batch, sql_limit(filter.limit)));
  });
}

result<view_snapshot> v1::store::read_views(std::size_t ended_limit) {
  // The tasks of a view: those that have not ended, and those that ended last.
  static constexpr auto in_view =
      select_live_tasks +
      " UNION ALL SELECT seq FROM"
      " (SELECT seq FROM task WHERE ended_at IS NOT NULL ORDER BY ended_at DESC, seq DESC LIMIT ?1)";
  static constexpr auto tasks = select_task + "WHERE t.seq IN (" + in_view + ") ORDER BY t.seq";
  static constexpr auto results = results_of(in_view, "t.seq");
  return look([&](transaction& t) {
    view_snapshot out;
    out.version = t.change_counter();
    for (auto& row : read_tasks(t.db.query(tasks, sql_limit(ended_limit)))) out.tasks.push_back(std::move(row.record));
    out.results = read_results(t.db.query(results, sql_limit(ended_limit)));
    return out;
  });
}

// ---------------------------------------------------------------------------------------------- archive

namespace {

// Where the task ended that is the latest but for the `newest` that ended last; nothing if there are no more.
std::optional<archive_mark> end_beyond(transaction& t, std::size_t newest) {
  auto q = t.db.query(
      "SELECT ended_at, seq FROM task WHERE ended_at IS NOT NULL ORDER BY ended_at DESC, seq DESC LIMIT 1 OFFSET ?1",
      sql_limit(newest));
  if (!q.step()) return std::nullopt;
  return archive_mark{q.get<timestamp>(0), q.get<std::int64_t>(1)};
}

// Tasks with a result of which nothing was said, that ended after `after` and not after `until`, in that order.
std::vector<task_row> ended_between(transaction& t, const archive_mark& after, const archive_mark& until,
                                    std::size_t limit) {
  static constexpr auto sql = select_task +
                              "WHERE t.ended_at BETWEEN ?1 AND ?3 AND (t.ended_at, t.seq) > (?1, ?2)"
                              " AND (t.ended_at, t.seq) <= (?3, ?4)"
                              " AND EXISTS(SELECT 1 FROM result WHERE task_seq = t.seq)"
                              " AND NOT EXISTS(SELECT 1 FROM result_archived WHERE task_seq = t.seq)"
                              " ORDER BY t.ended_at, t.seq LIMIT ?5";
  return read_tasks(t.db.query(sql, after.ended_at, after.task, until.ended_at, until.task, sql_limit(limit)));
}

// Tasks of whose result it was said that it is not in the archive.
std::vector<task_row> overdue(transaction& t, std::size_t limit) {
  static constexpr auto sql =
      select_task + "WHERE t.seq IN (SELECT task_seq FROM result_archived WHERE NOT archived) ORDER BY t.seq LIMIT ?1";
  return read_tasks(t.db.query(sql, sql_limit(limit)));
}

archive_part part_of(transaction& t, std::vector<task_row> ended, const archive_mark& until) {
  archive_part part;
  part.until = until;
  for (auto& row : ended) {
    auto result = t.find_result(row.record.spec.id);
    if (!result) continue;
    part.results.push_back(std::move(*result));
    part.tasks.push_back(std::move(row.record));
  }
  return part;
}

archive_part next_part(transaction& t, std::size_t newest, std::size_t limit) {
  const archive_mark mark = archived_until(t);
  if (auto late = overdue(t, limit); !late.empty()) return part_of(t, std::move(late), mark);
  const auto until = end_beyond(t, newest);
  if (!until || *until <= mark) return {{}, {}, mark};
  auto ended = ended_between(t, mark, *until, limit);
  const archive_mark come_to = ended.size() < limit ? *until : end_of(ended.back());
  return part_of(t, std::move(ended), come_to);
}

void note_part(transaction& t, const archive_part& part) {
  const archive_mark before = archived_until(t);
  const archive_mark until = std::max(before, part.until);
  std::set<std::int64_t> passed;
  for (const auto& result : part.results) {
    const auto row = t.find_task(result.task);
    if (!row || t.find_result(result.task) != result) continue;  // it has another result by now
    if (end_of(*row) <= before) say_archived(t, row->key, true);
    passed.insert(row->key);
  }
  // What came to stand here after the part was read.
  for (const auto& row : ended_between(t, before, until, std::numeric_limits<std::size_t>::max()))
    if (!passed.contains(row.key)) say_archived(t, row.key, false);
  t.db.run("UPDATE meta SET archived_at = ?, archived_task = ?", until.ended_at, until.task);
  t.wrote(true);
}

}  // namespace

result<archive_part> v1::store::read_archive(std::size_t newest, std::size_t limit) {
  return look([&](transaction& t) { return next_part(t, newest, limit); });
}

result<void> v1::store::note_archived(const archive_part& part) {
  return database_->write([&](transaction& t) { note_part(t, part); });
}

}  // namespace cobatch
