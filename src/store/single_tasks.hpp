// What commands about a single task share.
#pragma once

#include <optional>

#include "store/rows.hpp"

namespace cobatch {
namespace commands {

/// Writes the batch of a task that is in another state now, and that no session has: what follows from its end is done,
/// and a batch that waited and has nothing left has ended.
void recount(rows& t, const task_row& before, const task_row& after, timestamp now);

/// Puts the result of a task that ended without a turn. `result` says how it ended; what the task says is added.
/// `archived` as in `put_result`.
void put_result_of_its_own(rows& t, const task_row& ended, result_record result, bool archived = false);

/// Begins the task, as `begin_called` does, in the live session of an agent that may call without a token. Nothing if
/// no such session works the task's batch, or if the task has ended or is a person's.
[[nodiscard]] std::optional<begin_called_outcome> begin_without_token(rows& t, const task_row& task, timestamp now);

}  // namespace commands
}  // namespace cobatch
