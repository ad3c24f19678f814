#include <string>

#include <doctest/doctest.h>

#include "agents/dialect.hpp"
#include "unit/agents/key.hpp"

using namespace cobatch;
using namespace cobatch_test;

TEST_CASE("the answer of Gemini is what it says after its last tool, its tokens are told by model") {
  const auto speech = make_gemini_dialect();
  for (const char* line : {R"({"type":"init","session_id":"s","model":"gemini-2.5-flash"})",
                           R"({"type":"message","role":"user","content":"do it"})",
                           R"({"type":"message","role":"assistant","content":"let me see","delta":true})",
                           R"({"type":"tool_use","tool_name":"run_shell_command","parameters":{}})",
                           R"({"type":"tool_result","status":"success"})",
                           R"({"type":"message","role":"assistant","content":"all ","delta":true})",
                           R"({"type":"message","role":"assistant","content":"good","delta":true})"})
    CHECK_FALSE(speech->read({line}, key).end);
  const auto report =
      speech
          ->read({R"({"type":"result","status":"success","stats":{"models":{"gemini-2.5-flash":{"total_tokens":19750,)"
                  R"("input_tokens":19185,"output_tokens":485,"cached":17920,"input":1265}}}})"},
                 key)
          .end;
  REQUIRE(report);
  CHECK(report->what.end == turn_end::done);
  CHECK(report->what.output == "all good");
  REQUIRE(report->what.used);
  CHECK(report->what.used->by_model.at(0).model == "gemini-2.5-flash");
  CHECK(report->what.used->total() == tokens{1265, 0, 0, 17920, 565, 80});
}

TEST_CASE("figures that Gemini leaves out are unknown, not 0") {
  const auto used = [](const std::string& status, const std::string& models) {
    return make_gemini_dialect()
        ->read({R"({"type":"result","status":")" + status + R"(","stats":{"models":)" + models + "}}"}, key)
        .end->what.used;
  };
  CHECK_FALSE(used("success", "{}"));
  for (const char* figures : {R"({"input_tokens":5,"output_tokens":5})", R"({"total_tokens":10,"input_tokens":5})",
                              R"({"total_tokens":10,"output_tokens":5})", "{}"})
    CHECK_FALSE(used("success", R"({"gemini-2.5-flash":)" + std::string(figures) + "}"));
  REQUIRE(used("error", "{}"));  // no model was reached
  CHECK(used("error", "{}")->total() == tokens{});
}

TEST_CASE("a result of Gemini that is no success is a failure, with what it says") {
  const auto report =
      make_gemini_dialect()
          ->read({R"({"type":"result","status":"error","error":{"type":"Error","message":"something broke"}})"}, key)
          .end;
  REQUIRE(report);
  CHECK(report->what.end == turn_end::broke);
  CHECK(report->what.detail == "something broke");
}

TEST_CASE("a failure of Gemini is told by the answer of the provider that stands in it") {
  const auto failed = [](const std::string& message) {
    return *make_gemini_dialect()
                ->read(
                    {R"({"type":"result","status":"error","error":{"type":"unknown","message":")" + message + "\"}}"},
                    key)
                .end;
  };
  CHECK(failed(R"([API Error: {\"error\":{\"code\":401,\"message\":\"no\"}}])").blocked);
  CHECK(failed(R"([API Error: {\"error\":{\"code\":429,\"message\":\"wait\"}}])").limited);
  CHECK(failed("[API Error: You exceeded your current quota]").limited);
  CHECK(failed("[API Error: API key not valid. Please pass a valid API key.]").blocked);
  CHECK(failed("[API Error: models/x is not found for API version v1beta]").blocked);
  CHECK(failed(R"([API Error: {\"error\":{\"code\":500}}])").what.end == turn_end::broke);
  const auto speech = make_gemini_dialect();
  CHECK_FALSE(speech->read({R"({"type":"error","severity":"error","message":"the stream ended"})"}, key).end);
  CHECK(speech->read({R"({"type":"result","status":"error"})"}, key).end->what.detail == "the stream ended");
}

TEST_CASE("other lines of Gemini do not end a turn") {
  const auto speech = make_gemini_dialect();
  for (const char* line : {"", "text", "{}", R"({"type":"error","message":"x"})"})
    CHECK_FALSE(speech->read({line}, key).end);
}

TEST_CASE("what gemini said last is what it said since it used a tool") {
  const auto speech = make_gemini_dialect();
  const auto read = [&](const char* line) { return speech->read({line}, key); };
  CHECK(read(R"({"type":"message","role":"assistant","content":"all "})").message == "all ");
  CHECK(read(R"({"type":"message","role":"assistant","content":"done"})").message == "all done");
  CHECK(read(R"({"type":"message","role":"user","content":"the prompt"})").message == "all done");
  CHECK(read(R"({"type":"tool_use","tool_name":"shell"})").message.empty());
}
