// The rows that commands read and write, whatever keeps them.
//
// The commands (commands.hpp) are written once, against this interface; a store gives them rows inside a
// transaction of its own. So each rule is in one place, and stores differ only in how rows are kept.
//
// A row operation that fails throws `store_failure`: there is nothing a command can do about it but end, and the
// store that called the command rolls back and answers the error. Commands decide before their first write, so that
// a refusal never needs a rollback.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <cobatch/store.hpp>

namespace cobatch {

/// Thrown inside the store room only; it never leaves a store's public functions.
struct store_failure {
  error what;
};

/// A batch and what only the store needs of it. Keys grow in order of creation.
struct batch_row {
  std::int64_t key = 0;
  std::int64_t last_position = 0;
  batch_record record;
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

class rows {
 public:
  rows() = default;
  rows(const rows&) = delete;
  rows& operator=(const rows&) = delete;
  virtual ~rows() = default;

  [[nodiscard]] virtual std::optional<batch_row> find_batch(const batch_id& id) = 0;
  [[nodiscard]] virtual bool has_batch(const batch_id& id) = 0;
  /// The batches in one state, highest priority first, then oldest seal, then oldest; until `visit` returns false.
  virtual void visit_batches(batch_state state, const std::function<bool(const batch_row&)>& visit) = 0;
  /// Gives the row its key.
  virtual void insert_batch(batch_row& row) = 0;
  virtual void update_batch(const batch_row& before, const batch_row& after) = 0;
  /// Of a batch whose `has_preamble` says that there is one.
  [[nodiscard]] virtual preamble find_preamble(std::int64_t batch_key) = 0;
  virtual void put_preamble(std::int64_t batch_key, const preamble& shared) = 0;

  [[nodiscard]] virtual std::optional<task_row> find_task(const task_id& id) = 0;
  [[nodiscard]] virtual bool has_task(const task_id& id) = 0;
  [[nodiscard]] virtual std::optional<task_place> find_place(const task_id& id) = 0;
  /// The first queued task of the batch whose position is above `after`.
  [[nodiscard]] virtual std::optional<task_row> next_queued(std::int64_t batch_key, std::int64_t after) = 0;
  /// The first queued task that needs the task `need_key` and whose key is above `after`.
  [[nodiscard]] virtual std::optional<task_row> next_dependent(std::int64_t need_key, std::int64_t after) = 0;
  /// The first task of the batch that failed or was cancelled and whose position is above `after`.
  [[nodiscard]] virtual std::optional<task_row> next_failed(std::int64_t batch_key, std::int64_t after) = 0;
  [[nodiscard]] virtual bool is_taken(std::int64_t batch_key, std::int64_t position) = 0;
  /// Of the batch's tasks; `low` if it has none.
  [[nodiscard]] virtual priority highest_priority(std::int64_t batch_key) = 0;
  /// A new task, `queued`. Gives the row its key, and counts it in the workspace's tally.
  virtual void insert_task(task_row& row) = 0;
  /// Writes all that changes as a task is worked on, but nothing of its spec.
  virtual void update_task(const task_row& before, const task_row& after) = 0;
  /// Writes what `task_changes` may change of a task's spec.
  virtual void update_spec(const task_row& after) = 0;
  /// Leads from the tasks that this one needs to it, where that way has been lost: one of them was removed and is there
  /// again.
  virtual void link_needs(const task_row& row) = 0;
  /// Also its result. Its turns stay, and belong to no task that is there.
  virtual void remove_task(const task_row& row) = 0;

  [[nodiscard]] virtual std::optional<session_row> find_session(epoch id) = 0;
  /// The one with the highest epoch: if a session is live, it is this one.
  [[nodiscard]] virtual std::optional<session_row> last_session() = 0;
  /// The latest session of the batch that started at or after `from` and before `until`.
  [[nodiscard]] virtual std::optional<session_row> session_started(const batch_id& batch, timestamp from,
                                                                   timestamp until) = 0;
  virtual void insert_session(const session_row& row) = 0;
  /// Writes all but `turns_settled`, which the rows count themselves from the turns that are settled.
  virtual void update_session(const session_row& row) = 0;

  [[nodiscard]] virtual std::optional<turn_record> find_turn(epoch session, turn_no turn) = 0;
  [[nodiscard]] virtual std::optional<turn_record> last_turn(epoch session) = 0;
  /// The turn of the same task before this one.
  [[nodiscard]] virtual std::optional<turn_record> turn_before(const turn_record& turn) = 0;
  /// `task` is the turn's task as it was before: its latest turn so far is the one before this one. Empty for the
  /// preamble's turn.
  virtual void insert_turn(const turn_record& turn, const task_record& task) = 0;
  /// Writes how a turn ended; it was not settled before.
  virtual void settle_turn(const turn_record& turn) = 0;

  [[nodiscard]] virtual std::optional<result_record> find_result(const task_id& task) = 0;
  /// The task has none. One with a turn points to that; one without keeps for itself what a turn would.
  virtual void put_result(const task_row& task, const result_record& result) = 0;
  /// False if there is none.
  virtual bool remove_result(const task_row& task) = 0;

  [[nodiscard]] virtual task_tally tally() = 0;
  [[nodiscard]] virtual std::vector<task_record> list_tasks(const task_filter& filter) = 0;
  [[nodiscard]] virtual std::vector<batch_record> list_batches(const batch_filter& filter) = 0;
  [[nodiscard]] virtual std::vector<session_record> list_sessions(const session_filter& filter) = 0;
  [[nodiscard]] virtual std::vector<turn_record> list_turns(const turn_filter& filter) = 0;
  [[nodiscard]] virtual std::vector<result_record> list_results(const result_filter& filter) = 0;
  /// All tasks that have not ended and the `ended_limit` that ended last, in order of assignment; the results of
  /// those in the same order.
  [[nodiscard]] virtual view_snapshot read_views(std::size_t ended_limit) = 0;

  /// A result is in the archive if its task ended not after this mark, unless `say_archived` said it of that result.
  [[nodiscard]] virtual archive_mark archived_until() = 0;
  virtual void set_archived_until(const archive_mark& until) = 0;
  /// Of a task's result; forgotten with the result.
  virtual void say_archived(std::int64_t task_key, bool archived) = 0;
  /// Where the task ended that is the latest but for the `newest` that ended last; nothing if there are no more.
  [[nodiscard]] virtual std::optional<archive_mark> end_beyond(std::size_t newest) = 0;
  /// Tasks with a result of which nothing was said, that ended after `after` and not after `until`, in that order.
  [[nodiscard]] virtual std::vector<task_row> ended_between(const archive_mark& after, const archive_mark& until,
                                                            std::size_t limit) = 0;
  /// Tasks of whose result it was said that it is not in the archive, in order of their keys.
  [[nodiscard]] virtual std::vector<task_row> said_not_archived(std::size_t limit) = 0;
};

}  // namespace cobatch
