// What the store answers, and what it can be asked for: the outcomes of its commands, filters for lists, and what is
// assigned.
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

}  // namespace v1
}  // namespace cobatch
