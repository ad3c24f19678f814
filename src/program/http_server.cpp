#include "program/http_server.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include <fmt/core.h>

#include <cobatch/protocol.hpp>

#include "json/json.hpp"
#include "program/connection.hpp"
#include "program/listener.hpp"
#include "program/worker_pool.hpp"
#include "system/watch.hpp"

namespace cobatch::program {

namespace {

std::optional<std::string> header_of(const httplib::Request& request, const char* name) {
  if (!request.has_header(name)) return std::nullopt;
  return request.get_header_value(name);
}

http_head head_of(const httplib::Request& request) {
  http_head head;
  head.method = request.method;
  head.path = request.path;
  for (std::size_t i = 0; i < request.get_header_value_count("Host"); ++i)
    head.hosts.push_back(request.get_header_value("Host", i));
  head.origin = header_of(request, "Origin");
  head.content_type = header_of(request, "Content-Type");
  head.content_encoding = header_of(request, "Content-Encoding");
  head.authorization = header_of(request, "Authorization");
  return head;
}

void put(const http_reply& reply, httplib::Response& to) {
  to.status = reply.status;
  for (const auto& [name, value] : reply.headers) to.set_header(name, value);
  if (reply.status != 204) to.set_content(reply.body + "\n", "application/json");
}

int status_of(reply_kind kind, const std::string& body) {
  switch (kind) {
    case reply_kind::ok:
    case reply_kind::refused:
      return 200;
    case reply_kind::malformed:
      return body.find(R"("code":"too_large")") == std::string::npos ? 400 : 413;
    case reply_kind::fault:
      break;
  }
  return 503;
}

http_reply too_large() {
  return http_error(413, {errc::too_large, fmt::format("The body has more than {} bytes, which is the limit. Nothing "
                                                       "was changed. Send the tasks in several calls of assign_batch.",
                                                       max_request_bytes)});
}

// What the library refuses by itself.
http_reply broken_request(int status) {
  switch (status) {
    case 413:
      return too_large();
    case 414:
      return http_error(414, {errc::too_large, "The address is too long. Nothing was changed."});
    default:
      return http_error(status, {errc::bad_value,
                                 "The request is not HTTP that can be understood, or it broke off. "
                                 "Nothing was changed."});
  }
}

}  // namespace

class http_server::state final : private httplib::Server {
 public:
  state(workspace& place, http_options options, listener door, wake_signal stopped)
      : place_(place), options_(std::move(options)), door_(std::move(door)), stopped_(std::move(stopped)) {
    no_waiting_.request_stop();
    set_payload_max_length(max_request_bytes);
    set_pre_routing_handler([this](const auto& request, auto& to) { return answer_without_body(request, to); });
    Post("/execute_task",
         [this](const auto&, auto& to, const httplib::ContentReader& read) { answer_with_body(read, to); });
    set_error_handler([](const httplib::Request&, httplib::Response& to) {
      if (to.body.empty()) put(broken_request(to.status), to);
    });
  }

  [[nodiscard]] int port() const noexcept { return door_.port(); }

  void serve(std::stop_token stop) {
    const std::stop_callback on_stop(stop, [this] {
      stopping_.request_stop();
      stopped_.notify();
    });
    worker_pool pool(options_.threads);
    while (!stop.stop_requested()) {
      wait_readable({door_.descriptor(), stopped_.descriptor()}, std::chrono::steady_clock::time_point::max());
      unique_fd accepted = door_.accept();
      if (accepted.open())
        pool.add([this, held = std::make_shared<unique_fd>(std::move(accepted))] { converse(std::move(*held)); });
      else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        wait_readable({stopped_.descriptor()}, std::chrono::steady_clock::now() + pause_when_out_of_descriptors);
    }
    door_.close();  // else a client that has connected and was not accepted would wait as long as this object lives
  }

 private:
  static constexpr std::chrono::milliseconds pause_when_out_of_descriptors{50};

  void converse(unique_fd accepted) {
    connection stream(std::move(accepted), stopped_.descriptor(), options_.read_limit, options_.write_limit);
    bool ignored = false;
    process_request(stream, true, ignored, [](httplib::Request& request) {
      // A part of a JSON reply, or a compressed one, is of no use to anybody here.
      request.ranges.clear();
      request.headers.erase("Accept-Encoding");
    });
  }

  HandlerResponse answer_without_body(const httplib::Request& request, httplib::Response& to) {
    const http_head head = head_of(request);
    if (const auto refused = refusal_of(head, options_.rules)) {
      put(*refused, to);
      return HandlerResponse::Handled;
    }
    const auto route = std::find_if(http_routes().begin(), http_routes().end(),
                                    [&](const auto& known) { return known.path == head.path; });
    if (head.method == "OPTIONS") {
      put({204, "", {{"Allow", std::string(route->methods)}}}, to);
      return HandlerResponse::Handled;
    }
    if (route->endpoint != http_endpoint::execute_task) {
      put(answer_get(route->endpoint), to);
      return HandlerResponse::Handled;
    }
    // Without either header there is no body; the library would wait for the connection's end.
    if (request.has_header("Content-Length") || request.has_header("Transfer-Encoding"))
      return HandlerResponse::Unhandled;
    put(execute(""), to);
    return HandlerResponse::Handled;
  }

  void answer_with_body(const httplib::ContentReader& read, httplib::Response& to) {
    // A length that was told is checked by the library; one that was not shows only as the body comes.
    std::string body;
    bool over = false;
    const bool whole = read([&](const char* part, std::size_t size) {
      over = body.size() + size > max_request_bytes;
      if (!over) body.append(part, size);
      return !over;
    });
    put(whole ? execute(body) : broken_request(over || to.status == 413 ? 413 : 400), to);
  }

  http_reply execute(const std::string& body) {
    struct in_progress {
      std::atomic<std::size_t>& count;
      const std::size_t before = count++;
      ~in_progress() { --count; }
    } const mine{requests_};
    // Only requests that wait look at the token: a further wait than threads can be spared for does not wait.
    const bool may_wait = mine.before < options_.most_waits;
    reply answered = handle_request(place_, body, may_wait ? stopping_.get_token() : no_waiting_.get_token());
    return {status_of(answered.kind, answered.json), std::move(answered.json)};
  }

  http_reply answer_get(http_endpoint what) const {
    if (what == http_endpoint::supported_actions) return {200, supported_actions_json()};
    if (what == http_endpoint::front) return {200, front()};
    if (const auto fine = place_.check_in_place(); !fine) return http_error(503, fine.error());
    return {200, json::write(json::object{{"status", "healthy"}, {"version", version()}, {"engine", has_engine()}})};
  }

  bool has_engine() const { return !options_.agent.empty(); }

  std::string front() const {
    json::object links;
    for (const auto& route : http_routes())
      links.push_back({std::string(route.path), std::string(route.methods.substr(0, route.methods.find(',')))});
    json::object out{{"status", "online"},
                     {"name", "cobatch"},
                     {"version", version()},
                     {"workspace", place_.paths().root.string()},
                     {"engine", has_engine()}};
    if (has_engine()) out.push_back({"agent", options_.agent});
    out.push_back({"links", std::move(links)});
    return json::write(std::move(out));
  }

  workspace& place_;
  http_options options_;
  listener door_;
  wake_signal stopped_;
  std::stop_source stopping_, no_waiting_;
  std::atomic<std::size_t> requests_{0};
};

result<http_server> http_server::open(workspace& place, http_options options) {
  auto door = listener::open(options.bind, options.port);
  if (!door) return fail(door.error());
  auto stopped = wake_signal::make();
  if (!stopped) return fail(stopped.error());
  return http_server(std::make_unique<state>(place, std::move(options), std::move(*door), std::move(*stopped)));
}

http_server::http_server(std::unique_ptr<state> s) : state_(std::move(s)) {}
http_server::http_server(http_server&&) noexcept = default;
http_server& http_server::operator=(http_server&&) noexcept = default;
http_server::~http_server() = default;

int http_server::port() const noexcept {
  return state_->port();
}

void http_server::serve(std::stop_token stop) {
  state_->serve(std::move(stop));
}

}  // namespace cobatch::program
