// The batch guide's incorrect uses, found and said.
//
// Each finding is a warning with a code that never changes; nothing is refused because of one. The caller tells what
// an assign did, and what single assigns came shortly before it; the rules are pure functions of that.
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

/// Assigns that are further apart than this are not taken to belong together.
inline constexpr std::chrono::seconds lint_window{60};

/// How long a batch may be open without an assign before it is said.
inline constexpr std::chrono::minutes open_without_assign{10};

/// An assign, as far as lint cares. It is also what a caller remembers of it for later ones: keep those of the last
/// `lint_window` that stored a task, the oldest first.
struct assign_facts {
  batch_id batch{};                 ///< the batch that the tasks are in
  bool explicit_id = false;         ///< the caller named it
  bool whole_batch = false;         ///< the caller gave all its tasks in one call
  bool sealed_now = false;          ///< this call sealed it
  bool next_round = false;          ///< the batch had ended; this call started its next round
  std::int64_t new_tasks = 0;       ///< tasks that this call stored (duplicates do not count)
  std::int64_t tasks_in_batch = 0;  ///< all tasks of the batch, after the call
  std::int64_t tasks_to_run = 0;    ///< of these, queued or in progress
  timestamp at{};

  friend bool operator==(const assign_facts&, const assign_facts&) = default;
};

namespace detail {
[[nodiscard]] inline bool is_recent(const assign_facts& earlier, timestamp now) noexcept {
  return now - earlier.at <= lint_window;
}

// True if `recent` shows a batch other than `a`'s that was named, has one task, and got no second one.
[[nodiscard]] inline bool another_single_batch(const assign_facts& a, std::span<const assign_facts> recent) {
  for (std::size_t i = 0; i < recent.size(); ++i) {
    const auto& earlier = recent[i];
    if (!is_recent(earlier, a.at) || !earlier.explicit_id || earlier.batch == a.batch || earlier.tasks_in_batch != 1)
      continue;
    bool grew = false;
    for (const auto& later : recent.subspan(i + 1)) grew = grew || later.batch == earlier.batch;
    if (!grew) return true;
  }
  return false;
}

[[nodiscard]] inline bool another_without_id(const assign_facts& a, std::span<const assign_facts> recent) {
  for (const auto& earlier : recent)
    if (is_recent(earlier, a.at) && !earlier.explicit_id && !earlier.whole_batch) return true;
  return false;
}

[[nodiscard]] inline std::string in_quotes(const batch_id& id) {
  return "\"" + id.str() + "\"";
}
}  // namespace detail

/// `different_batch_ids`: this call sealed a batch of one task, and within the last minute another batch of one task
/// was assigned under another id.
[[nodiscard]] inline std::optional<warning> lint_different_batch_ids(const assign_facts& a,
                                                                     std::span<const assign_facts> recent) {
  if (!a.explicit_id || a.whole_batch || !a.sealed_now || a.tasks_in_batch != 1) return std::nullopt;
  if (!detail::another_single_batch(a, recent)) return std::nullopt;
  return warning{"different_batch_ids",
                 "Batch " + detail::in_quotes(a.batch) +
                     " has one task, as has another batch assigned within the last minute: each runs in a session of "
                     "its own and loads the context anew. Give tasks that belong together the same batch_id."};
}

/// `auto_execute_too_early`: a batch under an explicit id was sealed by its very first task.
[[nodiscard]] inline std::optional<warning> lint_auto_execute_too_early(const assign_facts& a) {
  if (!a.explicit_id || a.whole_batch || !a.sealed_now || a.new_tasks != a.tasks_in_batch) return std::nullopt;
  return warning{"auto_execute_too_early",
                 "The first task of batch " + detail::in_quotes(a.batch) +
                     " came with auto_execute true, so the batch runs at once. Set auto_execute to false on all tasks "
                     "but the last, or assign them in one call; tasks that follow now still join while it runs."};
}

/// `no_batch_id`: a second task without batch_id within a minute. One alone is no mistake.
[[nodiscard]] inline std::optional<warning> lint_no_batch_id(const assign_facts& a,
                                                             std::span<const assign_facts> recent) {
  if (a.explicit_id || a.whole_batch || a.new_tasks == 0 || !detail::another_without_id(a, recent)) return std::nullopt;
  return warning{"no_batch_id",
                 "Several tasks were assigned without a batch_id: each is a batch of its own and runs in its own "
                 "session. Give tasks that belong together the same batch_id."};
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

/// All that an assign gives rise to. `recent`: what came before it, see `assign_facts`. A batch of one task next to
/// another one is said to have the wrong id, not to have been sealed too early as well.
[[nodiscard]] inline std::vector<warning> lint_assign(
    const assign_facts& a, std::span<const assign_facts> recent,
    std::int64_t max_tasks_per_session = default_max_tasks_per_session) {
  auto ids = lint_different_batch_ids(a, recent);
  std::vector<warning> found;
  const auto add = [&](std::optional<warning> w) {
    if (w) found.push_back(std::move(*w));
  };
  if (!ids) add(lint_auto_execute_too_early(a));
  add(std::move(ids));
  add(lint_no_batch_id(a, recent));
  add(lint_batch_too_large(a, max_tasks_per_session));
  add(lint_late_task(a));
  return found;
}

}  // namespace v1
}  // namespace cobatch
