// The HTTP server: connections in, replies out. What may be asked is decided in http_rules, what is answered in
// <cobatch/protocol.hpp>; the HTTP grammar is cpp-httplib's.
//
// One request a connection: a connection that says nothing holds no thread, and what is left of a refused body is
// never read as a request of its own.
#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

#include <cobatch/core/error.hpp>
#include <cobatch/workspace.hpp>

#include "program/http_rules.hpp"

namespace cobatch::program {

struct http_options {
  std::string bind = "127.0.0.1";
  int port = 5001;
  http_rules rules;
  std::string agent;                            ///< what GET / says; empty: no engine
  std::chrono::milliseconds read_limit{30000};  ///< for a whole request to arrive
  std::chrono::milliseconds write_limit{30000};
  std::size_t threads = 64;
  std::size_t most_waits = 48;  ///< requests beyond that do not wait: a wait_batch answers with the present state
};

class http_server {
 public:
  /// Listens from here on. Errors: those of `listener::open`, and of a pipe.
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
