// The accounts of a batch: what its turns used, by model and by task, and what of it was for nothing. A turn without a
// task is the preamble's, which all tasks share.
//
// Every turn counts, whatever it came to: an attempt that broke was paid for too. A turn whose usage nobody reported
// makes the sums a lower bound (`complete` false), never a zero. An account is the one place where usage is added up:
// of a batch, of a day, of a session that runs.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include <cobatch/core/id.hpp>
#include <cobatch/core/session.hpp>
#include <cobatch/core/task.hpp>
#include <cobatch/core/usage.hpp>

namespace cobatch {
inline namespace v1 {

/// What some turns used together.
struct account {
  tokens used;                           ///< at least this, unless `complete`
  std::vector<model_tokens> by_model;    ///< in order of first use; adds up to `used`
  tokens waste;                          ///< the part of `used` in turns that settled nothing
  std::int64_t turns = 0;                ///< all, those that still run included
  std::int64_t wasted_turns = 0;         ///< ended, and settled nothing
  std::int64_t turns_without_usage = 0;  ///< ended, and nobody knows what they used
  bool complete = true;                  ///< every turn has ended, and its usage is known in full
  bool scripted = false;                 ///< some figures were played by the scripted agent
  bool told = false;                     ///< some figures are what somebody said; nobody measured them
  bool cache_unknown = false;  ///< some figures are silent about the cache: what it served, and took, is at least this
  std::chrono::milliseconds time{0};  ///< for which turns ran that have ended
  /// As in `usage`, summed; absent if some figures do not have them.
  std::optional<std::int64_t> requests = 0, inherited_read = 0;

  /// False for a 0 of sums that are a lower bound: "at least 0" says nothing.
  [[nodiscard]] constexpr bool says(std::int64_t figure) const noexcept { return complete || figure != 0; }

  friend bool operator==(const account&, const account&) = default;
};

/// False if nobody knows anything of what was used: then the zeros of the sums say nothing.
[[nodiscard]] constexpr bool is_known(const account& sum) noexcept { return sum.complete || sum.used != tokens{}; }

struct task_account {
  task_id task;
  std::int64_t position = 0;
  account sum;  ///< over all its attempts

  friend bool operator==(const task_account&, const task_account&) = default;
};

struct ledger {
  account total;
  std::vector<task_account> by_task;  ///< in order of first turn; with `shared` it adds up to `total`
  account shared;                     ///< of the turns without a task

  friend bool operator==(const ledger&, const ledger&) = default;
};

namespace detail {
inline void add_if_known(std::optional<std::int64_t>& to, std::optional<std::int64_t> more) noexcept {
  to = to && more ? std::optional(saturating_add(*to, *more)) : std::nullopt;
}
}  // namespace detail

/// Adds what was used to an account, as one of its figures. It counts no turn.
inline void add_usage(account& to, const usage& used) {
  to.used = to.used + used.total();
  detail::add_models(to.by_model, used.by_model);
  to.complete = to.complete && used.complete;
  to.scripted = to.scripted || used.source == usage_source::scripted;
  to.told = to.told || used.source == usage_source::told;
  to.cache_unknown = to.cache_unknown || !used.knows_cache();
  detail::add_if_known(to.requests, used.requests);
  detail::add_if_known(to.inherited_read, used.inherited_read);
}

/// Adds what a result's turn used, if that is known, and what the preamble used that was sent right before it. It
/// counts no turn.
inline void add_result(account& to, const result_record& r) {
  if (!r.what.used) return;
  add_usage(to, *r.what.used);
  if (r.preamble_used) add_usage(to, *r.preamble_used);
}

/// Adds a turn; one that still runs leaves the account incomplete.
inline void add_turn(account& to, const turn_record& turn) {
  ++to.turns;
  const bool wasted = turn.end && !settles(*turn.end);
  if (wasted) ++to.wasted_turns;
  if (!turn.end || !turn.used) to.complete = false;
  if (turn.end && !turn.used) ++to.turns_without_usage;
  if (turn.ended_at) to.time += std::max(*turn.ended_at - turn.started_at, std::chrono::milliseconds{0});
  if (!turn.used) return;
  add_usage(to, *turn.used);
  if (wasted) to.waste = to.waste + turn.used->total();
}

/// The accounts of these turns, given in order of (session, turn).
[[nodiscard]] inline ledger make_ledger(std::span<const turn_record> turns) {
  ledger out;
  std::unordered_map<task_id, std::size_t> line_of;
  const auto account_of = [&](const turn_record& turn) -> account& {
    if (turn.task.empty()) return out.shared;
    const auto [line, is_new] = line_of.try_emplace(turn.task, out.by_task.size());
    if (is_new) out.by_task.push_back({turn.task, turn.position, {}});
    return out.by_task[line->second].sum;
  };
  for (const auto& turn : turns) {
    add_turn(account_of(turn), turn);
    add_turn(out.total, turn);
  }
  return out;
}

}  // namespace v1
}  // namespace cobatch
