// The tasks that follow one that ended badly: those that need it, and those of a batch that stops at an error.
#pragma once

#include "store/rows.hpp"

namespace cobatch {
namespace commands {

/// True if what needs a task in this state can never run.
[[nodiscard]] constexpr bool ended_badly(task_state state) noexcept {
  return state == task_state::error || state == task_state::cancelled;
}

/// Cancels the queued tasks that need the task `lost`, those that need these, and so on, and counts them in `batch`.
void cancel_dependents(rows& t, batch_record& batch, std::int64_t lost, timestamp now);

/// What the end of a task means for the queued tasks of its batch; they are counted in `batch`, whose row is the
/// caller's to write.
void cancel_followers(rows& t, batch_record& batch, const task_row& ended, timestamp now);

}  // namespace commands
}  // namespace cobatch
