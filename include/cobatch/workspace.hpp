// A workspace: a project folder with a `data/` folder in it. All that Cobatch knows of that project lives there.
//
// This is the interface for applications: assign tasks, seal, execute, ask. A call stores, seals, wakes and answers;
// none of them runs an agent. Agents are run by `run` (<cobatch/engine.hpp>), in this process or another.
//
// A workspace may be used from any thread at once, and by any number of processes.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <cobatch/core/batch.hpp>
#include <cobatch/core/error.hpp>
#include <cobatch/core/id.hpp>
#include <cobatch/core/ledger.hpp>
#include <cobatch/core/lock.hpp>
#include <cobatch/core/savings.hpp>
#include <cobatch/core/session.hpp>
#include <cobatch/core/task.hpp>
#include <cobatch/fwd.hpp>
#include <cobatch/store.hpp>

namespace cobatch {
inline namespace v1 {

/// The version of the compiled library, "0.1.0".
[[nodiscard]] std::string_view version() noexcept;

struct workspace_options {
  std::filesystem::path root = ".";  ///< the project folder; `data/` is made in it if it is missing (mode 0700)
  /// Where store and guard live instead of `data/.cobatch`: for a `data/` on a file system that cannot lock. A folder
  /// keyed by the real path of `data/` is made in it. Marker and views stay in `data/`.
  std::filesystem::path state = {};
  int max_tasks_per_session = 10;  ///< only for the warning `batch_too_large`; the engine has its own limit
  clock_fn clock = system_now;
};

/// Where the files of a workspace are; all absolute.
struct workspace_paths {
  std::filesystem::path root, data, state, marker, queue_view, results_view, history_view, sessions = {};
};

struct assign_reply {
  assign_outcome outcome = {};
  std::vector<warning> warnings = {};
};

struct seal_reply {
  batch_record batch = {};
  bool sealed_now = false;
  std::vector<warning> warnings = {};
};

struct execute_reply {
  execute_outcome outcome = {};  ///< `already_running`, `started` or `nothing_to_do`
  std::vector<warning> warnings = {};
};

struct batch_status {
  batch_record batch = {};
  std::optional<session_record> session = {};  ///< the session that works it now
  bool cut_off = false;  ///< its session has died with its keeper; the next engine settles it and goes on
  std::vector<warning> warnings = {};
};

/// What a wait came to.
struct wait_reply {
  bool ended = false;  ///< the round that was waited for has ended
  batch_status now = {};
};

struct task_status {
  task_record task = {};
  std::optional<result_record> result = {};
};

/// Who holds the lock, as far as can be seen, and what the marker is.
struct lock_report {
  bool guard_busy = false;
  std::optional<session_record> session = {};  ///< the live session row
  bool orchestrator_lost = false;              ///< its orchestrator has died; the keeper lets the running turn finish
  bool cut_off = false;                        ///< `session` has died with its keeper; the next engine settles it
  marker_state marker = marker_state::absent;
  std::string marker_content = {};  ///< the bytes of the marker file, cleaned for a terminal; empty if absent
  std::string advice = {};          ///< what this means and what to do, in a sentence or two
};

struct unlock_reply {
  bool removed_marker = false;
  bool session_cancelled = false;  ///< with force: the live session was asked to end
  std::string message = {};
};

struct workspace_status {
  overview all = {};
  lock_report lock = {};
  std::vector<std::string> engines = {};  ///< "pid 123: claude"
  std::vector<warning> warnings = {};
};

/// What a batch really used, and what that compares to.
struct savings_report {
  batch_record batch = {};
  ledger accounts = {};  ///< of all turns of the batch; `accounts.total.scripted`: demo figures, no model was asked
  measured compared = {};
};

class workspace {
 public:
  /// Opens the workspace in a folder, and makes its `data/` if there is none. Errors: those of
  /// `store::open`, not_writable, disk_full.
  ///
  /// If the store is gone, though there was one, a new one is made, and the JSON files, which show what it held, are
  /// kept under other names. Until they are imported, `assign`, `execute_queue` and `status` warn: `store_lost`.
  [[nodiscard]] static result<workspace> open(const workspace_options& options);

  workspace(workspace&&) noexcept;
  workspace& operator=(workspace&&) noexcept;
  ~workspace();  ///< brings the views up to date; it may have static storage

  /// Stores tasks for one batch. Errors: task_exists, agent_conflict, too_large, duplicate_in_batch, bad_id, bad_value
  /// (no task, a blank description), bad_encoding (an id or a text that is not UTF-8), bad_json (a context), and the
  /// store's.
  [[nodiscard]] result<assign_reply> assign(const assign_request& request);
  /// Several requests, each for itself: what came of each, in their order, with the errors of `assign`. All that is
  /// stored is so in one durable step. Requests without a batch share one, and batches are sealed at the end (see
  /// `store::assign_each`). Errors: the store's, and nothing was stored.
  [[nodiscard]] result<std::vector<result<assign_outcome>>> assign_each(const std::vector<assign_request>& requests);
  /// Errors: batch_not_found, empty_batch.
  [[nodiscard]] result<seal_reply> seal(const batch_id& batch);
  /// Says that what is sealed is to run, and, of a named batch, seals it first; what will run then. It runs nothing
  /// itself: engines do (`run`). Errors: batch_not_found, empty_batch (of a named batch).
  [[nodiscard]] result<execute_reply> execute_queue(const std::optional<batch_id>& batch);
  /// Makes ready what is to run here: seals the batch and lets it go if it is held; without one, does what
  /// `execute_queue` does. Nothing left to run is no failure: a batch may have run already. For who calls
  /// `cobatch::run` next. Errors: batch_not_found.
  [[nodiscard]] result<std::vector<warning>> prepare_to_run(const std::optional<batch_id>& batch);
  /// Errors: task_not_found, task_ended.
  [[nodiscard]] result<task_outcome> cancel(const task_id& task);
  /// Changes a queued task. Errors: task_not_found, task_in_progress, task_ended, bad_value (nothing to change, a
  /// blank description), too_large, bad_encoding, bad_json (the context).
  [[nodiscard]] result<task_outcome> update(const task_id& task, task_changes changes);
  /// Queues a task again that has ended or that somebody has in progress by hand. Its result goes, what its turns cost
  /// stays. Errors: task_not_found, task_in_progress, need_unknown (a task that it needs is gone, or failed).
  [[nodiscard]] result<task_outcome> reset(const task_id& task);
  /// Forgets a task and its result; what its turns cost stays. What needs it and is queued is cancelled. Errors:
  /// task_not_found, task_in_progress.
  [[nodiscard]] result<task_outcome> remove(const task_id& task);
  /// Forgets the result of a task, which stays as it is. Errors: task_not_found (it has none, or is not there).
  [[nodiscard]] result<task_outcome> remove_result(const task_id& task);
  /// Says that somebody does a queued task, without a session's token: if a session of the agent that calls back works
  /// its batch, that agent, and the task is begun there; else a person, and engines leave it alone
  /// (`task_owner::manual`). `complete_called` completes it, `reset` gives back what a person has. Errors:
  /// task_not_found, task_in_progress (also: another one is in that session), task_ended; of such a session also
  /// task_queued and need_unknown, as of `begin_called`.
  [[nodiscard]] result<task_outcome> mark_manually(const task_id& task);
  /// Resets every task of the batch that failed or was cancelled, and seals it. Nothing to retry is a success. Errors:
  /// batch_not_found.
  [[nodiscard]] result<retry_outcome> retry(const batch_id& batch);

  /// For an agent that reports by calls: begins this task in the session of its token; `begun` or `repeated`. Errors:
  /// stale_session, task_not_found, task_in_progress (this one elsewhere, or another one of the session), task_ended,
  /// task_queued, batch_conflict (a task of another batch), need_unknown (what it needs is not done).
  [[nodiscard]] result<begin_called_outcome> begin_called(const session_token& token, const task_id& task);
  /// The same for its end, and for a task that a person has in progress, without a token; `settled` or `repeated`.
  /// Errors: those of `begin_called`, already_completed, and those of a completion in <cobatch/host_session.hpp>.
  [[nodiscard]] result<complete_called_outcome> complete_called(complete_called_request request);

  /// Puts in tasks as they were elsewhere; what came of each, in their order. Errors: bad_id, bad_value, bad_json,
  /// too_large, bad_encoding (the message names the task; none was put in).
  [[nodiscard]] result<std::vector<adopt_outcome>> adopt(std::vector<adopted_task> tasks);

  [[nodiscard]] result<task_status> task(const task_id& task);
  [[nodiscard]] result<batch_status> batch(const batch_id& batch);
  [[nodiscard]] result<std::vector<task_record>> tasks(const task_filter& filter);
  /// In the order in which they were made.
  [[nodiscard]] result<std::vector<batch_record>> batches(const batch_filter& filter);
  /// In order of epoch.
  [[nodiscard]] result<std::vector<session_record>> sessions(const session_filter& filter);
  [[nodiscard]] result<std::vector<turn_record>> turns(const turn_filter& filter);
  [[nodiscard]] result<std::vector<result_record>> results(const result_filter& filter);
  [[nodiscard]] result<workspace_status> status();
  /// Waits until the round of the batch that is current now has ended, the deadline passes or a stop is requested.
  /// Errors: batch_not_found.
  [[nodiscard]] result<wait_reply> wait(const batch_id& batch, std::chrono::steady_clock::time_point deadline,
                                        std::stop_token stop = {});

  [[nodiscard]] result<lock_report> lock();
  /// Removes a marker that nobody stands behind. With `force`, a live session is asked to end (its turn is cancelled,
  /// its tasks stay queued). Nothing bypasses the guard. Errors: session_live, no_marker.
  [[nodiscard]] result<unlock_reply> unlock(bool force);

  /// Errors: batch_not_found, no_usage (no turn of the batch has reported any).
  [[nodiscard]] result<savings_report> savings(const batch_id& batch);

  /// Brings the views up to date: now, as `run` and the destructor do.
  [[nodiscard]] std::vector<warning> refresh_views();
  /// The same if they are short. Long ones (more than 256 KiB) a thread of this workspace brings up to date within ten
  /// seconds, with at most a tenth of its time: for what is done often while others have much queued.
  [[nodiscard]] std::vector<warning> refresh_views_soon();

  [[nodiscard]] const workspace_paths& paths() const noexcept;
  [[nodiscard]] store& storage() noexcept;
  [[nodiscard]] timestamp now() const;
  /// workspace_replaced if `data/`, the state folder or the store are no longer the ones that were opened.
  [[nodiscard]] result<void> check_in_place() const;

 private:
  struct state;
  explicit workspace(std::unique_ptr<state> s);
  std::unique_ptr<state> state_;
};

}  // namespace v1
}  // namespace cobatch
