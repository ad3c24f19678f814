// Nothing is lost: whatever the files hold, each task is here afterwards or named, and the files are as they were.
#include <cstdint>
#include <random>

#include "unit/import/fixture.hpp"

using namespace import_test;

namespace {

const std::map<std::string, std::string> whole{
    {"claude_task_queue.json", R"({"tasks":{
      "q1":{"status":"queued","created_at":"2025-11-07T21:45:00.123456","description":"ein Größerer","priority":"high",
            "context":{"a":[1,2.5,null]},"batch_id":"b1","source_doc_id":"d"},
      "q2":{"status":"in_progress","created_at":"2025-11-07T21:45:01.5","started_at":"2025-11-07T21:46:00","description":"y"},
      "q3":{"status":"error","description":"z","error":"Execution error","stderr":"\u2028"}}})"},
    {"claude_task_results.json", R"({"results":{
      "r1":{"status":"done","description":"x","completed_at":"2025-11-07T21:50:00.1","execution_time_seconds":1.25,
            "output":"ok","batch_id":"b1","batch_position":1,"tokens":{"input":10,"output":5,"total":15}},
      "q2":{"status":"done","completed_at":"2025-11-07T21:47:00","tokens_input":5,"tokens_output":7}}})"},
    {"task_archive/results_2025-09.jsonl",
     "{\"task_id\":\"o1\",\"status\":\"done\",\"output\":\"1\"}\n"
     "{\"task_id\":\"o2\",\"status\":\"error\",\"errors\":[\"e\"]}\n"},
    {"token_telemetry.json", R"({"sessions":[{"task_id":"o1","tokens_input":1,"tokens_output":2},
      {"task_id":"r1","tokens_input":3,"tokens_output":4}],"task_patterns":{},"weekly_resets":[]})"},
};

// The tasks that stand in files other than this one.
std::vector<std::string> tasks_without(const std::string& file) {
  if (file == "claude_task_queue.json") return {"r1", "q2", "o1", "o2"};
  if (file == "claude_task_results.json") return {"q1", "q2", "q3", "o1", "o2"};
  if (file == "token_telemetry.json") return {"q1", "q2", "q3", "r1", "o1", "o2"};
  return {"q1", "q2", "q3", "r1"};
}

void write_whole(const original& to) {
  for (const auto& [name, text] : whole) to.write(name, text);
}

}  // namespace

TEST_CASE("a file that is cut anywhere costs nothing of the others") {
  for (const auto& [name, text] : whole) {
    CAPTURE(name);
    original from;
    write_whole(from);
    const auto expected = tasks_without(name);
    const scratch_folder root;
    for (std::size_t length = 0; length < text.size(); ++length) {
      from.write(name, text.substr(0, length));
      const auto before = from.contents();
      const auto report = preview_import({.root = root.path()}, from.path());
      REQUIRE(report);
      REQUIRE(report->put_in.total() >= static_cast<std::int64_t>(expected.size()));
      REQUIRE(from.contents() == before);
      if (length % 101 != 0) continue;
      destination to;
      to.take(from.path());
      for (const auto& task : expected) REQUIRE(to.has(task));
      REQUIRE(from.contents() == before);
    }
  }
}

TEST_CASE("any byte of a file may be another one, and no other file suffers") {
  std::mt19937 random(1);
  for (const auto& [name, text] : whole) {
    CAPTURE(name);
    original from;
    write_whole(from);
    const auto expected = static_cast<std::int64_t>(tasks_without(name).size());
    const scratch_folder root;
    for (std::size_t at = 0; at < text.size(); ++at) {
      std::string changed = text;
      changed[at] = static_cast<char>(random());
      from.write(name, changed);
      const auto report = preview_import({.root = root.path()}, from.path());
      REQUIRE(report);
      // A changed id or status makes one task more or less of its own file; those that stand elsewhere too may go on
      // being told there.
      REQUIRE(report->put_in.total() + 1 >= expected);
    }
  }
}

TEST_CASE("each id that stands in a file that can be read is here afterwards, or named") {
  std::mt19937 random(7);
  const auto one_of = [&](const std::vector<std::string>& choices) { return choices[random() % choices.size()]; };
  const std::vector<std::string> ids{"a", "b", "c", "ä", "create_doc_1", "x\\ty", std::string(129, 'l'), "d", "e", "f"};
  const auto object = [&] {
    std::string members;
    const auto maybe = [&](const char* name, const std::vector<std::string>& values) {
      if (random() % 4 == 0) return;
      members += (members.empty() ? "\"" : ",\"") + std::string(name) + "\":" + one_of(values);
    };
    maybe("status",
          {"\"queued\"", "\"in_progress\"", "\"done\"", "\"error\"", "\"completed\"", "\"cancelled\"", "\"?\"", "1"});
    maybe("description", {"\"x\"", "\"y\"", "\"\"", "null", "{}"});
    maybe("created_at",
          {"\"2025-11-07T21:45:00\"", "\"2025-11-07T21:45:00Z\"", "\"0000-01-01T00:00:00+23:00\"", "0", "\"\""});
    maybe("completed_at", {"\"2025-11-07T21:50:00\"", "\"9999-12-31T23:59:59-23:00\"", "null"});
    maybe("reset_at", {"\"2025-11-07T22:50:00\"", "[]"});
    maybe("execution_time_seconds", {"1.5", "-3", "1e17", "\"2\"", "99999999999999999999"});
    maybe("batch_id", {"\"b\"", "\"\"", "null", "7", "\"a\\u0000b\""});
    maybe("batch_position", {"1", "2", "-1", "9223372036854775807", "1.5"});
    maybe("tokens", {"{}", "[]", "{\"input\":1,\"output\":2}", "{\"input\":-9223372036854775808,\"output\":1e9}"});
    maybe("actions_taken", {"[]", "\"x\"", "{}"});
    maybe("errors", {"null", "[]", "\"x\""});
    maybe("context", {"null", "\"\"", "{}", "[[[[]]]]"});
    return "{" + members + "}";
  };
  const auto entries = [&](std::vector<std::string>& used) {
    std::string text;
    for (const auto& id : ids) {
      if (random() % 2 == 0) continue;
      used.push_back(*parsed("\"" + id + "\"").as_string());
      text += (text.empty() ? "\"" : ",\"") + id + "\":" + (random() % 8 == 0 ? one_of({"1", "[]", "null"}) : object());
    }
    return "{" + text + "}";
  };
  for (int round = 0; round < 60; ++round) {
    CAPTURE(round);
    original from;
    std::vector<std::string> used;
    from.write("claude_task_queue.json", R"({"tasks":)" + entries(used) + "}");
    from.write("claude_task_results.json", R"({"results":)" + entries(used) + "}");
    from.write("token_telemetry.json", R"({"sessions":[{"task_id":"b","tokens_input":1},{"task_id":"only"}]})");
    used.insert(used.end(), {"b", "only"});
    destination to;
    const auto report = to.take(from.path());
    for (const auto& id : used) {
      CAPTURE(id);
      CHECK((is_named(report, id) || to.has(id)));
    }
    CHECK(to.take(from.path()).put_in.total() == 0);
  }
}
