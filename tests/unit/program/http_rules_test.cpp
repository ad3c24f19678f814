#include "program/http_rules.hpp"

#include <doctest/doctest.h>

#include "base/json.hpp"

namespace cobatch::program {

namespace {

using boost::beast::http::field;

http_head good_post() {
  http_head head;
  head.method_string("POST");
  head.target("/execute_task");
  head.set(field::host, "localhost:5001");
  head.set(field::content_type, "application/json");
  return head;
}

int status(const http_head& head, const http_rules& rules = {}) {
  const auto refused = refusal_of(head, rules);
  if (!refused) return 200;
  const auto body = json::parse(refused->body);
  REQUIRE(body);
  CHECK(*body->find("status") == json::value("error"));
  CHECK_FALSE(body->find("message")->as_string()->empty());
  return refused->status;
}

int status_with_hosts(const std::vector<const char*>& hosts) {
  http_head head = good_post();
  head.erase(field::host);
  for (const char* host : hosts) head.insert(field::host, host);
  return status(head);
}

constexpr const char* secret = "0123456789abcdef0123";

}  // namespace

TEST_CASE("a head is taken as it came: nothing in it is decoded, and its names are of any case") {
  http_head head;
  head.method_string("POST");
  head.target("/execute_task?a=%2F");
  head.insert("HOST", "LocalHost");
  head.insert("content-type", "application/json");
  head.insert("expect", "100-Continue");
  CHECK_FALSE(fault_of(head));
  CHECK(status(head) == 200);
  CHECK(expects_continue(head));
  CHECK_FALSE(expects_continue(good_post()));
  head.set(field::origin, "http://%6cocalhost");
  CHECK(status(head) == 403);
  head.erase(field::origin);
  head.set(field::host, "%6cocalhost");
  CHECK(status(head) == 403);
}

TEST_CASE("a head that can be read in two ways is not read") {
  using fields = std::vector<std::pair<const char*, const char*>>;
  const auto status_of_head = [](unsigned version, const fields& given) {
    http_head head;
    head.method_string("GET");
    head.target("/");
    head.version(version);
    for (const auto& [name, value] : given) head.insert(name, value);
    const auto refused = fault_of(head);
    return refused ? refused->status : 200;
  };
  CHECK(status_of_head(11, {{"Host", "a"}}) == 200);
  CHECK(status_of_head(11, {}) == 400);
  CHECK(status_of_head(10, {}) == 200);
  CHECK(status_of_head(11, {{"Host", "a"}, {"host", "a"}}) == 400);
  CHECK(status_of_head(10, {{"Host", "a"}, {"host", "a"}}) == 400);
  for (const char* name : {"Origin", "Content-Type", "Content-Encoding", "Authorization", "Expect"}) {
    CAPTURE(name);
    CHECK(status_of_head(11, {{"Host", "a"}, {name, "100-continue"}, {name, "100-continue"}}) == 400);
  }
  CHECK(status_of_head(11, {{"Host", "a"}, {"Transfer-Encoding", "Chunked"}}) == 200);
  CHECK(status_of_head(10, {{"Host", "a"}, {"Transfer-Encoding", "chunked"}}) == 400);
  CHECK(status_of_head(11, {{"Host", "a"}, {"Transfer-Encoding", "chunked"}, {"Content-Length", "1"}}) == 400);
  CHECK(status_of_head(11, {{"Host", "a"}, {"Transfer-Encoding", "gzip"}}) == 501);
  CHECK(status_of_head(11, {{"Host", "a"}, {"Expect", "wonders"}}) == 417);
  CHECK(status_of_head(11, fields(most_headers, {"Host", "a"})) == 400);
  CHECK(status_of_head(11, fields(most_headers + 1, {"Host", "a"})) == 431);
}

TEST_CASE("the loopback names are answered, with any port") {
  for (const char* host :
       {"localhost", "localhost:5001", "LOCALHOST:80", "127.0.0.1", "127.0.0.1:9", "[::1]", "[::1]:5001"}) {
    CAPTURE(host);
    CHECK(status_with_hosts({host}) == 200);
  }
}

TEST_CASE("any other Host is refused, as are none and two") {
  for (const char* host : {"evil.example", "evil.example:5001", "localhost.evil.example", "127.0.0.1.evil.example",
                           "localhost:evil", "localhost:", "localhost:5001@evil.example", "[::1]evil", "[::1", "::1",
                           "0.0.0.0", "127.0.0.2", "", ":5001", "localhost:123456"}) {
    CAPTURE(host);
    CHECK(status_with_hosts({host}) == 403);
  }
  CHECK(status_with_hosts({}) == 403);
  CHECK(status_with_hosts({"localhost", "localhost"}) == 403);
}

TEST_CASE("an allowed Host is answered only together with a token") {
  http_head head = good_post();
  head.set(field::host, "Box.Example:443");
  CHECK(status(head, {{"box.example"}, ""}) == 403);
  CHECK(status(head, {{"box.example"}, secret}) == 401);
  head.set(field::authorization, std::string("Bearer ") + secret);
  CHECK(status(head, {{"box.example"}, secret}) == 200);
  head.set(field::host, "other.example");
  CHECK(status(head, {{"box.example"}, secret}) == 403);
}

TEST_CASE("with a token, every request must bring it, on loopback and to every path") {
  const http_rules rules{{}, secret};
  for (const char* path : {"/", "/health", "/get_supported_actions", "/nope"}) {
    http_head head = good_post();
    head.method_string("GET");
    head.target(path);
    CHECK(status(head, rules) == 401);
  }
  http_head head = good_post();
  for (const std::string& given : {std::string(), std::string(secret), std::string("Bearer"), std::string("Bearer "),
                                   "Basic " + std::string(secret), "Bearer " + std::string(secret) + "x",
                                   "Bearer " + std::string(secret).substr(1)}) {
    CAPTURE(given);
    head.set(field::authorization, given);
    CHECK(status(head, rules) == 401);
  }
  head.set(field::authorization, "bearer " + std::string(secret));
  CHECK(status(head, rules) == 200);
  const auto refused = refusal_of(good_post(), rules);
  REQUIRE(refused);
  CHECK(refused->headers == std::vector<std::pair<std::string, std::string>>{{"WWW-Authenticate", "Bearer"}});
  CHECK(refused->body.find(secret) == std::string::npos);
}

TEST_CASE("pages of this machine may ask, others may not") {
  http_head head = good_post();
  for (const char* origin : {"http://localhost:3000", "https://127.0.0.1", "http://[::1]:8080"}) {
    CAPTURE(origin);
    head.set(field::origin, origin);
    CHECK(status(head) == 200);
  }
  for (const char* origin : {"null", "", "https://evil.example", "http://localhost.evil.example", "file://localhost",
                             "http://localhost@evil.example", "http://localhost:80/x"}) {
    CAPTURE(origin);
    head.set(field::origin, origin);
    CHECK(status(head) == 403);
  }
}

TEST_CASE("a body must say that it is JSON and come uncompressed") {
  http_head head = good_post();
  for (const char* type : {"application/json", "Application/JSON; charset=utf-8", "application/json;charset=utf-8"}) {
    head.set(field::content_type, type);
    CHECK(status(head) == 200);
  }
  for (const char* type : {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data",
                           "application/jsonx", "text/plain; application/json", ""}) {
    CAPTURE(type);
    head.set(field::content_type, type);
    CHECK(status(head) == 415);
  }
  head.erase(field::content_type);
  CHECK(status(head) == 415);
  CHECK(refusal_of(head, {})->body.find("-H 'Content-Type: application/json'") != std::string::npos);
  head = good_post();
  head.set(field::content_encoding, "gzip");
  CHECK(status(head) == 415);
  head.set(field::content_encoding, "identity");
  CHECK(status(head) == 200);
}

TEST_CASE("an unknown path lists what there is, a wrong method says what is allowed") {
  http_head head = good_post();
  head.target("/execute_tasks");
  auto refused = refusal_of(head, {});
  REQUIRE(refused);
  CHECK(refused->status == 404);
  for (const auto& route : http_routes) CHECK(refused->body.find(route.path) != std::string::npos);

  head.target("/execute_task");
  for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "PATCH", "POST,", "OST", ""}) {
    CAPTURE(method);
    head.method_string(method);
    refused = refusal_of(head, {});
    REQUIRE(refused);
    CHECK(refused->status == 405);
    CHECK(refused->headers == std::vector<std::pair<std::string, std::string>>{{"Allow", "POST, OPTIONS"}});
  }
}

TEST_CASE("a refused reply allows no page anything") {
  http_head head = good_post();
  head.set(field::origin, "https://evil.example");
  const auto refused = refusal_of(head, {});
  REQUIRE(refused);
  CHECK(refused->status == 403);
  for (const auto& [name, value] : refused->headers) CHECK(name.find("Access-Control") == std::string::npos);
}

}  // namespace cobatch::program
