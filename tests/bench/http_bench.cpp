// What the HTTP server costs, against the least that could be done instead: GET /health beside a Beast server that only
// sends a fixed text, and durable assigns beside the same calls without HTTP. 32 clients that keep their connections.
//
//   http_bench [FOLDER]
//
// Blocks of both sides alternate, so that both meet the same machine.
#include <atomic>
#include <filesystem>
#include <memory>
#include <netinet/in.h>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <cobatch/protocol.hpp>
#include <cobatch/workspace.hpp>

#include "measure.hpp"
#include "os/descriptor.hpp"
#include "program/http_server.hpp"

namespace {

using namespace cobatch;
using namespace cobatch::bench;
namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

constexpr int clients = 32;
constexpr int blocks = 10;
constexpr int healths_in_block = 200;  // of each client
constexpr int assigns_in_block = 20;

// What a server in Beast is at the least: no limits, no checks, no work.
class minimal_connection : public std::enable_shared_from_this<minimal_connection> {
 public:
  explicit minimal_connection(tcp::socket socket) : socket_(std::move(socket)) {}
  void read() {
    request_ = {};
    http::async_read(socket_, buffer_, request_, [self = shared_from_this()](auto failed, std::size_t) {
      if (!failed) self->write();
    });
  }

 private:
  void write() {
    reply_ = {};
    reply_.set(http::field::content_type, "application/json");
    reply_.body() = "{\"status\":\"healthy\"}\n";
    reply_.prepare_payload();
    http::async_write(socket_, reply_, [self = shared_from_this()](auto failed, std::size_t) {
      if (!failed) self->read();
    });
  }

  tcp::socket socket_;
  boost::beast::flat_buffer buffer_;
  http::request<http::string_body> request_;
  http::response<http::string_body> reply_;
};

class minimal_server {
 public:
  minimal_server() : door_(io_, {asio::ip::make_address("127.0.0.1"), 0}) {
    accept();
    thread_ = std::jthread([this] { io_.run(); });
  }
  ~minimal_server() { io_.stop(); }
  [[nodiscard]] int port() const { return door_.local_endpoint().port(); }

 private:
  void accept() {
    door_.async_accept([this](auto failed, tcp::socket socket) {
      if (failed) return;
      socket.set_option(tcp::no_delay(true));
      std::make_shared<minimal_connection>(std::move(socket))->read();
      accept();
    });
  }

  asio::io_context io_{1};
  tcp::acceptor door_;
  std::jthread thread_;
};

// Sends a request and reads the reply, whose end is the first line end behind its head.
class client {
 public:
  explicit client(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) give_up("no connection");
  }
  void ask(std::string_view request) {
    if (::send(fd_.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
      give_up("the request could not be sent");
    std::string reply;
    for (std::size_t head = std::string::npos;
         head == std::string::npos || reply.find('\n', head + 4) == std::string::npos; head = reply.find("\r\n\r\n")) {
      char part[4096];
      const ssize_t n = ::recv(fd_.get(), part, sizeof part, 0);
      if (n <= 0) give_up("the connection broke");
      reply.append(part, static_cast<std::size_t>(n));
    }
    if (reply.substr(9, 3) != "200") give_up(reply);
  }

 private:
  unique_fd fd_;
};

/// How many calls a second `clients` threads make, each `calls` of them.
double rate_of(int calls, const std::function<void(int client)>& call) {
  const double time = time_of([&] {
    std::vector<std::jthread> threads;
    for (int i = 0; i < clients; ++i)
      threads.emplace_back([&, i] {
        for (int n = 0; n < calls; ++n) call(i);
      });
  });
  return clients * calls / time * 1e6;
}

struct rates {
  std::vector<double> all;
  [[nodiscard]] double median() {
    std::sort(all.begin(), all.end());
    return all[all.size() / 2];
  }
};

void compare(const char* ours_name, const char* other_name, int calls, const std::function<void(int)>& ours,
             const std::function<void(int)>& other) {
  rates of_ours, of_other;
  for (int block = 0; block < blocks; ++block) {
    of_ours.all.push_back(rate_of(calls, ours));
    of_other.all.push_back(rate_of(calls, other));
  }
  std::printf("  %-44s %9.0f a second\n  %-44s %9.0f a second\n", ours_name, of_ours.median(), other_name,
              of_other.median());
  print_ratio("ours to the other", of_ours.median() / of_other.median(), "1 is the most there can be");
}

std::vector<std::unique_ptr<client>> clients_of(int port) {
  std::vector<std::unique_ptr<client>> made;
  for (int i = 0; i < clients; ++i) made.push_back(std::make_unique<client>(port));
  return made;
}

std::string assign(std::atomic<int>& tasks) {
  return R"({"tool_name":"claude_assistant","action":"assign_task","params":{"task_id":"t)" + std::to_string(++tasks) +
         R"(","description":"do it","batch_id":"b","auto_execute":false}})";
}

}  // namespace

int main(int argc, char** argv) {
  std::string folder =
      ((argc > 1 ? std::filesystem::path(argv[1]) : std::filesystem::temp_directory_path()) / "http-bench-XXXXXX")
          .string();
  if (::mkdtemp(folder.data()) == nullptr) give_up("no folder could be made in " + folder);
  {
    workspace_options where;
    where.root = folder;
    workspace place = must(workspace::open(where));
    program::http_options options;
    options.port = 0;
    auto server = must(program::http_server::open(place, std::move(options)));
    const std::jthread serving([&](std::stop_token stop) { server.serve(std::move(stop)); });
    const minimal_server minimal;
    const auto ours = clients_of(server.port()), others = clients_of(minimal.port());

    const std::string health = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    compare(
        "GET /health", "a fixed text of a Beast server", healths_in_block, [&](int i) { ours[i]->ask(health); },
        [&](int i) { others[i]->ask(health); });

    std::atomic<int> tasks{0};
    const auto by_http = [&](int i) {
      const std::string body = assign(tasks);
      ours[i]->ask(
          "POST /execute_task HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
          std::to_string(body.size()) + "\r\n\r\n" + body);
    };
    compare("durable assign over HTTP", "the same without HTTP", assigns_in_block, by_http, [&](int) {
      if (handle_request(place, assign(tasks)).kind != reply_kind::ok) give_up("an assign was refused");
    });
  }
  std::filesystem::remove_all(folder);
}
