// The batch guide's incorrect uses, found and said.
//
// Each finding is a warning with a code that never changes; nothing is refused because of one. The caller tells what
// an assign did, and which batches were made last; the rules are pure functions of that.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <cobatch/core/batch.hpp>
#include <cobatch/core/error.hpp>
#include <cobatch/core/id.hpp>
#include <cobatch/core/time.hpp>

namespace cobatch {
inline namespace v1 {

/// The default of `max_tasks_per_session`. The guide: 3 to 5 tasks are best, and fewer than 10.
inline constexpr std::int64_t default_max_tasks_per_session = 10;

/// Batches of one task that were made further apart than this are not taken to belong together.
inline constexpr std::chrono::seconds lint_window{60};

/// How long a batch may be open without an assign before it is said.
inline constexpr std::chrono::minutes open_without_assign{10};

/// An assign, as far as lint cares.
struct assign_facts {
  batch_id batch{};                 ///< the batch that the tasks are in
  bool explicit_id = false;         ///< the caller named it
  bool whole_batch = false;         ///< the caller gave all its tasks in one call
  bool sealed_now = false;          ///< this call sealed it
  bool next_round = false;          ///< the batch had ended; this call started its next round
  std::int64_t new_tasks = 0;       ///< tasks that this call stored (duplicates do not count)
  std::int64_t tasks_in_batch = 0;  ///< all tasks of the batch, after the call
  std::int64_t tasks_to_run = 0;    ///< of these, queued or in progress
  timestamp made_at{};              ///< when the batch was made

  friend bool operator==(const assign_facts&, const assign_facts&) = default;
};

/// True if batches that were made at these moments may have been meant as one.
[[nodiscard]] constexpr bool made_together(timestamp a, timestamp b) noexcept {
  return a - b <= lint_window && b - a <= lint_window;
}

/// True if the batch has one task, and that was not cancelled.
[[nodiscard]] constexpr bool has_one_task(const batch_record& batch) noexcept {
  return batch.tally.total() == 1 && batch.tally[task_state::cancelled] == 0;
}

/// True if other batches matter to `lint_assign`: this call made a batch of one task run. Ask before they are read.
[[nodiscard]] inline bool matters_with_others(const assign_facts& a) noexcept {
  return !a.whole_batch && a.tasks_in_batch == 1 && (a.explicit_id ? a.sealed_now : a.new_tasks > 0);
}

namespace detail {
[[nodiscard]] inline std::string in_quotes(const batch_id& id) { return "\"" + id.str() + "\""; }

// The first of them that may have been meant as one with `a`'s; null pointer if there is none.
[[nodiscard]] inline const batch_record* another_of_one_task(const assign_facts& a,
                                                             std::span<const batch_record> made_last) noexcept {
  if (!matters_with_others(a)) return nullptr;
  for (const auto& other : made_last)
    if (other.id != a.batch && has_one_task(other) && made_together(other.created_at, a.made_at)) return &other;
  return nullptr;
}
}  // namespace detail

/// `different_batch_ids`: this call sealed a batch of one task, and another batch of one task was made within a minute
/// of it.
[[nodiscard]] inline std::optional<warning> lint_different_batch_ids(const assign_facts& a,
                                                                     std::span<const batch_record> made_last) {
  const batch_record* other = a.explicit_id ? detail::another_of_one_task(a, made_last) : nullptr;
  if (other == nullptr) return std::nullopt;
  return warning{"different_batch_ids",
                 "Batch " + detail::in_quotes(a.batch) + " has one task, as has batch " + detail::in_quotes(other->id) +
                     ", made within a minute of it: each runs in a session of its own and loads the context anew. Give "
                     "tasks that belong together the same batch_id."};
}

/// `auto_execute_too_early`: a batch under an explicit id was sealed by its very first task.
[[nodiscard]] inline std::optional<warning> lint_auto_execute_too_early(const assign_facts& a) {
  if (!a.explicit_id || a.whole_batch || !a.sealed_now || a.new_tasks != a.tasks_in_batch) return std::nullopt;
  return warning{"auto_execute_too_early",
                 "The first task of batch " + detail::in_quotes(a.batch) +
                     " came with auto_execute true, so the batch runs as soon as it can and waits for no other. If "
                     "more tasks are to follow, give them this batch_id now: they join it while it waits or runs. Next "
                     "time set auto_execute to false on all tasks but the last, or assign them in one call."};
}

/// `no_batch_id`: the same of a task without batch_id. One alone is no mistake.
[[nodiscard]] inline std::optional<warning> lint_no_batch_id(const assign_facts& a,
                                                             std::span<const batch_record> made_last) {
  const batch_record* other = a.explicit_id ? nullptr : detail::another_of_one_task(a, made_last);
  if (other == nullptr) return std::nullopt;
  return warning{"no_batch_id", "The task was assigned without a batch_id, and batch " + detail::in_quotes(other->id) +
                                    ", made within a minute of it, has one task, too: each runs in a session of its "
                                    "own and loads the context anew. Give tasks that belong together the same "
                                    "batch_id."};
}

/// `batch_too_large`: with this call the batch has more tasks to run than a session takes. Said once.
[[nodiscard]] inline std::optional<warning> lint_batch_too_large(const assign_facts& a,
                                                                 std::int64_t max_tasks_per_session) {
  if (a.tasks_to_run <= max_tasks_per_session || a.tasks_to_run - a.new_tasks > max_tasks_per_session)
    return std::nullopt;
  const std::string limit = std::to_string(max_tasks_per_session);
  return warning{"batch_too_large", "Batch " + detail::in_quotes(a.batch) + " has " + std::to_string(a.tasks_to_run) +
                                        " tasks to run, and a session takes " + limit +
                                        ": the rest run in further sessions, each of which loads the context anew. "
                                        "Make batches of at most " +
                                        limit + ", or raise max_tasks_per_session."};
}

/// `late_task`: the tasks came after their batch had ended, and start its next round.
[[nodiscard]] inline std::optional<warning> lint_late_task(const assign_facts& a) {
  if (!a.next_round) return std::nullopt;
  return warning{"late_task", "Batch " + detail::in_quotes(a.batch) +
                                  " had already ended: this starts its next round, in a new session that loads the "
                                  "context anew. Assign all tasks of a batch before the one with auto_execute true."};
}

/// `batch_left_open`: a batch with tasks is open, and nothing was assigned to it for 10 minutes. No timer seals it.
[[nodiscard]] inline std::optional<warning> lint_left_open(const batch_record& batch, timestamp now) {
  if (batch.state != batch_state::open || now - batch.last_assign_at < open_without_assign) return std::nullopt;
  return warning{"batch_left_open", "Batch " + detail::in_quotes(batch.id) +
                                        " is still open and does not run: no task with auto_execute true has come. "
                                        "Seal it (seal_batch), or call execute_queue."};
}

/// All that an assign gives rise to. `made_last`: the batches that were made last, in any order; a handful will do, and
/// none unless `matters_with_others`. A batch of one task next to another one is said to have the wrong id, not to have
/// been sealed too early as well.
[[nodiscard]] inline std::vector<warning> lint_assign(
    const assign_facts& a, std::span<const batch_record> made_last,
    std::int64_t max_tasks_per_session = default_max_tasks_per_session) {
  auto ids = lint_different_batch_ids(a, made_last);
  std::vector<warning> found;
  const auto add = [&](std::optional<warning> w) {
    if (w) found.push_back(std::move(*w));
  };
  if (!ids) add(lint_auto_execute_too_early(a));
  add(std::move(ids));
  add(lint_no_batch_id(a, made_last));
  add(lint_batch_too_large(a, max_tasks_per_session));
  add(lint_late_task(a));
  return found;
}

}  // namespace v1
}  // namespace cobatch
