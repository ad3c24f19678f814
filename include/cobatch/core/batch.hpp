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

/// A batch as it stands in the store.
struct batch_record {
  batch_id id = {};
  batch_state state = batch_state::open;
  std::int64_t round = 1;
  std::string agent = {};         ///< the agent it names; empty: the workspace's default
  priority prio = priority::low;  ///< the highest of its tasks
  task_tally tally = {};
  bool lingers = false;        ///< sealed by its very first task under an explicit id: the session waits for stragglers
  int fruitless_sessions = 0;  ///< sessions in a row that settled no turn
  std::string hold_reason = {};  ///< with `held`
  timestamp created_at = {};
  timestamp last_assign_at = {};
  std::optional<timestamp> sealed_at = {};
  std::optional<timestamp> held_until = {};  ///< with `held`: engines may try again from here on

  friend bool operator==(const batch_record&, const batch_record&) = default;
};

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
    case batch_state::finished:
      return {batch_state::sealed, true, false};
    default:
      return {*before, false, false};
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

/// The state of a batch when a task of it was cancelled; `live` counts its tasks that have not ended. A batch that
/// waits to run and has nothing left to run has ended; one that a session works ends with the session.
[[nodiscard]] constexpr batch_state on_cancel(batch_state state, std::int64_t live) noexcept {
  const bool waits = state == batch_state::sealed || state == batch_state::held;
  return waits && live == 0 ? batch_state::finished : state;
}

static_assert(on_assign(std::nullopt, false) == assign_effect{batch_state::open, false, false});
static_assert(on_assign(batch_state::running, false) == assign_effect{batch_state::running, false, false});
static_assert(on_assign(batch_state::finished, false) == assign_effect{batch_state::sealed, true, false});

}  // namespace v1
}  // namespace cobatch
