#include "program/http_server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <list>
#include <optional>
#include <sys/socket.h>
#include <utility>  // before Beast, which lacks it

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <fmt/core.h>

#include <cobatch/protocol.hpp>

#include "program/http_answers.hpp"
#include "program/listener.hpp"
#include "program/wait_list.hpp"
#include "program/worker_pool.hpp"

namespace cobatch::program {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using steady = std::chrono::steady_clock;

// With the executor that there is, not one that could be any.
using executor = asio::io_context::executor_type;
using tcp_socket = asio::basic_stream_socket<asio::generic::stream_protocol, executor>;
using descriptor = asio::posix::basic_stream_descriptor<executor>;
using timer = asio::basic_waitable_timer<steady, asio::wait_traits<steady>, executor>;

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

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

std::string head_text(const http_reply& reply, std::size_t size, bool keep_alive) {
  std::string text = fmt::format("HTTP/1.1 {} {}\r\nConnection: {}\r\n", reply.status,
                                 view(http::obsolete_reason(static_cast<http::status>(reply.status))),
                                 keep_alive ? "keep-alive" : "close");
  if (reply.status != 204) text += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", size);
  for (const auto& [name, value] : reply.headers) text += fmt::format("{}: {}\r\n", name, value);
  return text + "\r\n";
}

}  // namespace

class connection;

// What the connections share. All of it is of the one thread of input and output.
struct server_parts {
  server_parts(workspace& place, http_options given)
      : options(std::move(given)),
        answers(place, options.agent, options.prices),
        workers(options.threads),
        large_worker(1),
        waits(place) {}

  http_options options;
  http_answers answers;
  std::size_t admitted = 0, body_bytes = 0;
  bool stopping = false;
  asio::io_context io{1};
  std::list<std::shared_ptr<connection>> connections;
  std::list<connection*> expected;  // those whose client is to do something, the longest-waiting first
  worker_pool workers, large_worker;
  wait_list waits;  // the threads go first
};

// One connection, and the request on it: one is read, worked and answered after the other.
class connection : public std::enable_shared_from_this<connection> {
 public:
  connection(server_parts& shared, std::uint64_t number, unique_fd accepted)
      : shared_(shared),
        number_(number),
        socket_(shared.io, asio::generic::stream_protocol(AF_UNSPEC, 0), accepted.release()),
        deadline_(shared.io) {}

  void begin(std::list<std::shared_ptr<connection>>::iterator place) {
    place_ = place;
    admitted_ = true;
    ++shared_.admitted;
    next_request();
  }
  void turn_away(std::list<std::shared_ptr<connection>>::iterator place) {
    place_ = place;
    answer(too_busy("The server has as many connections as it can."), false);
  }

  [[nodiscard]] bool has_waited(std::chrono::milliseconds time) const { return steady::now() - since_ >= time; }

  // Requests that were read whole are answered still.
  void stop() {
    if (phase_ == phase::head || phase_ == phase::body || phase_ == phase::drain) end();
  }

  void end() {
    if (phase_ == phase::ended) return;
    const auto self = shared_from_this();
    if (phase_ == phase::wait) shared_.waits.remove(number_);
    expect_client(false);
    phase_ = phase::ended;
    release_body();
    deadline_.cancel();
    error_code ignored;
    socket_.close(ignored);
    if (admitted_) --shared_.admitted;
    shared_.connections.erase(place_);
    if (shared_.stopping && shared_.connections.empty()) shared_.io.stop();
  }

 private:
  enum class phase : std::uint8_t { head, body, work, wait, reply, drain, ended };

  // Beast's own string body sets aside at once what the head announces; this one only has what has come.
  struct arrived_body {
    using value_type = std::string;
    class reader {
     public:
      template <bool is_request, class Fields>
      reader(http::header<is_request, Fields>&, value_type& body) : body_(body) {}
      void init(const boost::optional<std::uint64_t>&, error_code& failed) { failed = {}; }
      template <class Buffers>
      std::size_t put(const Buffers& buffers, error_code& failed) {
        failed = {};
        std::size_t size = 0;
        for (auto part = asio::buffer_sequence_begin(buffers); part != asio::buffer_sequence_end(buffers); ++part) {
          const asio::const_buffer bytes = *part;
          body_.append(static_cast<const char*>(bytes.data()), bytes.size());
          size += bytes.size();
        }
        return size;
      }
      void finish(error_code& failed) { failed = {}; }

     private:
      value_type& body_;
    };
  };
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
    head_ = {};
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
      default:
        return;  // a broken connection shows again at the next read or write
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
    const auto& message = parser_->get();
    http_raw_head raw{view(message.method_string()), view(message.target()), static_cast<int>(message.version())};
    for (const auto& field : message) raw.fields.emplace_back(view(field.name_string()), view(field.value()));
    auto read = read_head(raw);
    if (auto* refused = std::get_if<http_reply>(&read)) return answer(std::move(*refused), false);
    head_ = std::get<http_head>(std::move(read));
    keep_alive_ = parser_->keep_alive();
    // What is left of a refused body is never read as a request of its own.
    if (auto refused = refusal_of(head_, shared_.options.rules)) return answer(std::move(*refused), parser_->is_done());
    if (head_.expects_continue && !parser_->is_done() && unparsed_.size() == 0) return ask_for_body();
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
    if (parser_) parser_->get().body() = std::string();
    shared_.body_bytes -= body_bytes_;
    body_bytes_ = 0;
  }

  void work() {
    if (head_.method == "OPTIONS")
      return answer({204, "", {{"Allow", std::string(route_of(head_.path).methods)}}}, true);
    enter(phase::work, std::nullopt);
    body_ = std::move(parser_->get().body());
    auto& pool = body_.size() > large_body ? shared_.large_worker : shared_.workers;
    // Who is destroyed last must be so in the thread of input and output: hence the moves.
    pool.add([self = shared_from_this()]() mutable {
      auto done = self->work_on_request();
      auto& io = self->shared_.io;
      asio::post(io, [self = std::move(self), done = std::move(done)]() mutable { self->on_worked(std::move(done)); });
    });
  }

  // In a worker's thread.
  std::variant<http_reply, request::batch_wait> work_on_request() {
    const std::string body = std::exchange(body_, {});
    const auto endpoint = route_of(head_.path).endpoint;
    if (endpoint == http_endpoint::execute_task) return shared_.answers.execute(body);
    return shared_.answers.get(endpoint);
  }

  void on_worked(std::variant<http_reply, request::batch_wait> done) {
    release_body();
    if (auto* reply = std::get_if<http_reply>(&done)) return answer(std::move(*reply), true);
    enter(phase::wait, std::nullopt);
    shared_.waits.add(number_, std::get<request::batch_wait>(std::move(done)),
                      [weak = weak_from_this(), &io = shared_.io](reply over) {
                        asio::post(io, [weak, over = std::move(over)]() mutable {
                          const auto self = weak.lock();
                          if (self && self->phase_ == phase::wait) self->answer(http_reply_of(std::move(over)), true);
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
    reply_body_ = head_.method == "HEAD" ? std::string() : std::move(reply.body);
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
  std::uint64_t number_;
  tcp_socket socket_;
  timer deadline_;
  std::list<std::shared_ptr<connection>>::iterator place_;
  std::optional<std::list<connection*>::iterator> expected_;
  steady::time_point since_;
  phase phase_ = phase::head;
  bool admitted_ = false, reading_ = false;
  beast::flat_buffer unparsed_{most_unparsed};
  std::optional<parser> parser_;
  std::size_t head_bytes_ = 0, body_bytes_ = 0, drained_ = 0;
  http_head head_;
  bool keep_alive_ = false;
  std::string body_, reply_head_, reply_body_;
};

class http_server::state {
 public:
  state(workspace& place, http_options options, listener door)
      : door_(std::move(door)), shared_(place, std::move(options)), door_watch_(shared_.io), timer_(shared_.io) {}
  ~state() {
    if (door_watch_.is_open()) door_watch_.release();
  }

  [[nodiscard]] int port() const noexcept { return door_.port(); }

  void serve(std::stop_token stop) {
    door_watch_.assign(door_.descriptor());
    const std::stop_callback on_stop(stop, [this] { asio::post(shared_.io, [this] { begin_stop(); }); });
    const asio::executor_work_guard<executor> until_stopped(shared_.io.get_executor());
    accept();
    shared_.io.run();
  }

 private:
  void accept() {
    door_watch_.async_wait(descriptor::wait_read, [this](error_code failed) {
      if (failed || shared_.stopping) return;
      unique_fd accepted = door_.accept();
      if (accepted.open())
        take(std::move(accepted));
      else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        return pause();
      accept();
    });
  }

  void pause() {
    timer_.expires_after(pause_when_out_of_descriptors);
    timer_.async_wait([this](error_code cancelled) {
      if (!cancelled && !shared_.stopping) accept();
    });
  }

  void take(unique_fd accepted) {
    make_room();
    auto made = std::make_shared<connection>(shared_, ++accepted_, std::move(accepted));
    const auto place = shared_.connections.insert(shared_.connections.end(), made);
    if (shared_.admitted < shared_.options.connections) return made->begin(place);
    made->turn_away(place);
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
    door_watch_.release();
    door_.close();  // else a client that has connected and was not accepted would wait as long as this object lives
    shared_.waits.end_all();
    for (const auto& open : std::list(shared_.connections)) open->stop();
    if (shared_.connections.empty()) return shared_.io.stop();
    timer_.expires_after(stop_limit);
    timer_.async_wait([this](error_code cancelled) {
      if (!cancelled) shared_.io.stop();
    });
  }

  listener door_;
  server_parts shared_;
  descriptor door_watch_;
  timer timer_;
  std::list<std::weak_ptr<connection>> turned_away_;
  std::uint64_t accepted_ = 0;
};

result<http_server> http_server::open(workspace& place, http_options options) {
  auto door = listener::open(options.bind, options.port);
  if (!door) return fail(door.error());
  return http_server(std::make_unique<state>(place, std::move(options), std::move(*door)));
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
