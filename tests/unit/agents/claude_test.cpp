#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cobatch/store.hpp>

#include "agents/dialect.hpp"
#include "base/json.hpp"
#include "unit/agents/key.hpp"

using namespace cobatch;
using namespace cobatch_test;

namespace {

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
      speech
          ->read({result_line("ok", 999,
                              R"(,"model_usage_since_last_result":{"opus":{"inputTokens":9,"outputTokens":106,)"
                              R"("cacheReadInputTokens":19200,"cacheCreationInputTokens":306}})")},
                 key)
          .end;
  REQUIRE(report);
  REQUIRE(report->what.used);
  CHECK(report->what.used->source == usage_source::reported);
  CHECK(report->what.used->total() == tokens{9, 306, 0, 19200, 106, 0});
}

TEST_CASE("a model's figures without input or output are unknown, not 0") {
  for (const char* figures : {R"({"inputTokens":9})", R"({"outputTokens":9})", "{}"}) {
    const auto report =
        make_claude_dialect()
            ->read(
                {R"({"type":"result","is_error":false,"result":"ok","session_id":"s1","model_usage_since_last_result":{"opus":)" +
                 std::string(figures) + "}}"},
                key)
            .end;
    REQUIRE(report);
    CHECK(report->what.end == turn_end::done);
    CHECK_FALSE(report->what.used);
  }
}

TEST_CASE("without it they are the difference of the cumulative figures, anew in a new session") {
  const auto speech = make_claude_dialect();
  const auto first = speech->read({result_line("one", 100)}, key).end;
  REQUIRE(first->what.used);
  CHECK(first->what.used->total() == tokens{6, 250, 50, 100, 100, 0});
  const auto second = speech->read({result_line("two", 130)}, key).end;
  REQUIRE(second->what.used);
  CHECK(second->what.used->source == usage_source::difference);
  CHECK(second->what.used->total() == tokens{0, 0, 0, 0, 30, 0});
  std::string other = result_line("three", 20);
  other.replace(other.find("\"s1\""), 4, "\"s2\"");
  CHECK(speech->read({other}, key).end->what.used->total().output == 20);
}

TEST_CASE("the agent's status line decides, and without one the status is inferred") {
  const auto done = make_claude_dialect()
                        ->read({result_line("all good\nCOBATCH {\"status\":\"done\",\"summary\":\"made it\"}", 1)}, key)
                        .end;
  CHECK(done->what.end == turn_end::done);
  CHECK(done->what.source == status_source::reported);
  CHECK(done->what.output_summary == "made it");
  const auto failed =
      make_claude_dialect()
          ->read({result_line(
                     "COBATCH {\"status\":\"done\"}\nno:\nCOBATCH {\"status\":\"error\",\"summary\":\"cannot\"}", 1)},
                 key)
          .end;
  CHECK(failed->what.end == turn_end::error);
  CHECK(failed->what.detail == "cannot");
  const auto silent = make_claude_dialect()->read({result_line("\n did a thing \nand more", 1)}, key).end;
  CHECK(silent->what.end == turn_end::done);
  CHECK(silent->what.source == status_source::inferred);
  CHECK(silent->what.output_summary == "did a thing ");
}

TEST_CASE("a closing line of another task is never taken as this one's") {
  const auto report = make_claude_dialect()
                          ->read({result_line(R"(COBATCH {"task":"other","status":"done","summary":"x"})", 1)}, key)
                          .end;
  CHECK(report->what.end == turn_end::broke);
  CHECK(report->what.reason == "wrong_task");
  CHECK(report->what.detail.find("\"other\"") != std::string::npos);
  CHECK(report->usable);
  const auto own =
      make_claude_dialect()->read({result_line(R"(COBATCH {"task":"t","status":"error","summary":"x"})", 1)}, key).end;
  CHECK(own->what.end == turn_end::error);
}

TEST_CASE("a late answer to an earlier task is passed over with a notice, and each task gets its own") {
  const auto speech = make_claude_dialect();
  const auto ask = [&](const char* id) {
    turn_request request;
    request.task = task_id(id);
    static_cast<void>(speech->ask(request));
  };
  const auto answer = [&](const char* to, const char* while_asked) {
    return speech->read(
        {result_line(std::string(R"(COBATCH {"task":")") + to + R"(","status":"done","summary":"for )" + to + "\"}",
                     1)},
        {turn_no{2}, task_id(while_asked)});
  };
  ask("a");
  CHECK(answer("a", "a").end->what.output_summary == "for a");
  ask("b");
  const auto late = answer("a", "b");
  CHECK_FALSE(late.end);
  REQUIRE(late.late_answer);  // if no other answer comes
  CHECK(late.late_answer->what.reason == "wrong_task");
  REQUIRE(late.news);
  CHECK(late.news->what == event::kind::notice);
  const auto right = answer("b", "b");
  CHECK_FALSE(right.late_answer);
  REQUIRE(right.end);
  CHECK(right.end->what.end == turn_end::done);
  CHECK(right.end->what.output_summary == "for b");
}

TEST_CASE("a result of any origin but a task's own notification is the answer") {
  for (const char* origin : {R"({"kind":"human"})", R"({"kind":"sdk"})", R"("x")", "{}"}) {
    CAPTURE(origin);
    CHECK(make_claude_dialect()->read({result_line("fine", 1, std::string(",\"origin\":") + origin)}, key).end);
  }
}

TEST_CASE("an answer that cannot be read ends the turn at once, and any other line is passed over") {
  const auto report = make_claude_dialect()->read({R"({"type":"result","subtype":"success","result":"half)"}, key).end;
  REQUIRE(report);
  CHECK(report->what.end == turn_end::broke);
  CHECK(report->what.reason == "unreadable_answer");
  CHECK_FALSE(make_claude_dialect()->read({R"({"type":"assistant","message":{"content":[)"}, key).end);
  CHECK_FALSE(make_claude_dialect()->read({"{debug} not JSON"}, key).end);
  const auto mended = make_claude_dialect()->read({result_line("caf", 1, R"(,"more":"\udce9")")}, key).end;
  CHECK(mended->what.end == turn_end::done);
}

TEST_CASE("a turn whose stream broke in the middle is known in part at most") {
  const std::string since = R"(,"model_usage_since_last_result":{"opus":{"inputTokens":62,"outputTokens":159,)"
                            R"("cacheReadInputTokens":27000,"cacheCreationInputTokens":359}})";
  std::string line = result_line("ok", 159, since);
  const std::string plain = R"("usage":{"input_tokens":1,"output_tokens":2})";
  line.replace(line.find(plain), plain.size(),
               R"("usage":{"input_tokens":183,"cache_creation_input_tokens":1074,"cache_read_input_tokens":80100,)"
               R"("output_tokens":163})");
  const auto report = make_claude_dialect()->read({line}, key).end;
  REQUIRE(report->what.used);
  CHECK_FALSE(report->what.used->complete);
  CHECK(report->what.used->total().output == 159);
}

TEST_CASE("an API error that calls itself success is a broken turn, and the process goes on") {
  const auto report =
      make_claude_dialect()
          ->read(
              {R"({"type":"result","subtype":"success","is_error":true,"terminal_reason":"api_error","api_error_status":500,)"
               R"("result":"API Error: 500 Internal server error.","session_id":"s1","modelUsage":{}})"},
              key)
          .end;
  REQUIRE(report);
  CHECK(report->what.end == turn_end::broke);
  CHECK(report->what.reason == "api_error_500");
  CHECK(report->usable);
}

TEST_CASE("an agent that is not logged in charges nothing to the task") {
  const auto report =
      make_claude_dialect()
          ->read(
              {R"({"type":"result","subtype":"success","is_error":true,"terminal_reason":"api_error","api_error_status":null,)"
               R"("result":"Not logged in · Please run /login","session_id":"s1","modelUsage":{}})"},
              key)
          .end;
  CHECK(report->what.end == turn_end::stopped);
  CHECK(report->what.reason == "not_authenticated");
}

TEST_CASE("a denied tool fails the task only if it never worked in the turn") {
  const std::string denied = R"(,"permission_denials":[{"tool_name":"Bash","tool_use_id":"u1"}])";
  const std::string call =
      R"({"type":"assistant","message":{"content":[{"type":"tool_use","id":"u2","name":"Bash","input":{}}]}})";
  const std::string worked =
      R"({"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"u2","content":"x","is_error":false}]}})";

  const auto alone = make_claude_dialect()->read({result_line("fine", 1, denied)}, key).end;
  CHECK(alone->what.end == turn_end::denied);
  CHECK(alone->what.reason == "permission_denied");
  CHECK(alone->what.detail.find("--allow Bash") != std::string::npos);

  const auto speech = make_claude_dialect();
  CHECK_FALSE(speech->read({call}, key).end);
  CHECK_FALSE(speech->read({worked}, key).end);
  CHECK(speech->read({result_line("fine", 1, denied)}, key).end->what.end == turn_end::done);
  // What worked in one turn excuses nothing in the next.
  CHECK(speech->read({result_line("fine", 2, denied)}, key).end->what.end == turn_end::denied);
}

TEST_CASE("a denial says what to do: a tool that the agent has is to be allowed nothing, but given another folder") {
  const auto denied = [](const std::string& denials) {
    const auto speech = make_claude_dialect({"Edit", "Read"});
    CHECK_FALSE(speech->read({R"({"type":"system","subtype":"init","session_id":"s","cwd":"/home/p"})"}, key).end);
    return speech->read({result_line("fine", 1, R"(,"permission_denials":[)" + denials + "]")}, key).end->what.detail;
  };
  const std::string outside = R"({"tool_name":"Edit","tool_input":{"file_path":"/etc/hosts"}})";
  const std::string missing = R"({"tool_name":"Bash","tool_input":{"command":"ls"}},{"tool_name":"WebFetch"})";
  const auto has = [](const std::string& text, const char* part) { return text.find(part) != std::string::npos; };
  CHECK(has(denied(outside), "/etc/hosts lies outside"));
  CHECK(has(denied(outside), "--cwd"));
  CHECK_FALSE(has(denied(outside), "--allow"));
  CHECK(has(denied(missing), "--allow Bash --allow WebFetch"));
  CHECK_FALSE(has(denied(missing), "--cwd"));
  // In its own folder it is the permission mode that does not let it.
  CHECK(has(denied(R"({"tool_name":"Edit","tool_input":{"file_path":"/home/p/a"}})"), "--allow Edit"));
  CHECK(has(denied(outside + "," + missing), "--cwd"));
  CHECK(has(denied(outside + "," + missing), "--allow Bash --allow WebFetch"));
}

TEST_CASE("lines of any other kind, known or not, do not end a turn") {
  const auto speech = make_claude_dialect();
  for (const char* line : {R"({"type":"system","subtype":"init","session_id":"s1"})", R"({"type":"control_response"})",
                           R"({"type":"assistant","message":{"content":"text"}})", R"({"type":"user"})",
                           R"({"type":"brand_new"})", "not json", "", "{}"}) {
    CAPTURE(line);
    CHECK_FALSE(speech->read({line}, key).end);
  }
}

// ------------------------------------------------------------------- as Claude Code 2.1.331 was recorded to write them

namespace {

std::string failure(const std::string& more, const std::string& text) {
  return R"({"type":"result","subtype":"success","is_error":true,"terminal_reason":"api_error",)" + more +
         R"("result":")" + text + R"(","session_id":"s1","modelUsage":{},"model_usage_since_last_result":{}})";
}

std::string synthetic(const std::string& error) {
  return R"({"type":"assistant","message":{"id":"x","model":"<synthetic>","content":[],"usage":{"input_tokens":0,)"
         R"("output_tokens":0}},"parent_tool_use_id":null,"error":")" +
         error + "\"}";
}

std::string request_line(const std::string& id, int cache_read, const std::string& parent = "null") {
  return R"({"type":"assistant","message":{"id":")" + id +
         R"(","model":"opus","content":[],"usage":{"input_tokens":1,"cache_creation_input_tokens":10,)"
         R"("cache_read_input_tokens":)" +
         std::to_string(cache_read) + R"(,"output_tokens":1}},"parent_tool_use_id":)" + parent + "}";
}

std::string since_line(int output, const std::string& more = {}) {
  return R"({"type":"result","subtype":"success","is_error":false,"terminal_reason":"completed","result":"ok",)"
         R"("session_id":"s1",)" +
         more + R"("model_usage_since_last_result":{"opus":{"inputTokens":1,"outputTokens":)" + std::to_string(output) +
         "}}}";
}

}  // namespace

TEST_CASE("a usage limit is waited for until the time that the provider named") {
  const auto speech = make_claude_dialect();
  CHECK_FALSE(speech
                  ->read({R"({"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":1795545843,)"
                          R"("rateLimitType":"five_hour"}})"},
                         key)
                  .end);
  CHECK_FALSE(speech->read({synthetic("rate_limit")}, key).end);
  const auto report =
      speech
          ->read(
              {failure(R"("api_error_status":429,"api_error":"usage_limit_reached",)", "You've hit your 5-hour limit")},
              key)
          .end;
  REQUIRE(report);
  CHECK(report->what.end == turn_end::stopped);
  REQUIRE(report->limited);
  CHECK(report->limited->until == timestamp{1795545843000});
  CHECK(report->limited->reason == "You've hit your 5-hour limit");
  CHECK(report->usable);
  // The next turn has nothing of it.
  CHECK_FALSE(speech->read({failure(R"("api_error_status":429,)", "again")}, key).end->limited->until);
}

TEST_CASE("what a person has to see to is told apart from what time heals and from what the task has done") {
  struct row {
    const char* error;
    const char* more;
    const char* text;
    const char* reason;
    bool blocked, limited;
  };
  for (const row& r : {
           row{"authentication_failed", "", "Not logged in · Please run /login", "not_authenticated", true, false},
           row{"authentication_failed", R"("api_error_status":401,)", "Invalid API key", "not_authenticated", true,
               false},
           row{"model_not_found", R"("api_error_status":404,)", "no such model", "no_such_model", true, false},
           row{"billing_error", R"("api_error_status":400,)", "Credit balance is too low", "no_credit", true, false},
           row{"unknown", R"("api_error_status":402,)", "payment required", "no_credit", true, false},
           row{"rate_limit", R"("api_error_status":429,)", "slow down", "provider_limit", false, true},
           row{"overloaded", R"("api_error_status":529,)", "overloaded", "provider_limit", false, true},
           row{"unknown", R"("api_error":"connection_failed",)", "connection dropped", "provider_limit", false, true},
           row{"server_error", R"("api_error_status":500,)", "server error", "api_error_500", false, false},
           row{"unknown", R"("api_error_status":400,)", "messages.1: wrong", "api_error_400", false, false},
       }) {
    CAPTURE(r.text);
    const auto speech = make_claude_dialect();
    CHECK_FALSE(speech->read({synthetic(r.error)}, key).end);
    const auto report = speech->read({failure(r.more, r.text)}, key).end;
    REQUIRE(report);
    CHECK(report->what.reason == r.reason);
    CHECK(report->blocked == r.blocked);
    CHECK(report->limited.has_value() == r.limited);
    CHECK(report->what.end == (r.blocked || r.limited ? turn_end::stopped : turn_end::broke));
  }
}

TEST_CASE("a limit of the account is known by the kind of its sentence, with any status, and by its reset time") {
  for (const char* text :
       {"You've hit your weekly limit \u00B7 resets Oct 9, 5pm", "You've hit your session limit \u00B7 resets 3pm",
        "You're out of extra usage \u00B7 resets Oct 9, 5pm (Europe/Berlin)",
        "Monthly spend limit reached, resets Nov 1", "Your usage quota is exhausted; resets in 3h"})
    for (const char* status : {"", R"("api_error_status":400,)", R"("api_error_status":null,)"}) {
      CAPTURE(std::string(text));
      const auto report = make_claude_dialect()->read({failure(status, text)}, key).end;
      REQUIRE(report);
      REQUIRE(report->limited);
      CHECK(report->what.end == turn_end::stopped);
      CHECK(report->limited->until);
    }
  for (const char* text :
       {"input length and max_tokens exceed context limit; reached 200000", "tool output limit reached",
        "unexpected delimiter in docs/architecture.md", "image exceeded the 5 MB limit", "time limit exceeded"}) {
    CAPTURE(std::string(text));
    CHECK_FALSE(make_claude_dialect()->read({failure(R"("api_error_status":400,)", text)}, key).end->limited);
  }
}

TEST_CASE("what the model answers is never taken for the words of its provider") {
  const std::string stopped =
      R"({"type":"result","subtype":"success","is_error":false,"terminal_reason":"hook_stopped",)"
      R"("session_id":"s1","result":")";
  for (const std::string text : {"I hit your limit page: limit reached", "it shows Please run /login",
                                 "tested: No conversation found with session ID", "Credit balance is too low"}) {
    CAPTURE(text);
    const auto report = make_claude_dialect()->read({stopped + text + "\"}"}, key).end;
    REQUIRE(report);
    CHECK(report->what.end == turn_end::broke);
    CHECK_FALSE(report->limited);
    CHECK_FALSE(report->blocked);
    CHECK_FALSE(report->forget);
  }
  const auto speech = make_claude_dialect();
  CHECK_FALSE(speech->read({synthetic("unknown")}, key).end);
  CHECK(speech->read({stopped + "Not logged in. Please run /login\"}"}, key).end->blocked);
}

TEST_CASE("a credential that is refused again is not tried for minutes, a limit is") {
  const auto retry = [](int attempt, int status) {
    return R"({"type":"system","subtype":"api_retry","attempt":)" + std::to_string(attempt) +
           R"(,"max_retries":10,"retry_delay_ms":500,"error_status":)" + std::to_string(status) + "}";
  };
  const auto speech = make_claude_dialect();
  const timestamp before = system_now();
  const auto first = speech->read({retry(1, 401)}, key);
  CHECK_FALSE(first.end);
  REQUIRE(first.news);
  CHECK(first.news->what == event::kind::paused);
  CHECK(first.news->text.find("the provider answered 401") != std::string::npos);
  CHECK(first.news->until >= before + std::chrono::milliseconds(500));
  const auto report = speech->read({retry(2, 401)}, key).end;
  REQUIRE(report);
  CHECK(report->blocked);
  CHECK_FALSE(report->usable);
  for (int attempt = 1; attempt <= 10; ++attempt)
    CHECK_FALSE(make_claude_dialect()->read({retry(attempt, 529)}, key).end);
}

TEST_CASE("a conversation that Claude Code no longer knows is lost, and costs nothing") {
  const auto report =
      make_claude_dialect()
          ->read(
              {R"({"type":"result","subtype":"error_during_execution","is_error":true,"num_turns":0,"session_id":"s1",)"
               R"("errors":["No conversation found with session ID: s1"],"modelUsage":{}})"},
              key)
          .end;
  REQUIRE(report);
  CHECK(report->what.end == turn_end::stopped);
  CHECK(report->again);
  CHECK(report->forget);
}

TEST_CASE("a conversation that is full is begun anew") {
  const auto report = make_claude_dialect()
                          ->read({R"({"type":"result","is_error":true,"terminal_reason":"prompt_too_long",)"
                                  R"("api_error_status":400,"result":"Prompt is too long","session_id":"s1"})"},
                                 key)
                          .end;
  CHECK(report->what.end == turn_end::broke);
  CHECK(report->forget);
}

TEST_CASE("a cleared conversation ends no turn, and has a new id") {
  const auto speech = make_claude_dialect();
  CHECK_FALSE(speech->read({R"({"type":"system","subtype":"init","session_id":"old"})"}, key).end);
  CHECK(speech->conversation() == "old");
  CHECK_FALSE(speech->read({R"({"type":"conversation_reset","new_conversation_id":"x","session_id":"old"})"}, key).end);
  CHECK_FALSE(speech->read({R"({"type":"system","subtype":"init","session_id":"new"})"}, key).end);
  const auto cleared =
      speech->read({R"({"type":"result","is_error":false,"result":"","num_turns":0,"session_id":"new"})"}, key);
  CHECK_FALSE(cleared.end);
  CHECK(cleared.is_cleared);
  CHECK(speech->conversation() == "new");
  CHECK(speech->read({since_line(5)}, key).end);
}

TEST_CASE("a turn that nobody asked for answers nothing, and its tokens are counted with the next one") {
  const auto speech = make_claude_dialect();
  CHECK_FALSE(speech->read({since_line(7, R"("origin":{"kind":"task-notification"},)")}, key).end);
  const auto report = speech->read({since_line(5)}, key).end;
  REQUIRE(report);
  CHECK(report->what.used->total() == tokens{2, 0, 0, 0, 12, 0});
}

TEST_CASE("what an aborted turn used is known in part at most") {
  const auto aborted = [](const std::string& since) {
    return R"({"type":"result","subtype":"error_during_execution","is_error":true,"terminal_reason":)"
           R"("aborted_streaming","session_id":"s1","model_usage_since_last_result":)" +
           since + "}";
  };
  const auto some = make_claude_dialect()->read({aborted(R"({"opus":{"inputTokens":50,"outputTokens":3}})")}, key).end;
  REQUIRE(some->what.used);
  CHECK_FALSE(some->what.used->complete);
  CHECK(some->usable);
  CHECK_FALSE(make_claude_dialect()->read({aborted("{}")}, key).end->what.used);
}

TEST_CASE("requests are counted one by one, and what they found in the cache is told from what the turn added") {
  const auto speech = make_claude_dialect();
  for (const auto& line : {request_line("m1", 1000), request_line("m1", 1000), request_line("m2", 1500),
                           request_line("sub", 9, "\"u1\""), request_line("m3", 400)})
    CHECK_FALSE(speech->read({line}, key).end);
  const auto used = speech->read({since_line(1)}, key).end->what.used;
  REQUIRE(used);
  CHECK(used->requests == 3);
  CHECK(used->inherited_read == 1000 + 1000 + 400);
}

TEST_CASE("how large a model's largest request may have been is known from those that were shown") {
  const auto line = [](const char* id, int input, const char* parent = "null") {
    return fmt::format(R"({{"type":"assistant","parent_tool_use_id":{},"message":{{"id":"{}","model":"opus","usage":)"
                       R"({{"input_tokens":{},"cache_read_input_tokens":10,"output_tokens":1}},"content":[]}}}})",
                       parent, id, input);
  };
  const auto largest = [&](int all_input) {
    const auto speech = make_claude_dialect();
    for (const auto& one : {line("m1", 90), line("m1", 90), line("sub", 190, "\"u1\""), line("m2", 40)})
      CHECK_FALSE(speech->read({one}, key).end);
    const auto report =
        speech
            ->read({fmt::format(R"({{"type":"result","subtype":"success","session_id":"s1","result":"x",)"
                                R"("model_usage_since_last_result":{{"opus":{{"inputTokens":{},"outputTokens":3}},)"
                                R"("haiku":{{"inputTokens":7,"outputTokens":3}}}}}})",
                                all_input)},
                   key)
            .end;
    REQUIRE(report);
    REQUIRE(report->what.used);
    const auto& models = report->what.used->by_model;
    CHECK(models.at(1).largest_request == 0);
    return models.at(0).largest_request;
  };
  CHECK(largest(350) == 200);
  CHECK(largest(360) == 200);
  CHECK(largest(850) == 500);
}

TEST_CASE("a broken connection leaves the figures of the turn a lower bound") {
  const auto speech = make_claude_dialect();
  CHECK_FALSE(speech->read({R"({"type":"system","subtype":"api_retry","attempt":1,"error_status":null})"}, key).end);
  CHECK_FALSE(speech->read({since_line(5)}, key).end->what.used->complete);
  CHECK(speech->read({since_line(5)}, key).end->what.used->complete);
}

TEST_CASE("figures that are cumulative over a resume are told apart with those of the earlier process") {
  const auto line = [](int output) { return result_line("ok", output); };
  const auto speech = make_claude_dialect();
  speech->process_begins();
  CHECK(speech->read({line(100)}, key).end->what.used->total().output == 100);
  speech->process_begins();
  CHECK(speech->read({line(130)}, key).end->what.used->total().output == 30);
  // Turns of a process that was killed are missing from the total of the next one.
  speech->process_begins();
  CHECK(speech->read({line(20)}, key).end->what.used->total().output == 20);
  // A fork's figures begin nobody knows where.
  speech->process_begins();
  std::string fork = line(150);
  fork.replace(fork.find("\"s1\""), 4, "\"s2\"");
  CHECK_FALSE(speech->read({fork}, key).end->what.used->complete);
}

TEST_CASE("what Claude Code says of itself and of its tools is news, once") {
  const auto speech = make_claude_dialect();
  const std::string init =
      R"({"type":"system","subtype":"init","session_id":"s","claude_code_version":"2.1.331","model":"opus",)"
      R"("apiKeySource":"none"})";
  const auto about = speech->read({init}, key).news;
  REQUIRE(about);
  CHECK(about->about.version == "2.1.331");
  CHECK(about->about.billing.find("subscription") != std::string::npos);
  CHECK_FALSE(speech->read({init}, key).news);
  const auto tool =
      speech->read({R"({"type":"assistant","message":{"id":"m","content":[{"type":"tool_use","id":"u","name":)"
                    R"("Write","input":{"file_path":"a.txt","content":"x"}}]}})"},
                   key);
  CHECK_FALSE(tool.end);
  REQUIRE(tool.news);
  CHECK(tool.news->what == event::kind::tool);
  CHECK(tool.news->text == "Write a.txt");
}

TEST_CASE("what claude said last is its own text, until it or a subagent goes on") {
  const std::string text = R"({"type":"assistant","message":{"content":[{"type":"text","text":"all done"}]}})";
  const std::string call =
      R"({"type":"assistant","message":{"content":[{"type":"text","text":"x"},{"type":"tool_use","name":"Bash"}]}})";
  const std::string of_subagent =
      R"({"type":"assistant","parent_tool_use_id":"1","message":{"content":[{"type":"text","text":"y"}]}})";
  const auto speech = make_claude_dialect();
  for (const std::string& next : {call, of_subagent, std::string(R"({"type":"user","message":{"content":[]}})")}) {
    CAPTURE(next);
    CHECK(speech->read({text}, key).message == "all done");
    CHECK(speech->read({R"({"type":"system","subtype":"status"})"}, key).message == "all done");
    CHECK(speech->read({next}, key).message.empty());
  }
  CHECK(speech->read({text}, key).message == "all done");
  const auto ended = speech->read({result_line("ok", 1)}, key);
  REQUIRE(ended.end);
  CHECK(ended.message.empty());
}
