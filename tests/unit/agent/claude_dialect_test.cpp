#include "agent/claude_dialect.hpp"

#include <string>

#include <doctest/doctest.h>

#include "json/json.hpp"

using namespace cobatch;

namespace {

const turn_key key{turn_no{1}, task_id("t")};

// A `result` line in the shape of Claude Code 2.1: cumulative modelUsage, and the difference where `since` is given.
std::string result_line(const std::string& text, std::int64_t cumulative_output, const std::string& more = {}) {
  std::string line =
      R"({"type":"result","subtype":"success","is_error":false,"num_turns":1,"session_id":"s1","result":)";
  json::append_string(line, text);
  line += R"(,"usage":{"input_tokens":1,"output_tokens":2},"modelUsage":{"opus":{"inputTokens":6,"outputTokens":)" +
          std::to_string(cumulative_output) +
          R"(,"cacheReadInputTokens":100,"cacheCreationInputTokens":300,"cacheCreationEphemeral1hInputTokens":50}})";
  return line + more + "}";
}

}  // namespace

TEST_CASE("a prompt is one user message on one line") {
  turn_request request;
  request.prompt = "a\nb \"c\"";
  const std::string line = make_claude_dialect()->ask(request);
  CHECK(line.find('\n') == line.size() - 1);
  const auto sent = json::parse(line);
  REQUIRE(sent);
  CHECK(*sent->find("type") == json::value("user"));
  CHECK(*sent->find("message")->find("content") == json::value("a\nb \"c\""));
}

TEST_CASE("the tokens of a turn are the agent's own difference where it gives one") {
  const auto speech = make_claude_dialect();
  const auto report =
      speech->read(result_line("ok", 999,
                               R"(,"model_usage_since_last_result":{"opus":{"inputTokens":9,"outputTokens":106,)"
                               R"("cacheReadInputTokens":19200,"cacheCreationInputTokens":306}})"),
                   key);
  REQUIRE(report);
  REQUIRE(report->what.used);
  CHECK(report->what.used->source == usage_source::reported);
  CHECK(report->what.used->total() == tokens{9, 306, 0, 19200, 106, 0});
}

TEST_CASE("without it they are the difference of the cumulative figures, anew in a new session") {
  const auto speech = make_claude_dialect();
  const auto first = speech->read(result_line("one", 100), key);
  REQUIRE(first->what.used);
  CHECK(first->what.used->total() == tokens{6, 250, 50, 100, 100, 0});
  const auto second = speech->read(result_line("two", 130), key);
  REQUIRE(second->what.used);
  CHECK(second->what.used->source == usage_source::difference);
  CHECK(second->what.used->total() == tokens{0, 0, 0, 0, 30, 0});
  std::string other = result_line("three", 20);
  other.replace(other.find("\"s1\""), 4, "\"s2\"");
  CHECK(speech->read(other, key)->what.used->total().output == 20);
}

TEST_CASE("the agent's status line decides, and without one the status is inferred") {
  const auto done = make_claude_dialect()->read(
      result_line("all good\nCOBATCH {\"status\":\"done\",\"summary\":\"made it\"}", 1), key);
  CHECK(done->what.end == turn_end::done);
  CHECK(done->what.source == status_source::reported);
  CHECK(done->what.output_summary == "made it");
  const auto failed = make_claude_dialect()->read(
      result_line("COBATCH {\"status\":\"done\"}\nno:\nCOBATCH {\"status\":\"error\",\"summary\":\"cannot\"}", 1), key);
  CHECK(failed->what.end == turn_end::error);
  CHECK(failed->what.detail == "cannot");
  const auto silent = make_claude_dialect()->read(result_line("\n did a thing \nand more", 1), key);
  CHECK(silent->what.end == turn_end::done);
  CHECK(silent->what.source == status_source::inferred);
  CHECK(silent->what.output_summary == "did a thing ");
}

TEST_CASE("an API error that calls itself success is a broken turn and the process is not used further") {
  const auto report = make_claude_dialect()->read(
      R"({"type":"result","subtype":"success","is_error":true,"terminal_reason":"api_error","api_error_status":529,)"
      R"("result":"API Error: 529 overloaded","session_id":"s1","modelUsage":{}})",
      key);
  REQUIRE(report);
  CHECK(report->what.end == turn_end::broke);
  CHECK(report->what.reason == "api_error_529");
  CHECK_FALSE(report->usable);
}

TEST_CASE("an agent that is not logged in charges nothing to the task") {
  const auto report = make_claude_dialect()->read(
      R"({"type":"result","subtype":"success","is_error":true,"terminal_reason":"api_error","api_error_status":null,)"
      R"("result":"Not logged in · Please run /login","session_id":"s1","modelUsage":{}})",
      key);
  CHECK(report->what.end == turn_end::stopped);
  CHECK(report->what.reason == "not_authenticated");
}

TEST_CASE("a denied tool fails the task only if it never worked in the turn") {
  const std::string denied = R"(,"permission_denials":[{"tool_name":"Bash","tool_use_id":"u1"}])";
  const std::string call =
      R"({"type":"assistant","message":{"content":[{"type":"tool_use","id":"u2","name":"Bash","input":{}}]}})";
  const std::string worked =
      R"({"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"u2","content":"x","is_error":false}]}})";

  const auto alone = make_claude_dialect()->read(result_line("fine", 1, denied), key);
  CHECK(alone->what.end == turn_end::denied);
  CHECK(alone->what.reason == "permission_denied");
  CHECK(alone->what.detail.find("--allow Bash") != std::string::npos);

  const auto speech = make_claude_dialect();
  CHECK_FALSE(speech->read(call, key));
  CHECK_FALSE(speech->read(worked, key));
  CHECK(speech->read(result_line("fine", 1, denied), key)->what.end == turn_end::done);
  // What worked in one turn excuses nothing in the next.
  CHECK(speech->read(result_line("fine", 2, denied), key)->what.end == turn_end::denied);
}

TEST_CASE("lines of any other kind, known or not, do not end a turn") {
  const auto speech = make_claude_dialect();
  for (const char* line : {R"({"type":"system","subtype":"init","session_id":"s1"})", R"({"type":"control_response"})",
                           R"({"type":"assistant","message":{"content":"text"}})", R"({"type":"user"})",
                           R"({"type":"brand_new"})", "not json", "", "{}"}) {
    CAPTURE(line);
    CHECK_FALSE(speech->read(line, key));
  }
}
