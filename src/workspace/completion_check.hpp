// What is checked of a completion by a host before the store sees it.
#pragma once

#include <cobatch/core/error.hpp>
#include <cobatch/core/session.hpp>

namespace cobatch {

/// True for what a host can say that a turn came to; the rest is for Cobatch to say.
[[nodiscard]] bool may_complete_with(turn_end end) noexcept;

/// The settlement with each JSON text brought to one line. Errors: bad_value, too_large, bad_encoding, bad_json, as
/// `host_session::complete` says.
[[nodiscard]] result<settlement> check_completion(settlement what);

}  // namespace cobatch
