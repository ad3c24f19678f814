// What is checked of a completion by a host before the store sees it.
#pragma once

#include <cobatch/core/error.hpp>
#include <cobatch/core/session.hpp>

namespace cobatch {
inline namespace v1 {

/// The settlement with each JSON text brought to one line. Errors: bad_value, too_large, bad_encoding, bad_json, as
/// `host_session::complete` says.
[[nodiscard]] result<settlement> check_completion(settlement what);

}  // namespace v1
}  // namespace cobatch
