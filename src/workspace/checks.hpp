// What is checked of tasks and completions that callers give, before the store sees them.
#pragma once

#include <chrono>

#include <cobatch/core/error.hpp>
#include <cobatch/core/session.hpp>
#include <cobatch/store.hpp>

namespace cobatch {

/// The longest time that a task may ask for.
inline constexpr std::chrono::seconds longest_time_limit{std::chrono::hours{24}};

/// The request with each context brought to one line of JSON. Errors: bad_id, bad_value, too_large, bad_encoding,
/// bad_json, duplicate_in_batch; each names the task, or the batch, and says that nothing was stored.
[[nodiscard]] result<assign_request> check_assign(assign_request request);
/// The same for one task in this state; one that has ended may have no description.
[[nodiscard]] result<task_spec> check_task(task_spec task, task_state state);
/// The same for changes to this task. Errors: also bad_value (nothing is to be changed).
[[nodiscard]] result<task_changes> check_changes(const task_id& task, task_changes changes);

/// The same for a task that is put in as it was elsewhere, with its result.
[[nodiscard]] result<adopted_task> check_adopted(adopted_task given);

/// True for what a host can say that a turn came to; the rest is for Cobatch to say.
[[nodiscard]] bool may_complete_with(turn_end end) noexcept;
/// The settlement with each JSON text brought to one line. Errors: bad_value, too_large, bad_encoding, bad_json, as
/// `host_session::complete` says.
[[nodiscard]] result<settlement> check_completion(settlement what);

}  // namespace cobatch
