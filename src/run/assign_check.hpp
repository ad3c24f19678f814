// What is checked of an assign before the store sees it.
#pragma once

#include <chrono>

#include <cobatch/core/error.hpp>
#include <cobatch/store.hpp>

namespace cobatch {
inline namespace v1 {

/// The longest time that a task may ask for.
inline constexpr std::chrono::seconds longest_time_limit{std::chrono::hours{24}};

/// The request with each context brought to one line of JSON. Errors: bad_value, too_large, bad_encoding, bad_json,
/// duplicate_in_batch; each names the task, or the batch, and says that nothing was stored.
[[nodiscard]] result<assign_request> check_assign(assign_request request);

}  // namespace v1
}  // namespace cobatch
