#include "api/request.hpp"

#include <string>

#include "unit/api/fixture.hpp"

namespace cobatch_test {

namespace {

std::string wait_request(const std::string& params) {
  return R"({"tool_name":"claude_assistant","action":"wait_batch","params":{"batch_id":"b",)" + params + "}}";
}

}  // namespace

TEST_CASE("a request to wait is not waited for, and its looks answer once the batch has ended") {
  fixture f;
  f.ask("assign_batch", R"({"batch_id":"b","tasks":[)" + task("a") + "]}");
  auto begun = request::begin(f.place(), wait_request(R"("timeout_seconds":40)"));
  const auto* wait = std::get_if<request::batch_wait>(&begun);
  REQUIRE(wait != nullptr);
  CHECK_FALSE(request::batch_look(f.place()).reply_to(*wait, false));
  f.run_next_batch();
  // A round that has ended stays so, though the next one has begun.
  f.ask("retry_batch", R"({"batch_id":"b"})");
  f.ask("assign_batch", R"({"batch_id":"b","tasks":[)" + task("c") + "]}");
  const auto done = request::batch_look(f.place()).reply_to(*wait, false);
  REQUIRE(done);
  CHECK(done->kind == reply_kind::ok);
  CHECK(done->json.find(R"("ended":true)") != std::string::npos);
}

TEST_CASE("a wait is over when its time is, or when everything stops, and says which") {
  fixture f;
  f.ask("assign_batch", R"({"batch_id":"b","tasks":[)" + task("a") + "]}");
  auto begun = request::begin(f.place(), wait_request(R"("timeout_seconds":40,"tineout":1)"));
  auto* wait = std::get_if<request::batch_wait>(&begun);
  REQUIRE(wait != nullptr);
  const auto stopped = request::batch_look(f.place()).reply_to(*wait, true);
  REQUIRE(stopped);
  CHECK(stopped->json.find(R"("ended":false)") != std::string::npos);
  CHECK(stopped->json.find("is stopping") != std::string::npos);
  CHECK(stopped->json.find("tineout") != std::string::npos);
  wait->deadline = std::chrono::steady_clock::now();
  const auto late = request::batch_look(f.place()).reply_to(*wait, false);
  REQUIRE(late);
  CHECK(late->json.find("Call wait_batch again to go on waiting") != std::string::npos);
}

TEST_CASE("one look reads a batch once, however many wait for it") {
  fixture f;
  f.ask("assign_batch", R"({"batch_id":"b","tasks":[)" + task("a") + "]}");
  auto begun = request::begin(f.place(), wait_request(R"("timeout_seconds":40)"));
  const auto& wait = std::get<request::batch_wait>(begun);
  request::batch_look look(f.place());
  CHECK_FALSE(look.reply_to(wait, false));
  f.run_next_batch();
  CHECK_FALSE(look.reply_to(wait, false));
  CHECK(request::batch_look(f.place()).reply_to(wait, false));
}

TEST_CASE("who asks with values gets the reply that a text gets, as values") {
  fixture f;
  const json::object params{{"task_id", "a"}, {"description", "do a"}, {"batch_id", "b"}, {"colour", "red"}};
  auto answered = request::ask(f.place(), "assign_task", params);
  CHECK(answered.kind == reply_kind::ok);
  CHECK_FALSE(answered.why);
  const json::value again(request::ask(f.place(), "assign_task", params).body);
  CHECK(again == f.ask("assign_task", json::write(params)).body);
  CHECK(*again.find("duplicate") == json::value(true));
  answered = request::ask(f.place(), "wait_batch", {{"batch_id", "b"}, {"timeout_seconds", 0}});
  CHECK(*json::value(answered.body).find("ended") == json::value(false));
  answered = request::ask(f.place(), "get_task_result", {{"task_id", "none"}});
  CHECK(answered.kind == reply_kind::refused);
  CHECK(answered.why == errc::task_not_found);
}

TEST_CASE("what does not wait is answered at once") {
  fixture f;
  auto begun = request::begin(f.place(), wait_request(R"("timeout_seconds":40)"));
  auto* refused = std::get_if<reply>(&begun);
  REQUIRE(refused != nullptr);
  CHECK(refused->why == errc::batch_not_found);
  begun = request::begin(f.place(), "no request");
  CHECK(std::get<reply>(begun).kind == reply_kind::malformed);
}

}  // namespace cobatch_test
