// A session that the host drives itself, with its own means in place of an agent:
//
//   begin ─▶ next ─▶ (extend) ─▶ complete ─▶ next ─▶ … ─▶ end
//
// While it lives this process holds the lock, as an engine does. If the process dies, whoever begins a session next
// settles what was left: the turn that ran counts as interrupted.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <cobatch/agent.hpp>
#include <cobatch/core/error.hpp>
#include <cobatch/core/id.hpp>
#include <cobatch/core/session.hpp>
#include <cobatch/fwd.hpp>
#include <cobatch/store.hpp>

namespace cobatch {
inline namespace v1 {

struct host_session_options {
  std::string agent = "callback";     ///< batches that name this agent are taken
  bool takes_unnamed = true;          ///< those that name none are taken, too
  std::optional<batch_id> only = {};  ///< take this batch and leave the others alone
  /// For a turn, unless it is extended; and for the host to ask for the next one. All limits: 1 ms to a year.
  std::chrono::milliseconds turn_limit{std::chrono::minutes{30}};
  std::chrono::milliseconds session_limit{std::chrono::hours{4}};  ///< no turn is begun after it
  int max_tasks_per_session = 10;                                  ///< from 1
};

/// One task's turn, which has begun.
struct host_turn {
  turn_request request = {};
  std::chrono::steady_clock::time_point deadline = {};  ///< to be completed or extended before
};

/// Largest sum of the texts of a completion.
inline constexpr std::size_t max_completion_bytes = 8 * 1024 * 1024;

struct host_begin_outcome;

/// A running session. Each of its turns is watched: one that is neither completed nor extended in time is settled as
/// `timed_out`, and the session ends as `agent_lost`; so it does if the host asks for nothing between two turns for as
/// long. So no lock is ever stuck behind a host that forgot. When somebody asks for the session's end (`unlock` with
/// force), it ends as `cancelled`, and its running task is queued again. From the end on every call but `end` and
/// `session` answers stale_session, with a message that says why it ended and what became of its task.
///
/// Thread safety: one thread at a time; the watching is done by a thread of its own. After fork the session is the
/// parent's: in the child every call answers `forked`, and the destructor touches nothing.
///
/// The destructor does what `end` does; what goes wrong there is left for the next session to settle.
class host_session {
 public:
  /// Takes the lock and the next sealed batch that the options admit, and writes the marker; what a dead session left
  /// is settled before. Never waits for another session. `place` outlives the session and is not moved meanwhile.
  /// Errors: bad_value (a limit), bad_id, bad_encoding (the agent's name), workspace_replaced, foreign_marker (one came
  /// just now), the store's and the system's: nothing was charged to any task.
  [[nodiscard]] static result<host_begin_outcome> begin(workspace& place, const host_session_options& options);

  /// Begins the turn of the next task. One that has a `check`, or names a model or tools, is none for a host, which is
  /// not told of them: it ends in `error` (`not_allowed`), and the next one is begun. Nothing: no task is left, or the
  /// session is full (`max_tasks_per_session`, `session_limit`) and the rest is for a new one; call `end`. Errors:
  /// task_in_progress (the running turn is to be completed first), stale_session, workspace_replaced, the store's (ask
  /// again).
  [[nodiscard]] result<std::optional<host_turn>> next();

  /// Stores what a turn came to: `done`, `error`, `denied`, `broke` or `timed_out` (tried again, within the task's
  /// attempts), or `stopped` (not the task's doing: queued again, charged with nothing). The outcome shows the task as
  /// it is now: one that was cancelled meanwhile stays so, and what the turn cost is kept. The same completion again is
  /// answered the same (`repeated`).
  /// Errors; nothing was stored, and a turn that ran still runs: bad_value (another end, a count below 0 or above
  /// `max_reported_tokens`, a turn that has not begun), bad_encoding (a text is not UTF-8), bad_json (`actions_taken`
  /// is not a JSON array, `errors` not JSON), too_large (over `max_completion_bytes`), workspace_replaced, the store's
  /// (complete again), already_completed (another completion stands), stale_session.
  [[nodiscard]] result<settle_outcome> complete(turn_no turn, const settlement& what);

  /// Gives the running turn `time` from now on, be that more or less than it had: a host that calls this now and then
  /// with a short time is found out soon when it hangs. The new deadline. Errors: task_ended (the task was cancelled:
  /// give up, and complete the turn with what it cost), already_completed, bad_value (not a limit, or a turn that has
  /// not begun), stale_session, workspace_replaced, the store's.
  [[nodiscard]] result<std::chrono::steady_clock::time_point> extend(turn_no turn, std::chrono::milliseconds time);

  /// Ends the session and lets the lock go; the session as it ended. A running turn is settled as `stopped`. To end it
  /// again, or after it has ended by itself, answers the same. Errors: the store's; the lock is let go all the same,
  /// and whoever begins a session next settles this one.
  [[nodiscard]] result<session_record> end();

  /// The session as it stands in the store. Errors: the store's.
  [[nodiscard]] result<session_record> session();

 private:
  class impl;
  struct ender {
    void operator()(impl* driven) const noexcept;
  };
  explicit host_session(impl* driven) noexcept;
  std::unique_ptr<impl, ender> impl_;
};

/// What `begin` came to.
struct host_begin_outcome {
  enum class kind : std::uint8_t {
    started,         ///< `session` lives
    nothing,         ///< no sealed batch is there to take
    busy,            ///< another session lives, or the keeper of one that died lets its turn finish
    foreign_marker,  ///< a marker is there that this workspace did not write; it is honoured
  };
  kind what = kind::nothing;
  std::optional<host_session> session = {};
  std::string advice = {};  ///< with `busy` and `foreign_marker`: what that means and what to do
};

}  // namespace v1
}  // namespace cobatch
