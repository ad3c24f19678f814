#include "program/http_server.hpp"

#include <atomic>
#include <latch>
#include <thread>

#include <cobatch/protocol.hpp>

#include "store/store.hpp"
#include "unit/program/http_client.hpp"
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
  [[nodiscard]] http_client client() const { return http_client(port()); }
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

// Sends bytes as they are and reads to the end of the connection; the status of each reply.
std::vector<int> statuses_of(int port, std::string_view bytes) {
  http_client client(port);
  client.send(bytes);
  client.end_sending();
  std::vector<int> statuses;
  while (const auto answer = client.next()) statuses.push_back(answer->status);
  CHECK(client.at_end());
  return statuses;
}

const std::string wait_for_b =
    http_request("POST", "/execute_task", {}, request("wait_batch", R"({"batch_id":"b","timeout_seconds":40})"));

std::int64_t stored(workspace& place) { return place.status()->all.tally.total(); }

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
  const auto done = client.post(assign("t1"));
  REQUIRE(done);
  CHECK(done->status == 200);
  CHECK(done->header("Content-Type") == "application/json");
  CHECK(text_in(parsed(done->body), "status") == "success");
  const auto refused = client.post(request("check_task_status", R"({"task_id":"none"})"));
  REQUIRE(refused);
  CHECK(refused->status == 200);
  CHECK(text_in(parsed(refused->body), "code") == "task_not_found");
}

TEST_CASE("what is no request is answered with 400 and the server goes on") {
  running_server server;
  auto client = server.client();
  for (const std::string body : {"", "not json", "[]", "{\"a\":\"\xFF\"}"}) {
    const auto r = client.post(body);
    REQUIRE(r);
    CHECK(r->status == 400);
    CHECK(text_in(parsed(r->body), "status") == "error");
  }
  CHECK(client.post(assign("t1"))->status == 200);
}

TEST_CASE("the front page, the health and the actions are there, with GET and HEAD") {
  auto options = on_any_port();
  options.agent = "scripted";
  running_server server(std::move(options));
  auto client = server.client();
  const auto front = client.get("/");
  REQUIRE(front);
  CHECK(text_in(parsed(front->body), "status") == "online");
  CHECK(text_in(parsed(front->body), "name") == "cobatch");
  CHECK(text_in(parsed(front->body), "agent") == "scripted");
  CHECK(*parsed(front->body).find("engine") == json::value(true));
  CHECK(text_in(parsed(client.get("/health")->body), "status") == "healthy");
  CHECK(client.get("/get_supported_actions")->body == supported_actions_json() + "\n");
  const auto head = client.ask("HEAD", "/health");
  REQUIRE(head);
  CHECK(head->status == 200);
  CHECK(head->body.empty());
}

TEST_CASE("OPTIONS tells the methods and allows no page anything") {
  running_server server;
  const auto r = server.client().ask("OPTIONS", "/execute_task", {{"Origin", "http://localhost:1"}});
  REQUIRE(r);
  CHECK(r->status == 204);
  CHECK(r->header("Allow") == "POST, OPTIONS");
  for (const auto& [name, value] : r->headers) CHECK(name.find("Access-Control") == std::string::npos);
}

TEST_CASE("a foreign Host, a foreign Origin and a wrong Content-Type store nothing") {
  running_server server;
  CHECK(server.client().post(assign("t1"), {{"Host", "evil.example"}})->status == 403);
  CHECK(server.client().post(assign("t1"), {{"Origin", "https://evil.example"}})->status == 403);
  CHECK(server.client().post(assign("t1"), {{"Content-Type", "text/plain"}})->status == 415);
  CHECK(server.client().post(assign("t1"), {{"Content-Type", "application/x-www-form-urlencoded"}})->status == 415);
  CHECK(stored(server.place()) == 0);
}

TEST_CASE("what follows a refused request on its connection is not taken for a request") {
  running_server server;
  const std::string inner = http_request("POST", "/execute_task", {}, assign("t1"));
  CHECK(statuses_of(server.port(), http_request("POST", "/execute_task",
                                                {{"Origin", "https://evil.example"}, {"Content-Type", "text/plain"}},
                                                inner)) == std::vector{403});
  CHECK(stored(server.place()) == 0);
}

TEST_CASE("a body over the limit is answered with 413, whether its length was told or not") {
  running_server server;
  const std::string body(max_request_bytes + 1, ' ');
  const auto told = server.client().post(body);
  REQUIRE(told);
  CHECK(told->status == 413);
  CHECK(text_in(parsed(told->body), "code") == "too_large");
  char size[32];
  std::snprintf(size, sizeof size, "%zx", body.size());
  auto client = server.client();
  client.send(
      http_request("POST", "/execute_task", {{"Content-Type", "application/json"}, {"Transfer-Encoding", "chunked"}}) +
      std::string(size) + "\r\n" + body + "\r\n0\r\n\r\n");
  const auto chunked = client.next();
  REQUIRE(chunked);
  CHECK(chunked->status == 413);
  CHECK(text_in(parsed(chunked->body), "code") == "too_large");
}

TEST_CASE("a body over the limit is refused before it is sent") {
  running_server server;
  const auto r = server.client().ask("POST", "/execute_task",
                                     {{"Content-Type", "application/json"}, {"Content-Length", "20000000"}});
  REQUIRE(r);
  CHECK(r->status == 413);
}

TEST_CASE("a POST without a length is answered at once as one without a body") {
  running_server server;
  const auto r = server.client().ask("POST", "/execute_task", {{"Content-Type", "application/json"}});
  REQUIRE(r);
  CHECK(r->status == 400);
}

TEST_CASE("an unknown path is 404 and a wrong method 405, in JSON") {
  running_server server;
  auto client = server.client();
  const auto unknown = client.get("/nope");
  CHECK(unknown->status == 404);
  CHECK(parsed(unknown->body).find("message") != nullptr);
  const auto method = client.ask("DELETE", "/execute_task");
  CHECK(method->status == 405);
  CHECK(method->header("Allow") == "POST, OPTIONS");
  CHECK(client.get("/" + std::string(7000, 'x'))->status == 404);
}

TEST_CASE("what is not HTTP is refused in JSON, and so is an address that is too long") {
  running_server server;
  auto client = server.client();
  client.send("this is not HTTP\r\n\r\n");
  const auto nonsense = client.next();
  REQUIRE(nonsense);
  CHECK(nonsense->status == 400);
  CHECK(text_in(parsed(nonsense->body), "status") == "error");
  CHECK(statuses_of(server.port(), "GET /" + std::string(9000, 'x') + " HTTP/1.1\r\n\r\n") == std::vector{414});
}

TEST_CASE("a client that sends no whole request is given up, and does not hold the others") {
  auto options = on_any_port();
  options.read_limit = std::chrono::milliseconds{200};
  options.threads = 2;
  running_server server(std::move(options));
  std::vector<http_client> slow;
  for (int i = 0; i < 4; ++i) {
    slow.emplace_back(server.port());
    slow.back().send("POST /execute_task HTTP/1.1\r\nHost: loc");
  }
  CHECK(server.client().post(assign("t1"))->status == 200);
  for (auto& client : slow) {
    const auto given_up = client.next();
    REQUIRE(given_up);
    CHECK(given_up->status == 408);
    CHECK(client.at_end());
  }
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
      const auto r = client.post(assign("t" + std::to_string(i), R"(,"batch_id":"b","auto_execute":false)"));
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
  client.post(assign("t1", R"(,"batch_id":"b")"));
  std::jthread engine([&] { run_next_batch(server.place()); });
  const auto r = client.post(request("wait_batch", R"({"batch_id":"b","timeout_seconds":40})"));
  REQUIRE(r);
  CHECK(*parsed(r->body).find("ended") == json::value(true));
}

TEST_CASE("two hundred waits cost no thread: others are answered meanwhile, and all are when the batch ends") {
  auto options = on_any_port();
  options.threads = 2;
  running_server server(std::move(options));
  server.client().post(assign("t1", R"(,"batch_id":"b")"));
  std::vector<http_client> waiting;
  for (int i = 0; i < 200; ++i) {
    waiting.emplace_back(server.port());
    waiting.back().send(wait_for_b);
  }
  CHECK(server.client().get("/health")->status == 200);
  CHECK(server.client().post(assign("t2"))->status == 200);
  run_next_batch(server.place());
  for (auto& client : waiting) {
    const auto r = client.next();
    REQUIRE(r);
    CHECK(*parsed(r->body).find("ended") == json::value(true));
  }
}

TEST_CASE("a wait whose time is over is answered with the present state") {
  running_server server;
  auto client = server.client();
  client.post(assign("t1", R"(,"batch_id":"b")"));
  const auto r = client.post(request("wait_batch", R"({"batch_id":"b","timeout_seconds":1,"tineout":1})"));
  REQUIRE(r);
  const auto body = parsed(r->body);
  CHECK(*body.find("ended") == json::value(false));
  CHECK(text_in(body, "message").find("Call wait_batch again to go on waiting") != std::string::npos);
  CHECK(json::write(*body.find("warnings")).find("tineout") != std::string::npos);
}

TEST_CASE("a wait whose client hangs up gives its place back") {
  auto options = on_any_port();
  options.threads = 1;
  options.connections = 2;
  options.patience = std::chrono::hours{1};
  running_server server(std::move(options));
  auto waits = server.client();
  waits.post(assign("t1", R"(,"batch_id":"b")"));
  waits.send(wait_for_b);
  auto other = server.client();
  // The one worker takes one after the other, so the wait has begun.
  CHECK(other.get("/health")->status == 200);
  const auto surplus = server.client().get("/health");
  REQUIRE(surplus);
  CHECK(surplus->status == 503);
  CHECK(surplus->header("Retry-After") == "1");
  CHECK(text_in(parsed(surplus->body), "code") == "busy");
  waits.hang_up();
  // It is noticed in its own time; the test's time limit bounds how long.
  std::optional<http_answer> r;
  do r = server.client().get("/health");
  while (!r || r->status == 503);
  CHECK(r->status == 200);
}

TEST_CASE("clients that drip their heads hold nobody up, though they have all the places") {
  auto options = on_any_port();
  options.connections = 64;
  options.patience = std::chrono::milliseconds{0};
  running_server server(std::move(options));
  std::vector<http_client> slow;
  for (int i = 0; i < 64; ++i) {
    slow.emplace_back(server.port());
    slow.back().send("POST /execute_task HTTP/1.1\r\nHost: loc");
  }
  CHECK(server.client().post(assign("t1"))->status == 200);
  // The one that had waited longest made room.
  CHECK(slow.front().at_end());
}

TEST_CASE("a stop answers the waits in progress and then ends") {
  auto options = on_any_port();
  options.threads = 1;
  running_server server(std::move(options));
  auto waits = server.client();
  waits.post(assign("t1", R"(,"batch_id":"b")"));
  waits.send(wait_for_b);
  CHECK(server.client().get("/health")->status == 200);
  server.stop();
  const auto r = waits.next();
  REQUIRE(r);
  CHECK(r->status == 200);
  CHECK(*parsed(r->body).find("ended") == json::value(false));
  CHECK(text_in(parsed(r->body), "message").find("is stopping") != std::string::npos);
  CHECK(waits.at_end());
}

TEST_CASE("a connection is kept for the next request, and closed when the client asks for that") {
  running_server server;
  auto client = server.client();
  for (int i = 0; i < 3; ++i) {
    const auto r = client.get("/health");
    REQUIRE(r);
    CHECK(r->status == 200);
    CHECK(r->header("Connection") == "keep-alive");
  }
  // A request that was refused without a body leaves nothing to be misread.
  CHECK(client.get("/nope")->status == 404);
  const auto last = client.get("/health", {{"Connection", "close"}});
  REQUIRE(last);
  CHECK(last->header("Connection") == "close");
  CHECK(client.at_end());
}

TEST_CASE("a connection of HTTP/1.0 is closed unless it asks to be kept") {
  running_server server;
  auto client = server.client();
  client.send("GET /health HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n");
  CHECK(client.next()->status == 200);
  client.send("GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n");
  CHECK(client.next()->status == 200);
  CHECK(client.at_end());
}

TEST_CASE("a connection that stays idle is closed without a word") {
  auto options = on_any_port();
  options.read_limit = std::chrono::milliseconds{100};
  running_server server(std::move(options));
  auto client = server.client();
  CHECK(client.get("/health")->status == 200);
  CHECK(client.at_end());
}

TEST_CASE("requests sent one behind the other are answered in their order, also behind a wait") {
  running_server server;
  auto client = server.client();
  client.send(http_request("POST", "/execute_task", {}, assign("t1", R"(,"batch_id":"b")")) + "\r\n" +
              http_request("GET", "/") + http_request("HEAD", "/health"));
  CHECK(text_in(parsed(client.next()->body), "status") == "success");
  CHECK(text_in(parsed(client.next()->body), "status") == "online");
  CHECK(client.next(false)->status == 200);
  client.send(wait_for_b + http_request("GET", "/nope"));
  run_next_batch(server.place());
  CHECK(*parsed(client.next()->body).find("ended") == json::value(true));
  CHECK(client.next()->status == 404);
}

TEST_CASE("a client that wants to be told to send its body is told so, unless it is refused") {
  running_server server;
  auto client = server.client();
  const http_headers head{{"Content-Type", "application/json"},
                          {"Content-Length", std::to_string(assign("t1").size())},
                          {"Expect", "100-continue"}};
  CHECK(client.ask("POST", "/execute_task", head)->status == 100);
  client.send(assign("t1"));
  CHECK(client.next()->status == 200);
  auto refused = head;
  refused.emplace_back("Origin", "https://evil.example");
  CHECK(server.client().ask("POST", "/execute_task", refused)->status == 403);
}

TEST_CASE("what RFC 9112 calls an error is refused, and nothing is stored or read behind it") {
  running_server server;
  const std::string body = assign("t1");
  const std::string size = std::to_string(body.size());
  const std::string line = "POST /execute_task HTTP/1.1\r\n", host = "Host: localhost\r\n";
  const std::string type = "Content-Type: application/json\r\n", length = "Content-Length: " + size + "\r\n";
  const std::string nul(1, '\0');
  const std::vector<std::pair<int, std::string>> cases{
      {400, line + host + type + "Content-Length: +" + size + "\r\n\r\n" + body},
      {400, line + host + type + "Content-Length: " + size + " abc\r\n\r\n" + body},
      {400, line + host + type + "Content-Length: -1\r\n\r\n" + body},
      {400, line + host + type + "Content-Length: 18446744073709551616\r\n\r\n" + body},
      {400, line + host + type + "Content-Length: 5\r\n" + length + "\r\n" + body},
      {400, line + host + type + length + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {400, line + host + type + "Transfer-Encoding: chunked\r\n" + length + "\r\n0\r\n\r\n"},
      {400, line + host + type + "Transfer-Encoding: gzip\r\n" + length + "\r\n" + body},
      {400, line + host + type + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n"},
      {400, line + host + type + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"},
      {400, line + host + type + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(40000, 'x')},
      {501, line + host + type + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
      {501, line + host + type + "Transfer-Encoding: unknown\r\n\r\n" + body},
      {400, line + type + length + "\r\n" + body},
      {400, line + host + host + type + length + "\r\n" + body},
      {400, line + host + type + type + length + "\r\n" + body},
      {400,
       line + host + "Origin: http://localhost\r\nOrigin: https://evil.example\r\n" + type + length + "\r\n" + body},
      {400, line + host + "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n" + type + length + "\r\n" + body},
      {403, line + "Host: %6cocalhost\r\n" + type + length + "\r\n" + body},
      {403, line + "Host: localhost%00.evil.com\r\n" + type + length + "\r\n" + body},
      {403, line + host + "Origin: http://%6cocalhost\r\n" + type + length + "\r\n" + body},
      {403, line + "Host: \xff\r\n" + type + length + "\r\n" + body},
      {400, line + "Host: localhost" + nul + ".evil.com\r\n" + type + length + "\r\n" + body},
      {400, line + host + "Authorization: Bearer a" + nul + "\r\n" + type + length + "\r\n" + body},
      {400, line + host + "X: \x01\r\n" + type + length + "\r\n" + body},
      {400, line + host + type + "X: a\nb: c\r\n" + length + "\r\n" + body},
      {400, "POST /execute_task HTTP/2.0\r\n" + host + type + length + "\r\n" + body},
      {400, line + host + type + length + "\r\n{"},
      {417, line + host + type + "Expect: wonders\r\n" + length + "\r\n" + body},
      {431, line + host + "X: " + std::string(20000, 'x')},
      {404, "POST /%65xecute_task HTTP/1.1\r\n" + host + type + length + "\r\n" + body},
  };
  for (const auto& [status, bytes] : cases) {
    CAPTURE(bytes.substr(0, 300));
    CHECK(statuses_of(server.port(), bytes + http_request("GET", "/health")) == std::vector{status});
  }
  std::string many = line;
  for (int i = 0; i <= 100; ++i) many += "X: y\r\n";
  CHECK(statuses_of(server.port(), many + "\r\n") == std::vector{431});
  CHECK(stored(server.place()) == 0);
}

TEST_CASE("a head without an end is refused at its limit, and holds up no stop") {
  running_server server;
  auto client = server.client();
  client.send("GET / HTTP/1.1\r\n");
  for (int i = 0; i < 1000; ++i) client.send("X: " + std::string(60, 'x') + "\r\n");
  const auto r = client.next();
  REQUIRE(r);
  CHECK(r->status == 431);
  server.stop();
}

TEST_CASE("bodies beyond the memory for them are refused with 503 until there is room again") {
  auto options = on_any_port();
  options.body_bytes = 1000;
  running_server server(std::move(options));
  auto half = server.client();
  CHECK(half.get("/health")->status == 200);
  half.send(http_request("POST", "/execute_task", {{"Content-Type", "application/json"}, {"Content-Length", "950"}}) +
            std::string(900, ' '));
  const auto refused = server.client().post(assign("t1") + std::string(200, ' '));
  REQUIRE(refused);
  CHECK(refused->status == 503);
  CHECK(refused->header("Retry-After") == "1");
  CHECK(text_in(parsed(refused->body), "code") == "busy");
  CHECK(stored(server.place()) == 0);
  half.hang_up();
  // It is noticed in its own time; the test's time limit bounds how long.
  std::optional<http_answer> r;
  do r = server.client().post(assign("t1") + std::string(200, ' '));
  while (r && r->status == 503);
  REQUIRE(r);
  CHECK(r->status == 200);
  CHECK(server.client().post(std::string(1001, ' '))->status == 503);
}

TEST_CASE("a stop does not wait for a client that sends nothing") {
  auto options = on_any_port();
  options.read_limit = std::chrono::hours{1};
  running_server server(std::move(options));
  const unique_fd silent = connected_to(server.port());
  REQUIRE(::send(silent.get(), "POST /execute_task HTTP/1.1\r\n", 29, MSG_NOSIGNAL) == 29);
  server.client().get("/health");
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
  CHECK(client.get("/health")->status == 401);
  CHECK(client.post(assign("t1"))->status == 401);
  CHECK(stored(server.place()) == 0);
  CHECK(server.client().post(assign("t1"), {{"Authorization", "Bearer 0123456789abcdef0123"}})->status == 200);
}

TEST_CASE("a port in use is an error that says so, and a second server never shares it") {
  running_server server;
  auto same_port = on_any_port();
  same_port.port = server.port();
  const auto second = program::http_server::open(server.place(), std::move(same_port));
  REQUIRE_FALSE(second);
  CHECK(second.error().code == errc::port_in_use);
  CHECK(second.error().message.find(std::to_string(server.port())) != std::string::npos);
}

TEST_CASE("only addresses of this machine are listened on, and the loopback ones are known") {
  const folder f;
  workspace place = open_in(f);
  for (const char* address : {"not-an-address", "203.0.113.1", ""}) {
    CAPTURE(address);
    auto options = on_any_port();
    options.bind = address;
    CHECK(program::http_server::open(place, std::move(options)).error().code == errc::bad_value);
  }
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
  const auto r = server.client().get("/health");
  REQUIRE(r);
  CHECK(r->status == 503);
  CHECK(text_in(parsed(r->body), "code") == "workspace_replaced");
  const auto refused = server.client().post(assign("t1"));
  REQUIRE(refused);
  CHECK(refused->status == 503);
  CHECK(text_in(parsed(refused->body), "code") == "workspace_replaced");
}

TEST_CASE("a token is the first line of a file that only its owner may read") {
  const folder f;
  const auto token = program::read_token(f.write("token", "0123456789abcdef\r\nmore\n"));
  REQUIRE(token);
  CHECK(*token == "0123456789abcdef");
}

TEST_CASE("a token file that others may read or write is refused") {
  const folder f;
  for (const mode_t mode : {0640U, 0604U, 0620U, 0666U}) {
    CAPTURE(mode);
    CHECK(program::read_token(f.write("token", "0123456789abcdef\n", mode)).error().code == errc::unsafe_file);
  }
}

TEST_CASE("a token that is short, empty or has spaces is refused, and a missing file too") {
  const folder f;
  for (const char* content : {"", "\n0123456789abcdef", "short", "0123456789 abcdef", "0123456789abcde\x01"}) {
    CAPTURE(content);
    CHECK(program::read_token(f.write("token", content)).error().code == errc::bad_value);
  }
  CHECK(program::read_token(f.path() / "none").error().code == errc::io_error);
}

}  // namespace cobatch_test
