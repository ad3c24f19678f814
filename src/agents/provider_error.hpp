// The errors of a model's provider that are not the task's doing, and what follows from each.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <cobatch/agent.hpp>

#include "base/json.hpp"

namespace cobatch {

enum class provider_error : std::uint8_t {
  limit,          ///< too many requests, overloaded, a usage limit, no connection: later
  not_logged_in,  ///< no credential, or one that is refused
  no_credit,
  no_such_model,
};

/// By the HTTP status of the provider's answer. Nothing: the agent's or the task's own trouble, or not known.
[[nodiscard]] std::optional<provider_error> error_of_status(std::int64_t http);
/// The same by what the agent says of it, where it says no more than that.
[[nodiscard]] std::optional<provider_error> error_of_words(std::string_view said);

/// When a limit is over, by an object's `resetsAt` in seconds since 1970; nothing if it does not say, or no such time.
[[nodiscard]] std::optional<timestamp> read_limit_end(const json::value& limit);

/// A turn that failed, by the provider's status (0: not known) and the words in `what.detail`: one of the errors above,
/// or the agent broke.
[[nodiscard]] turn_report report_failed_turn(std::int64_t http, settlement what);

/// A report that charges nothing. `what`: with usage, output and, in `detail`, what the agent said; what to do is added
/// to that. `until`: when a limit is over, if the provider says.
[[nodiscard]] turn_report report_provider_error(provider_error error, settlement what, std::optional<timestamp> until);

}  // namespace cobatch
