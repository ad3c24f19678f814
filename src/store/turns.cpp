// Turns: their rows and what they used, the commands begin and settle, lists, and sums by task.
#include <limits>
#include <string>
#include <utility>

#include "store/database.hpp"
#include "store/settling.hpp"

namespace cobatch {

std::optional<usage> read_usage(const sql_query& q, int first) {
  if (q.is_null(first)) return std::nullopt;
  usage out;
  q.read(first, out.source, out.complete, out.requests, out.inherited_read);
  return out;
}

model_tokens read_model(const sql_query& q, int first) {
  model_tokens out;
  tokens& n = out.count;
  q.read(first, out.model, n.uncached_input, n.cache_write_5m, n.cache_write_1h, n.cache_read, n.output, n.reasoning,
         out.largest_request);
  return out;
}

std::optional<work_changes> read_changes(const sql_query& q, int first) {
  if (q.is_null(first)) return std::nullopt;
  work_changes out;
  q.read(first, out.files, out.commits, out.complete);
  return out;
}

usage_head::usage_head(const std::optional<usage>& used) {
  if (!used) return;
  source = used->source;
  complete = used->complete;
  requests = used->requests;
  inherited_read = used->inherited_read;
}

void transaction::insert_usage(epoch session, std::int64_t turn, const std::optional<usage>& used) {
  if (!used) return;
  std::int64_t place = 0;
  for (const auto& [model, n, largest_request] : used->by_model)
    db.run(
        "INSERT INTO turn_usage(epoch, turn, place, model, uncached_input, cache_write_5m, cache_write_1h, cache_read,"
        " output, reasoning, largest_request) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        session, turn, place++, model, n.uncached_input, n.cache_write_5m, n.cache_write_1h, n.cache_read, n.output,
        n.reasoning, largest_request);
}

namespace {

// A row for each model that a turn used, one if there is none.
constexpr auto select_turns =
    "SELECT u.epoch, u.turn, u.task_id,"
    " (SELECT b.batch_id FROM session s JOIN batch b ON b.seq = s.batch_seq WHERE s.epoch = u.epoch), u.position,"
    " u.attempt, u.process, u.process_turn, u.started_at, u.ended_at, u.\"end\", u.reason, u.detail, u.recovered,"
    " u.loaded_context, u.conversation, u.changed_files, u.commits, u.changes_complete, u.usage_source,"
    " u.usage_complete, u.requests, u.inherited_read, m.place, " +
    model_columns + "FROM turn u LEFT JOIN turn_usage m ON m.epoch = u.epoch AND m.turn = u.turn ";
constexpr sql_text in_order(" ORDER BY u.epoch, u.turn, m.place");

turn_record read_turn(const sql_query& q) {
  turn_record t;
  const int changes =
      q.read(0, t.session, t.turn, t.task, t.batch, t.position, t.attempt, t.process, t.process_turn, t.started_at,
             t.ended_at, t.end, t.reason, t.detail, t.recovered, t.loaded_context, t.conversation);
  t.changes = read_changes(q, changes);
  t.used = read_usage(q, changes + 3);
  return t;
}

std::vector<turn_record> read_turns(sql_query q) {
  constexpr int place = 23;
  std::vector<turn_record> out;
  while (q.step()) {
    const bool same = !out.empty() && out.back().session == q.get<epoch>(0) && out.back().turn == q.get<turn_no>(1);
    if (!same) out.push_back(read_turn(q));
    if (!q.is_null(place) && out.back().used) out.back().used->by_model.push_back(read_model(q, place + 1));
  }
  return out;
}

std::optional<turn_record> one_turn(sql_query q) {
  auto found = read_turns(std::move(q));
  return found.empty() ? std::nullopt : std::optional(std::move(found.front()));
}

}  // namespace

// ------------------------------------------------------------------------------------------------- rows

std::optional<turn_record> transaction::find_turn(epoch session, turn_no turn) {
  static constexpr auto sql = select_turns + "WHERE u.epoch = ?1 AND u.turn = ?2" + in_order;
  return one_turn(db.query(sql, session, turn));
}

std::optional<turn_record> transaction::find_last_turn(epoch session) {
  static constexpr auto sql =
      select_turns + "WHERE u.epoch = ?1 AND u.turn = (SELECT max(turn) FROM turn WHERE epoch = ?1)" + in_order;
  return one_turn(db.query(sql, session));
}

std::optional<turn_record> transaction::find_open_turn(epoch session) {
  auto last = find_last_turn(session);
  return last && !last->ended_at ? std::move(last) : std::nullopt;
}

task_row transaction::task_of(const turn_record& turn) {
  if (is_preamble(turn)) return {};
  auto row = find_task(turn.task);
  if (!row) throw damaged("the task of a turn is missing from the store");
  return std::move(*row);
}

// The task's latest turn so far is the one before this one.
void transaction::insert(const turn_record& t, const task_record& task) {
  db.run(
      "INSERT INTO turn(epoch, turn, task_id, position, attempt, process, process_turn, previous_epoch, previous_turn,"
      " started_at, reason, detail, recovered, loaded_context, conversation)"
      " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', 0, ?, '')",
      t.session, t.turn, t.task, t.position, t.attempt, t.process, t.process_turn, task.session, task.turn,
      t.started_at, t.loaded_context);
  wrote();
}

namespace {

void write_settled(transaction& t, const turn_record& turn) {
  const usage_head used(turn.used);
  std::optional<std::string> files, commits;
  std::optional<bool> all_changes;
  if (turn.changes) {
    files = write_list(turn.changes->files);
    commits = write_list(turn.changes->commits);
    all_changes = turn.changes->complete;
  }
  t.insert_usage(turn.session, turn.turn.value, turn.used);
  t.db.run(
      "UPDATE turn SET ended_at = ?3, \"end\" = ?4, reason = ?5, detail = ?6, recovered = ?7, loaded_context = ?8,"
      " conversation = ?9, changed_files = ?10, commits = ?11, changes_complete = ?12, usage_source = ?13,"
      " usage_complete = ?14, requests = ?15, inherited_read = ?16 WHERE epoch = ?1 AND turn = ?2",
      turn.session, turn.turn, turn.ended_at, turn.end, turn.reason, turn.detail, turn.recovered, turn.loaded_context,
      turn.conversation, files, commits, all_changes, used.source, used.complete, used.requests, used.inherited_read);
  t.wrote();
}

// What the preamble used if its turn came right before this one, and came to something.
std::optional<usage> preamble_before(transaction& t, const turn_record& turn) {
  auto before = t.find_turn(turn.session, turn_no{turn.turn.value - 1});
  const bool counts = before && is_preamble(*before) && before->end == turn_end::done;
  return counts ? std::move(before->used) : std::nullopt;
}

}  // namespace

task_record transaction::begin(batch_row& batch, const task_row& task, turn_record& turn) {
  turn.task = task.record.spec.id;
  turn.position = task.record.position;
  turn.attempt = task.record.counts.next_attempt();
  insert(turn, task.record);

  task_row running = task;
  running.record.state = task_state::in_progress;
  running.record.owner = task_owner::session;
  running.record.session = turn.session;
  running.record.turn = turn.turn;
  running.record.started_at = turn.started_at;
  update(task, running);
  --batch.record.tally[task_state::queued];
  ++batch.record.tally[task_state::in_progress];
  save(batch);
  return std::move(running.record);
}

// A task that was removed meanwhile cannot be: one whose turn is not settled is not removed.
settle_outcome transaction::settle(batch_row& batch, const turn_record& turn, const settlement& what, settler by) {
  const task_row before = task_of(turn);
  settled_turn settled = settle_turn(before.record, turn, what, now);
  settled.turn.recovered = by.recovered;
  write_settled(*this, settled.turn);

  task_row after = before;
  after.record = settled.task;
  if (after.record != before.record) {
    update(before, after);
    --batch.record.tally[before.record.state];
    ++batch.record.tally[after.record.state];
    cancel_followers(batch, after.record);
  }
  if (settled.result) {
    if (batch.record.has_preamble) settled.result->preamble_used = preamble_before(*this, turn);
    settled.result->fenced = by.fenced;
    insert(after, *settled.result);
  }
  return {settle_outcome::kind::settled, std::move(settled.task), std::move(settled.turn)};
}

// ---------------------------------------------------------------------------------------------- commands

namespace {

begin_outcome begun(transaction& t, turn_record turn, task_record task) {
  static constexpr auto before =
      select_turns +
      "WHERE (u.epoch, u.turn) = (SELECT previous_epoch, previous_turn FROM turn WHERE epoch = ?1 AND turn = ?2)" +
      in_order;
  begin_outcome out;
  out.what = begin_outcome::kind::begun;
  out.previous = one_turn(t.db.query(before, turn.session, turn.turn));
  out.turn = std::move(turn);
  out.task = std::move(task);
  return out;
}

// A session is one conversation: its turns have no gaps, and the next one begins when the last one is settled.
void check_order(transaction& t, const begin_request& request) {
  const auto last = t.find_last_turn(request.session);
  const std::int64_t expected = last ? last->turn.value + 1 : 1;
  if (request.ordinal != expected)
    throw store_failure{{errc::bad_value, "turn " + std::to_string(request.ordinal) + " was asked for, but turn " +
                                              std::to_string(expected) + " comes next; nothing was begun"}};
  if (!last || last->ended_at) return;
  const std::string what = is_preamble(*last) ? "the preamble" : "task \"" + last->task.str() + "\"";
  throw store_failure{{errc::task_in_progress, what + " is still in progress in this session; settle its turn first"}};
}

begin_outcome begin_turn_in(transaction& t, const begin_request& request) {
  const auto session = t.find_live_session(request.session);
  if (!session) {
    begin_outcome out;
    out.what = begin_outcome::kind::stale;
    return out;
  }
  if (auto turn = t.find_turn(request.session, turn_no{request.ordinal})) {
    auto task = t.task_of(*turn);
    return begun(t, std::move(*turn), std::move(task.record));
  }
  check_order(t, request);
  batch_row batch = t.batch_of(session->record.batch);
  const auto task = is_at_work(session->record, batch.record) ? t.next_to_begin(batch) : std::nullopt;
  if (!task) {
    if (request.may_end && batch.record.state == batch_state::running) batch.record.state = batch_state::ending;
    t.save(batch);
    return {};
  }
  turn_record turn = new_turn(batch.record.id, request, t.now);
  task_record running;
  if (request.preamble)
    t.insert(turn, {});
  else
    running = t.begin(batch, *task, turn);
  return begun(t, std::move(turn), std::move(running));
}

settle_outcome settle_turn_of(transaction& t, epoch session, turn_no turn, const settlement& what) {
  settle_outcome out;
  const auto owner = t.find_live_session(session);
  if (!owner) {
    out.what = settle_outcome::kind::stale;
    return out;
  }
  auto found = t.find_turn(session, turn);
  if (!found) return out;
  if (found->ended_at) {
    out.what = settle_outcome::kind::repeated;
    if (auto task = t.find_task(found->task)) out.task = std::move(task->record);
    out.turn = std::move(*found);
    return out;
  }
  batch_row batch = t.batch_of(owner->record.batch);
  out = t.settle(batch, *found, what);
  t.save(batch);
  return out;
}

}  // namespace

result<begin_outcome> v1::store::begin_turn(const begin_request& request) {
  return change([&](transaction& t) { return begin_turn_in(t, request); });
}

result<settle_outcome> v1::store::settle_turn(epoch session, turn_no turn, const settlement& what) {
  return change([&](transaction& t) { return settle_turn_of(t, session, turn, what); });
}

// ------------------------------------------------------------------------------------------------- reads

namespace {

// Turns after (?1, ?2), not after session ?3, begun since ?4, at most ?5, found by the way that fits: the turns of a task
// (?6) are a chain from its latest one back, those of a batch (?7) are found by its sessions.
template <std::size_t Head, std::size_t From>
constexpr auto turns_found(const char (&with)[Head], const char (&from)[From]) {
  return select_turns + "WHERE (u.epoch, u.turn) IN (" + with + "SELECT k.epoch, k.turn " + from +
         "(k.epoch, k.turn) > (?1, ?2) AND k.epoch <= ?3 AND (?4 IS NULL OR k.started_at >= ?4)"
         " ORDER BY k.epoch, k.turn LIMIT ?5)" +
         in_order;
}
constexpr auto turns_of_all = turns_found("", "FROM turn k WHERE ?6 IS NULL AND ?7 IS NULL AND ");
constexpr auto turns_of_batch =
    turns_found("",
                "FROM session s JOIN turn k ON k.epoch = s.epoch"
                " WHERE ?6 IS NULL AND s.batch_seq = (SELECT seq FROM batch WHERE batch_id = ?7) AND ");
constexpr auto turns_of_task = turns_found(
    "WITH RECURSIVE chain(epoch, turn) AS (SELECT epoch, turn FROM task WHERE task_id = ?6 UNION ALL"
    " SELECT u.previous_epoch, u.previous_turn FROM chain c JOIN turn u ON u.epoch = c.epoch AND u.turn = c.turn) ",
    "FROM chain c CROSS JOIN turn k CROSS JOIN session s WHERE k.epoch = c.epoch AND k.turn = c.turn"
    " AND s.epoch = k.epoch AND k.task_id = ?6 AND (?7 IS NULL OR s.batch_seq = (SELECT seq FROM batch WHERE batch_id = ?7)) AND ");

}  // namespace

result<std::vector<turn_record>> v1::store::list_turns(const turn_filter& filter) {
  const sql_literal sql = filter.task    ? sql_literal(turns_of_task)
                          : filter.batch ? sql_literal(turns_of_batch)
                                         : sql_literal(turns_of_all);
  epoch session = filter.after_session, last{std::numeric_limits<std::int64_t>::max()};
  turn_no turn = filter.after_turn;
  if (filter.session) {
    last = *filter.session;
    if (session < last) session = last, turn = {};
  }
  return look([&](transaction& t) {
    return read_turns(
        t.db.query(sql, session, turn, last, filter.since, sql_limit(filter.limit), filter.task, filter.batch));
  });
}

}  // namespace cobatch
