// Batches: their rows, the commands seal and execute, and what is read of many.
#include <algorithm>
#include <string>
#include <utility>

#include "store/database.hpp"
#include "store/settling.hpp"

namespace cobatch {

namespace {

constexpr sql_text select_batch(
    "SELECT b.seq, b.last_position, b.batch_id, b.state, b.priority, b.sealed_at, b.round, b.agent, b.lingers,"
    " b.fruitless_sessions, b.hold_reason, b.held_until, b.created_at, b.last_assign_at,"
    " b.queued, b.in_progress, b.done, b.error, b.cancelled, b.model, b.way, b.on_error, b.budget_nano_dollars,"
    " b.budget_tokens, b.budget_ms, b.budget_allow_unknown, b.has_preamble FROM batch b ");

batch_row read_batch(const sql_query& q) {
  batch_row row;
  batch_record& b = row.record;
  int at = q.read(0, row.key, row.last_position, b.id, b.state, b.prio, b.sealed_at, b.round, b.agent, b.lingers,
                  b.fruitless_sessions, b.hold_reason, b.held_until, b.created_at, b.last_assign_at);
  for (auto& count : b.tally.by_state) at = q.read(at, count);
  at = q.read(at, b.settings.model, b.settings.way, b.settings.on_error);
  if (spending_cap cap; !q.is_null(at)) {
    q.read(at, cap.nano_dollars, cap.tokens, cap.time, cap.allow_unknown);
    b.settings.budget = cap;
  }
  q.read(at + 4, b.has_preamble);
  return row;
}

template <class T>
std::optional<T> part_of(const std::optional<spending_cap>& budget, T spending_cap::*part) {
  return budget ? std::optional(*budget.*part) : std::nullopt;
}

// The batches in one state, highest priority first, then oldest seal, then oldest. The condition on `finished` is that of
// the index.
constexpr auto select_waiting =
    select_batch + "WHERE b.state = ?1 AND b.state <> 'finished' ORDER BY b.priority DESC, b.sealed_at, b.seq";

std::vector<batch_record> read_batches(sql_query q) {
  std::vector<batch_record> out;
  while (q.step()) out.push_back(std::move(read_batch(q).record));
  return out;
}

}  // namespace

// ------------------------------------------------------------------------------------------------- rows

const batch_row* transaction::known_batch(const batch_id& id) {
  if (const auto at = known_.rows.find(id); at != known_.rows.end()) return &at->second;
  static constexpr auto sql = select_batch + "WHERE b.batch_id = ?1";
  auto q = db.query(sql, id);
  return q.step() ? &known_.rows.emplace(id, read_batch(q)).first->second : nullptr;
}

std::optional<batch_row> transaction::find_batch(const batch_id& id) {
  const batch_row* const known = known_batch(id);
  return known != nullptr ? std::optional(*known) : std::nullopt;
}

batch_row transaction::batch_of(const batch_id& id) {
  auto row = find_batch(id);
  if (!row) throw damaged("the batch of a session or task is missing from the store");
  return std::move(*row);
}

void transaction::save(batch_row& batch) {
  task_tally before;
  if (batch.key == 0) {
    insert_batch(batch);
  } else {
    const batch_row* const stored = known_batch(batch.record.id);
    if (stored == nullptr) throw damaged("a batch is missing from the store");
    if (*stored == batch) return;
    update_batch(*stored, batch);
    before = stored->record.tally;
  }
  for (std::size_t i = 0; i < task_state_count; ++i)
    counted_.by_state[i] += batch.record.tally.by_state[i] - before.by_state[i];
  known_.rows.insert_or_assign(batch.record.id, batch);
  wrote();
}

void transaction::insert_batch(batch_row& batch) {
  const batch_record& b = batch.record;
  const auto& n = b.tally.by_state;
  const auto& budget = b.settings.budget;
  db.run(
      "INSERT INTO batch(batch_id, state, priority, sealed_at, round, agent, lingers, fruitless_sessions, hold_reason,"
      " held_until, created_at, last_assign_at, last_position, queued, in_progress, done, error, cancelled, model, way,"
      " on_error, budget_nano_dollars, budget_tokens, budget_ms, budget_allow_unknown, has_preamble)"
      " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      b.id, b.state, b.prio, b.sealed_at, b.round, b.agent, b.lingers, b.fruitless_sessions, b.hold_reason,
      b.held_until, b.created_at, b.last_assign_at, batch.last_position, n[0], n[1], n[2], n[3], n[4], b.settings.model,
      b.settings.way, b.settings.on_error, part_of(budget, &spending_cap::nano_dollars),
      part_of(budget, &spending_cap::tokens), part_of(budget, &spending_cap::time),
      part_of(budget, &spending_cap::allow_unknown), b.has_preamble);
  batch.key = db.last_insert_key();
}

void transaction::update_batch(const batch_row& before, const batch_row& after) {
  const batch_record& b = after.record;
  const auto& n = b.tally.by_state;
  db.run(
      "UPDATE batch SET last_assign_at = ?2, last_position = ?3, queued = ?4, in_progress = ?5, done = ?6, error = ?7,"
      " cancelled = ?8 WHERE seq = ?1",
      after.key, b.last_assign_at, after.last_position, n[0], n[1], n[2], n[3], n[4]);
  batch_row counted = before;  // with what was just written
  counted.last_position = after.last_position;
  counted.record.last_assign_at = b.last_assign_at;
  counted.record.tally = b.tally;
  if (counted == after) return;  // no index was touched
  const auto& budget = b.settings.budget;
  db.run(
      "UPDATE batch SET state = ?2, priority = ?3, sealed_at = ?4, round = ?5, agent = ?6, lingers = ?7,"
      " fruitless_sessions = ?8, hold_reason = ?9, held_until = ?10, model = ?11, way = ?12, on_error = ?13,"
      " budget_nano_dollars = ?14, budget_tokens = ?15, budget_ms = ?16, budget_allow_unknown = ?17, has_preamble = ?18"
      " WHERE seq = ?1",
      after.key, b.state, b.prio, b.sealed_at, b.round, b.agent, b.lingers, b.fruitless_sessions, b.hold_reason,
      b.held_until, b.settings.model, b.settings.way, b.settings.on_error, part_of(budget, &spending_cap::nano_dollars),
      part_of(budget, &spending_cap::tokens), part_of(budget, &spending_cap::time),
      part_of(budget, &spending_cap::allow_unknown), b.has_preamble);
}

preamble transaction::find_preamble(const batch_row& batch) {
  if (!batch.record.has_preamble) return {};
  auto q = db.query("SELECT text, files FROM batch_preamble WHERE batch_seq = ?1", batch.key);
  if (!q.step()) throw damaged("a batch's preamble is missing from the store");
  preamble out;
  q.read(0, out.text, out.files);
  return out;
}

// ---------------------------------------------------------------------------------------------- commands

seal_outcome transaction::seal(const batch_id& id) {
  seal_outcome out;
  auto batch = find_batch(id);
  if (!batch) return out;
  if (batch->record.state != batch_state::open) {
    out.what = seal_outcome::kind::unchanged;
  } else if (live_tasks(batch->record) == 0) {
    out.what = seal_outcome::kind::empty_batch;
  } else {
    seal_now(batch->record, now);
    save(*batch);
    out.what = seal_outcome::kind::sealed;
  }
  out.batch = std::move(batch->record);
  return out;
}

result<seal_outcome> v1::store::seal(const batch_id& batch) {
  return change([&](transaction& t) { return t.seal(batch); });
}

namespace {

// A task that somebody has in progress by hand is nothing to run.
bool can_run(const batch_record& batch) {
  return batch.tally[task_state::queued] > 0 || (batch.state == batch_state::running && live_tasks(batch) > 0);
}

execute_outcome execute_one(transaction& t, batch_row batch) {
  execute_outcome out;
  if (!can_run(batch.record)) {
    out.what = execute_outcome::kind::empty_batch;
    out.named = std::move(batch.record);
    return out;
  }
  if (batch.record.state == batch_state::open) seal_now(batch.record, t.now);
  let_go(batch.record);
  t.save(batch);
  out.what = execute_outcome::kind::started;
  out.runnable.push_back(std::move(batch.record));
  return out;
}

// Open batches with work: sealed if nobody touched them for a while, else listed.
void seal_untouched(transaction& t, execute_outcome& out) {
  std::vector<batch_row> untouched;
  for (auto q = t.db.query(select_waiting, batch_state::open); q.step();) {
    auto row = read_batch(q);
    if (!can_run(row.record)) continue;
    if (t.now - row.record.last_assign_at >= untouched_before_execute)
      untouched.push_back(std::move(row));
    else
      out.left_open.push_back(std::move(row.record));
  }
  for (auto& batch : untouched) {
    seal_now(batch.record, t.now);
    t.save(batch);
  }
}

std::vector<batch_record> runnable_batches(transaction& t) {
  std::vector<batch_row> found;
  for (const batch_state state : {batch_state::running, batch_state::sealed, batch_state::held})
    for (auto q = t.db.query(select_waiting, state); q.step();)
      if (auto row = read_batch(q); is_due(row.record, t.now) && can_run(row.record)) found.push_back(std::move(row));
  std::sort(found.begin(), found.end(),
            [](const batch_row& a, const batch_row& b) { return runs_before(a.record, a.key, b.record, b.key); });
  std::vector<batch_record> out;
  out.reserve(found.size());
  for (auto& row : found) out.push_back(std::move(row.record));
  return out;
}

execute_outcome execute_any(transaction& t, const execute_request& request) {
  execute_outcome out;
  const auto named = request.batch ? t.find_batch(*request.batch) : std::nullopt;
  if (request.batch && !named) {
    out.what = execute_outcome::kind::not_found;
    return out;
  }
  const auto live = t.find_live_session();
  if (live && live->record.id == request.held) {
    out.what = execute_outcome::kind::already_running;
    out.live = live->record;
    return out;
  }
  if (named) return execute_one(t, *named);
  seal_untouched(t, out);
  out.runnable = runnable_batches(t);
  out.what = out.runnable.empty() ? execute_outcome::kind::nothing_to_do : execute_outcome::kind::started;
  return out;
}

std::optional<batch_row> first_claimable(transaction& t, batch_state state, const served_agents& serves) {
  for (auto q = t.db.query(select_waiting, state); q.step();)
    if (auto row = read_batch(q); t.can_be_claimed(row, serves)) return row;
  return std::nullopt;
}

}  // namespace

result<execute_outcome> v1::store::execute(const execute_request& request) {
  return change([&](transaction& t) { return execute_any(t, request); });
}

bool transaction::can_be_claimed(const batch_row& batch, const served_agents& serves) {
  const batch_record& b = batch.record;
  const bool waits = b.state == batch_state::sealed || b.state == batch_state::held;
  if (!waits || !is_due(b, now) || !serves.serves(b.agent) || b.tally[task_state::queued] == 0) return false;
  // What somebody has in progress by hand is not the engine's, and what needs it has to wait.
  return b.tally[task_state::in_progress] == 0 || next_to_begin(batch);
}

std::optional<batch_row> transaction::next_to_claim(const served_agents& serves) {
  auto sealed = first_claimable(*this, batch_state::sealed, serves);
  auto held = first_claimable(*this, batch_state::held, serves);
  if (!held || (sealed && runs_before(sealed->record, sealed->key, held->record, held->key))) return sealed;
  return held;
}

// ------------------------------------------------------------------------------------------------- reads

result<bool> v1::store::has_work(const served_agents& serves) {
  return look([&](transaction& t) { return t.next_to_claim(serves).has_value(); });
}

result<std::optional<batch_record>> v1::store::find_batch(const batch_id& batch) {
  return look([&](transaction& t) {
    auto row = t.find_batch(batch);
    return row ? std::optional(std::move(row->record)) : std::nullopt;
  });
}

result<preamble> v1::store::find_preamble(const batch_id& batch) {
  return look([&](transaction& t) {
    const auto row = t.find_batch(batch);
    return row ? t.find_preamble(*row) : preamble{};
  });
}

namespace {

// ?1 state, ?2 after, ?3 limit. `Waiting` is for one state that is not `finished`, so that the index serves.
template <bool Waiting>
constexpr auto in_state = [] {
  if constexpr (Waiting)
    return select_batch + "WHERE b.state = ?1 AND b.state <> 'finished'";
  else
    return select_batch + "WHERE (?1 IS NULL OR b.state = ?1)";
}();
template <bool Waiting>
constexpr auto batches_forth = in_state<Waiting> +
                               " AND b.seq > CASE WHEN ?2 IS NULL THEN 0 ELSE (SELECT seq FROM batch WHERE batch_id ="
                               " ?2) END ORDER BY b.seq LIMIT ?3";
template <bool Waiting>
constexpr auto batches_back = in_state<Waiting> +
                              " AND (?2 IS NULL OR b.seq < (SELECT seq FROM batch WHERE batch_id = ?2))"
                              " ORDER BY b.seq DESC LIMIT ?3";

}  // namespace

result<std::vector<batch_record>> v1::store::list_batches(const batch_filter& filter) {
  const bool waiting = filter.state && *filter.state != batch_state::finished;
  const sql_literal forth = waiting ? sql_literal(batches_forth<true>) : sql_literal(batches_forth<false>);
  const sql_literal back = waiting ? sql_literal(batches_back<true>) : sql_literal(batches_back<false>);
  return look([&](transaction& t) {
    return read_batches(
        t.db.query(filter.newest_first ? back : forth, filter.state, filter.after, sql_limit(filter.limit)));
  });
}

result<overview> v1::store::read_overview() {
  return look([&](transaction& t) {
    constexpr std::size_t limit = 1000;
    overview out;
    out.tally = t.tally();
    for (const batch_state state :
         {batch_state::running, batch_state::ending, batch_state::sealed, batch_state::held, batch_state::open})
      for (auto q = t.db.query(select_waiting, state); out.unfinished.size() < limit && q.step();)
        out.unfinished.push_back(std::move(read_batch(q).record));
    if (auto live = t.find_live_session()) out.live = std::move(live->record);
    return out;
  });
}

}  // namespace cobatch
