// The store: where tasks, batches, sessions and results are kept durably.
//
// What crosses this interface are whole commands, not transactions: each runs by itself, is durable when it
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
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <cobatch/core/batch.hpp>
#include <cobatch/core/error.hpp>
#include <cobatch/core/id.hpp>
#include <cobatch/core/session.hpp>
#include <cobatch/core/session_token.hpp>
#include <cobatch/core/task.hpp>
#include <cobatch/core/time.hpp>

namespace cobatch {
inline namespace v1 {

/// Tells the time. Called from any thread.
using clock_fn = std::function<timestamp()>;

/// The system's clock.
[[nodiscard]] timestamp system_now();

// ---------------------------------------------------------------------------------------------- assign

/// Tasks for one batch, all or nothing.
struct assign_request {
  std::optional<batch_id> batch = {};  ///< absent: a batch of its own; the id is generated (UTC; the next free second)
  std::vector<task_spec> tasks = {};   ///< at least one, ids distinct
  bool seal = true;                    ///< `auto_execute`
  bool whole_batch = false;            ///< the caller gives the whole batch at once: its session need not linger
  std::string agent = {};              ///< names the batch's agent; empty: as the batch has it, or the default
  batch_settings settings = {};        ///< of the batch; what is absent is left as it is
  preamble shared = {};                ///< the batch's; empty: as the batch has it
};

struct assigned_task {
  task_id id = {};
  std::int64_t position = 0;
  task_state state = task_state::queued;
  bool duplicate = false;  ///< it was there already, with equal content

  friend bool operator==(const assigned_task&, const assigned_task&) = default;
};

struct assign_outcome {
  enum class kind : std::uint8_t {
    stored,          ///< at least one task is new
    duplicate,       ///< all were there already; no task was stored (what was said of the batch was)
    task_exists,     ///< `conflict` is there with other content or in another batch; nothing was stored
    agent_conflict,  ///< the batch names another agent (`batch.agent`); nothing was stored
    batch_full,      ///< the batch would exceed `max_batch_tasks`; nothing was stored
    batch_conflict,  ///< settings or preamble contradict the batch's, or it runs already; nothing was stored
    need_unknown,    ///< `unknown_need` is no task of the batch that stands before the one that needs it
  };
  kind what = kind::stored;
  std::vector<assigned_task> tasks = {};     ///< in the order of the request; empty if nothing was stored or found
  batch_record batch = {};                   ///< as it is after the command; of duplicates: the latest one's own batch
  bool next_round = false;                   ///< the tasks start the next round of a batch that had ended
  bool sealed_now = false;                   ///< this command sealed the batch
  std::optional<task_record> conflict = {};  ///< with `task_exists`
  task_id unknown_need = {};                 ///< with `need_unknown`

  [[nodiscard]] bool refused() const noexcept { return what != kind::stored && what != kind::duplicate; }
};

// ------------------------------------------------------------------------------------- seal and execute

struct seal_outcome {
  enum class kind : std::uint8_t { sealed, unchanged, empty_batch, not_found };
  kind what = kind::not_found;
  batch_record batch = {};
};

/// How long an open batch must have been left untouched before `execute` without an id seals it.
inline constexpr std::chrono::seconds untouched_before_execute{30};

struct execute_request {
  std::optional<batch_id> batch = {};  ///< absent: every sealed batch
  /// The epoch of the session whose guard is held right now, as the caller has just seen it; 0 if the guard is free.
  /// A session row that is live in the store but not held by anybody is dead and hinders nothing.
  epoch held = {};
};

struct execute_outcome {
  enum class kind : std::uint8_t {
    already_running,  ///< a session lives (`live`); nothing was changed
    started,          ///< `runnable` will run, in this order
    nothing_to_do,    ///< nothing is sealed with a task queued
    empty_batch,      ///< the named batch has no task to run
    not_found,        ///< no batch of that name
  };
  kind what = kind::nothing_to_do;
  std::optional<session_record> live = {};
  std::vector<batch_record> runnable = {};
  std::vector<batch_record> left_open = {};  ///< open batches touched less than 30 s ago
  batch_record named = {};                   ///< with `empty_batch`
};

// --------------------------------------------------------------------------------------------- sessions

/// Which batches an engine takes.
struct served_agents {
  std::vector<std::string> names = {};
  std::string default_agent = {};  ///< batches that name no agent are taken if this is one of `names`

  /// True if an engine that serves these takes a batch that names `agent` (empty: none).
  [[nodiscard]] bool serves(std::string_view agent) const {
    const std::string_view wanted = agent.empty() ? std::string_view(default_agent) : agent;
    for (const auto& name : names)
      if (!wanted.empty() && name == wanted) return true;
    return false;
  }
};

struct claim_request {
  std::string nonce = {};       ///< unguessable; the natural key of the claim
  process_identity owner = {};  ///< the orchestrator
  served_agents serves = {};
  epoch above = {};                   ///< the highest epoch the guard's record has seen; the new one is higher
  std::optional<batch_id> only = {};  ///< absent: any batch
};

struct claim_outcome {
  enum class kind : std::uint8_t {
    claimed,       ///< a session row is there, the batch is `running`
    nothing,       ///< no sealed batch with a queued task that is served
    session_live,  ///< a session (`session`) has not been ended: recover it first
  };
  kind what = kind::nothing;
  session_record session = {};
  batch_record batch = {};
};

struct begin_request {
  epoch session = {};
  std::int64_t ordinal = 1;  ///< the turn's number in the session, from 1: the natural key
  std::int64_t process = 1;  ///< see turn_record
  std::int64_t process_turn = 1;
  bool may_end = true;    ///< false: with no task left, leave the batch `running` (linger)
  bool preamble = false;  ///< the turn is the preamble's and has no task; `none_left` if no task waits
};

struct begin_outcome {
  enum class kind : std::uint8_t {
    begun,      ///< `turn` is recorded, its task is `in_progress`
    none_left,  ///< no queued task; the batch is `ending` if `may_end`, else unchanged
    stale,      ///< the session is not live
  };
  kind what = kind::none_left;
  turn_record turn = {};
  task_record task = {};
  std::optional<turn_record> previous = {};  ///< the task's latest earlier turn, for the attempt note
};

struct settle_outcome {
  enum class kind : std::uint8_t {
    settled,    ///< stored; `task` is the task as it is now
    repeated,   ///< this turn was settled before; the first settlement stands
    stale,      ///< the session is not live; nothing was stored
    not_found,  ///< no such turn
  };
  kind what = kind::not_found;
  task_record task = {};
  turn_record turn = {};
};

struct end_outcome {
  enum class kind : std::uint8_t { ended, repeated, not_found };
  kind what = kind::not_found;
  session_record session = {};
  batch_record batch = {};
};

/// A dead session, and what was found of its running turn.
struct recover_request {
  epoch session = {};
  std::optional<turn_no> finished_turn = {};  ///< its running turn, if what the agent wrote shows that it ended
  settlement what = {};                       ///< with `finished_turn`
};

// ------------------------------------------------------------------------------------------ single tasks

/// What came of a command about one task.
struct task_outcome {
  enum class kind : std::uint8_t {
    changed,    ///< it is as asked now
    unchanged,  ///< it was so already
    refused,    ///< nothing changed; `code` says why
    not_found,  ///< no such task; of `remove_result`: or it has no result
  };
  kind what = kind::not_found;
  errc code = errc::internal;              ///< with `refused`
  task_state before = task_state::queued;  ///< what the task was
  task_record task = {};                   ///< as it is after the command; of a removed task: as it was
  task_id need = {};                       ///< with `refused` for `need_unknown`: what it needs and cannot get
};

struct retry_outcome {
  enum class kind : std::uint8_t { retried, nothing_to_do, not_found };
  kind what = kind::not_found;
  batch_record batch = {};
  std::vector<task_id> tasks = {};  ///< queued again, in order of position
  std::vector<task_id> left = {};   ///< what `reset` would refuse, in order of position
};

// -------------------------------------------------------------------------- agents that report by calls

struct begin_called_outcome {
  enum class kind : std::uint8_t {
    begun,     ///< `turn` is recorded, `task` is `in_progress`
    repeated,  ///< it is the session's running turn already
    busy,      ///< another task of the session is in progress: `task`
    refused,   ///< nothing changed; `code` says why
    stale,     ///< no live session has that token
  };
  kind what = kind::stale;
  errc code = errc::internal;  ///< with `refused`
  turn_record turn = {};
  task_record task = {};
  task_id need = {};  ///< with `refused` for `need_unknown`: what is not done yet
};

struct complete_called_request {
  std::optional<session_token> token = {};
  task_id task = {};
  settlement what = {};  ///< `end` is done, error or denied
};

struct complete_called_outcome {
  enum class kind : std::uint8_t {
    settled,            ///< `task` has ended, and has a result
    repeated,           ///< it was completed so before; the first completion stands
    already_completed,  ///< it was completed otherwise before; the first completion stands
    busy,               ///< another task of the session is in progress: `task`; nothing was stored
    refused,            ///< `code` says why; nothing was stored but what a cancelled task's turn cost
    stale,              ///< no live session has that token; nothing was stored
  };
  kind what = kind::stale;
  errc code = errc::internal;  ///< with `refused`
  task_record task = {};
  turn_record turn = {};  ///< with `settled`; 0 of a task that was in progress by hand
  task_id need = {};      ///< with `refused` for `need_unknown`: what is not done yet
};

// ---------------------------------------------------------------------------------------------- adoption

/// A task as it was in another store or file. What only its old store could know is not taken over: round, owner,
/// counts, session and turn. One that was in progress is queued.
struct adopted_task {
  task_record task = {};                     ///< `position` is kept if it is free; 0: the next one
  std::optional<result_record> result = {};  ///< of a task that is done or has failed; for the rest as in `task`
  bool archived = false;                     ///< the result stands in the archive already
};

struct adopt_outcome {
  enum class kind : std::uint8_t {
    adopted,
    duplicate,  ///< a task of that id and description is there; nothing changed
    conflict,   ///< a task of that id is there with another description; nothing changed
    refused,    ///< it could not be put in: `code` is need_unknown or too_large (`max_batch_tasks`)
  };
  kind what = kind::refused;
  errc code = errc::internal;  ///< with `refused`
  task_record task = {};       ///< as it stands in the store; with `refused`: as it was given
};

// ------------------------------------------------------------------------------------------------ reads

struct task_filter {
  std::optional<batch_id> batch = {};
  std::optional<task_state> state = {};
  std::int64_t after_position = 0;  ///< with `batch`: only positions above
  std::size_t limit = 1000;
};

struct batch_filter {
  std::optional<batch_state> state = {};
  std::optional<batch_id> after = {};  ///< only batches made after this one (none, if it is not there)
  std::size_t limit = 1000;
  bool newest_first = false;  ///< the other way round: `after` leads to those made before it
};

struct session_filter {
  std::optional<batch_id> batch = {};
  epoch after = {};  ///< only epochs above
  std::size_t limit = 1000;
};

struct turn_filter {
  std::optional<batch_id> batch = {};
  std::optional<task_id> task = {};
  std::optional<epoch> session = {};
  std::optional<timestamp> since = {};  ///< only turns that began then or later
  epoch after_session = {};             ///< only turns after (after_session, after_turn)
  turn_no after_turn = {};
  std::size_t limit = 1000;
};

struct result_filter {
  std::optional<batch_id> batch = {};
  bool newest_first = true;  ///< by the end of their tasks; false: the oldest first
  std::size_t limit = 1000;
};

/// What `status` says of the whole workspace. Its cost does not grow with the number of tasks.
struct overview {
  task_tally tally = {};
  std::vector<batch_record> unfinished = {};  ///< not `finished`, in the order in which they would run; at most 1000
  std::optional<session_record> live = {};    ///< the session row that has not been ended
};

/// What the JSON views show, read at one moment.
struct view_snapshot {
  std::int64_t version = 0;
  std::vector<task_record> tasks = {};      ///< live ones, and the latest ended ones, in order of assignment
  std::vector<result_record> results = {};  ///< of those that ended
};

/// How far the archive has come, in the order in which tasks ended. The store keeps it.
struct archive_mark {
  timestamp ended_at = {};
  std::int64_t task = 0;  ///< of those that ended in that moment the last, in the store's own count of tasks
  friend auto operator<=>(const archive_mark&, const archive_mark&) = default;
};

/// Results that are to be archived next.
struct archive_part {
  std::vector<result_record> results = {};
  std::vector<task_record> tasks = {};  ///< of each result its task
  archive_mark until = {};              ///< how far the archive has come with them
};

// ------------------------------------------------------------------------------------------------ store

class store {
 public:
  store() = default;
  store(const store&) = delete;
  store& operator=(const store&) = delete;
  virtual ~store() = default;

  /// Also: bad_value (no task), duplicate_in_batch (a task id stands twice).
  [[nodiscard]] virtual result<assign_outcome> assign(const assign_request& request) = 0;
  /// Each request for itself, in their order, and all in one durable step: one that is refused does not keep the others
  /// out. One without a batch goes where the first such went. A batch is sealed at the end if a request that was not
  /// refused says so; `batch` of each outcome is as it is then. An error is one of the store's, and nothing was stored.
  [[nodiscard]] virtual result<std::vector<assign_outcome>> assign_each(
      const std::vector<assign_request>& requests) = 0;
  [[nodiscard]] virtual result<seal_outcome> seal(const batch_id& batch) = 0;
  /// Seals what `execute_queue` seals, lets a held batch that is named go, and lists what will run.
  [[nodiscard]] virtual result<execute_outcome> execute(const execute_request& request) = 0;

  /// Gives the next batch to a new session: sealed, with a queued task, served; highest priority first, then oldest
  /// seal. A batch `held` past its `held_until` counts as sealed.
  [[nodiscard]] virtual result<claim_outcome> claim(const claim_request& request) = 0;
  /// Takes the next queued task of the session's batch and records its turn, or finds that none is left. A turn that is
  /// there already is answered again. Also: bad_value (the ordinal is not the next one), task_in_progress (the
  /// session's latest turn has not been settled).
  [[nodiscard]] virtual result<begin_outcome> begin_turn(const begin_request& request) = 0;
  /// Settles a turn once. A task that was cancelled meanwhile stays cancelled; the turn's cost is kept all the same.
  [[nodiscard]] virtual result<settle_outcome> settle_turn(epoch session, turn_no turn, const settlement& what) = 0;
  /// Ends a session. A turn that is still running is settled as `stopped`.
  [[nodiscard]] virtual result<end_outcome> end_session(epoch session, session_end why, std::string_view detail) = 0;
  /// Ends a dead session (`crashed`) in one transaction: the finished turn is settled, any other running one is
  /// `interrupted`. Call only while holding the guard.
  [[nodiscard]] virtual result<end_outcome> recover(const recover_request& request) = 0;

  /// Asks the engine of a live session to end it; false if the session is not live.
  [[nodiscard]] virtual result<bool> request_end(epoch session) = 0;
  /// Says that a live session rests, or (nothing) goes on; false if it is not live.
  [[nodiscard]] virtual result<bool> set_pause(epoch session, const std::optional<session_pause>& pause) = 0;
  /// Keeps what the agent of a live session says of itself; false if it is not live.
  [[nodiscard]] virtual result<bool> describe_agent(epoch session, const agent_facts& about) = 0;

  /// Refused: task_ended. What needs the task and is queued is cancelled, too.
  [[nodiscard]] virtual result<task_outcome> cancel(const task_id& task) = 0;
  /// Changes a queued task. Refused: task_in_progress, task_ended.
  [[nodiscard]] virtual result<task_outcome> update(const task_id& task, const task_changes& changes) = 0;
  /// Queues a task again that has ended or that somebody has in progress by hand, as if it had never been tried: its
  /// result goes, its turns and what they cost stay. In a batch that had ended it starts the next round. Refused:
  /// task_in_progress (a turn of it runs still), need_unknown (a task that it needs is gone, or failed).
  [[nodiscard]] virtual result<task_outcome> reset(const task_id& task) = 0;
  /// Forgets a task and its result, and frees its id; its turns stay. What needs it and is queued is cancelled.
  /// Refused: task_in_progress (also while a turn of it runs still).
  [[nodiscard]] virtual result<task_outcome> remove(const task_id& task) = 0;
  /// Forgets the result of a task, which stays as it is.
  [[nodiscard]] virtual result<task_outcome> remove_result(const task_id& task) = 0;
  /// Says without a session's token that somebody has a queued task in progress. If the live session of an agent that
  /// may call so (`calling_agent`) works the task's batch, it is begun there, as `begin_called` does. Else a person has
  /// it: engines leave it alone, and its batch has not ended as long as it has not. Refused: task_in_progress (in a
  /// session; or another one in that session: `task` is that one), task_ended, and what `begin_called` refuses.
  [[nodiscard]] virtual result<task_outcome> mark_manually(const task_id& task) = 0;
  /// Resets every task of the batch that failed or was cancelled, and says that the batch is to run: it is sealed, and
  /// let go if it is held.
  [[nodiscard]] virtual result<retry_outcome> retry(const batch_id& batch) = 0;

  /// Begins the next turn of the token's session with this very task of its batch. A turn of the session whose task was
  /// cancelled is settled as such first. Refused: task_not_found, task_in_progress (elsewhere), task_ended,
  /// batch_conflict (it is queued in another batch), task_queued (it is queued, but for a later session), need_unknown
  /// (what it needs is not done).
  [[nodiscard]] virtual result<begin_called_outcome> begin_called(const session_token& token, const task_id& task) = 0;
  /// Settles the turn of this task in the token's session, and begins it first if that was forgotten. Without a token
  /// it settles the task's turn in the live session if that session's agent is `calling_agent`; a task that is in
  /// progress by hand is completed in any case. Refused: as by `begin_called`, and task_queued (without a token). Also:
  /// bad_value (the settlement says neither done nor failed).
  [[nodiscard]] virtual result<complete_called_outcome> complete_called(const complete_called_request& request) = 0;

  /// Puts in tasks as they were elsewhere, in this order, each by itself. Batches are made as they are needed:
  /// `finished` if all that was adopted into them has ended, else `open`, so that nothing starts by itself. An ended
  /// batch that gets a queued task is open again, in its next round.
  [[nodiscard]] virtual result<std::vector<adopt_outcome>> adopt(const std::vector<adopted_task>& tasks) = 0;

  [[nodiscard]] virtual result<std::optional<task_record>> find_task(const task_id& task) = 0;
  [[nodiscard]] virtual result<std::optional<result_record>> find_result(const task_id& task) = 0;
  [[nodiscard]] virtual result<std::optional<batch_record>> find_batch(const batch_id& batch) = 0;
  /// Empty if the batch has none, or there is no such batch.
  [[nodiscard]] virtual result<preamble> find_preamble(const batch_id& batch) = 0;
  [[nodiscard]] virtual result<std::optional<session_record>> find_session(epoch session) = 0;
  /// The session with the highest epoch, live or ended, if there was one.
  [[nodiscard]] virtual result<std::optional<session_record>> find_last_session() = 0;
  /// The session row that has not been ended, if there is one.
  [[nodiscard]] virtual result<std::optional<session_record>> find_live_session() = 0;
  /// The session that wrote a marker with this batch and this `locked_at` (whole seconds), if one did.
  [[nodiscard]] virtual result<std::optional<session_record>> find_session_of_marker(const batch_id& batch,
                                                                                     timestamp locked_at) = 0;
  [[nodiscard]] virtual result<std::vector<task_record>> list_tasks(const task_filter& filter) = 0;
  /// In the order in which they were made, so that new ones come last.
  [[nodiscard]] virtual result<std::vector<batch_record>> list_batches(const batch_filter& filter) = 0;
  /// In order of epoch.
  [[nodiscard]] virtual result<std::vector<session_record>> list_sessions(const session_filter& filter) = 0;
  /// In order of (session, turn).
  [[nodiscard]] virtual result<std::vector<turn_record>> list_turns(const turn_filter& filter) = 0;
  [[nodiscard]] virtual result<std::vector<result_record>> list_results(const result_filter& filter) = 0;
  [[nodiscard]] virtual result<overview> read_overview() = 0;
  [[nodiscard]] virtual result<view_snapshot> read_views(std::size_t ended_limit) = 0;
  /// The results, at most `limit`, that are not in the archive, of the tasks that are not among the `newest` that ended
  /// last. A task that was run again has another result, which is not in the archive.
  [[nodiscard]] virtual result<archive_part> read_archive(std::size_t newest, std::size_t limit) = 0;
  /// These results are in the archive: they are not read again. No change that `version` counts.
  [[nodiscard]] virtual result<void> note_archived(const archive_part& part) = 0;
  /// True if `claim` would find a batch. Cheap: engines ask before they try to get the guard.
  [[nodiscard]] virtual result<bool> has_work(const served_agents& serves) = 0;

  /// A number that grows with every change by any process.
  [[nodiscard]] virtual std::int64_t version() = 0;
  /// Waits until the version differs from `seen`, the deadline passes or a stop is requested; the version then.
  virtual std::int64_t wait_for_change(std::int64_t seen, std::chrono::steady_clock::time_point deadline,
                                       std::stop_token stop) = 0;
};

/// A store that lives in this process's memory only: for tests and for hosts that keep no files.
[[nodiscard]] std::unique_ptr<store> make_memory_store(clock_fn clock = system_now);

struct sqlite_store_options {
  std::string directory = {};  ///< an existing folder that only we write to (`data/.cobatch`)
  clock_fn clock = system_now;
};

/// Opens or creates the SQLite store in a folder. Errors: as for commands, and cannot_lock (a file system that
/// cannot lock; the message names `--state DIR`), unsafe_file (a store file is a link, hard-linked or on another
/// mount), store_newer (made by a later version; nothing was touched).
[[nodiscard]] result<std::unique_ptr<store>> open_sqlite_store(const sqlite_store_options& options);

}  // namespace v1
}  // namespace cobatch
