// What the store's commands stand on: the rows that they read and write inside one transaction. Each noun's rows are in
// the file of its commands.
//
// Commands decide before their first write, so that a refusal never needs a rollback. A row that cannot be read or
// written throws `store_failure`: there is nothing a command can do about it but end.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <cobatch/store.hpp>

#include "store/sql.hpp"
#include "store/values.hpp"

namespace cobatch {

/// A batch and what only the store needs of it. Keys grow in order of creation; 0 until it is saved.
struct batch_row {
  std::int64_t key = 0;
  std::int64_t last_position = 0;
  batch_record record;

  friend bool operator==(const batch_row&, const batch_row&) = default;
};

/// A task and its keys. Keys grow in order of assignment.
struct task_row {
  std::int64_t key = 0;
  std::int64_t batch_key = 0;
  task_record record;
};

struct session_row {
  std::int64_t batch_key = 0;
  std::string nonce;  ///< of the claim that made it
  session_record record;

  [[nodiscard]] bool live() const noexcept { return record.phase == session_phase::live; }
};

/// Where a task stands: what can be told of it without reading its texts.
struct task_place {
  std::int64_t key = 0;
  std::int64_t batch_key = 0;
  task_state state = task_state::queued;
};

/// Where an ended task stands in the order in which tasks end.
[[nodiscard]] inline archive_mark end_of(const task_row& row) {
  return {row.record.ended_at.value_or(timestamp{}), row.key};
}

/// Batches as the writing connection has seen or written them last: nearly every command begins with reading one, and
/// what it has changed is told by them. Void when another connection has written, and after a rollback.
struct known_batches {
  std::unordered_map<batch_id, batch_row> rows;
  /// Seconds in which all generated batch ids are taken, so that a burst of batches does not try them all again:
  /// [taken_from, taken_until). Not to know them costs time only.
  timestamp taken_from, taken_until;
};

/// How a turn is settled.
struct settler {
  bool recovered = false;  ///< by the next holder of the guard, after a crash
  bool fenced = true;      ///< false: see result_record
};

class transaction {
 public:
  transaction(sql& connection, known_batches& known) : db(connection), known_(known) {
    constexpr std::size_t most = 512;
    if (known_.rows.size() > most) known_.rows.clear();
  }

  sql& db;
  timestamp now;  ///< of the command that runs

  // Batches.
  [[nodiscard]] std::optional<batch_row> find_batch(const batch_id& id);
  /// Of a session or a task: it is there, or the store is damaged.
  [[nodiscard]] batch_row batch_of(const batch_id& id);
  /// Writes what differs from what is stored. A new batch gets its key.
  void save(batch_row& batch);
  [[nodiscard]] preamble find_preamble(const batch_row& batch);
  seal_outcome seal(const batch_id& batch);
  [[nodiscard]] bool can_be_claimed(const batch_row& batch, const served_agents& serves);
  /// The batch that a session that serves these gets.
  [[nodiscard]] std::optional<batch_row> next_to_claim(const served_agents& serves);

  // Tasks.
  [[nodiscard]] std::optional<task_row> find_task(const task_id& id);
  [[nodiscard]] std::optional<task_place> find_place(const task_id& id);
  /// The first of the task's needs that is not done.
  [[nodiscard]] std::optional<task_id> unmet_need(const task_spec& task);
  /// The first queued task of the batch whose needs are all done.
  [[nodiscard]] std::optional<task_row> next_to_begin(const batch_row& batch);
  /// A new task, `queued`. Gives the row its key.
  void insert(task_row& task);
  /// Writes all that changes as a task is worked on, but nothing of its spec.
  void update(const task_row& before, const task_row& after);
  /// Cancels the queued tasks that need the task `lost`, those that need these, and so on, and counts them in `batch`,
  /// which is the caller's to save.
  void cancel_dependents(batch_row& batch, const task_id& lost);
  /// What the end of a task means for the queued tasks of its batch; they are counted in `batch`.
  void cancel_followers(batch_row& batch, const task_record& ended);
  /// Saves the batch of a task that is in another state now, and that no session has: what follows from its end is done,
  /// and a batch that waited and has nothing left has ended.
  void recount(const task_row& before, const task_row& after);

  // Sessions.
  [[nodiscard]] std::optional<session_row> find_session(epoch id);
  /// The one with the highest epoch: if a session is live, it is this one.
  [[nodiscard]] std::optional<session_row> find_last_session();
  [[nodiscard]] std::optional<session_row> find_live_session();
  [[nodiscard]] std::optional<session_row> find_live_session(epoch id);

  // Turns.
  [[nodiscard]] std::optional<turn_record> find_turn(epoch session, turn_no turn);
  [[nodiscard]] std::optional<turn_record> find_last_turn(epoch session);
  /// The session's turn that is not settled, if it has one.
  [[nodiscard]] std::optional<turn_record> find_open_turn(epoch session);
  /// The turn's task; an empty row for the preamble's turn, which has none.
  [[nodiscard]] task_row task_of(const turn_record& turn);
  /// What a turn used; of a result without a turn, under epoch 0 and the number of its task.
  void insert_usage(epoch session, std::int64_t turn, const std::optional<usage>& used);
  /// `task` is the turn's task as it was before; empty for the preamble's turn.
  void insert(const turn_record& turn, const task_record& task);
  /// Records the turn as one of this queued task. The task as it is then.
  [[nodiscard]] task_record begin(batch_row& batch, const task_row& task, turn_record& turn);
  /// Settles a turn that was not settled, with all that follows from it; `batch` is the caller's to save.
  settle_outcome settle(batch_row& batch, const turn_record& turn, const settlement& what, settler by = {});
  /// Begins the task, as `begin_called` does, in the live session of an agent that may call without a token. Nothing if
  /// no such session works the task's batch, or if the task has ended or is a person's.
  [[nodiscard]] std::optional<begin_called_outcome> begin_without_token(const task_row& task);

  // Results.
  [[nodiscard]] std::optional<result_record> find_result(const task_id& task);
  /// The task has ended, and has no result. One with a turn points to that; one without keeps for itself what a turn
  /// would. `archived`: it stands in the archive already.
  void insert(const task_row& ended, const result_record& result, bool archived = false);
  /// The same, of a task that ended without a turn. What the task says of it is added.
  void insert_own(const task_row& ended, result_record result, bool archived = false);
  /// False if there is none.
  bool remove_result(std::int64_t task_key);

  // The whole transaction.
  [[nodiscard]] task_tally tally();
  [[nodiscard]] std::int64_t change_counter();
  /// Counts a row that was written; a `silent` one changes nothing for readers.
  void wrote(bool silent = false) { ++(silent ? silent_writes_ : writes_); }
  [[nodiscard]] std::int64_t writes() const noexcept { return writes_ + silent_writes_; }
  /// Writes the tally and the change counter, at the end; the counter then, or nothing if nothing changed for readers.
  std::optional<std::int64_t> finish();

  [[nodiscard]] known_batches& known() noexcept { return known_; }

 private:
  /// Null if there is none.
  [[nodiscard]] const batch_row* known_batch(const batch_id& id);
  void insert_batch(batch_row& batch);
  void update_batch(const batch_row& before, const batch_row& after);

  known_batches& known_;
  std::int64_t writes_ = 0;
  std::int64_t silent_writes_ = 0;
  task_tally counted_;  // differences that are not yet in `meta`
};

// What several files select, and what reads it.

inline constexpr sql_text select_task(
    "SELECT t.seq, t.batch_seq, t.task_id, (SELECT batch_id FROM batch WHERE seq = t.batch_seq), t.position, t.round,"
    " t.state, t.owner, t.priority, t.max_attempts, t.attempts, t.interruptions, t.epoch, t.turn, t.created_at,"
    " t.started_at, t.ended_at, t.reason, coalesce(t.description, x.description), coalesce(t.context, x.context),"
    " coalesce(t.assigned_by, x.assigned_by), t.needs, t.check_argv, t.model, t.tools, t.limit_ms, t.extra"
    " FROM task t LEFT JOIN task_text x ON x.task_seq = CASE WHEN t.description IS NULL THEN t.seq END ");
[[nodiscard]] task_row read_task(const sql_query& q);

/// A usage without its models, as it is bound.
struct usage_head {
  std::optional<usage_source> source = {};
  std::optional<bool> complete = {};
  std::optional<std::int64_t> requests = {}, inherited_read = {};

  explicit usage_head(const std::optional<usage>& used);
};
/// The same, from `first` on.
[[nodiscard]] std::optional<usage> read_usage(const sql_query& q, int first);
/// Of the `turn_usage` of that name.
inline constexpr sql_text model_columns(
    "m.model, m.uncached_input, m.cache_write_5m, m.cache_write_1h, m.cache_read, m.output, m.reasoning,"
    " m.largest_request ");
[[nodiscard]] model_tokens read_model(const sql_query& q, int first);
[[nodiscard]] std::optional<work_changes> read_changes(const sql_query& q, int first);

/// Tasks that have not ended, of all batches.
inline constexpr sql_text select_live_tasks(
    "SELECT t.seq FROM batch b CROSS JOIN task t WHERE t.batch_seq = b.seq AND t.ended = 0 AND b.state <> 'finished'");

}  // namespace cobatch
