// Requests as text: {"tool_name","action","params"} in, a reply out. The one place where the batch guide's shapes are
// known; HTTP, `cobatch call` and the C ABI's JSON call all go through it.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include <cobatch/core/error.hpp>
#include <cobatch/fwd.hpp>

namespace cobatch {
inline namespace v1 {

inline constexpr std::string_view protocol_tool = "claude_assistant";
inline constexpr std::size_t max_request_bytes = 16 * 1024 * 1024;
inline constexpr std::chrono::seconds max_wait{40};

/// Whose fault a reply is: transports with codes of their own (HTTP) map it.
enum class reply_kind : std::uint8_t {
  ok,         ///< done
  refused,    ///< a well-formed request that was refused: {"status":"error","code","message"}; HTTP 200
  malformed,  ///< not a request at all (not JSON, not an object, too large); HTTP 400 or 413
  fault,      ///< the request was fine, storage was not; HTTP 503
};

struct reply {
  reply_kind kind = reply_kind::ok;
  std::string json;              ///< one object, one line
  std::optional<errc> why = {};  ///< what `code` says in it; nothing if it is done
};

/// Answers one request. Never throws. Thread-safe as the workspace is. A request to wait (`wait_batch`) blocks up to
/// 40 s, or until `stop`.
[[nodiscard]] reply handle_request(workspace& place, std::string_view request, std::stop_token stop = {});

/// What GET /get_supported_actions answers: every action with its parameters, from the one table of actions.
[[nodiscard]] std::string supported_actions_json();

/// An error in the reply shape: {"status":"error","code","message"}; for faces that fail before a request is there.
[[nodiscard]] std::string error_json(const error& e);

}  // namespace v1
}  // namespace cobatch
