// The HTTP server: connections in, replies out. What may be asked is decided in http_rules; the HTTP grammar is
// Boost.Beast's.
//
// One thread does all input and output, a few do the work that blocks on the disk, and one looks after all waits. So a
// connection that is slow, idle or waits costs its descriptor and its buffer, and no thread.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include <cobatch/core/error.hpp>
#include <cobatch/prices.hpp>
#include <cobatch/workspace.hpp>

namespace cobatch::program {

/// Whom the server answers.
struct http_rules {
  std::vector<std::string> allowed_hosts;  ///< beside the loopback names; only together with a token
  std::string token;                       ///< empty: none is asked for
};

/// Beyond this machine only with a secret, whether by the address listened on or by the names answered to. Errors:
/// bad_value, and those of `read_token`.
[[nodiscard]] result<http_rules> make_rules(const std::string& bind, std::vector<std::string> allowed_hosts,
                                            const std::filesystem::path& token_file);
/// The file's first line. Errors: io_error, unsafe_file (others than its owner may read or write it), bad_value (empty,
/// shorter than 16 characters, or not printable ASCII without spaces).
[[nodiscard]] result<std::string> read_token(const std::filesystem::path& file);
/// True for 127.0.0.0/8, ::1 and localhost.
[[nodiscard]] bool is_loopback_address(const std::string& address);

struct http_options {
  std::string bind = "127.0.0.1";
  int port = 5001;  ///< 0: any that is free
  http_rules rules;
  std::string agent;                            ///< what GET / says; empty: no engine
  std::shared_ptr<const price_table> prices{};  ///< for `savings` without prices of its own; null: none
  /// For a head to arrive, from the connection's beginning or the reply before it; and again for its body.
  std::chrono::milliseconds read_limit{30000};
  std::chrono::milliseconds write_limit{30000};  ///< for a reply to be taken
  std::size_t connections = 2048;                ///< further ones are answered with 503
  /// When there are so many, a client that has let its connection wait this long makes room for a new one.
  std::chrono::milliseconds patience{1000};
  std::size_t body_bytes = std::size_t{64} << 20U;  ///< of all requests that are read or worked; more is 503
  std::size_t threads = 16;
};

class http_server {
 public:
  /// Listens from here on. Errors: port_in_use, bad_value (no address of this machine), not_writable (a port that needs
  /// privileges), io_error.
  [[nodiscard]] static result<http_server> open(workspace& place, http_options options);
  http_server(http_server&&) noexcept;
  http_server& operator=(http_server&&) noexcept;
  ~http_server();

  [[nodiscard]] int port() const noexcept;

  /// Serves until a stop is requested; then the requests that were read are answered (waits at once), and it returns.
  void serve(std::stop_token stop);

 private:
  class state;
  explicit http_server(std::unique_ptr<state> s);
  std::unique_ptr<state> state_;
};

}  // namespace cobatch::program
