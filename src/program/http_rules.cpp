#include "program/http_rules.hpp"

#include <algorithm>
#include <iterator>
#include <sys/stat.h>

#include <boost/beast/core/string.hpp>
#include <fmt/core.h>

#include <cobatch/core/session_token.hpp>
#include <cobatch/protocol.hpp>

#include "program/commands.hpp"
#include "program/terminal.hpp"

namespace cobatch::program {

namespace {

using boost::beast::http::field;

constexpr std::size_t longest_shown = 100;

bool has(const http_head& head, field name) { return head.find(name) != head.end(); }

// Empty if it is not there.
std::string_view value_of(const http_head& head, field name) { return view(head[name]); }

bool same_word(std::string_view a, std::string_view b) {
  return boost::beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
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

std::string_view path_of(const http_head& head) {
  const std::string_view target = view(head.target());
  return target.substr(0, target.find('?'));
}

bool is_allowed_host(const std::string& name, const http_rules& rules) {
  if (is_loopback_name(name)) return true;
  return !rules.token.empty() && std::any_of(rules.allowed_hosts.begin(), rules.allowed_hosts.end(),
                                             [&](const auto& allowed) { return same_word(allowed, name); });
}

std::optional<http_reply> check_host(const http_head& head, const http_rules& rules) {
  const std::string_view host = value_of(head, field::host);
  if (head.count(field::host) == 1)
    if (const auto name = host_name_of(host); name && is_allowed_host(*name, rules)) return std::nullopt;
  const std::string given = has(head, field::host) ? "'" + shortened(host, longest_shown) + "'" : "missing";
  return http_error(
      403, {errc::bad_value, fmt::format("The Host header is {}; this server answers only to localhost, 127.0.0.1 and "
                                         "[::1]. Nothing was changed. For another name start it with --allow-host NAME "
                                         "and --token-file FILE.",
                                         given)});
}

bool is_loopback_origin(std::string_view origin) {
  for (const std::string_view scheme : {"http://", "https://"})
    if (same_word(origin.substr(0, scheme.size()), scheme)) {
      const auto name = host_name_of(origin.substr(scheme.size()));
      return name && is_loopback_name(*name);
    }
  return false;
}

std::optional<http_reply> check_origin(const http_head& head) {
  const std::string_view origin = value_of(head, field::origin);
  if (!has(head, field::origin) || is_loopback_origin(origin)) return std::nullopt;
  return http_error(
      403, {errc::bad_value, fmt::format("The request comes from a page of {}; only pages of this machine may ask. "
                                         "Nothing was changed.",
                                         shortened(origin, longest_shown))});
}

std::optional<http_reply> check_token(const http_head& head, const http_rules& rules) {
  constexpr std::string_view scheme = "bearer ";
  if (rules.token.empty()) return std::nullopt;
  const std::string_view given = value_of(head, field::authorization);
  if (same_word(given.substr(0, scheme.size()), scheme) &&
      same_secret(trimmed(given.substr(scheme.size())), rules.token))
    return std::nullopt;
  auto reply = http_error(401, {errc::bad_value,
                                "This server asks for a token. Nothing was changed. Send it with "
                                "-H 'Authorization: Bearer TOKEN'; it is in the file given as --token-file."});
  reply.headers.emplace_back("WWW-Authenticate", "Bearer");
  return reply;
}

std::optional<http_reply> check_route(const http_head& head) {
  const http_route* route = route_of(head);
  if (route == nullptr) {
    std::string known;
    for (const auto& one : http_routes)
      known += fmt::format("{}{} {}", known.empty() ? "" : "; ", one.method, one.path);
    return http_error(404, {errc::bad_value, fmt::format("There is nothing at {}. There are: {}.",
                                                         shortened(path_of(head), longest_shown), known)});
  }
  const std::string_view method = view(head.method_string());
  if (method == route->method || method == "OPTIONS" || (method == "HEAD" && route->method == "GET"))
    return std::nullopt;
  auto reply = http_error(405, {errc::bad_value, fmt::format("{} takes {}, not {}. Nothing was changed.", route->path,
                                                             route->methods, shortened(method, 20))});
  reply.headers.emplace_back("Allow", route->methods);
  return reply;
}

std::optional<http_reply> check_body_headers(const http_head& head) {
  if (has(head, field::content_encoding) && !same_word(trimmed(value_of(head, field::content_encoding)), "identity"))
    return http_error(415, {errc::bad_value, "The body is compressed; send it as it is. Nothing was changed."});
  const std::string_view type = value_of(head, field::content_type);
  if (same_word(trimmed(type.substr(0, type.find(';'))), "application/json")) return std::nullopt;
  return http_error(415, {errc::bad_value,
                          fmt::format("The Content-Type is {}; it must be application/json. Nothing was changed. With "
                                      "curl: -H 'Content-Type: application/json'",
                                      type.empty() ? "missing" : shortened(type, longest_shown))});
}

std::optional<http_reply> check_framing(const http_head& head) {
  const std::string_view coding = value_of(head, field::transfer_encoding);
  if (!has(head, field::transfer_encoding)) return std::nullopt;
  if (has(head, field::content_length)) return not_understood("It has both a content-length and a transfer-encoding.");
  if (head.version() < 11) return not_understood("HTTP/1.0 has no transfer-encoding.");
  if (same_word(coding, "chunked")) return std::nullopt;
  return http_error(501, {errc::bad_value, fmt::format("The Transfer-Encoding is {}; this server knows only chunked. "
                                                       "Nothing was changed.",
                                                       shortened(coding, longest_shown))});
}

result<void> check_private(const std::filesystem::path& file) {
  struct stat about {};
  if (::stat(file.c_str(), &about) != 0)
    return fail(errc::io_error, fmt::format("--token-file: there is no file '{}' that can be read.", file.string()));
  if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return fail(errc::unsafe_file,
                fmt::format("--token-file: others may read or change '{0}'. Close it with: chmod 600 "
                            "'{0}'; if somebody may have seen the token, make a new one.",
                            file.string()));
  return {};
}

}  // namespace

// ----------------------------------------------------------------------------------------- whom the server answers

result<std::string> read_token(const std::filesystem::path& file) {
  constexpr std::size_t most_bytes = 4096, least_characters = 16;
  if (auto fine = check_private(file); !fine) return fail(std::move(fine.error()));
  auto text = read_input(file.string(), most_bytes);
  if (!text) return fail(std::move(text.error()));
  std::string token = text->substr(0, text->find('\n'));
  while (!token.empty() && token.back() == '\r') token.pop_back();
  const bool fits = std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (!fits || token.size() < least_characters)
    return fail(errc::bad_value, fmt::format("--token-file: the first line of '{}' must be a token of at least {} "
                                             "characters without spaces. Make one with: openssl rand -hex 24",
                                             file.string(), least_characters));
  return token;
}

result<http_rules> make_rules(const std::string& bind, std::vector<std::string> allowed_hosts,
                              const std::filesystem::path& token_file) {
  http_rules rules{std::move(allowed_hosts), {}};
  if (!token_file.empty()) {
    auto token = read_token(token_file);
    if (!token) return fail(std::move(token.error()));
    rules.token = std::move(*token);
  }
  if (rules.token.empty() && !rules.allowed_hosts.empty())
    return fail(errc::bad_value, "--allow-host needs --token-file FILE: whoever reaches the server can run an agent.");
  if ((rules.token.empty() || rules.allowed_hosts.empty()) && !is_loopback_address(bind))
    return fail(
        errc::bad_value,
        fmt::format("--bind {} lets other machines in: it needs --allow-host NAME and --token-file FILE.", bind));
  return rules;
}

// ----------------------------------------------------------------------------------------------- one request

const http_route* route_of(const http_head& head) noexcept {
  const auto* found =
      std::find_if(http_routes.begin(), http_routes.end(), [&](const auto& one) { return one.path == path_of(head); });
  return found == http_routes.end() ? nullptr : found;
}

std::optional<http_reply> fault_of(const http_head& head) {
  if (head.target().size() > most_target_bytes)
    return http_error(414, {errc::too_large, "The address is too long. Nothing was changed."});
  if (std::distance(head.begin(), head.end()) > static_cast<std::ptrdiff_t>(most_headers)) return head_too_large();
  for (const field name : {field::origin, field::content_type, field::content_encoding, field::authorization,
                           field::expect, field::transfer_encoding, field::host})
    if (head.count(name) > 1)
      return not_understood(fmt::format("It has two headers {}.", lowered(view(to_string(name)))));
  if (!has(head, field::host) && head.version() > 10) return not_understood("It has no header host.");
  if (auto wrong = check_framing(head)) return wrong;
  if (!has(head, field::expect) || expects_continue(head)) return std::nullopt;
  return http_error(417, {errc::bad_value, fmt::format("The request expects {}; this server knows only 100-continue. "
                                                       "Nothing was changed.",
                                                       shortened(value_of(head, field::expect), longest_shown))});
}

std::optional<http_reply> refusal_of(const http_head& head, const http_rules& rules) {
  if (auto refused = check_host(head, rules)) return refused;
  if (auto refused = check_origin(head)) return refused;
  if (auto refused = check_token(head, rules)) return refused;
  if (auto refused = check_route(head)) return refused;
  return head.method() == boost::beast::http::verb::post ? check_body_headers(head) : std::nullopt;
}

bool expects_continue(const http_head& head) { return same_word(value_of(head, field::expect), "100-continue"); }

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

http_reply http_error(int status, const error& e) { return {status, error_json(e)}; }

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
  return name == "localhost" || name == "127.0.0.1" || name == "::1";
}

}  // namespace cobatch::program
