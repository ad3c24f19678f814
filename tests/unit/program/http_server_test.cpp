#include "program/http_server.hpp"

#include <arpa/inet.h>
#include <atomic>
#include <latch>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>

#include <httplib.h>

#include <cobatch/protocol.hpp>

#include "program/listener.hpp"
#include "unit/program/support.hpp"

namespace cobatch_test {

namespace {

workspace open_in(const folder& where) {
  workspace_options options;
  options.root = where.path();
  auto opened = workspace::open(options);
  REQUIRE_MESSAGE(opened, (opened ? "" : opened.error().message));
  return std::move(*opened);
}

program::http_options on_any_port() {
  program::http_options options;
  options.port = 0;
  return options;
}

// A server on an ephemeral port, in this process.
class running_server {
 public:
  explicit running_server(program::http_options options = on_any_port()) : place_(open_in(folder_)) {
    auto opened = program::http_server::open(place_, std::move(options));
    REQUIRE(opened);
    server_.emplace(std::move(*opened));
    thread_ = std::jthread([this](std::stop_token stop) { server_->serve(std::move(stop)); });
  }

  workspace& place() { return place_; }
  [[nodiscard]] int port() const { return server_->port(); }
  [[nodiscard]] httplib::Client client() const {
    httplib::Client made("127.0.0.1", port());
    made.set_read_timeout(60, 0);
    return made;
  }
  void stop() {
    thread_.request_stop();
    thread_.join();
  }

 private:
  folder folder_;
  workspace place_;
  std::optional<program::http_server> server_;
  std::jthread thread_;
};

std::string request(std::string_view action, const std::string& params) {
  return R"({"tool_name":"claude_assistant","action":")" + std::string(action) + R"(","params":)" + params + "}";
}

std::string assign(const std::string& id, const std::string& more = "") {
  return request("assign_task", R"({"task_id":")" + id + R"(","description":"do it")" + more + "}");
}

json::value parsed(const std::string& body) {
  CHECK_MESSAGE((!body.empty() && body.back() == '\n'), "a reply ends with a line end");
  auto value = json::parse(body);
  REQUIRE_MESSAGE(value, body);
  return std::move(*value);
}

// Not open if nobody listens there.
unique_fd connected_to(int port) {
  unique_fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) fd.reset();
  return fd;
}

// Sends bytes as they are and reads to the end of the connection.
std::string exchange(int port, std::string_view bytes, bool end_sending = false) {
  const unique_fd fd = connected_to(port);
  REQUIRE(fd.open());
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) break;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  if (end_sending) ::shutdown(fd.get(), SHUT_WR);
  std::string answer;
  char part[65536];
  for (ssize_t n = 0; (n = ::recv(fd.get(), part, sizeof part, 0)) > 0;)
    answer.append(part, static_cast<std::size_t>(n));
  return answer;
}

std::int64_t stored(workspace& place) {
  return place.status()->all.tally.total();
}

// Finishes the next batch, as an engine would.
void run_next_batch(workspace& place) {
  claim_request wanted;
  wanted.nonce = "n";
  wanted.owner = {"boot", 1, 1, 1};
  wanted.serves = {{"test"}, "test"};
  const auto claimed = place.storage().claim(wanted);
  REQUIRE(claimed);
  REQUIRE(claimed->what == claim_outcome::kind::claimed);
  begin_request next;
  next.session = claimed->session.id;
  for (;; ++next.ordinal) {
    const auto begun = place.storage().begin_turn(next);
    REQUIRE(begun);
    if (begun->what != begin_outcome::kind::begun) break;
    settlement what;
    what.end = turn_end::done;
    REQUIRE(place.storage().settle_turn(next.session, begun->turn.turn, what));
  }
  REQUIRE(place.storage().end_session(next.session, session_end::finished, ""));
}

}  // namespace

TEST_CASE("a well-formed request is answered with 200, also when it is refused") {
  running_server server;
  auto client = server.client();
  const auto done = client.Post("/execute_task", assign("t1"), "application/json");
  REQUIRE(done);
  CHECK(done->status == 200);
  CHECK(done->get_header_value("Content-Type") == "application/json");
  CHECK(text_in(parsed(done->body), "status") == "success");
  const auto refused =
      client.Post("/execute_task", request("check_task_status", R"({"task_id":"none"})"), "application/json");
  REQUIRE(refused);
  CHECK(refused->status == 200);
  CHECK(text_in(parsed(refused->body), "code") == "task_not_found");
}

TEST_CASE("what is no request is answered with 400 and the server goes on") {
  running_server server;
  auto client = server.client();
  for (const std::string body : {"", "not json", "[]", "{\"a\":\"\xFF\"}"}) {
    const auto r = client.Post("/execute_task", body, "application/json");
    REQUIRE(r);
    CHECK(r->status == 400);
    CHECK(text_in(parsed(r->body), "status") == "error");
  }
  CHECK(client.Post("/execute_task", assign("t1"), "application/json")->status == 200);
}

TEST_CASE("the front page, the health and the actions are there, with GET and HEAD") {
  auto options = on_any_port();
  options.agent = "scripted";
  running_server server(std::move(options));
  auto client = server.client();
  const auto front = client.Get("/");
  REQUIRE(front);
  CHECK(text_in(parsed(front->body), "status") == "online");
  CHECK(text_in(parsed(front->body), "name") == "cobatch");
  CHECK(text_in(parsed(front->body), "agent") == "scripted");
  CHECK(*parsed(front->body).find("engine") == json::value(true));
  CHECK(text_in(parsed(client.Get("/health")->body), "status") == "healthy");
  CHECK(client.Get("/get_supported_actions")->body == supported_actions_json() + "\n");
  const auto head = client.Head("/health");
  REQUIRE(head);
  CHECK(head->status == 200);
  CHECK(head->body.empty());
}

TEST_CASE("OPTIONS tells the methods and allows no page anything") {
  running_server server;
  const auto r = server.client().Options("/execute_task", {{"Origin", "http://localhost:1"}});
  REQUIRE(r);
  CHECK(r->status == 204);
  CHECK(r->get_header_value("Allow") == "POST, OPTIONS");
  for (const auto& [name, value] : r->headers) CHECK(name.find("Access-Control") == std::string::npos);
}

TEST_CASE("a foreign Host, a foreign Origin and a wrong Content-Type store nothing") {
  running_server server;
  auto client = server.client();
  CHECK(client.Post("/execute_task", {{"Host", "evil.example"}}, assign("t1"), "application/json")->status == 403);
  CHECK(client.Post("/execute_task", {{"Origin", "https://evil.example"}}, assign("t1"), "application/json")->status ==
        403);
  CHECK(client.Post("/execute_task", assign("t1"), "text/plain")->status == 415);
  CHECK(client.Post("/execute_task", assign("t1"), "application/x-www-form-urlencoded")->status == 415);
  CHECK(stored(server.place()) == 0);
}

TEST_CASE("what follows a refused request on its connection is not taken for a request") {
  running_server server;
  const std::string inner =
      "POST /execute_task HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: " +
      std::to_string(assign("t1").size()) + "\r\n\r\n" + assign("t1");
  const std::string answer =
      exchange(server.port(),
               "POST /execute_task HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n"
               "Content-Type: text/plain\r\nContent-Length: " +
                   std::to_string(inner.size()) + "\r\n\r\n" + inner);
  CHECK(answer.find("HTTP/1.1 403") == 0);
  CHECK(answer.find("HTTP/1.1 200") == std::string::npos);
  CHECK(stored(server.place()) == 0);
}

TEST_CASE("a body over the limit is answered with 413, whether its length was told or not") {
  running_server server;
  const std::string body(max_request_bytes + 1, ' ');
  const auto told = server.client().Post("/execute_task", body, "application/json");
  REQUIRE(told);
  CHECK(told->status == 413);
  CHECK(text_in(parsed(told->body), "code") == "too_large");
  char size[32];
  std::snprintf(size, sizeof size, "%zx", body.size());
  const std::string chunked =
      exchange(server.port(),
               "POST /execute_task HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
               "Transfer-Encoding: chunked\r\n\r\n" +
                   std::string(size) + "\r\n" + body + "\r\n0\r\n\r\n");
  CHECK(chunked.find("HTTP/1.1 413") == 0);
  CHECK(chunked.find(R"("code":"too_large")") != std::string::npos);
}

TEST_CASE("a POST without a length is answered at once as one without a body") {
  running_server server;
  const std::string answer = exchange(
      server.port(), "POST /execute_task HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\r\n");
  CHECK(answer.find("HTTP/1.1 400") == 0);
}

TEST_CASE("an unknown path is 404 and a wrong method 405, in JSON") {
  running_server server;
  auto client = server.client();
  const auto unknown = client.Get("/nope");
  CHECK(unknown->status == 404);
  CHECK(parsed(unknown->body).find("message") != nullptr);
  const auto method = client.Delete("/execute_task");
  CHECK(method->status == 405);
  CHECK(method->get_header_value("Allow") == "POST, OPTIONS");
  CHECK(client.Get("/" + std::string(7000, 'x'))->status == 404);
}

TEST_CASE("what is not HTTP is refused in JSON, and so is an address that is too long") {
  running_server server;
  const std::string nonsense = exchange(server.port(), "this is not HTTP\r\n\r\n");
  CHECK(nonsense.find("HTTP/1.1 400") == 0);
  CHECK(nonsense.find(R"("status":"error")") != std::string::npos);
  const std::string address = exchange(server.port(), "GET /" + std::string(9000, 'x') + " HTTP/1.1\r\n\r\n");
  CHECK(address.find("HTTP/1.1 414") == 0);
}

TEST_CASE("a client that sends no whole request is given up, and does not hold the others") {
  auto options = on_any_port();
  options.read_limit = std::chrono::milliseconds{200};
  options.threads = 2;
  running_server server(std::move(options));
  std::vector<std::jthread> slow;
  std::atomic<int> given_up{0};
  for (int i = 0; i < 4; ++i)
    slow.emplace_back([&] {
      exchange(server.port(), "POST /execute_task HTTP/1.1\r\nHost: loc");
      ++given_up;
    });
  CHECK(server.client().Post("/execute_task", assign("t1"), "application/json")->status == 200);
  slow.clear();
  CHECK(given_up == 4);
}

TEST_CASE("sixteen clients that assign at once get sixteen tasks stored, in one order") {
  running_server server;
  std::latch go(16);
  std::vector<std::jthread> clients;
  std::mutex hold;
  std::vector<std::int64_t> positions;
  for (int i = 0; i < 16; ++i)
    clients.emplace_back([&, i] {
      auto client = server.client();
      go.arrive_and_wait();
      const auto r =
          client.Post("/execute_task", assign("t" + std::to_string(i), R"(,"batch_id":"b","auto_execute":false)"),
                      "application/json");
      const std::lock_guard lock(hold);
      if (r && r->status == 200) positions.push_back(*json::parse(r->body)->find("batch_position")->as_int());
    });
  clients.clear();
  std::sort(positions.begin(), positions.end());
  std::vector<std::int64_t> expected;
  for (int i = 1; i <= 16; ++i) expected.push_back(i);
  CHECK(positions == expected);
}

TEST_CASE("a long poll answers when its batch ends") {
  running_server server;
  auto client = server.client();
  client.Post("/execute_task", assign("t1", R"(,"batch_id":"b")"), "application/json");
  std::jthread engine([&] { run_next_batch(server.place()); });
  const auto r = client.Post("/execute_task", request("wait_batch", R"({"batch_id":"b","timeout_seconds":40})"),
                             "application/json");
  REQUIRE(r);
  CHECK(*parsed(r->body).find("ended") == json::value(true));
}

TEST_CASE("a wait too many is answered at once with the present state, while others go on waiting") {
  auto options = on_any_port();
  options.most_waits = 1;
  running_server server(std::move(options));
  server.client().Post("/execute_task", assign("t1", R"(,"batch_id":"b")"), "application/json");
  const std::string wait = request("wait_batch", R"({"batch_id":"b","timeout_seconds":40})");
  // Both ask; whichever comes first waits for the batch, which ends only after the other was answered.
  std::atomic<int> ended{0}, not_ended{0};
  std::latch one_answered(1);
  std::vector<std::jthread> waiting;
  for (int i = 0; i < 2; ++i)
    waiting.emplace_back([&] {
      const auto r = server.client().Post("/execute_task", wait, "application/json");
      if (!r) return;
      if (*json::parse(r->body)->find("ended") == json::value(true)) {
        ++ended;
      } else {
        ++not_ended;
        one_answered.count_down();
      }
    });
  one_answered.wait();
  run_next_batch(server.place());
  waiting.clear();
  CHECK(ended == 1);
  CHECK(not_ended == 1);
}

TEST_CASE("a stop answers the wait in progress and then ends") {
  auto options = on_any_port();
  options.most_waits = 1;
  running_server server(std::move(options));
  server.client().Post("/execute_task", assign("t1", R"(,"batch_id":"b")"), "application/json");
  const std::string wait = request("wait_batch", R"({"batch_id":"b","timeout_seconds":40})");
  std::atomic<int> answered{0};
  std::latch one_answered(1);
  std::vector<std::jthread> waiting;
  for (int i = 0; i < 2; ++i)
    waiting.emplace_back([&] {
      const auto r = server.client().Post("/execute_task", wait, "application/json");
      if (!r || r->status != 200 || *json::parse(r->body)->find("ended") != json::value(false)) return;
      if (++answered == 1) one_answered.count_down();
    });
  // One was turned away because the other is being served; that one is still waiting, for nothing runs the batch.
  one_answered.wait();
  CHECK(answered == 1);
  server.stop();
  waiting.clear();
  CHECK(answered == 2);
}

TEST_CASE("a stop does not wait for a client that sends nothing") {
  auto options = on_any_port();
  options.read_limit = std::chrono::hours{1};
  running_server server(std::move(options));
  const unique_fd silent = connected_to(server.port());
  REQUIRE(::send(silent.get(), "POST /execute_task HTTP/1.1\r\n", 29, MSG_NOSIGNAL) == 29);
  server.client().Get("/health");
  server.stop();
}

TEST_CASE("a stop closes the connection of a client that was not accepted yet") {
  const folder f;
  workspace place = open_in(f);
  auto server = program::http_server::open(place, on_any_port());
  REQUIRE(server);
  const unique_fd early = connected_to(server->port());
  REQUIRE(early.open());
  std::stop_source stop;
  stop.request_stop();
  server->serve(stop.get_token());
  // It is not left waiting while the server object lives; the test's own time limit bounds the wait.
  char byte = 0;
  CHECK(::recv(early.get(), &byte, 1, 0) <= 0);
}

TEST_CASE("a token is asked for by every request") {
  auto options = on_any_port();
  options.rules.token = "0123456789abcdef0123";
  running_server server(std::move(options));
  auto client = server.client();
  CHECK(client.Get("/health")->status == 401);
  CHECK(client.Post("/execute_task", assign("t1"), "application/json")->status == 401);
  CHECK(stored(server.place()) == 0);
  const httplib::Headers headers{{"Authorization", "Bearer 0123456789abcdef0123"}};
  CHECK(client.Post("/execute_task", headers, assign("t1"), "application/json")->status == 200);
}

TEST_CASE("a port in use is an error that says so, and a second server never shares it") {
  running_server server;
  const auto second = program::listener::open("127.0.0.1", server.port());
  REQUIRE_FALSE(second);
  CHECK(second.error().code == errc::port_in_use);
  CHECK(second.error().message.find(std::to_string(server.port())) != std::string::npos);
}

TEST_CASE("only addresses of this machine are listened on, and the loopback ones are known") {
  CHECK(program::listener::open("not-an-address", 0).error().code == errc::bad_value);
  CHECK(program::listener::open("203.0.113.1", 0).error().code == errc::bad_value);
  CHECK(program::is_loopback_address("127.0.0.1"));
  CHECK(program::is_loopback_address("127.9.9.9"));
  CHECK(program::is_loopback_address("::1"));
  CHECK(program::is_loopback_address("localhost"));
  CHECK_FALSE(program::is_loopback_address("0.0.0.0"));
  CHECK_FALSE(program::is_loopback_address("::"));
  CHECK_FALSE(program::is_loopback_address("192.0.2.1"));
}

TEST_CASE("a workspace that was replaced makes health and requests a fault, with 503") {
  running_server server;
  std::filesystem::rename(server.place().paths().data, server.place().paths().root / "moved");
  std::filesystem::create_directory(server.place().paths().data);
  const auto r = server.client().Get("/health");
  REQUIRE(r);
  CHECK(r->status == 503);
  CHECK(text_in(parsed(r->body), "code") == "workspace_replaced");
  const auto refused = server.client().Post("/execute_task", assign("t1"), "application/json");
  REQUIRE(refused);
  CHECK(refused->status == 503);
  CHECK(text_in(parsed(refused->body), "code") == "workspace_replaced");
}

}  // namespace cobatch_test
