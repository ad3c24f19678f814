// An HTTP client for tests: it sends what it is given, byte for byte, and reads one reply at a time.
#pragma once

#include <algorithm>
#include <arpa/inet.h>
#include <cctype>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "os/descriptor.hpp"

namespace cobatch_test {

using namespace cobatch;

/// Not open if nobody listens there.
inline unique_fd connected_to(int port) {
  unique_fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) fd.reset();
  return fd;
}

struct http_answer {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};

  /// Empty if there is none.
  [[nodiscard]] std::string header(std::string_view name) const {
    for (const auto& [given, value] : headers)
      if (given == name) return value;
    return {};
  }
};

using http_headers = std::vector<std::pair<std::string, std::string>>;

/// A request as a well-behaved client sends it. `headers` come beside, or instead of, those that belong to it.
inline std::string http_request(std::string_view method, const std::string& path, const http_headers& headers = {},
                                const std::optional<std::string>& body = std::nullopt) {
  http_headers all = headers;
  const auto add = [&](const char* name, const std::string& value) {
    if (std::none_of(all.begin(), all.end(), [&](const auto& one) { return one.first == name; }))
      all.emplace_back(name, value);
  };
  add("Host", "localhost");
  if (body) add("Content-Type", "application/json");
  if (body) add("Content-Length", std::to_string(body->size()));
  std::string text = std::string(method) + " " + path + " HTTP/1.1\r\n";
  for (const auto& [name, value] : all) text += name + ": " + value + "\r\n";
  return text + "\r\n" + body.value_or("");
}

/// One connection.
class http_client {
 public:
  explicit http_client(int port) : fd_(connected_to(port)) { REQUIRE(fd_.open()); }

  /// As much as the server takes.
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  void end_sending() { ::shutdown(fd_.get(), SHUT_WR); }
  void hang_up() { fd_.reset(); }

  /// The next reply; nothing if the connection ends before. Of a HEAD request there is no body to be read.
  std::optional<http_answer> next(bool has_body = true) {
    std::size_t end = 0;
    while ((end = unread_.find("\r\n\r\n")) == std::string::npos)
      if (!more()) return std::nullopt;
    http_answer answer;
    std::string_view head = std::string_view(unread_).substr(0, end);
    REQUIRE(head.substr(0, 9) == "HTTP/1.1 ");
    answer.status = std::stoi(std::string(head.substr(9, 3)));
    for (std::size_t at = head.find("\r\n"); at != std::string_view::npos;) {
      head.remove_prefix(at + 2);
      at = head.find("\r\n");
      const std::string_view line = head.substr(0, at);
      const std::size_t colon = line.find(": ");
      REQUIRE(colon != std::string_view::npos);
      answer.headers.emplace_back(line.substr(0, colon), line.substr(colon + 2));
    }
    unread_.erase(0, end + 4);
    const std::string length = answer.header("Content-Length");
    const std::size_t size = length.empty() || !has_body ? 0 : std::stoul(length);
    while (unread_.size() < size)
      if (!more()) return std::nullopt;
    answer.body = unread_.substr(0, size);
    unread_.erase(0, size);
    return answer;
  }

  /// True once the server has closed the connection, with nothing left to be read.
  bool at_end() { return unread_.empty() && !more(); }

  std::optional<http_answer> ask(std::string_view method, const std::string& path, const http_headers& headers = {},
                                 const std::optional<std::string>& body = std::nullopt) {
    send(http_request(method, path, headers, body));
    return next(method != "HEAD");
  }
  std::optional<http_answer> get(const std::string& path, const http_headers& headers = {}) {
    return ask("GET", path, headers);
  }
  std::optional<http_answer> post(const std::string& body, const http_headers& headers = {}) {
    return ask("POST", "/execute_task", headers, body);
  }

 private:
  bool more() {
    char part[65536];
    const ssize_t n = ::recv(fd_.get(), part, sizeof part, 0);
    if (n > 0) unread_.append(part, static_cast<std::size_t>(n));
    return n > 0;
  }

  unique_fd fd_;
  std::string unread_;
};

}  // namespace cobatch_test
