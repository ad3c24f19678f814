// A task: one unit of work, and what may happen to it.
//
// The rules are pure functions: `decide` is the table of action × state, `after_turn` says what a task becomes
// when a turn of it ended. The store applies them inside its transactions; nothing else changes a task's state.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <cobatch/core/error.hpp>
#include <cobatch/core/id.hpp>
#include <cobatch/core/time.hpp>

namespace cobatch {
inline namespace v1 {

enum class task_state : std::uint8_t { queued, in_progress, done, error, cancelled };
inline constexpr std::size_t task_state_count = 5;

[[nodiscard]] constexpr std::string_view name_of(task_state state) noexcept {
  constexpr std::array<std::string_view, task_state_count> names{"queued", "in_progress", "done", "error", "cancelled"};
  return names[static_cast<std::size_t>(state)];
}

[[nodiscard]] constexpr bool has_ended(task_state state) noexcept {
  return state == task_state::done || state == task_state::error || state == task_state::cancelled;
}

/// Orders batches, not the tasks inside one: a batch has the highest priority of its tasks.
enum class priority : std::uint8_t { low, medium, high };

[[nodiscard]] constexpr std::string_view name_of(priority p) noexcept {
  constexpr std::array<std::string_view, 3> names{"low", "medium", "high"};
  return names[static_cast<std::size_t>(p)];
}

[[nodiscard]] constexpr std::optional<priority> parse_priority(std::string_view text) noexcept {
  for (const priority p : {priority::low, priority::medium, priority::high})
    if (name_of(p) == text) return p;
  return std::nullopt;
}

/// Who has a task that is in progress.
enum class task_owner : std::uint8_t {
  nobody,   ///< the task is not in progress
  session,  ///< a turn of a session
  manual,   ///< a person, by mark_task_in_progress; engines leave it alone
};

/// How often a broken task is tried again. Breaks of the agent or the task and interruptions (the orchestrator
/// died, the power went) are counted apart.
struct attempt_limits {
  int attempts = 2;       ///< `max_attempts`
  int interruptions = 5;  ///< `max_interruptions`

  friend constexpr bool operator==(const attempt_limits&, const attempt_limits&) = default;
};

/// What a task has been charged with so far.
struct attempt_counts {
  int attempts = 0;
  int interruptions = 0;

  /// The number of the attempt that comes next, from 1.
  [[nodiscard]] constexpr int next_attempt() const noexcept { return 1 + attempts + interruptions; }

  friend constexpr bool operator==(const attempt_counts&, const attempt_counts&) = default;
};

/// What a caller gives for a task.
struct task_spec {
  task_id id = {};
  std::string description = {};  ///< UTF-8, not blank, at most `max_description_bytes`
  std::string context = {};      ///< JSON text, or empty for none
  priority prio = priority::medium;
  std::string assigned_by = {};  ///< who assigned it, at most `max_id_bytes`; empty if not said
  int max_attempts = 2;          ///< 1 to `most_attempts`; 1 makes the task run at most once
  /// Tasks of the same batch, assigned before it or earlier in the same call, that are to be done first. If one of them
  /// fails, this one is cancelled (`need_failed`).
  std::vector<task_id> needs = {};
  /// A program and its arguments, run without a shell after the agent says that the task is done: the task is done only
  /// if it exits with 0. Empty: none. Engines run it only if they were told that they may.
  std::vector<std::string> check = {};
  std::string model = {};               ///< wanted for this task; empty: the batch's
  std::vector<std::string> tools = {};  ///< the only tools it may use; empty: all those that the engine allows
  std::chrono::milliseconds limit{0};   ///< for each of its turns; 0: the engine's

  /// True if both ask for the same work; `assigned_by` does not count.
  [[nodiscard]] bool same_content(const task_spec& other) const {
    return id == other.id && description == other.description && context == other.context && prio == other.prio &&
           max_attempts == other.max_attempts && needs == other.needs && check == other.check && model == other.model &&
           tools == other.tools && limit == other.limit;
  }

  friend bool operator==(const task_spec&, const task_spec&) = default;
};

inline constexpr std::size_t max_description_bytes = 256 * 1024;
inline constexpr std::size_t max_context_bytes = 1024 * 1024;
inline constexpr std::size_t max_batch_tasks = 100'000;
inline constexpr int most_attempts = 100;
inline constexpr std::size_t most_needs = 100;
inline constexpr std::size_t most_check_arguments = 100;
inline constexpr std::size_t most_tools = 100;

/// A task as it stands in the store.
struct task_record {
  task_spec spec = {};
  batch_id batch = {};
  std::int64_t position = 0;  ///< in its batch, from 1; continues over rounds
  std::int64_t round = 1;     ///< the round of the batch it belongs to
  task_state state = task_state::queued;
  task_owner owner = task_owner::nobody;
  attempt_counts counts = {};
  epoch session = {};  ///< the session of its latest turn; 0 if none
  turn_no turn = {};   ///< that turn; 0 if none
  /// With `cancelled`: "" (somebody cancelled it), "need_failed" or "batch_stopped".
  std::string reason = {};
  timestamp created_at = {};
  std::optional<timestamp> started_at = {};
  std::optional<timestamp> ended_at = {};
  std::string extra = {};  ///< JSON object text of further members it was adopted with; empty: none

  friend bool operator==(const task_record&, const task_record&) = default;
};

/// What may be changed of a queued task; what is absent stays.
struct task_changes {
  std::optional<std::string> description = {};
  std::optional<std::string> context = {};  ///< JSON text; empty: none
  std::optional<priority> prio = {};

  friend bool operator==(const task_changes&, const task_changes&) = default;
};

/// What a caller may do to a task.
enum class task_action : std::uint8_t {
  cancel,
  update,         ///< change description, context or priority
  reset,          ///< back to `queued`, as if it had never been tried
  remove,         ///< delete_task: forget it and free its id
  mark_manually,  ///< mark_task_in_progress outside a session
};
inline constexpr std::size_t task_action_count = 5;

/// What `decide` answers.
struct task_decision {
  enum class kind : std::uint8_t {
    becomes,    ///< the task gets `state`
    unchanged,  ///< nothing to do: the task is already as asked; a success
    removed,    ///< the task is to be deleted
    refused,    ///< nothing changes; `code` says why
  };
  kind what = kind::refused;
  task_state state = task_state::queued;  ///< with `becomes` and `unchanged`
  errc code = errc::internal;             ///< with `refused`

  friend constexpr bool operator==(const task_decision&, const task_decision&) = default;
};

/// The one table of action × state. A task that is in progress is somebody's: a session's or, by hand, a person's.
/// | action        | queued        | a session's      | a person's       | done       | error      | cancelled  |
/// |---------------|---------------|------------------|------------------|------------|------------|------------|
/// | cancel        | → cancelled   | → cancelled (*)  | → cancelled      | task_ended | task_ended | unchanged  |
/// | update        | → queued      | task_in_progress | task_in_progress | task_ended | task_ended | task_ended |
/// | reset         | unchanged     | task_in_progress | → queued         | → queued   | → queued   | → queued   |
/// | remove        | removed       | task_in_progress | task_in_progress | removed    | removed    | removed    |
/// | mark_manually | → in_progress | task_in_progress | unchanged        | task_ended | task_ended | task_ended |
/// (*) the turn that runs is ended by the engine; what it cost is kept. Whichever of the cancel and the turn's own
/// end is committed first stands.
[[nodiscard]] constexpr task_decision decide(task_action action, task_state state, task_owner owner) noexcept {
  using kind = task_decision::kind;
  const auto becomes = [](task_state to) { return task_decision{kind::becomes, to, errc::internal}; };
  const auto refused = [&](errc code) { return task_decision{kind::refused, state, code}; };
  const task_decision unchanged{kind::unchanged, state, errc::internal};
  const task_decision removed{kind::removed, state, errc::internal};

  const bool running = state == task_state::in_progress;
  const bool by_hand = running && owner == task_owner::manual;
  switch (action) {
    case task_action::cancel:
      if (state == task_state::cancelled) return unchanged;
      return has_ended(state) ? refused(errc::task_ended) : becomes(task_state::cancelled);
    case task_action::update:
      if (running) return refused(errc::task_in_progress);
      return has_ended(state) ? refused(errc::task_ended) : becomes(task_state::queued);
    case task_action::reset:
      if (running && !by_hand) return refused(errc::task_in_progress);
      return state == task_state::queued ? unchanged : becomes(task_state::queued);
    case task_action::remove: return running ? refused(errc::task_in_progress) : removed;
    case task_action::mark_manually:
      if (by_hand) return unchanged;
      if (running) return refused(errc::task_in_progress);
      return has_ended(state) ? refused(errc::task_ended) : becomes(task_state::in_progress);
  }
  return refused(errc::internal);
}

/// Why a turn ended.
enum class turn_end : std::uint8_t {
  done,         ///< the agent finished the task
  error,        ///< the agent itself said that the task failed; final
  denied,       ///< a tool the task needed was denied; final
  broke,        ///< the agent or its answer broke: early exit, wrong turn, over-long line, bad encoding
  timed_out,    ///< silence beyond the task's limit
  interrupted,  ///< orchestrator or keeper died, power went: nobody knows how far the turn got
  stopped,      ///< a graceful stop, a pause for a limit, a start that failed: not the task's doing
  cancelled,    ///< the task was cancelled while the turn ran
};
inline constexpr std::size_t turn_end_count = 8;

[[nodiscard]] constexpr std::string_view name_of(turn_end end) noexcept {
  constexpr std::array<std::string_view, turn_end_count> names{"done",      "error",       "denied",  "broke",
                                                               "timed_out", "interrupted", "stopped", "cancelled"};
  return names[static_cast<std::size_t>(end)];
}

/// True if a turn that ended so came to something: the task was done, or was found to have failed. All other turns are
/// waste: the task has to be tried again, or nobody wants it any more.
[[nodiscard]] constexpr bool settles(turn_end end) noexcept {
  return end == turn_end::done || end == turn_end::error || end == turn_end::denied;
}

/// What a task is after a turn of it ended.
struct task_after_turn {
  task_state state = task_state::queued;
  attempt_counts counts = {};
  /// The code of a final failure that attempts decided: "attempts_exhausted", "interruptions_exhausted",
  /// "interrupted_unknown" (a task that runs at most once was interrupted: it may or may not have done its work).
  /// Empty otherwise.
  std::string_view reason = {};

  friend constexpr bool operator==(const task_after_turn&, const task_after_turn&) = default;
};

/// Execution is at least once and never concurrent: a turn that broke or was interrupted puts the task back in the
/// queue until the limits are reached.
[[nodiscard]] constexpr task_after_turn after_turn(turn_end end, attempt_counts counts,
                                                   attempt_limits limits) noexcept {
  switch (end) {
    case turn_end::done: return {task_state::done, counts, {}};
    case turn_end::error:
    case turn_end::denied: return {task_state::error, counts, {}};
    case turn_end::cancelled: return {task_state::cancelled, counts, {}};
    case turn_end::stopped: return {task_state::queued, counts, {}};
    case turn_end::broke:
    case turn_end::timed_out:
      ++counts.attempts;
      if (counts.attempts >= limits.attempts) return {task_state::error, counts, "attempts_exhausted"};
      return {task_state::queued, counts, {}};
    case turn_end::interrupted:
      ++counts.interruptions;
      if (limits.attempts == 1) return {task_state::error, counts, "interrupted_unknown"};
      if (counts.interruptions >= limits.interruptions) return {task_state::error, counts, "interruptions_exhausted"};
      return {task_state::queued, counts, {}};
  }
  return {task_state::queued, counts, {}};
}

}  // namespace v1
}  // namespace cobatch
