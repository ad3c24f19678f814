#include <doctest/doctest.h>

#include <cobatch/core/text.hpp>

#include "agents/dialect.hpp"
#include "base/json.hpp"

using namespace cobatch;

namespace {

// As a line_follower hands it out.
std::optional<turn_report> read(std::string_view line) {
  return make_line_protocol(usage_source::reported)->read({to_utf8(line)}, {turn_no{7}, task_id("doc_2")}).end;
}

turn_request request() {
  turn_request r;
  r.turn = turn_no{7};
  r.task = task_id("doc_2");
  r.batch = batch_id("batch_20251107_214500");
  r.position = 2;
  r.description = "two\nlines \"quoted\"";
  r.context = R"({"a":[1,2]})";
  r.attempt = 3;
  r.prompt = "do it";
  return r;
}

}  // namespace

TEST_CASE("a task is asked for in one line that holds all the protocol names") {
  const std::string line = make_line_protocol(usage_source::reported)->ask(request());
  REQUIRE(line.find('\n') == line.size() - 1);
  const auto asked = json::parse(line);
  REQUIRE(asked);
  CHECK(*asked->find("type") == json::value("task"));
  CHECK(*asked->find("turn") == json::value(7));
  CHECK(*asked->find("task_id") == json::value("doc_2"));
  CHECK(*asked->find("batch_id") == json::value("batch_20251107_214500"));
  CHECK(*asked->find("position") == json::value(2));
  CHECK(*asked->find("description") == json::value("two\nlines \"quoted\""));
  CHECK(json::write(*asked->find("context")) == R"({"a":[1,2]})");
  CHECK(*asked->find("attempt") == json::value(3));
  CHECK(*asked->find("prompt") == json::value("do it"));
}

TEST_CASE("a result is taken with all that it says") {
  const auto report = read(
      R"({"type":"result","task_id":"doc_2","turn":7,"status":"done","output":"text","output_summary":"s",)"
      R"("actions_taken":["a"],"errors":null,"model":"m","usage":{"input_tokens":1,"cache_creation_input_tokens":20,)"
      R"("cache_read_input_tokens":300,"output_tokens":4000}})");
  REQUIRE(report);
  CHECK(report->usable);
  CHECK(report->what.end == turn_end::done);
  CHECK(report->what.output == "text");
  CHECK(report->what.output_summary == "s");
  CHECK(report->what.actions_taken == R"(["a"])");
  CHECK(report->what.errors.empty());
  REQUIRE(report->what.used);
  CHECK(report->what.used->complete);
  REQUIRE(report->what.used->by_model.size() == 1);
  CHECK(report->what.used->by_model[0].model == "m");
  CHECK(report->what.used->total() == tokens{1, 20, 0, 300, 4000, 0});
}

TEST_CASE("a task that the agent says failed is an error, not a broken turn") {
  const auto report = read(R"({"type":"result","task_id":"doc_2","status":"error","errors":["no such file"]})");
  REQUIRE(report);
  CHECK(report->what.end == turn_end::error);
  CHECK(report->what.errors == R"(["no such file"])");
  CHECK(report->usable);
}

TEST_CASE("usage that was not told is absent, and one told in part is incomplete") {
  const auto told = [](const std::string& usage) {
    return read(R"({"type":"result","task_id":"doc_2","status":"done")" + usage + "}")->what.used;
  };
  for (const char* nothing : {"", R"(,"usage":{})", R"(,"usage":7)", R"(,"usage":{"input_tokens":null})",
                              R"(,"usage":{"input_tokens":1e30,"output_tokens":"5","cache_read_input_tokens":-1})"})
    CHECK_FALSE(told(nothing));
  const auto partly = told(R"(,"usage":{"output_tokens":5})");
  REQUIRE(partly);
  CHECK_FALSE(partly->complete);
}

TEST_CASE("a count that cannot be is not taken for 0: the others are a lower bound then") {
  for (const std::string none : {"-1", "1.5", "1e30", R"("5")", "true", "{}", "9000000000000000000"})
    for (const std::string name : {R"("input_tokens":)", R"("output_tokens":)", R"("cache_read_input_tokens":)",
                                   R"("cache_creation_input_tokens":)"}) {
      std::string line =
          R"({"type":"result","task_id":"doc_2","status":"done","usage":{"input_tokens":1,"output_tokens":2,)"
          R"("cache_read_input_tokens":3,"cache_creation_input_tokens":4}})";
      line.replace(line.find(name) + name.size(), 1, none);
      CAPTURE(line);
      const auto used = read(line)->what.used;
      REQUIRE(used);
      CHECK_FALSE(used->complete);
      CHECK(used->total().processed() < 10);
    }
  const auto lives =
      read(R"({"type":"result","task_id":"doc_2","status":"done","usage":{"input_tokens":1,"output_tokens":2,)"
           R"("cache_creation_input_tokens":4,"cache_creation":{"ephemeral_1h_input_tokens":-9}}})");
  CHECK(lives->what.used->total() == tokens{.uncached_input = 1, .cache_write_5m = 4, .output = 2});
  CHECK_FALSE(lives->what.used->complete);
}

TEST_CASE("an answer for another task or turn breaks the turn and the agent is not trusted further") {
  for (const char* line :
       {R"({"type":"result","task_id":"doc_1","status":"done"})",
        R"({"type":"result","task_id":"doc_2","turn":6,"status":"done"})",
        R"({"type":"result","task_id":"doc_2","turn":"7","status":"done"})", R"({"type":"result","status":"done"})",
        R"({"type":"result","task_id":"doc_2"})", R"({"type":"result","task_id":"doc_2","status":"maybe"})"}) {
    CAPTURE(line);
    const auto report = read(line);
    REQUIRE(report);
    CHECK(report->what.end == turn_end::broke);
    CHECK_FALSE(report->what.reason.empty());
    CHECK_FALSE(report->what.detail.empty());
    CHECK_FALSE(report->usable);
  }
}

TEST_CASE(
    "a result with half a surrogate pair, NaN or bytes that are no text is read, and nothing else of it is lost") {
  const auto report = read(
      "{\"type\":\"result\",\"task_id\":\"doc_2\",\"status\":\"done\",\"output\":\"caf\\udce9.txt\","
      "\"output_summary\":\"\xE9\",\"actions_taken\":[NaN],\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}");
  REQUIRE(report);
  CHECK(report->what.end == turn_end::done);
  CHECK(report->what.output == "caf\uFFFD.txt");
  CHECK(report->what.output_summary == "\uFFFD");
  CHECK(report->what.actions_taken == "[null]");
  CHECK(report->what.used->total().output == 2);
}

TEST_CASE("a line that begins like JSON and is not, or a result that cannot be read, ends the turn and is quoted") {
  const std::pair<const char*, const char*> cases[] = {
      {"{", "line 1, column 2"},  // the first line of json.dumps(…, indent=1)
      {"  {'type': 'result', 'task_id': 'doc_2', 'status': 'done'}", "line 1, column 4"},  // print(dict)
      {R"({"type":"result","task_id":"doc_2","status":"done","output":"x)", "a string is not closed"},
      {R"(50 %{"type":"result","task_id":"doc_2","status":"done"})", "line 1, column 4"},
      {R"({"type" : "result","task_id":"doc_2","status":done})", "unknown word"}};
  for (const auto& [line, where] : cases) {
    CAPTURE(line);
    const auto report = read(line);
    REQUIRE(report);
    CHECK(report->what.end == turn_end::broke);
    CHECK(report->what.reason == "unreadable_answer");
    CHECK(report->what.detail.find(where) != std::string::npos);
    CHECK(report->what.detail.find("the line begins: " + std::string(line).substr(0, 20)) != std::string::npos);
    CHECK_FALSE(report->usable);
  }
}

TEST_CASE("whatever is not a result line is progress or noise") {
  for (const char* line : {"", "hello", "[1]", R"({"type":"progress","task_id":"doc_2"})", R"("result")", "{}",
                           R"({"type":5,"task_id":"doc_2","status":"done"})"}) {
    CAPTURE(line);
    CHECK_FALSE(read(line));
  }
}
