#include <memory>
#include <string>
#include <utility>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "agents/dialect.hpp"
#include "unit/agents/key.hpp"

using namespace cobatch;
using namespace cobatch_test;

namespace {

std::string completed(int input, int cached, int written, int output, int reasoning) {
  return R"({"type":"turn.completed","usage":{"input_tokens":)" + std::to_string(input) + R"(,"cached_input_tokens":)" +
         std::to_string(cached) + R"(,"cache_write_input_tokens":)" + std::to_string(written) + R"(,"output_tokens":)" +
         std::to_string(output) + R"(,"reasoning_output_tokens":)" + std::to_string(reasoning) + "}}";
}

std::string message(const std::string& text) {
  return R"({"type":"item.completed","item":{"id":"i","type":"agent_message","text":")" + text + "\"}}";
}

const std::string thread_started = R"({"type":"thread.started","thread_id":"th1"})";

}  // namespace

TEST_CASE("a turn's tokens are the difference to the thread's turn before, over processes") {
  const auto speech = make_codex_dialect();
  CHECK_FALSE(speech->read({thread_started}, key).end);
  CHECK(speech->conversation() == "th1");
  CHECK_FALSE(speech->read({message("one")}, key).end);
  const auto first = speech->read({completed(1111, 1000, 110, 21, 6)}, key).end;
  REQUIRE(first);
  CHECK(first->what.end == turn_end::done);
  CHECK(first->what.output == "one");
  CHECK(first->what.used->source == usage_source::difference);
  CHECK(first->what.used->total() == tokens{1, 110, 0, 1000, 21, 6});
  speech->process_begins();
  CHECK_FALSE(speech->read({thread_started}, key).end);
  const auto second = speech->read({completed(3333, 3000, 330, 43, 13)}, key).end;
  CHECK(second->what.used->total() == tokens{2, 220, 0, 2000, 22, 7});
  CHECK(second->what.output.empty());
}

TEST_CASE("codex exec names no model: its tokens are of the one that it was started with") {
  const auto speech = make_codex_dialect({.model = "gpt-x"});
  CHECK_FALSE(speech->read({thread_started}, key).end);
  CHECK(speech->read({completed(10, 0, 0, 1, 0)}, key).end->what.used->by_model.at(0).model == "gpt-x");
}

TEST_CASE("another thread begins from nothing") {
  const auto speech = make_codex_dialect();
  CHECK_FALSE(speech->read({thread_started}, key).end);
  CHECK(speech->read({completed(1000, 0, 0, 20, 0)}, key).end);
  CHECK_FALSE(speech->read({R"({"type":"thread.started","thread_id":"th2"})"}, key).end);
  CHECK(speech->read({completed(500, 0, 0, 10, 0)}, key).end->what.used->total().uncached_input == 500);
}

TEST_CASE("figures that cannot be are no figures") {
  const auto speech = make_codex_dialect();
  CHECK_FALSE(speech->read({thread_started}, key).end);
  CHECK_FALSE(speech->read({completed(10, 1000, 0, 20, 0)}, key).end->what.used);
}

TEST_CASE("a figure without input or output is none, not one of nothing") {
  const auto speech = make_codex_dialect();
  CHECK_FALSE(speech->read({thread_started}, key).end);
  for (const char* usage : {"{}", R"({"input_tokens":10})", R"({"output_tokens":10,"cached_input_tokens":0})"})
    CHECK_FALSE(speech->read({fmt::format(R"({{"type":"turn.completed","usage":{}}})", usage)}, key).end->what.used);
}

TEST_CASE("a failed turn is told by what Codex says of it") {
  const auto failed = [](const std::string& text) {
    const auto speech = make_codex_dialect();
    CHECK_FALSE(speech->read({R"({"type":"error","message":"Reconnecting... 1/5"})"}, key).end);
    return *speech->read({R"({"type":"turn.failed","error":{"message":")" + text + "\"}}"}, key).end;
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
  const auto meaning = make_codex_dialect()->read(
      {R"({"type":"item.started","item":{"id":"i","type":"command_execution","command":"make"}})"}, key);
  CHECK_FALSE(meaning.end);
  REQUIRE(meaning.news);
  CHECK(meaning.news->text == "command make");
}

TEST_CASE("lines that are no JSON, or of a kind that is not known, do not end a turn") {
  const auto speech = make_codex_dialect();
  for (const char* line : {"", "no json", "{}", R"({"type":"turn.started"})", R"({"type":"brand_new"})",
                           R"({"type":"item.completed","item":null})"})
    CHECK_FALSE(speech->read({line}, key).end);
}

// ------------------------------------------------------------------------------------------------ the app-server

namespace {

const turn_request first_turn{.turn = turn_no{7}, .task = task_id("t"), .prompt = "do \"it\""};

const std::string initialized = R"({"id":"initialize","result":{"userAgent":"cobatch/1.2.3 Linux"}})";

std::string opened(const std::string& id, const std::string& thread = "th1") {
  return R"({"id":")" + id + R"(","result":{"thread":{"id":")" + thread + R"("},"model":"gpt"}})";
}

std::string begun(const std::string& turn) { return R"({"id":"turn-7","result":{"turn":{"id":")" + turn + "\"}}}"; }

// `total` requests of 100 tokens in, 90 of them from the cache, and 10 out.
std::string figures(int total, const std::string& turn, const std::string& thread = "th1") {
  const auto count = [&](const char* name, int each) { return fmt::format(R"("{}":{})", name, each * total); };
  return R"({"method":"thread/tokenUsage/updated","params":{"threadId":")" + thread + R"(","turnId":")" + turn +
         R"(","tokenUsage":{"total":{)" + count("inputTokens", 100) + "," + count("cachedInputTokens", 90) + "," +
         count("outputTokens", 10) + "}}}}";
}

std::string ended(const std::string& status, const std::string& error = "null") {
  return R"({"method":"turn/completed","params":{"threadId":"th1","turn":{"id":"u1","status":")" + status +
         R"(","error":)" + error + "}}}";
}

tokens requests(int count) { return {10 * count, 0, 0, 90 * count, 10 * count, 0}; }

// A dialect whose first turn runs, as its program was started.
std::unique_ptr<dialect> in_turn(codex_start how = {}) {
  how.app_server = true;
  const std::string id = how.fork ? "fork" : how.thread.empty() ? "start" : "resume";
  auto speech = make_codex_dialect(std::move(how));
  speech->process_begins();
  CHECK_FALSE(speech->ask(first_turn).empty());
  for (const auto& line : {initialized, opened(id), begun("u1")}) {
    CHECK_FALSE(speech->read({line}, key).end);
  }
  return speech;
}

}  // namespace

TEST_CASE("the app-server is asked for a thread with our limits, and then for the turn") {
  const auto speech =
      make_codex_dialect({.app_server = true, .working_directory = "/work", .sandbox = "read-only", .model = "gpt-x"});
  speech->process_begins();
  CHECK(speech->ask(first_turn).find(R"("method":"initialize")") != std::string::npos);
  const std::string open = speech->read({initialized}, key).reply;
  for (const char* part : {R"({"method":"initialized"})", R"("method":"thread/start")", R"("cwd":"/work")",
                           R"("approvalPolicy":"never")", R"("sandbox":"read-only")", R"("model":"gpt-x")"})
    CHECK(open.find(part) != std::string::npos);
  const auto started = speech->read({opened("start")}, key);
  CHECK_FALSE(started.end);
  REQUIRE(started.news);
  CHECK(started.news->about.version == "1.2.3");
  CHECK(started.news->about.model == "gpt");
  for (const char* part : {R"("id":"turn-7")", R"("threadId":"th1")", R"("text":"do \"it\"")"})
    CHECK(started.reply.find(part) != std::string::npos);
  CHECK(speech->abort_line(key).empty());  // nobody knows its id yet
  CHECK_FALSE(speech->read({begun("u1")}, key).end);
  CHECK(speech->abort_line(key).find(R"("turnId":"u1")") != std::string::npos);
}

TEST_CASE("a turn by the app-server is what its thread used since the turn before") {
  const auto speech = in_turn();
  CHECK_FALSE(speech->read({figures(1, "u1")}, key).end);
  CHECK_FALSE(speech->read({figures(3, "u1")}, key).end);
  CHECK_FALSE(speech->read({figures(3, "u1")}, key).end);  // told again
  const auto first = speech->read({ended("completed")}, key).end;
  REQUIRE(first);
  CHECK(first->what.used->total() == requests(3));
  CHECK(first->what.used->by_model.front().model == "gpt");
  CHECK(first->what.used->requests == 2);
  CHECK(first->what.used->by_model.front().largest_request == requests(2).input());
  CHECK(first->what.used->inherited_read == 180);
  CHECK(first->what.used->complete);
  CHECK(speech->ask(first_turn).find("turn/start") != std::string::npos);
  CHECK_FALSE(speech->read({begun("u1")}, key).end);
  CHECK_FALSE(speech->read({figures(4, "u1")}, key).end);
  CHECK(speech->read({ended("completed")}, key).end->what.used->total() == requests(1));
}

TEST_CASE("a thread that is gone on with is charged only what is new, or nothing if that is not known") {
  bool fork = false;
  SUBCASE("itself") {}
  SUBCASE("a copy of it") { fork = true; }
  const auto told = in_turn({.thread = "th0", .fork = fork});
  CHECK_FALSE(told->read({figures(5, "u0")}, key).end);
  CHECK_FALSE(told->read({figures(6, "u1")}, key).end);
  CHECK(told->read({ended("completed")}, key).end->what.used->total() == requests(1));
  const auto untold = in_turn({.thread = "th0", .fork = fork});
  CHECK_FALSE(untold->read({figures(6, "u1")}, key).end);
  CHECK_FALSE(untold->read({ended("completed")}, key).end->what.used);
}

TEST_CASE("what a subagent of Codex used is not known") {
  const auto speech = in_turn();
  CHECK_FALSE(speech->read({figures(1, "u1")}, key).end);
  CHECK_FALSE(speech->read({figures(9, "u9", "th9")}, key).end);
  const auto report = speech->read({ended("completed")}, key).end;
  CHECK(report->what.used->total() == requests(1));
  CHECK_FALSE(report->what.used->complete);
}

TEST_CASE("a turn that the app-server did not end has used what was told of it") {
  const auto speech = in_turn();
  CHECK_FALSE(speech->used_so_far({}, {}));
  CHECK_FALSE(speech->read({figures(2, "u1")}, key).end);
  const auto used = speech->used_so_far({}, {});
  REQUIRE(used);
  CHECK(used->total() == requests(2));
  CHECK_FALSE(used->complete);
}

TEST_CASE("a turn that failed is told by the kind that the app-server gives it, with its figures") {
  const auto failed = [](const std::string& info, const std::string& before = {}) {
    const auto speech = in_turn();
    CHECK_FALSE(speech->read({figures(1, "u1")}, key).end);
    if (!before.empty()) CHECK_FALSE(speech->read({before}, key).end);
    auto report = *speech->read({ended("failed", R"({"message":"no","codexErrorInfo":)" + info + "}")}, key).end;
    CHECK(report.what.used->total() == requests(1));
    return report;
  };
  CHECK(failed(R"({"httpConnectionFailed":{"httpStatusCode":401}})").blocked);
  CHECK(failed(R"("unauthorized")").blocked);
  CHECK(failed(R"("contextWindowExceeded")").forget);
  CHECK(failed(R"("other")").what.end == turn_end::broke);
  CHECK_FALSE(failed(R"("usageLimitExceeded")").limited->until);
  const std::string used_up = R"({"method":"account/rateLimits/updated","params":{"rateLimits":{"primary":{)"
                              R"("usedPercent":100,"resetsAt":1900000000},"secondary":{"usedPercent":20,)"
                              R"("resetsAt":1950000000}}}})";
  CHECK(failed(R"("usageLimitExceeded")", used_up).limited->until == timestamp{1'900'000'000'000});
}

TEST_CASE("an app-server that cannot go on with a thread is to begin a new one") {
  const auto speech = make_codex_dialect({.app_server = true, .thread = "th0"});
  speech->process_begins();
  static_cast<void>(speech->ask(first_turn));
  const auto report =
      speech->read({R"({"error":{"code":-32600,"message":"no rollout found"},"id":"resume"})"}, key).end;
  REQUIRE(report);
  CHECK(report->forget);
  CHECK(report->again);
  CHECK(report->what.end == turn_end::stopped);
}

TEST_CASE("what the app-server asks of us is declined, so that it does not wait") {
  const auto speech = in_turn();
  const std::string reply =
      speech->read({R"({"id":3,"method":"item/fileChange/requestApproval","params":{}})"}, key).reply;
  CHECK(reply.find(R"("id":3)") != std::string::npos);
  CHECK(reply.find("error") != std::string::npos);
}

TEST_CASE("the app-server begins a new thread in place, with figures of its own") {
  const auto speech = in_turn();
  CHECK_FALSE(speech->read({figures(4, "u1")}, key).end);
  CHECK(speech->read({ended("failed")}, key).end);
  CHECK(speech->clear_line().find("thread/start") != std::string::npos);
  const auto cleared = speech->read({opened("clear", "th2")}, key);
  CHECK_FALSE(cleared.end);
  CHECK(cleared.is_cleared);
  CHECK(speech->conversation() == "th2");
  CHECK(speech->ask(first_turn).find("th2") != std::string::npos);
  CHECK_FALSE(speech->read({begun("u2")}, key).end);
  CHECK_FALSE(speech->read({figures(1, "u2", "th2")}, key).end);
  CHECK(speech->used_so_far({}, {})->total() == requests(1));
}

TEST_CASE("what codex said last is its latest message, until it uses a tool") {
  const auto speech = make_codex_dialect();
  const auto read = [&](const char* line) { return speech->read({line}, key); };
  CHECK(read(R"({"type":"item.completed","item":{"type":"agent_message","text":"all done"}})").message == "all done");
  CHECK(read(R"({"type":"item.completed","item":{"type":"reasoning"}})").message == "all done");
  CHECK(read(R"({"type":"item.started","item":{"type":"command_execution","command":"ls"}})").message.empty());
  CHECK(read(R"({"type":"item.completed","item":{"type":"reasoning"}})").message.empty());
  const auto ended = read(R"({"type":"turn.completed","usage":{"input_tokens":1,"output_tokens":1}})").end;
  REQUIRE(ended);
  CHECK(ended->what.output == "all done");
}
