// The store: where tasks, batches, sessions and results are kept durably.
//
// What crosses its interface are whole commands, not transactions: each runs by itself, is durable when it
// returns, answers with an enumerated outcome, and decides by what it sees inside its own transaction. So a store
// in a server, shared by several machines, can follow without a change above it.
//
// Repeating a command after a lost answer is safe, because each has a natural key: assign (the task ids and their
// content), seal and execute (the batch), claim (the nonce), begin_turn (the ordinal), settle_turn (epoch, turn),
// end_session and recover (the epoch), begin_called (token and task), complete_called and adopt (the task and its
// content). A repeat finds the work done and answers the same. What people do to a task (cancel, update, reset, remove,
// …) says what is to be; a repeat finds it so and changes nothing.
//
// Commands about a session are fenced: they name its epoch, and a session that is not live answers `stale`. Calls from
// outside name it by its token, which nobody can guess.
//
// Times that are compared (how long an open batch was untouched, how long one is held) are the store's own.
//
// Errors of every command: storage_fault, disk_full, not_writable, workspace_replaced, outcome_unknown (the command
// may or may not have been done; repeat it), store_damaged. Thread safety: a store may be used from any thread at once.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <cobatch/fwd.hpp>
#include <cobatch/store.hpp>

namespace cobatch {

class database;
class sql;
class transaction;

struct store_options {
  /// An existing folder that only we write to (`data/.cobatch`); or ":memory:", for tests and for those who keep no
  /// files.
  std::string directory = {};
  clock_fn clock = system_now;
  /// For tests: makes a connection that stands between the store and its database, which outlives it.
  std::function<std::unique_ptr<sql>(sql&)> between = {};
};

class v1::store {
 public:
  /// Opens or creates the store in a folder, or a new one in memory. Errors: as for commands, and cannot_lock (a file
  /// system that cannot lock; the message names `--state DIR`), unsafe_file (a store file is a link, hard-linked or on
  /// another mount), store_newer (made by another version; nothing was touched).
  [[nodiscard]] static result<std::unique_ptr<store>> open(const store_options& options);
  store(const store&) = delete;
  store& operator=(const store&) = delete;
  ~store();

  /// Also: bad_value (no task), duplicate_in_batch (a task id stands twice).
  [[nodiscard]] result<assign_outcome> assign(const assign_request& request);
  /// Each request for itself, in their order, and all in one durable step: one that is refused does not keep the others
  /// out. One without a batch goes where the first such went. A batch is sealed at the end if a request that was not
  /// refused says so; `batch` of each outcome is as it is then. An error is one of the store's, and nothing was stored.
  [[nodiscard]] result<std::vector<assign_outcome>> assign_each(const std::vector<assign_request>& requests);
  [[nodiscard]] result<seal_outcome> seal(const batch_id& batch);
  /// Seals what `execute_queue` seals, lets a held batch that is named go, and lists what will run.
  [[nodiscard]] result<execute_outcome> execute(const execute_request& request);

  /// Gives the next batch to a new session: sealed, with a queued task, served; highest priority first, then oldest
  /// seal. A batch `held` past its `held_until` counts as sealed.
  [[nodiscard]] result<claim_outcome> claim(const claim_request& request);
  /// Takes the next queued task of the session's batch and records its turn, or finds that none is left. A turn that is
  /// there already is answered again. Also: bad_value (the ordinal is not the next one), task_in_progress (the
  /// session's latest turn has not been settled).
  [[nodiscard]] result<begin_outcome> begin_turn(const begin_request& request);
  /// Settles a turn once. A task that was cancelled meanwhile stays cancelled; the turn's cost is kept all the same.
  [[nodiscard]] result<settle_outcome> settle_turn(epoch session, turn_no turn, const settlement& what);
  /// Ends a session. A turn that is still running is settled as `stopped`.
  [[nodiscard]] result<end_outcome> end_session(epoch session, session_end why, std::string_view detail);
  /// Ends a dead session (`crashed`) in one transaction: the finished turn is settled, any other running one is
  /// `interrupted`. Call only while holding the guard.
  [[nodiscard]] result<end_outcome> recover(const recover_request& request);

  /// Asks the engine of a live session to end it; false if the session is not live.
  [[nodiscard]] result<bool> request_end(epoch session);
  /// Says that a live session rests, or (nothing) goes on; false if it is not live.
  [[nodiscard]] result<bool> set_pause(epoch session, const std::optional<session_pause>& pause);
  /// Keeps what the agent of a live session says of itself; false if it is not live.
  [[nodiscard]] result<bool> describe_agent(epoch session, const agent_facts& about);

  /// Refused: task_ended. What needs the task and is queued is cancelled, too.
  [[nodiscard]] result<task_outcome> cancel(const task_id& task);
  /// Changes a queued task. Refused: task_in_progress, task_ended.
  [[nodiscard]] result<task_outcome> update(const task_id& task, const task_changes& changes);
  /// Queues a task again that has ended or that somebody has in progress by hand, as if it had never been tried: its
  /// result goes, its turns and what they cost stay. In a batch that had ended it starts the next round. Refused:
  /// task_in_progress (a turn of it runs still), need_unknown (a task that it needs is gone, or failed).
  [[nodiscard]] result<task_outcome> reset(const task_id& task);
  /// Forgets a task and its result, and frees its id; its turns stay. What needs it and is queued is cancelled.
  /// Refused: task_in_progress (also while a turn of it runs still).
  [[nodiscard]] result<task_outcome> remove(const task_id& task);
  /// Forgets the result of a task, which stays as it is.
  [[nodiscard]] result<task_outcome> remove_result(const task_id& task);
  /// Says without a session's token that somebody has a queued task in progress. If the live session of an agent that
  /// may call so (`calling_agent`) works the task's batch, it is begun there, as `begin_called` does. Else a person has
  /// it: engines leave it alone, and its batch has not ended as long as it has not. Refused: task_in_progress (in a
  /// session; or another one in that session: `task` is that one), task_ended, and what `begin_called` refuses.
  [[nodiscard]] result<task_outcome> mark_manually(const task_id& task);
  /// Resets every task of the batch that failed or was cancelled, and says that the batch is to run: it is sealed, and
  /// let go if it is held.
  [[nodiscard]] result<retry_outcome> retry(const batch_id& batch);

  /// Begins the next turn of the token's session with this very task of its batch. A turn of the session whose task was
  /// cancelled is settled as such first. Refused: task_not_found, task_in_progress (elsewhere), task_ended,
  /// batch_conflict (it is queued in another batch), task_queued (it is queued, but for a later session), need_unknown
  /// (what it needs is not done).
  [[nodiscard]] result<begin_called_outcome> begin_called(const session_token& token, const task_id& task);
  /// Settles the turn of this task in the token's session, and begins it first if that was forgotten. Without a token
  /// it settles the task's turn in the live session if that session's agent is `calling_agent`; a task that is in
  /// progress by hand is completed in any case. Refused: as by `begin_called`, and task_queued (without a token). Also:
  /// bad_value (the settlement says neither done nor failed).
  [[nodiscard]] result<complete_called_outcome> complete_called(const complete_called_request& request);

  /// Puts in tasks as they were elsewhere, in this order, each by itself. Batches are made as they are needed:
  /// `finished` if all that was adopted into them has ended, else `open`, so that nothing starts by itself. An ended
  /// batch that gets a queued task is open again, in its next round.
  [[nodiscard]] result<std::vector<adopt_outcome>> adopt(const std::vector<adopted_task>& tasks);

  [[nodiscard]] result<std::optional<task_record>> find_task(const task_id& task);
  [[nodiscard]] result<std::optional<result_record>> find_result(const task_id& task);
  [[nodiscard]] result<std::optional<batch_record>> find_batch(const batch_id& batch);
  /// Empty if the batch has none, or there is no such batch.
  [[nodiscard]] result<preamble> find_preamble(const batch_id& batch);
  [[nodiscard]] result<std::optional<session_record>> find_session(epoch session);
  /// The session with the highest epoch, live or ended, if there was one.
  [[nodiscard]] result<std::optional<session_record>> find_last_session();
  /// The session row that has not been ended, if there is one.
  [[nodiscard]] result<std::optional<session_record>> find_live_session();
  /// The session that wrote a marker with this batch and this `locked_at` (whole seconds), if one did.
  [[nodiscard]] result<std::optional<session_record>> find_session_of_marker(const batch_id& batch,
                                                                             timestamp locked_at);
  [[nodiscard]] result<std::vector<task_record>> list_tasks(const task_filter& filter);
  /// In the order in which they were made, so that new ones come last.
  [[nodiscard]] result<std::vector<batch_record>> list_batches(const batch_filter& filter);
  /// In order of epoch.
  [[nodiscard]] result<std::vector<session_record>> list_sessions(const session_filter& filter);
  /// In order of (session, turn).
  [[nodiscard]] result<std::vector<turn_record>> list_turns(const turn_filter& filter);
  [[nodiscard]] result<std::vector<result_record>> list_results(const result_filter& filter);
  [[nodiscard]] result<overview> read_overview();
  [[nodiscard]] result<view_snapshot> read_views(std::size_t ended_limit);
  /// The results, at most `limit`, that are not in the archive, of the tasks that are not among the `newest` that ended
  /// last. A task that was run again has another result, which is not in the archive.
  [[nodiscard]] result<archive_part> read_archive(std::size_t newest, std::size_t limit);
  /// These results are in the archive: they are not read again. No change that `version` counts.
  [[nodiscard]] result<void> note_archived(const archive_part& part);
  /// True if `claim` would find a batch. Cheap: engines ask before they try to get the guard.
  [[nodiscard]] result<bool> has_work(const served_agents& serves);

  /// A number that grows with every change by any process.
  [[nodiscard]] std::int64_t version();
  /// Waits until the version differs from `seen`, the deadline passes or a stop is requested; the version then.
  std::int64_t wait_for_change(std::int64_t seen, std::chrono::steady_clock::time_point deadline, std::stop_token stop);

 private:
  explicit store(std::unique_ptr<database> opened);
  template <class Body>
  auto change(Body body) -> result<std::invoke_result_t<Body, transaction&>>;
  template <class Body>
  auto look(Body body) -> result<std::invoke_result_t<Body, transaction&>>;

  std::unique_ptr<database> database_;
};

/// What `verify_and_clear_poison` found.
struct store_check {
  bool was_poisoned = false;
  std::vector<std::string> damage;  ///< what SQLite's integrity check found, a sentence each; empty: the store is sound

  [[nodiscard]] bool sound() const noexcept { return damage.empty(); }
};

/// The way back from the poison flag (write_lock.hpp): checks the whole store in a state folder, under the write lock. If
/// it is sound, everything is written to the disk anew and synced, and the flag is cleared: writing goes on in all
/// processes. If it is not, nothing is changed. Errors: as of `store::open`; storage_fault if the disk fails again (the
/// flag stays).
[[nodiscard]] result<store_check> verify_and_clear_poison(const std::filesystem::path& directory);

}  // namespace cobatch
