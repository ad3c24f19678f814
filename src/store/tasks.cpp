// Tasks: their rows, what people do to single ones (`decide` is the table of it), and lists.
#include <algorithm>
#include <string>
#include <utility>

#include "store/database.hpp"
#include "store/settling.hpp"

namespace cobatch {

task_row read_task(const sql_query& q) {
  task_row row;
  task_record& t = row.record;
  task_spec& spec = t.spec;
  std::vector<std::string> needs;
  q.read(0, row.key, row.batch_key, spec.id, t.batch, t.position, t.round, t.state, t.owner, spec.prio,
         spec.max_attempts, t.counts.attempts, t.counts.interruptions, t.session, t.turn, t.created_at, t.started_at,
         t.ended_at, t.reason, spec.description, spec.context, spec.assigned_by, needs, spec.check, spec.model,
         spec.tools, spec.limit, t.extra);
  for (auto& id : needs) spec.needs.emplace_back(std::move(id));
  return row;
}

namespace {

// True if the texts of a task are kept in `task_text`.
bool has_long_text(const task_spec& spec) {
  constexpr std::size_t short_text = 1024;  // several such rows fit on a page
  return spec.description.size() + spec.context.size() + spec.assigned_by.size() > short_text;
}

// A text as it stands in `task`.
std::optional<std::string_view> text_here(const task_spec& spec, const std::string& text) {
  return has_long_text(spec) ? std::nullopt : std::optional<std::string_view>(text);
}

void insert_long_text(sql& db, const task_row& row) {
  const task_spec& spec = row.record.spec;
  if (!has_long_text(spec)) return;
  db.run("INSERT INTO task_text(task_seq, description, context, assigned_by) VALUES(?, ?, ?, ?)", row.key,
         spec.description, spec.context, spec.assigned_by);
}

}  // namespace

// ------------------------------------------------------------------------------------------------- rows

std::optional<task_row> transaction::find_task(const task_id& id) {
  static constexpr auto sql = select_task + "WHERE t.task_id = ?1";
  auto q = db.query(sql, id);
  return q.step() ? std::optional(read_task(q)) : std::nullopt;
}

std::optional<task_place> transaction::find_place(const task_id& id) {
  auto q = db.query("SELECT seq, batch_seq, state FROM task WHERE task_id = ?1", id);
  if (!q.step()) return std::nullopt;
  task_place out;
  q.read(0, out.key, out.batch_key, out.state);
  return out;
}

std::optional<task_id> transaction::unmet_need(const task_spec& task) {
  const auto is_done = [&](const task_id& need) {
    const auto place = find_place(need);
    return place && place->state == task_state::done;
  };
  const auto unmet = std::find_if_not(task.needs.begin(), task.needs.end(), is_done);
  return unmet == task.needs.end() ? std::nullopt : std::optional(*unmet);
}

// Needs stand before their task, so only one that somebody has in progress by hand can make it wait.
std::optional<task_row> transaction::next_to_begin(const batch_row& batch) {
  static constexpr auto sql =
      select_task + "WHERE t.batch_seq = ?1 AND t.ended = 0 AND t.state = 'queued' ORDER BY t.position";
  for (auto q = db.query(sql, batch.key); q.step();)
    if (auto task = read_task(q); !unmet_need(task.record.spec)) return task;
  return std::nullopt;
}

void transaction::insert(task_row& task) {
  const task_record& t = task.record;
  const task_spec& spec = t.spec;
  std::vector<std::string> needs;
  for (const auto& need : spec.needs) needs.push_back(need.str());
  db.run(
      "INSERT INTO task(task_id, batch_seq, position, round, state, owner, priority, max_attempts, attempts,"
      " interruptions, epoch, turn, created_at, ended, reason, needs, check_argv, model, tools, limit_ms, extra,"
      " description, context, assigned_by)"
      " VALUES(?, ?, ?, ?, 'queued', 'nobody', ?, ?, 0, 0, 0, 0, ?, 0, '', ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      spec.id, task.batch_key, t.position, t.round, spec.prio, spec.max_attempts, t.created_at, write_list(needs),
      write_list(spec.check), spec.model, write_list(spec.tools), spec.limit, t.extra,
      text_here(spec, spec.description), text_here(spec, spec.context), text_here(spec, spec.assigned_by));
  task.key = db.last_insert_key();
  insert_long_text(db, task);
  for (const auto& need : needs)
    db.run("INSERT INTO task_need(need, task_seq) VALUES(?, ?) ON CONFLICT DO NOTHING", need, task.key);
  wrote();
}

void transaction::update(const task_row& before, const task_row& after) {
  const task_record& t = after.record;
  if (before.record.ended_at == t.ended_at)  // then no index is touched
    db.run(
        "UPDATE task SET state = ?2, owner = ?3, attempts = ?4, interruptions = ?5, epoch = ?6, turn = ?7,"
        " started_at = ?8, round = ?9 WHERE seq = ?1",
        after.key, t.state, t.owner, t.counts.attempts, t.counts.interruptions, t.session, t.turn, t.started_at,
        t.round);
  else
    db.run(
        "UPDATE task SET state = ?2, owner = ?3, attempts = ?4, interruptions = ?5, epoch = ?6, turn = ?7,"
        " started_at = ?8, round = ?9, ended_at = ?10, ended = ?11, reason = ?12 WHERE seq = ?1",
        after.key, t.state, t.owner, t.counts.attempts, t.counts.interruptions, t.session, t.turn, t.started_at,
        t.round, t.ended_at, t.ended_at.has_value(), t.reason);
  wrote();
}

namespace {

void count_cancelled(transaction& t, batch_row& batch, std::int64_t cancelled) {
  if (cancelled == 0) return;
  batch.record.tally[task_state::queued] -= cancelled;
  batch.record.tally[task_state::cancelled] += cancelled;
  t.wrote();
}

}  // namespace

void transaction::cancel_dependents(batch_row& batch, const task_id& lost) {
  const auto cancelled = db.run(
      "UPDATE task SET state = 'cancelled', reason = 'need_failed', ended_at = ?3, ended = 1 WHERE seq IN ("
      "WITH RECURSIVE lost(seq, id) AS ("
      "SELECT d.seq, d.task_id FROM task_need n JOIN task d ON d.seq = n.task_seq"
      " WHERE n.need = ?1 AND d.batch_seq = ?2 AND d.state = 'queued'"
      " UNION SELECT d.seq, d.task_id FROM lost l JOIN task_need n ON n.need = l.id JOIN task d ON d.seq = n.task_seq"
      " WHERE d.batch_seq = ?2 AND d.state = 'queued') SELECT seq FROM lost)",
      lost, batch.key, now);
  count_cancelled(*this, batch, cancelled);
}

void transaction::cancel_followers(batch_row& batch, const task_record& ended) {
  if (ended_badly(ended.state)) cancel_dependents(batch, ended.spec.id);
  if (ended.state != task_state::error || batch.record.settings.on_error != error_rule::stop) return;
  const auto cancelled = db.run(
      "UPDATE task SET state = 'cancelled', reason = 'batch_stopped', ended_at = ?2, ended = 1"
      " WHERE batch_seq = ?1 AND ended = 0 AND state = 'queued'",
      batch.key, now);
  count_cancelled(*this, batch, cancelled);
}

void transaction::recount(const task_row& before, const task_row& after) {
  batch_row batch = batch_of(after.record.batch);
  --batch.record.tally[before.record.state];
  ++batch.record.tally[after.record.state];
  cancel_followers(batch, after.record);
  finish_if_done(batch.record);
  save(batch);
}

// ---------------------------------------------------------------------------------------------- commands

namespace {

// What the rules say of it: `changed` is left to be done.
task_outcome ask(const task_row& row, task_action action) {
  task_outcome out;
  out.before = row.record.state;
  out.task = row.record;
  const task_decision decision = decide(action, row.record.state, row.record.owner);
  switch (decision.what) {
    case task_decision::kind::becomes:
    case task_decision::kind::removed: out.what = task_outcome::kind::changed; break;
    case task_decision::kind::unchanged: out.what = task_outcome::kind::unchanged; break;
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

// Does `action` to a task if it is there and the rules allow it: `act` gets the task and the outcome.
template <class Act>
task_outcome act_on(transaction& t, const task_id& id, task_action action, Act act) {
  const auto task = t.find_task(id);
  if (!task) return {};
  task_outcome out = ask(*task, action);
  return out.what == task_outcome::kind::changed ? act(*task, std::move(out)) : out;
}

// Writes a task that is in another state now, with what follows from that.
task_outcome changed(transaction& t, const task_row& before, const task_row& after, task_outcome out) {
  t.update(before, after);
  t.recount(before, after);
  out.task = after.record;
  return out;
}

// A task that was cancelled may have a turn that its engine has not yet ended.
bool has_open_turn(transaction& t, const task_record& task) {
  return t.db.query("SELECT 1 FROM turn WHERE epoch = ?1 AND turn = ?2 AND ended_at IS NULL", task.session, task.turn)
      .step();
}

// The first need that will never be done.
std::optional<task_id> lost_need(transaction& t, const task_row& task) {
  const auto is_lost = [&](const task_id& need) {
    const auto place = t.find_place(need);
    return !place || place->batch_key != task.batch_key || ended_badly(place->state);
  };
  const auto& needs = task.record.spec.needs;
  const auto lost = std::find_if(needs.begin(), needs.end(), is_lost);
  return lost == needs.end() ? std::nullopt : std::optional(*lost);
}

// Says `refused` of an outcome if other rows forbid the reset that the task itself allows.
task_outcome allow_reset(transaction& t, const task_row& task, task_outcome out) {
  if (has_open_turn(t, task.record)) return refuse(std::move(out), errc::task_in_progress);
  if (auto need = lost_need(t, task)) return refuse(std::move(out), errc::need_unknown, std::move(*need));
  return out;
}

// Queues a task again in its batch's round, and counts it in `batch`, which is the caller's to save.
task_record queue_again(transaction& t, batch_record& batch, const task_row& before) {
  task_row after = before;
  after.record.state = task_state::queued;
  after.record.owner = task_owner::nobody;
  after.record.round = batch.round;
  after.record.counts = {};
  after.record.reason.clear();
  after.record.started_at.reset();
  after.record.ended_at.reset();
  t.update(before, after);
  t.remove_result(after.key);
  --batch.tally[before.record.state];
  ++batch.tally[task_state::queued];
  return std::move(after.record);
}

priority highest_priority(transaction& t, const batch_row& batch) {
  auto q = t.db.query("SELECT coalesce(max(priority), 0) FROM task WHERE batch_seq = ?1", batch.key);
  return q.step() ? q.get<priority>(0) : priority::low;
}

task_outcome cancel_task(transaction& t, const task_row& before, task_outcome out) {
  task_row after = before;
  after.record.state = task_state::cancelled;
  after.record.owner = task_owner::nobody;
  after.record.ended_at = t.now;
  return changed(t, before, after, std::move(out));
}

task_outcome update_task(transaction& t, const task_row& before, const task_changes& changes, task_outcome out) {
  task_row after = before;
  task_spec& spec = after.record.spec;
  spec.description = changes.description.value_or(spec.description);
  spec.context = changes.context.value_or(spec.context);
  spec.prio = changes.prio.value_or(spec.prio);
  if (after.record == before.record) {
    out.what = task_outcome::kind::unchanged;
    return out;
  }
  t.db.run("UPDATE task SET priority = ?2, description = ?3, context = ?4, assigned_by = ?5 WHERE seq = ?1", after.key,
           spec.prio, text_here(spec, spec.description), text_here(spec, spec.context),
           text_here(spec, spec.assigned_by));
  t.db.run("DELETE FROM task_text WHERE task_seq = ?1", after.key);
  insert_long_text(t.db, after);
  t.wrote();
  if (spec.prio != before.record.spec.prio) {
    batch_row batch = t.batch_of(after.record.batch);
    batch.record.prio = highest_priority(t, batch);
    t.save(batch);
  }
  out.task = std::move(after.record);
  return out;
}

task_outcome reset_task(transaction& t, const task_row& task, task_outcome out) {
  out = allow_reset(t, task, std::move(out));
  if (out.what != task_outcome::kind::changed) return out;
  batch_row batch = t.batch_of(task.record.batch);
  apply(on_assign(batch.record.state, false), batch.record, t.now);
  out.task = queue_again(t, batch.record, task);
  t.save(batch);
  return out;
}

task_outcome remove_task(transaction& t, const task_row& task, task_outcome out) {
  if (has_open_turn(t, task.record)) return refuse(std::move(out), errc::task_in_progress);
  batch_row batch = t.batch_of(task.record.batch);
  t.cancel_dependents(batch, task.record.spec.id);
  t.remove_result(task.key);
  t.db.run("DELETE FROM task_text WHERE task_seq = ?1", task.key);
  for (const auto& need : task.record.spec.needs)
    t.db.run("DELETE FROM task_need WHERE need = ?1 AND task_seq = ?2", need, task.key);
  t.db.run("DELETE FROM task WHERE seq = ?1", task.key);
  t.wrote();
  --batch.record.tally[task.record.state];
  batch.record.prio = highest_priority(t, batch);
  finish_if_done(batch.record);
  t.save(batch);
  return out;
}

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

task_outcome mark_task(transaction& t, const task_id& id) {
  if (const auto task = t.find_task(id))
    if (auto begun = t.begin_without_token(*task)) return marked_by_agent(*task, std::move(*begun));
  return act_on(t, id, task_action::mark_manually, [&](const task_row& before, task_outcome out) {
    task_row after = before;
    after.record.state = task_state::in_progress;
    after.record.owner = task_owner::manual;
    after.record.started_at = t.now;
    return changed(t, before, after, std::move(out));
  });
}

std::vector<task_row> failed_tasks(transaction& t, const batch_row& batch) {
  static constexpr auto sql =
      select_task + "WHERE t.batch_seq = ?1 AND t.ended = 1 AND t.state IN ('error', 'cancelled') ORDER BY t.position";
  std::vector<task_row> out;
  for (auto q = t.db.query(sql, batch.key); q.step();) out.push_back(read_task(q));
  return out;
}

retry_outcome retry_batch(transaction& t, const batch_id& id) {
  retry_outcome out;
  const auto before = t.find_batch(id);
  if (!before) return out;
  batch_row batch = *before;
  apply(on_assign(batch.record.state, true), batch.record, t.now);
  let_go(batch.record);
  // In order, as a task can be queued again once what it needs is.
  for (const auto& task : failed_tasks(t, batch)) {
    task_outcome asked = ask(task, task_action::reset);
    if (asked.what == task_outcome::kind::changed) asked = allow_reset(t, task, std::move(asked));
    if (asked.what == task_outcome::kind::changed)
      out.tasks.push_back(queue_again(t, batch.record, task).spec.id);
    else
      out.left.push_back(task.record.spec.id);
  }
  out.what = out.tasks.empty() ? retry_outcome::kind::nothing_to_do : retry_outcome::kind::retried;
  if (!out.tasks.empty()) t.save(batch);
  out.batch = out.tasks.empty() ? before->record : std::move(batch.record);
  return out;
}

}  // namespace

result<task_outcome> v1::store::cancel(const task_id& task) {
  return change([&](transaction& t) {
    return act_on(t, task, task_action::cancel,
                  [&](const task_row& row, task_outcome out) { return cancel_task(t, row, std::move(out)); });
  });
}

result<task_outcome> v1::store::update(const task_id& task, const task_changes& changes) {
  return change([&](transaction& t) {
    return act_on(t, task, task_action::update,
                  [&](const task_row& row, task_outcome out) { return update_task(t, row, changes, std::move(out)); });
  });
}

result<task_outcome> v1::store::reset(const task_id& task) {
  return change([&](transaction& t) {
    return act_on(t, task, task_action::reset,
                  [&](const task_row& row, task_outcome out) { return reset_task(t, row, std::move(out)); });
  });
}

result<task_outcome> v1::store::remove(const task_id& task) {
  return change([&](transaction& t) {
    return act_on(t, task, task_action::remove,
                  [&](const task_row& row, task_outcome out) { return remove_task(t, row, std::move(out)); });
  });
}

result<task_outcome> v1::store::mark_manually(const task_id& task) {
  return change([&](transaction& t) { return mark_task(t, task); });
}

result<retry_outcome> v1::store::retry(const batch_id& batch) {
  return change([&](transaction& t) { return retry_batch(t, batch); });
}

// ------------------------------------------------------------------------------------------------- reads

result<std::optional<task_record>> v1::store::find_task(const task_id& task) {
  return look([&](transaction& t) {
    auto row = t.find_task(task);
    return row ? std::optional(std::move(row->record)) : std::nullopt;
  });
}

namespace {

// Reads what `list_tasks` asks for by the index that fits the filter: ?1 batch, ?2 position, ?3 state, ?4 limit.
sql_literal list_statement(const task_filter& filter) {
  constexpr auto of_batch = [](const auto& ended) {
    return select_task + "WHERE t.batch_seq = (SELECT seq FROM batch WHERE batch_id = ?1) AND t.ended = " + ended +
           " AND t.position > ?2 AND (?3 IS NULL OR t.state = ?3)";
  };
  constexpr sql_text in_order(" ORDER BY 5 LIMIT ?4");
  static constexpr auto batch_live = of_batch("0") + in_order;
  static constexpr auto batch_ended = of_batch("1") + in_order;
  static constexpr auto batch = of_batch("0") + " UNION ALL " + of_batch("1") + in_order;
  static constexpr auto live = select_task + "WHERE t.seq IN (" + select_live_tasks +
                               ") AND t.state = ?3 AND ?1 IS NULL AND ?2 IS NOT NULL ORDER BY t.seq LIMIT ?4";
  static constexpr auto all =
      select_task + "WHERE (?3 IS NULL OR t.state = ?3) AND ?1 IS NULL AND ?2 IS NOT NULL ORDER BY t.seq LIMIT ?4";
  if (filter.batch && filter.state)
    return has_ended(*filter.state) ? sql_literal(batch_ended) : sql_literal(batch_live);
  if (filter.batch) return batch;
  return filter.state && !has_ended(*filter.state) ? sql_literal(live) : sql_literal(all);
}

}  // namespace

result<std::vector<task_record>> v1::store::list_tasks(const task_filter& filter) {
  return look([&](transaction& t) {
    std::vector<task_record> out;
    auto q =
        t.db.query(list_statement(filter), filter.batch, filter.after_position, filter.state, sql_limit(filter.limit));
    while (q.step()) out.push_back(std::move(read_task(q).record));
    return out;
  });
}

}  // namespace cobatch
