// Who may ask over HTTP, and what is where: pure functions of a request's head.
//
// A web page that a person visits can send requests to a server on the same machine. So the Host must be a loopback
// name (a page cannot set it, and a foreign name that resolves to us is told apart by it), an Origin must be a
// loopback one, and a body must say that it is JSON (which a page cannot do without asking first).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <cobatch/core/error.hpp>

namespace cobatch::program {

inline constexpr std::size_t most_target_bytes = 8192;
inline constexpr std::size_t most_head_bytes = 16384;
inline constexpr std::size_t most_headers = 100;

/// A request's head as it came: every header, in its order, and nothing decoded.
struct http_raw_head {
  std::string_view method, target;
  int version = 11;  ///< 10 or 11
  std::vector<std::pair<std::string_view, std::string_view>> fields{};
};

struct http_head {
  std::string method;
  std::string path;
  std::vector<std::string> hosts;  ///< every Host header
  std::optional<std::string> origin, content_type, content_encoding, authorization;
  bool expects_continue = false;  ///< the client waits for a word before it sends the body
};

struct http_rules {
  std::vector<std::string> allowed_hosts;  ///< beside the loopback names; only together with a token
  std::string token;                       ///< empty: none is asked for
};

struct http_reply {
  int status = 200;
  std::string body;  ///< JSON
  std::vector<std::pair<std::string, std::string>> headers{};
};

enum class http_endpoint { execute_task, supported_actions, health, front };

struct http_route {
  std::string_view path;
  http_endpoint endpoint;
  std::string_view methods;  ///< as in the Allow header
};
[[nodiscard]] const std::vector<http_route>& http_routes();
/// Of a path that there is.
[[nodiscard]] const http_route& route_of(std::string_view path);

/// What the rules look at; or why that cannot be told: 400 for what RFC 9112 calls an error, and 414, 417, 431, 501.
[[nodiscard]] std::variant<http_head, http_reply> read_head(const http_raw_head& raw);

/// 400, 431: the request cannot be understood, or has too large a head. So it is with what follows on its connection.
[[nodiscard]] http_reply not_understood(std::string_view why);
[[nodiscard]] http_reply head_too_large();

/// Why this request is not answered (403, 401, 404, 405, 415), or nothing. The body is not looked at.
[[nodiscard]] std::optional<http_reply> refusal_of(const http_head& head, const http_rules& rules);

/// An error in the reply shape.
[[nodiscard]] http_reply http_error(int status, const error& e);

/// "localhost" of "LocalHost:5001", "::1" of "[::1]:5001"; nothing if it is no host with an optional port.
[[nodiscard]] std::optional<std::string> host_name_of(std::string_view host);
[[nodiscard]] bool is_loopback_name(std::string_view name) noexcept;

}  // namespace cobatch::program
