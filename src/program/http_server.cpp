#include "program/http_server.hpp"

#include <array>
#include <list>
#include <optional>
#include <set>
#include <utility>  // before Beast, which lacks it
#include <variant>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/basic_dynamic_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <fmt/core.h>

#include <cobatch/protocol.hpp>

#include "base/json.hpp"
#include "os/descriptor.hpp"
#include "program/http_rules.hpp"
#include "program/wait_list.hpp"

namespace cobatch::program {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using steady = std::chrono::steady_clock;

// With the executor that there is, not one that could be any.
using executor = asio::io_context::executor_type;
using tcp_socket = asio::basic_stream_socket<tcp, executor>;
using tcp_acceptor = asio::basic_socket_acceptor<tcp, executor>;
using timer = asio::basic_waitable_timer<steady, asio::wait_traits<steady>, executor>;

// It has only what has come: Beast's string body sets aside at once what the head announces.
using arrived_body = http::basic_dynamic_body<beast::flat_buffer>;

constexpr int backlog = 512;
constexpr std::size_t read_size = 16384;
constexpr std::size_t most_unparsed = most_head_bytes + read_size;
// A reply that the client cannot read for it is still sending is of no use: so much is read, and thrown away.
constexpr std::size_t most_drained = 2 * max_request_bytes;
constexpr std::chrono::seconds drain_limit{2};
// Reading JSON takes up to thirty times its size. Larger bodies than this are worked one after another.
constexpr std::size_t large_body = std::size_t{1} << 20U;
// Connections beyond the limit that are given the time to read that they are.
constexpr std::size_t most_turned_away = 16;
constexpr std::chrono::milliseconds pause_when_out_of_descriptors{50};
// For the replies that are on their way when a stop is requested.
constexpr std::chrono::milliseconds stop_limit{500};

http_reply came_too_slowly() {
  return http_error(408, {errc::timed_out, "The request did not come in time. Nothing was changed."});
}

http_reply body_too_large() {
  return http_error(413, {errc::too_large, fmt::format("The body has more than {} bytes, which is the limit. Nothing "
                                                       "was changed. Send the tasks in several calls of assign_batch.",
                                                       max_request_bytes)});
}

http_reply too_busy(std::string_view why) {
  auto reply =
      http_error(503, {errc::busy, fmt::format("{} Nothing was changed. Send the request again in a second.", why)});
  reply.headers.emplace_back("Retry-After", "1");
  return reply;
}

http_reply http_reply_of(reply answered) {
  int status = 200;  // refused by the rules of the protocol, too
  if (answered.kind == reply_kind::malformed) status = answered.why == errc::too_large ? 413 : 400;
  if (answered.kind == reply_kind::fault) status = 503;
  return {status, std::move(answered.json)};
}

std::string head_text(const http_reply& reply, std::size_t size, bool keep_alive) {
  std::string text = fmt::format("HTTP/1.1 {} {}\r\nConnection: {}\r\n", reply.status,
                                 view(http::obsolete_reason(static_cast<http::status>(reply.status))),
                                 keep_alive ? "keep-alive" : "close");
  if (reply.status != 204) text += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", size);
  for (const auto& [name, value] : reply.headers) text += fmt::format("{}: {}\r\n", name, value);
  return text + "\r\n";
}

// What the server says of itself. It may block on the disk.
http_reply page_of(http_endpoint what, workspace& place, const std::string& agent) {
  const bool has_engine = !agent.empty();
  if (what == http_endpoint::supported_actions) return {200, supported_actions_json()};
  if (what == http_endpoint::health) {
    if (const auto fine = place.check_in_place(); !fine) return http_error(503, fine.error());
    return {200, json::write(json::object{{"status", "healthy"}, {"version", version()}, {"engine", has_engine}})};
  }
  json::object links;
  for (const auto& route : http_routes) links.push_back({std::string(route.path), std::string(route.method)});
  json::object front{{"status", "online"},
                     {"name", "cobatch"},
                     {"version", version()},
                     {"workspace", place.paths().root.string()},
                     {"engine", has_engine}};
  if (has_engine) front.push_back({"agent", agent});
  front.push_back({"links", std::move(links)});
  return {200, json::write(std::move(front))};
}

}  // namespace

class connection;

// What the connections share. All of it is of the one thread of input and output, but for `place` and `options`.
struct server_parts {
  server_parts(workspace& where, http_options given)
      : place(where), options(std::move(given)), workers(options.threads), waits(where) {}

  // Behind what is under way, such as a connection that was accepted and is to be closed.
  void stop_if_empty() {
    if (stopping && connections.empty()) asio::post(io, [this] { io.stop(); });
  }

  workspace& place;
  const http_options options;
  std::size_t admitted = 0, body_bytes = 0;
  bool stopping = false;
  asio::io_context io{1};
  std::set<std::shared_ptr<connection>> connections;
  std::list<connection*> expected;  // those whose client is to do something, the longest-waiting first
  asio::thread_pool workers, large_worker{1};
  wait_list waits;  // the threads go first
};

// One connection, and the request on it: one is read, worked and answered after the other.
class connection : public std::enable_shared_from_this<connection> {
 public:
  connection(server_parts& shared, tcp_socket accepted)
      : shared_(shared), socket_(std::move(accepted)), deadline_(shared.io) {}

  void begin() {
    admitted_ = true;
    ++shared_.admitted;
    next_request();
  }
  void turn_away() { answer(too_busy("The server has as many connections as it can."), false); }

  [[nodiscard]] bool has_waited(std::chrono::milliseconds time) const { return steady::now() - since_ >= time; }

  // Requests that were read whole are answered still.
  void stop() {
    if (phase_ == phase::head || phase_ == phase::body || phase_ == phase::drain) end();
  }

  void end() {
    if (phase_ == phase::ended) return;
    const auto self = shared_from_this();
    if (phase_ == phase::wait) shared_.waits.remove(wait_);
    expect_client(false);
    phase_ = phase::ended;
    release_body();
    deadline_.cancel();
    error_code ignored;
    socket_.close(ignored);
    if (admitted_) --shared_.admitted;
    shared_.connections.erase(self);
    shared_.stop_if_empty();
  }

 private:
  enum class phase : std::uint8_t { head, body, work, wait, reply, drain, ended };

  using parser = http::request_parser<arrived_body>;

  void enter(phase next, std::optional<std::chrono::milliseconds> limit) {
    phase_ = next;
    expect_client(limit.has_value());
    if (!limit) return;
    deadline_.expires_after(*limit);
    deadline_.async_wait([self = shared_from_this()](error_code cancelled) {
      if (!cancelled && self->deadline_.expiry() <= steady::now()) self->on_late();
    });
  }

  void expect_client(bool expected) {
    if (expected_) shared_.expected.erase(*expected_);
    expected_.reset();
    since_ = steady::now();
    if (expected)
      expected_ = shared_.expected.insert(shared_.expected.end(), this);
    else
      deadline_.cancel();
  }

  void on_late() {
    const bool idle = phase_ == phase::head && head_bytes_ + unparsed_.size() == 0;
    if ((phase_ == phase::head && !idle) || phase_ == phase::body) return answer(came_too_slowly(), false);
    end();
  }

  void next_request() {
    if (shared_.stopping) return end();
    parser_.emplace();
    parser_->body_limit(max_request_bytes);
    parser_->header_limit(most_head_bytes);
    head_bytes_ = 0;
    is_head_request_ = false;
    enter(phase::head, shared_.options.read_limit);
    parse();
  }

  // At most one read is under way, and only when nothing is left to parse does one go on beside other work.
  void read() {
    if (reading_) return;
    reading_ = true;
    socket_.async_read_some(unparsed_.prepare(std::min(read_size, most_unparsed - unparsed_.size())),
                            [self = shared_from_this()](error_code failed, std::size_t size) {
                              self->reading_ = false;
                              self->unparsed_.commit(size);
                              self->on_read(failed);
                            });
  }

  void on_read(error_code failed) {
    switch (phase_) {
      case phase::head:
      case phase::body:
        if (!failed) return parse();
        if (failed != asio::error::eof || (phase_ == phase::head && head_bytes_ == 0)) return end();
        return answer(not_understood("It broke off."), false);
      case phase::wait:
        if (failed) end();  // the client has hung up
        return;
      case phase::drain:
        drained_ += unparsed_.size();
        unparsed_.consume(unparsed_.size());
        if (failed || drained_ > most_drained) return end();
        return read();
      default: return;  // a broken connection shows again at the next read or write
    }
  }

  void parse() {
    while (phase_ == phase::head || phase_ == phase::body) {
      if (phase_ == phase::head && head_bytes_ == 0) skip_empty_lines();
      if (unparsed_.size() == 0) return read();
      error_code failed;
      const std::size_t taken = parser_->put(unparsed_.data(), failed);
      unparsed_.consume(taken);
      if (phase_ == phase::head) head_bytes_ += taken;
      if (failed == http::error::need_more) {
        if (phase_ == phase::head && head_bytes_ + unparsed_.size() >= most_head_bytes)
          return answer(head_too_large(), false);
        if (unparsed_.size() >= most_unparsed) return answer(not_understood("A chunk's head is too long."), false);
        return read();
      }
      if (failed) return answer(refusal_for(failed), false);
      if (phase_ == phase::head && parser_->is_header_done()) on_head();
      if (phase_ == phase::body) on_body();
    }
  }

  void skip_empty_lines() {
    const auto* at = static_cast<const char*>(unparsed_.data().data());
    std::size_t skipped = 0;
    while (skipped + 1 < unparsed_.size() && at[skipped] == '\r' && at[skipped + 1] == '\n') skipped += 2;
    unparsed_.consume(skipped);
  }

  static http_reply refusal_for(error_code failed) {
    if (failed == http::error::body_limit) return body_too_large();
    if (failed == http::error::header_limit) return head_too_large();
    return not_understood(fmt::format("Its parser says: {}.", failed.message()));
  }

  void on_head() {
    const http_head& head = parser_->get();
    if (auto wrong = fault_of(head)) return answer(std::move(*wrong), false);
    is_head_request_ = head.method() == http::verb::head;
    keep_alive_ = parser_->keep_alive();
    // What is left of a refused body is never read as a request of its own.
    if (auto refused = refusal_of(head, shared_.options.rules)) return answer(std::move(*refused), parser_->is_done());
    if (expects_continue(head) && !parser_->is_done() && unparsed_.size() == 0) return ask_for_body();
    enter(phase::body, shared_.options.read_limit);
  }

  void ask_for_body() {
    enter(phase::reply, shared_.options.write_limit);
    static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(socket_, asio::const_buffer(go_on.data(), go_on.size()),
                      [self = shared_from_this()](error_code failed, std::size_t) {
                        if (self->phase_ == phase::ended) return;
                        if (failed || self->shared_.stopping) return self->end();
                        self->enter(phase::body, self->shared_.options.read_limit);
                        self->parse();
                      });
  }

  void on_body() {
    const std::size_t size = parser_->get().body().size();
    if (shared_.body_bytes + size - body_bytes_ > shared_.options.body_bytes)
      return answer(too_busy("The requests that are being answered take all the memory that is set aside for them."),
                    false);
    shared_.body_bytes += size - body_bytes_;
    body_bytes_ = size;
    if (parser_->is_done()) work();
  }

  void release_body() {
    if (parser_) parser_->get().body() = beast::flat_buffer();
    shared_.body_bytes -= body_bytes_;
    body_bytes_ = 0;
  }

  void work() {
    const http_route& route = *route_of(parser_->get());
    if (parser_->get().method() == http::verb::options)
      return answer({204, "", {{"Allow", std::string(route.methods)}}}, true);
    enter(phase::work, std::nullopt);
    auto& pool = body_bytes_ > large_body ? shared_.large_worker : shared_.workers;
    // Who is destroyed last must be so in the thread of input and output: hence the moves.
    asio::post(pool, [self = shared_from_this(), what = route.endpoint,
                      body = std::move(parser_->get().body())]() mutable {
      auto done = self->work_on(what, std::exchange(body, {}));
      auto& io = self->shared_.io;
      asio::post(io, [self = std::move(self), done = std::move(done)]() mutable { self->on_worked(std::move(done)); });
    });
  }

  // In a worker's thread.
  [[nodiscard]] std::variant<http_reply, request::batch_wait> work_on(http_endpoint what,
                                                                      const beast::flat_buffer& body) const {
    if (what != http_endpoint::execute_task) return page_of(what, shared_.place, shared_.options.agent);
    auto begun = request::begin(shared_.place, {static_cast<const char*>(body.data().data()), body.size()},
                                shared_.options.prices.get());
    if (auto* wait = std::get_if<request::batch_wait>(&begun)) return std::move(*wait);
    return http_reply_of(std::get<reply>(std::move(begun)));
  }

  void on_worked(std::variant<http_reply, request::batch_wait> done) {
    release_body();
    if (auto* reply = std::get_if<http_reply>(&done)) return answer(std::move(*reply), true);
    enter(phase::wait, std::nullopt);
    wait_ = shared_.waits.add(std::get<request::batch_wait>(std::move(done)),
                              [weak = weak_from_this(), &io = shared_.io](reply over) {
                                asio::post(io, [weak, over = std::move(over)]() mutable {
                                  const auto self = weak.lock();
                                  if (self && self->phase_ == phase::wait)
                                    self->answer(http_reply_of(std::move(over)), true);
                                });
                              });
    // That the client hangs up shows only at what it sends.
    if (unparsed_.size() == 0) read();
  }

  void answer(http_reply reply, bool may_keep) {
    release_body();
    keep_alive_ = keep_alive_ && may_keep && !shared_.stopping;
    if (reply.status == 204)
      reply.body.clear();
    else
      reply.body += '\n';
    reply_head_ = head_text(reply, reply.body.size(), keep_alive_);
    reply_body_ = is_head_request_ ? std::string() : std::move(reply.body);
    enter(phase::reply, shared_.options.write_limit);
    const std::array parts{asio::const_buffer(reply_head_.data(), reply_head_.size()),
                           asio::const_buffer(reply_body_.data(), reply_body_.size())};
    asio::async_write(socket_, parts, [self = shared_from_this()](error_code failed, std::size_t) {
      if (self->phase_ == phase::ended) return;
      if (failed) return self->end();
      self->reply_body_ = {};
      if (self->keep_alive_) return self->next_request();
      self->drain();
    });
  }

  // Lets the client read the reply even if it has not sent all of its request: closing with bytes unread would reset.
  void drain() {
    if (shared_.stopping) return end();
    error_code failed;
    socket_.shutdown(asio::socket_base::shutdown_send, failed);
    enter(phase::drain, drain_limit);
    unparsed_.consume(unparsed_.size());
    read();
  }

  server_parts& shared_;
  tcp_socket socket_;
  timer deadline_;
  std::optional<std::list<connection*>::iterator> expected_;
  steady::time_point since_;
  phase phase_ = phase::head;
  bool admitted_ = false, reading_ = false;
  beast::flat_buffer unparsed_{most_unparsed};
  std::optional<parser> parser_;
  std::size_t head_bytes_ = 0, body_bytes_ = 0, drained_ = 0;
  std::uint64_t wait_ = 0;  // in its phase: the number in the list
  bool is_head_request_ = false, keep_alive_ = false;
  std::string reply_head_, reply_body_;
};

namespace {

// Numeric only: what a name resolves to is not ours to guess, and "localhost" is the one exception.
std::optional<asio::ip::address> address_of(const std::string& text) {
  error_code failed;
  const auto address = asio::ip::make_address(text == "localhost" ? "127.0.0.1" : text, failed);
  return failed ? std::nullopt : std::optional(address);
}

error listen_error(const error_code& why, const std::string& address, int port) {
  if (why == asio::error::address_in_use)
    return {errc::port_in_use,
            fmt::format("Port {} of {} is in use, perhaps by another cobatch serve. `ss -ltnp 'sport = :{}'` shows by "
                        "whom. Stop that one, or choose another port with --port; --port 0 takes any that is free.",
                        port, address, port)};
  if (why == asio::error::access_denied)
    return {errc::not_writable, fmt::format("Port {} needs privileges; choose one above 1023 with --port.", port)};
  if (why == boost::system::errc::address_not_available)
    return {errc::bad_value, fmt::format("--bind {}: this machine has no such address.", address)};
  return {errc::io_error, fmt::format("could not listen on {} port {}: {}", address, port, why.message())};
}

}  // namespace

class http_server::state {
 public:
  state(workspace& place, http_options options)
      : shared_(place, std::move(options)), acceptor_(shared_.io), timer_(shared_.io) {}

  result<void> listen() {
    const std::string& bind = shared_.options.bind;
    const int port = shared_.options.port;
    const auto address = address_of(bind);
    if (!address)
      return fail(errc::bad_value, fmt::format("--bind {} is not an address such as 127.0.0.1 or ::1.", bind));
    const tcp::endpoint where(*address, static_cast<std::uint16_t>(port));
    try {
      acceptor_.open(where.protocol());
      set_close_on_exec(acceptor_.native_handle());
      // Not SO_REUSEPORT: two servers would share a port without a word.
      acceptor_.set_option(asio::socket_base::reuse_address(true));
      if (address->is_v6()) acceptor_.set_option(asio::ip::v6_only(true));
      acceptor_.bind(where);
      acceptor_.listen(backlog);
      port_ = acceptor_.local_endpoint().port();
    } catch (const boost::system::system_error& failed) {
      return fail(listen_error(failed.code(), bind, port));
    }
    return {};
  }

  [[nodiscard]] int port() const noexcept { return port_; }

  void serve(std::stop_token stop) {
    const std::stop_callback on_stop(stop, [this] { asio::post(shared_.io, [this] { begin_stop(); }); });
    const asio::executor_work_guard<executor> until_stopped(shared_.io.get_executor());
    accept();
    shared_.io.run();
  }

 private:
  void accept() {
    acceptor_.async_accept([this](error_code failed, tcp_socket accepted) {
      if (shared_.stopping) return;
      if (failed) return pause();
      take(std::move(accepted));
      accept();
    });
  }

  // There are too few descriptors, or too little memory; of a client that has gone again nothing is told.
  void pause() {
    timer_.expires_after(pause_when_out_of_descriptors);
    timer_.async_wait([this](error_code cancelled) {
      if (!cancelled && !shared_.stopping) accept();
    });
  }

  void take(tcp_socket accepted) {
    error_code ignored;
    set_close_on_exec(accepted.native_handle());
    accepted.set_option(tcp::no_delay(true), ignored);
    make_room();
    auto made = std::make_shared<connection>(shared_, std::move(accepted));
    shared_.connections.insert(made);
    if (shared_.admitted < shared_.options.connections) return made->begin();
    made->turn_away();
    turned_away_.push_back(made);
    if (turned_away_.size() <= most_turned_away) return;
    if (const auto oldest = turned_away_.front().lock()) oldest->end();
    turned_away_.pop_front();
  }

  void make_room() {
    while (shared_.admitted >= shared_.options.connections && !shared_.expected.empty() &&
           shared_.expected.front()->has_waited(shared_.options.patience))
      shared_.expected.front()->end();
  }

  void begin_stop() {
    shared_.stopping = true;
    error_code ignored;
    acceptor_.close(ignored);  // else who was not accepted yet would wait as long as this object lives
    shared_.waits.end_all();
    for (const auto& open : std::set(shared_.connections)) open->stop();
    shared_.stop_if_empty();
    timer_.expires_after(stop_limit);
    timer_.async_wait([this](error_code cancelled) {
      if (!cancelled) shared_.io.stop();
    });
  }

  server_parts shared_;
  tcp_acceptor acceptor_;
  timer timer_;
  int port_ = 0;
  std::list<std::weak_ptr<connection>> turned_away_;
};

bool is_loopback_address(const std::string& address) {
  const auto found = address_of(address);
  return found && found->is_loopback();
}

result<http_server> http_server::open(workspace& place, http_options options) {
  auto made = std::make_unique<state>(place, std::move(options));
  if (auto fine = made->listen(); !fine) return fail(std::move(fine.error()));
  return http_server(std::move(made));
}

http_server::http_server(std::unique_ptr<state> s) : state_(std::move(s)) {}
http_server::http_server(http_server&&) noexcept = default;
http_server& http_server::operator=(http_server&&) noexcept = default;
http_server::~http_server() = default;

int http_server::port() const noexcept { return state_->port(); }

void http_server::serve(std::stop_token stop) { state_->serve(std::move(stop)); }

}  // namespace cobatch::program
