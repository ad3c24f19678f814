#include "agent/codex_dialect.hpp"

#include <string>

#include <doctest/doctest.h>

using namespace cobatch;

namespace {

const turn_key key{turn_no{1}, task_id("t")};

std::string completed(int input, int cached, int written, int output, int reasoning) {
  return R"({"type":"turn.completed","usage":{"input_tokens":)" + std::to_string(input) + R"(,"cached_input_tokens":)" +
         std::to_string(cached) + R"(,"cache_write_input_tokens":)" + std::to_string(written) + R"(,"output_tokens":)" +
         std::to_string(output) + R"(,"reasoning_output_tokens":)" + std::to_string(reasoning) + "}}";
}

std::string message(const std::string& text) {
  return R"({"type":"item.completed","item":{"id":"i","type":"agent_message","text":")" + text + "\"}}";
}

const std::string started = R"({"type":"thread.started","thread_id":"th1"})";

}  // namespace

TEST_CASE("a turn's tokens are the difference to the thread's turn before, over processes") {
  const auto speech = make_codex_dialect();
  CHECK_FALSE(speech->read(started, key));
  CHECK(speech->conversation() == "th1");
  CHECK_FALSE(speech->read(message("one"), key));
  const auto first = speech->read(completed(1111, 1000, 110, 21, 6), key);
  REQUIRE(first);
  CHECK(first->what.end == turn_end::done);
  CHECK(first->what.output == "one");
  CHECK(first->what.used->source == usage_source::difference);
  CHECK(first->what.used->total() == tokens{1, 110, 0, 1000, 21, 6});
  speech->process_begins();
  CHECK_FALSE(speech->read(started, key));
  const auto second = speech->read(completed(3333, 3000, 330, 43, 13), key);
  CHECK(second->what.used->total() == tokens{2, 220, 0, 2000, 22, 7});
  CHECK(second->what.output.empty());
}

TEST_CASE("another thread begins from nothing") {
  const auto speech = make_codex_dialect();
  CHECK_FALSE(speech->read(started, key));
  CHECK(speech->read(completed(1000, 0, 0, 20, 0), key));
  CHECK_FALSE(speech->read(R"({"type":"thread.started","thread_id":"th2"})", key));
  CHECK(speech->read(completed(500, 0, 0, 10, 0), key)->what.used->total().uncached_input == 500);
}

TEST_CASE("figures that cannot be are no figures") {
  const auto speech = make_codex_dialect();
  CHECK_FALSE(speech->read(started, key));
  CHECK_FALSE(speech->read(completed(10, 1000, 0, 20, 0), key)->what.used);
}

TEST_CASE("a failed turn is told by what Codex says of it") {
  const auto failed = [](const std::string& text) {
    const auto speech = make_codex_dialect();
    CHECK_FALSE(speech->read(R"({"type":"error","message":"Reconnecting... 1/5"})", key));
    return *speech->read(R"({"type":"turn.failed","error":{"message":")" + text + "\"}}", key);
  };
  CHECK(failed("unexpected status 401 Unauthorized: no key, url: http://127.0.0.1/").blocked);
  CHECK(failed("Missing environment variable: `OPENAI_API_KEY`.").blocked);
  CHECK(failed("Quota exceeded. Check your plan and billing details.").blocked);
  CHECK(failed("exceeded retry limit, last status: 429 Too Many Requests").limited);
  CHECK(failed("You’ve hit your usage limit. Try again later.").limited);
  CHECK(failed("We’re currently experiencing high demand, which may cause temporary errors.").limited);
  const auto full = failed("Codex ran out of room in the model's context window. Start a new thread.");
  CHECK(full.what.end == turn_end::broke);
  CHECK(full.forget);
  CHECK_FALSE(failed("Incomplete response returned, reason: max_output_tokens").forget);
}

TEST_CASE("a command that Codex runs is news") {
  const auto speech = make_codex_dialect();
  CHECK_FALSE(
      speech->read(R"({"type":"item.started","item":{"id":"i","type":"command_execution","command":"make"}})", key));
  const auto news = speech->take_news();
  REQUIRE(news);
  CHECK(news->text == "command_execution make");
}

TEST_CASE("lines that are no JSON, or of a kind that is not known, do not end a turn") {
  const auto speech = make_codex_dialect();
  for (const char* line : {"", "no json", "{}", R"({"type":"turn.started"})", R"({"type":"brand_new"})",
                           R"({"type":"item.completed","item":null})"})
    CHECK_FALSE(speech->read(line, key));
}
