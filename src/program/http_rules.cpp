#include "program/http_rules.hpp"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include <cobatch/core/session_token.hpp>
#include <cobatch/protocol.hpp>

#include "program/terminal.hpp"

namespace cobatch::program {

namespace {

constexpr std::size_t longest_shown = 100;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_allowed_host(const std::string& name, const http_rules& rules) {
  if (is_loopback_name(name)) return true;
  return !rules.token.empty() && std::any_of(rules.allowed_hosts.begin(), rules.allowed_hosts.end(),
                                             [&](const auto& allowed) { return lowered(allowed) == name; });
}

std::optional<http_reply> check_host(const http_head& head, const http_rules& rules) {
  if (head.hosts.size() == 1)
    if (const auto name = host_name_of(head.hosts.front()); name && is_allowed_host(*name, rules)) return std::nullopt;
  const std::string given = head.hosts.empty() ? "missing" : "'" + shortened(head.hosts.front(), longest_shown) + "'";
  return http_error(
      403, {errc::bad_value, fmt::format("The Host header is {}; this server answers only to localhost, 127.0.0.1 and "
                                         "[::1]. Nothing was changed. For another name start it with --allow-host NAME "
                                         "and --token-file FILE.",
                                         given)});
}

bool is_loopback_origin(std::string_view origin) {
  const std::string text = lowered(origin);
  for (const std::string_view scheme : {"http://", "https://"})
    if (text.starts_with(scheme)) {
      const auto name = host_name_of(std::string_view(text).substr(scheme.size()));
      return name && is_loopback_name(*name);
    }
  return false;
}

std::optional<http_reply> check_origin(const http_head& head) {
  if (!head.origin || is_loopback_origin(*head.origin)) return std::nullopt;
  return http_error(
      403, {errc::bad_value, fmt::format("The request comes from a page of {}; only pages of this machine may ask. "
                                         "Nothing was changed.",
                                         shortened(*head.origin, longest_shown))});
}

std::optional<http_reply> check_token(const http_head& head, const http_rules& rules) {
  constexpr std::string_view scheme = "bearer ";
  if (rules.token.empty()) return std::nullopt;
  const std::string_view given = head.authorization ? std::string_view(*head.authorization) : std::string_view();
  if (lowered(given.substr(0, scheme.size())) == scheme &&
      same_secret(trimmed(given.substr(scheme.size())), rules.token))
    return std::nullopt;
  auto reply = http_error(401, {errc::bad_value,
                                "This server asks for a token. Nothing was changed. Send it with "
                                "-H 'Authorization: Bearer TOKEN'; it is in the file given as --token-file."});
  reply.headers.emplace_back("WWW-Authenticate", "Bearer");
  return reply;
}

std::optional<http_reply> check_body_headers(const http_head& head) {
  constexpr std::string_view json_type = "application/json";
  if (head.content_encoding && lowered(trimmed(*head.content_encoding)) != "identity")
    return http_error(415, {errc::bad_value, "The body is compressed; send it as it is. Nothing was changed."});
  const std::string_view type = head.content_type ? std::string_view(*head.content_type) : std::string_view();
  if (lowered(trimmed(type.substr(0, type.find(';')))) == json_type) return std::nullopt;
  return http_error(415, {errc::bad_value,
                          fmt::format("The Content-Type is {}; it must be application/json. Nothing was changed. With "
                                      "curl: -H 'Content-Type: application/json'",
                                      type.empty() ? "missing" : shortened(type, longest_shown))});
}

bool lists(std::string_view methods, std::string_view method) {
  for (std::size_t at = 0; at < methods.size();) {
    const std::size_t end = std::min(methods.find(", ", at), methods.size());
    if (methods.substr(at, end - at) == method) return true;
    at = end + 2;
  }
  return false;
}

http_reply not_found(std::string_view path) {
  std::string known;
  for (const auto& route : http_routes())
    known +=
        fmt::format("{}{} {}", known.empty() ? "" : "; ", route.methods.substr(0, route.methods.find(',')), route.path);
  return http_error(404, {errc::bad_value, fmt::format("There is nothing at {}. There are: {}.",
                                                       shortened(path, longest_shown), known)});
}

std::optional<http_reply> check_route(const http_head& head) {
  for (const auto& route : http_routes()) {
    if (route.path != head.path) continue;
    if (lists(route.methods, head.method)) return std::nullopt;
    auto reply = http_error(405, {errc::bad_value, fmt::format("{} takes {}, not {}. Nothing was changed.", route.path,
                                                               route.methods, shortened(head.method, 20))});
    reply.headers.emplace_back("Allow", route.methods);
    return reply;
  }
  return not_found(head.path);
}

// The value of a header that may be there once; a second one is why the head is refused.
class single_field {
 public:
  explicit single_field(std::string_view name) : name_(name) {}
  [[nodiscard]] std::string_view name() const { return name_; }
  void add(std::string_view value) {
    twice_ = value_.has_value();
    if (!twice_) value_ = value;
  }
  [[nodiscard]] bool twice() const { return twice_; }
  [[nodiscard]] std::optional<std::string> take() { return std::move(value_); }

 private:
  std::string_view name_;
  std::optional<std::string> value_;
  bool twice_ = false;
};

}  // namespace

std::variant<http_head, http_reply> read_head(const http_raw_head& raw) {
  if (raw.target.size() > most_target_bytes)
    return http_error(414, {errc::too_large, "The address is too long. Nothing was changed."});
  if (raw.fields.size() > most_headers) return head_too_large();
  std::array single{single_field("origin"),        single_field("content-type"), single_field("content-encoding"),
                    single_field("authorization"), single_field("expect"),       single_field("transfer-encoding")};
  auto& [origin, type, encoding, authorization, expect, transfer] = single;
  http_head head;
  bool has_length = false;
  for (const auto& [given, value] : raw.fields) {
    const std::string name = lowered(given);
    if (name == "host") head.hosts.emplace_back(value);
    has_length = has_length || name == "content-length";
    for (auto& field : single) {
      if (field.name() != name) continue;
      field.add(value);
      if (field.twice()) return not_understood(fmt::format("It has two headers {}.", name));
    }
  }
  if (head.hosts.size() > 1) return not_understood("It has two headers host.");
  if (head.hosts.empty() && raw.version > 10) return not_understood("It has no header host.");
  if (const auto coding = transfer.take()) {
    if (has_length) return not_understood("It has both a content-length and a transfer-encoding.");
    if (raw.version < 11) return not_understood("HTTP/1.0 has no transfer-encoding.");
    if (lowered(*coding) != "chunked")
      return http_error(501, {errc::bad_value, fmt::format("The Transfer-Encoding is {}; this server knows only "
                                                           "chunked. Nothing was changed.",
                                                           shortened(*coding, longest_shown))});
  }
  if (const auto expected = expect.take()) {
    head.expects_continue = lowered(*expected) == "100-continue";
    if (!head.expects_continue)
      return http_error(417, {errc::bad_value, fmt::format("The request expects {}; this server knows only "
                                                           "100-continue. Nothing was changed.",
                                                           shortened(*expected, longest_shown))});
  }
  head.method = raw.method;
  head.path = raw.target.substr(0, raw.target.find('?'));
  head.origin = origin.take();
  head.content_type = type.take();
  head.content_encoding = encoding.take();
  head.authorization = authorization.take();
  return head;
}

http_reply not_understood(std::string_view why) {
  return http_error(400, {errc::bad_value, fmt::format("The request is not HTTP that can be understood. {} Nothing was "
                                                       "changed.",
                                                       why)});
}

http_reply head_too_large() {
  return http_error(431, {errc::too_large, fmt::format("The head of the request has more than {} bytes or {} headers, "
                                                       "which are the limits. Nothing was changed.",
                                                       most_head_bytes, most_headers)});
}

const std::vector<http_route>& http_routes() {
  static const std::vector<http_route> routes{
      {"/execute_task", http_endpoint::execute_task, "POST, OPTIONS"},
      {"/get_supported_actions", http_endpoint::supported_actions, "GET, HEAD, OPTIONS"},
      {"/health", http_endpoint::health, "GET, HEAD, OPTIONS"},
      {"/", http_endpoint::front, "GET, HEAD, OPTIONS"},
  };
  return routes;
}

const http_route& route_of(std::string_view path) {
  const auto& all = http_routes();
  return *std::find_if(all.begin(), all.end(), [&](const auto& route) { return route.path == path; });
}

std::optional<http_reply> refusal_of(const http_head& head, const http_rules& rules) {
  if (auto refused = check_host(head, rules)) return refused;
  if (auto refused = check_origin(head)) return refused;
  if (auto refused = check_token(head, rules)) return refused;
  if (auto refused = check_route(head)) return refused;
  return head.method == "POST" ? check_body_headers(head) : std::nullopt;
}

http_reply http_error(int status, const error& e) {
  return {status, error_json(e)};
}

std::optional<std::string> host_name_of(std::string_view host) {
  host = trimmed(host);
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view rest = host.substr(end + 1);
    if (!rest.empty() && (rest.front() != ':' || !is_port(rest.substr(1)))) return std::nullopt;
    return lowered(host.substr(1, end - 1));
  }
  const std::size_t colon = host.find(':');
  if (colon != std::string_view::npos && !is_port(host.substr(colon + 1))) return std::nullopt;
  const std::string_view name = host.substr(0, colon);
  if (name.empty()) return std::nullopt;
  return lowered(name);
}

bool is_loopback_name(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 3> names{"localhost", "127.0.0.1", "::1"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace cobatch::program
