// The HTTP server: connections in, replies out. What may be asked is decided in http_rules, what is answered in
// http_answers; the HTTP grammar is Boost.Beast's.
//
// One thread does all input and output, a few do the work that blocks on the disk, and one looks after all waits. So a
// connection that is slow, idle or waits costs its descriptor and its buffer, and no thread.
#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

#include <cobatch/core/error.hpp>
#include <cobatch/prices.hpp>
#include <cobatch/workspace.hpp>

#include "program/http_rules.hpp"

namespace cobatch::program {

struct http_options {
  std::string bind = "127.0.0.1";
  int port = 5001;
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
  /// Listens from here on. Errors: those of `listener::open`.
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
