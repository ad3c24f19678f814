// A batch: tasks in order under one id, and the states it goes through.
//
//   open ──seal──▶ sealed ──claim──▶ running ──no task left──▶ ending ──session settled──▶ finished
//                    ▲                  │                         │                            │
//                    └──session ended───┘◀───── a late task starts the next round ────────────┘
//
// Once sealed, a batch stays sealed: whatever is assigned under its id later runs without a further call. `held`
// is a sealed batch that engines leave alone for a while, because session after session of it achieved nothing.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <cobatch/core/id.hpp>
#include <cobatch/core/task.hpp>
#include <cobatch/core/time.hpp>

namespace cobatch {
inline namespace v1 {

enum class batch_state : std::uint8_t { open, sealed, running, ending, finished, held };
inline constexpr std::size_t batch_state_count = 6;

[[nodiscard]] constexpr std::string_view name_of(batch_state state) noexcept {
  constexpr std::array<std::string_view, batch_state_count> names{"open",   "sealed",   "running",
                                                                  "ending", "finished", "held"};
  return names[static_cast<std::size_t>(state)];
}

/// True while a session works the batch, or did until it was cut off.
[[nodiscard]] constexpr bool is_worked(batch_state state) noexcept {
  return state == batch_state::running || state == batch_state::ending;
}

[[nodiscard]] constexpr std::optional<batch_state> parse_batch_state(std::string_view text) noexcept {
  for (std::size_t i = 0; i < batch_state_count; ++i)
    if (const auto state = static_cast<batch_state>(i); name_of(state) == text) return state;
  return std::nullopt;
}

/// How many tasks of a batch are in each state.
struct task_tally {
  std::array<std::int64_t, task_state_count> by_state{};

  [[nodiscard]] constexpr std::int64_t& operator[](task_state s) noexcept {
    return by_state[static_cast<std::size_t>(s)];
  }
  [[nodiscard]] constexpr std::int64_t operator[](task_state s) const noexcept {
    return by_state[static_cast<std::size_t>(s)];
  }
  [[nodiscard]] constexpr std::int64_t total() const noexcept {
    std::int64_t sum = 0;
    for (const auto n : by_state) sum += n;
    return sum;
  }

  friend constexpr bool operator==(const task_tally&, const task_tally&) = default;
};

/// How the tasks of a batch get to their agent. One at a time in any case, in one session, under one lock.
enum class running_way : std::uint8_t {
  one_session,  ///< the guide's: one conversation, a task after another
  fork,         ///< the preamble is loaded once; each task goes on from there and sees nothing of the others
  separate,     ///< each task in a conversation of its own, which loads everything anew: for comparison
};

[[nodiscard]] constexpr std::string_view name_of(running_way way) noexcept {
  constexpr std::array<std::string_view, 3> names{"one_session", "fork", "separate"};
  return names[static_cast<std::size_t>(way)];
}

[[nodiscard]] constexpr std::optional<running_way> parse_running_way(std::string_view text) noexcept {
  for (const running_way w : {running_way::one_session, running_way::fork, running_way::separate})
    if (name_of(w) == text) return w;
  return std::nullopt;
}

/// What happens to the rest of a batch when a task of it ends in error.
enum class error_rule : std::uint8_t {
  go_on,  ///< "continue": only the tasks that need it are cancelled
  stop,   ///< the tasks that are still queued are cancelled (`batch_stopped`)
};

[[nodiscard]] constexpr std::string_view name_of(error_rule rule) noexcept {
  return rule == error_rule::stop ? "stop" : "continue";
}

[[nodiscard]] constexpr std::optional<error_rule> parse_error_rule(std::string_view text) noexcept {
  for (const error_rule r : {error_rule::go_on, error_rule::stop})
    if (name_of(r) == text) return r;
  return std::nullopt;
}

/// What may be spent; checked before each turn, so that the turn that reaches a cap is the last one. 0: no cap.
struct spending_cap {
  std::int64_t nano_dollars = 0;
  std::int64_t tokens = 0;            ///< processed: read or written by the model, cache reads included
  std::chrono::milliseconds time{0};  ///< that turns have run
  /// Go on after a turn whose usage nobody reported; else no turn follows it while dollars or tokens are capped.
  bool allow_unknown = false;

  [[nodiscard]] constexpr bool needs_usage() const noexcept { return nano_dollars > 0 || tokens > 0; }
  friend constexpr bool operator==(const spending_cap&, const spending_cap&) = default;
};

/// What a caller may say of a batch, with any of its tasks, before it runs. What is absent is left as it is.
struct batch_settings {
  std::string model = {};  ///< empty: the agent's own choice
  std::optional<running_way> way = {};
  std::optional<error_rule> on_error = {};
  std::optional<spending_cap> budget = {};

  friend bool operator==(const batch_settings&, const batch_settings&) = default;
};

/// What a session is told before its first task: context that all tasks share.
struct preamble {
  std::string text = {};
  /// Files whose content follows the text, read when the session starts: paths below the agent's folder.
  std::vector<std::string> files = {};

  [[nodiscard]] bool empty() const noexcept { return text.empty() && files.empty(); }
  friend bool operator==(const preamble&, const preamble&) = default;
};
inline constexpr std::size_t max_preamble_bytes = 4 * 1024 * 1024;  ///< text and files together
inline constexpr std::size_t most_preamble_files = 100;

/// A batch as it stands in the store.
struct batch_record {
  batch_id id = {};
  batch_state state = batch_state::open;
  std::int64_t round = 1;
  std::string agent = {};  ///< the agent it names; empty: the workspace's default
  batch_settings settings = {};
  bool has_preamble = false;      ///< the store's `find_preamble` gives it
  priority prio = priority::low;  ///< the highest of its tasks
  task_tally tally = {};
  bool lingers = false;        ///< sealed by its very first task under an explicit id: the session waits for stragglers
  int fruitless_sessions = 0;  ///< sessions in a row that settled no turn
  std::string hold_reason = {};  ///< with `held`
  timestamp created_at = {};
  timestamp last_assign_at = {};
  std::optional<timestamp> sealed_at = {};
  std::optional<timestamp> held_until =
      {};  ///< with `held`: engines may try again from here on; absent: not by themselves

  friend bool operator==(const batch_record&, const batch_record&) = default;
};

/// How many of its tasks have not ended.
[[nodiscard]] constexpr std::int64_t live_tasks(const batch_record& batch) noexcept {
  return batch.tally[task_state::queued] + batch.tally[task_state::in_progress];
}

/// The settings of a batch after `wanted` was given with an assign; nothing if they contradict what was said before, or
/// come while it runs. A budget may be given anew at any time: the latest stands. One that only allows unknown usage
/// leaves the caps that stand as they are.
[[nodiscard]] inline std::optional<batch_settings> merge_settings(const batch_settings& there,
                                                                  const batch_settings& wanted, bool running) {
  const auto fits = [&](const auto& old, const auto& given, const auto& absent) {
    return given == absent || given == old || (old == absent && !running);
  };
  if (!fits(there.model, wanted.model, std::string{}) || !fits(there.way, wanted.way, std::nullopt) ||
      !fits(there.on_error, wanted.on_error, std::nullopt))
    return std::nullopt;
  batch_settings merged = there;
  if (!wanted.model.empty()) merged.model = wanted.model;
  if (wanted.way) merged.way = wanted.way;
  if (wanted.on_error) merged.on_error = wanted.on_error;
  const bool keeps_caps = wanted.budget && there.budget && *wanted.budget == spending_cap{.allow_unknown = true};
  if (keeps_caps)
    merged.budget->allow_unknown = true;
  else if (wanted.budget)
    merged.budget = wanted.budget;
  return merged;
}

/// What assigning a task does to its batch.
struct assign_effect {
  batch_state state = batch_state::open;
  bool next_round = false;  ///< the task starts the next round (warning `late_task`)
  bool sealed_now = false;  ///< this assign sealed the batch

  friend constexpr bool operator==(const assign_effect&, const assign_effect&) = default;
};

/// `before` is the batch's state, nothing if there is no such batch; `auto_execute` as in the guide.
[[nodiscard]] constexpr assign_effect on_assign(std::optional<batch_state> before, bool auto_execute) noexcept {
  if (!before || *before == batch_state::open)
    return {auto_execute ? batch_state::sealed : batch_state::open, false, auto_execute};
  switch (*before) {
    case batch_state::ending:
    case batch_state::finished: return {batch_state::sealed, true, false};
    default: return {*before, false, false};
  }
}

/// Sealing by itself: only an open batch changes. Sealing a held batch is not the way to release it.
[[nodiscard]] constexpr batch_state on_seal(batch_state before) noexcept {
  return before == batch_state::open ? batch_state::sealed : before;
}

/// Sessions in a row without a settled turn before a batch is held.
inline constexpr int fruitless_sessions_before_hold = 3;

/// How long a batch is held after `fruitless` sessions: 1 min, then doubling, at most 1 h.
[[nodiscard]] constexpr std::chrono::minutes hold_time(int fruitless) noexcept {
  const int doublings = fruitless - fruitless_sessions_before_hold;
  if (doublings < 0) return std::chrono::minutes{0};
  return std::chrono::minutes{doublings >= 6 ? 60 : 1 << doublings};
}

/// The state of a batch when its session has settled. `state` and `round` are the batch's now, `session_round` the
/// round the session ran, `queued` the tasks still queued, `fruitless` the sessions in a row, this one included,
/// that settled no turn.
[[nodiscard]] constexpr batch_state on_session_end(batch_state state, std::int64_t round, std::int64_t session_round,
                                                   std::int64_t queued, int fruitless) noexcept {
  if (state != batch_state::running && state != batch_state::ending) return state;
  if (round != session_round) return batch_state::sealed;
  if (queued == 0) return batch_state::finished;
  return fruitless >= fruitless_sessions_before_hold ? batch_state::held : batch_state::sealed;
}

/// The state of a batch when a task of it has ended or gone outside a session: it was cancelled, removed, or completed
/// by hand. `live` counts its tasks that have not ended. A batch that waits to run and has nothing left to run has
/// ended; one that a session works ends with the session.
[[nodiscard]] constexpr batch_state on_cancel(batch_state state, std::int64_t live) noexcept {
  const bool waits = state == batch_state::sealed || state == batch_state::held;
  return waits && live == 0 ? batch_state::finished : state;
}

static_assert(on_assign(std::nullopt, false) == assign_effect{batch_state::open, false, false});
static_assert(on_assign(batch_state::running, false) == assign_effect{batch_state::running, false, false});
static_assert(on_assign(batch_state::finished, false) == assign_effect{batch_state::sealed, true, false});

}  // namespace v1
}  // namespace cobatch
