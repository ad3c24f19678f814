// Who may ask over HTTP, and what is where: pure functions of a request's head, as Boost.Beast has read it.
//
// A web page that a person visits can send requests to a server on the same machine. So the Host must be a loopback
// name (a page cannot set it, and a foreign name that resolves to us is told apart by it), an Origin must be a
// loopback one, and a body must say that it is JSON (which a page cannot do without asking first).
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>  // before Beast, which lacks it
#include <vector>

#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>

#include <cobatch/core/error.hpp>

#include "program/http_server.hpp"

namespace cobatch::program {

inline constexpr std::size_t most_target_bytes = 8192;
inline constexpr std::size_t most_head_bytes = 16384;
inline constexpr std::size_t most_headers = 100;

/// A request's head as it came: nothing in it is decoded.
using http_head = boost::beast::http::request_header<>;

[[nodiscard]] inline std::string_view view(boost::beast::string_view text) noexcept {
  return {text.data(), text.size()};
}

struct http_reply {
  int status = 200;
  std::string body;  ///< JSON
  std::vector<std::pair<std::string, std::string>> headers{};
};

enum class http_endpoint { execute_task, supported_actions, health, front };

struct http_route {
  std::string_view path;
  http_endpoint endpoint;
  std::string_view method;   ///< the one that it is for
  std::string_view methods;  ///< all, as in the Allow header
};
inline constexpr std::array http_routes{
    http_route{"/execute_task", http_endpoint::execute_task, "POST", "POST, OPTIONS"},
    http_route{"/get_supported_actions", http_endpoint::supported_actions, "GET", "GET, HEAD, OPTIONS"},
    http_route{"/health", http_endpoint::health, "GET", "GET, HEAD, OPTIONS"},
    http_route{"/", http_endpoint::front, "GET", "GET, HEAD, OPTIONS"},
};
/// Null pointer if there is nothing.
[[nodiscard]] const http_route* route_of(const http_head& head) noexcept;

/// Why this head is not read, if it is not: 400 for what RFC 9112 calls an error, and 414, 417, 431, 501. It must be
/// asked first: the others rely on headers that are there once.
[[nodiscard]] std::optional<http_reply> fault_of(const http_head& head);

/// Why this request is not answered (403, 401, 404, 405, 415), or nothing. The body is not looked at.
[[nodiscard]] std::optional<http_reply> refusal_of(const http_head& head, const http_rules& rules);

/// The client waits for a word before it sends the body.
[[nodiscard]] bool expects_continue(const http_head& head);

/// 400, 431: the request cannot be understood, or has too large a head. So it is with what follows on its connection.
[[nodiscard]] http_reply not_understood(std::string_view why);
[[nodiscard]] http_reply head_too_large();

/// An error in the reply shape.
[[nodiscard]] http_reply http_error(int status, const error& e);

/// "localhost" of "LocalHost:5001", "::1" of "[::1]:5001"; nothing if it is no host with an optional port.
[[nodiscard]] std::optional<std::string> host_name_of(std::string_view host);
[[nodiscard]] bool is_loopback_name(std::string_view name) noexcept;

}  // namespace cobatch::program
