// What people and agents report: tasks begun and logged by hand, with the telemetry that they tell.
#include <fstream>
#include <sstream>

#include "unit/request/fixture.hpp"

namespace cobatch_test {

namespace {

struct scene : fixture {
  scene() {
    CHECK(
        ask("assign_task", R"({"task_id":"t","description":"x","batch_id":"b","auto_execute":false})").text("status") ==
        "success");
  }

  std::filesystem::path telemetry() { return place().paths().data / "last_execution_telemetry.json"; }
  void tell(std::string_view content) { std::ofstream(telemetry()) << content; }
  std::string told() {
    std::ostringstream out;
    out << std::ifstream(telemetry()).rdbuf();
    return out.str();
  }
  parsed_reply begin(std::string_view more = "") {
    return ask("mark_task_in_progress", R"({"task_id":"t")" + std::string(more) + "}");
  }
  parsed_reply log(std::string_view status = "done", std::string_view more = R"(,"output_summary":"did it")") {
    return ask("log_task_completion",
               R"({"task_id":"t","status":")" + std::string(status) + "\"" + std::string(more) + "}");
  }
  parsed_reply result() { return ask("get_task_result", R"({"task_id":"t"})"); }
};

}  // namespace

TEST_CASE("a task that a person has in progress is logged by a call, and its result says who said so") {
  scene s;
  CHECK(s.begin().text("task_status") == "in_progress");
  const auto logged = s.log();
  CHECK(logged.text("status") == "success");
  CHECK(logged.text("task_status") == "done");
  CHECK(logged.text("output_summary") == "did it");
  CHECK(*s.result().in("result", "output_summary") == json::value("did it"));
}

TEST_CASE("what is logged stands: the same again is answered the same, and another is refused") {
  scene s;
  s.begin();
  s.log();
  CHECK(s.log().flag("duplicate"));
  const auto other = s.log("error");
  CHECK(other.text("code") == "already_completed");
  CHECK(s.result().in("result", "status")->as_string()->compare("done") == 0);
}

TEST_CASE("a task that nobody began, or that is not there, is not logged") {
  scene s;
  CHECK(s.log().text("code") == "task_queued");
  CHECK(s.ask("log_task_completion", R"({"task_id":"none","status":"done"})").text("code") == "task_not_found");
  s.ask("cancel_task", R"({"task_id":"t"})");
  CHECK(s.log().text("status") == "error");
  CHECK(s.log("finished").text("code") == "bad_value");
}

TEST_CASE("a token that no session has is refused, whatever it looks like") {
  scene s;
  for (const char* token : {"1-guess", "nonsense", "1-"})
    CHECK(s.begin(R"(,"session":")" + std::string(token) + "\"").text("code") == "stale_session");
  CHECK(s.ask("check_task_status", R"({"task_id":"t"})").text("task_status") == "queued");
}

TEST_CASE("told telemetry serves one task, and is called told") {
  scene s;
  s.ask("assign_task", R"({"task_id":"u","description":"y","batch_id":"b","auto_execute":false})");
  s.begin();
  s.ask("mark_task_in_progress", R"({"task_id":"u"})");
  s.tell(R"({"tokens_input":45000,"tokens_output":2000,"tool":"claude","action":"write"})");
  s.log();
  CHECK_FALSE(std::filesystem::exists(s.telemetry()));
  CHECK(*s.result().in("result", "tokens_input") == json::value(45000));
  CHECK(*s.result().in("result", "tokens_source") == json::value("told"));
  CHECK(s.ask("log_task_completion", R"({"task_id":"u","status":"done"})").text("status") == "success");
  CHECK(s.ask("get_task_result", R"({"task_id":"u"})").in("result", "tokens_input") == nullptr);
}

TEST_CASE("telemetry that is there before a task begins is not taken for that task, and is kept") {
  scene s;
  const std::string earlier = R"({"tokens_input":7,"tokens_output":7})";
  s.tell(earlier);
  const auto begun = s.begin();
  CHECK(begun.warns("telemetry_left_over"));
  CHECK_FALSE(std::filesystem::exists(s.telemetry()));
  CHECK(content_of(s.telemetry().string() + ".left-over") == earlier);
  s.log();
  CHECK(s.result().in("result", "tokens_input") == nullptr);
}

TEST_CASE("telemetry that names the task may be told before it begins, and a second beginning leaves it") {
  scene s;
  s.ask("capture_token_telemetry", R"({"task_id":"t","tokens_input":10,"tokens_output":1})");
  CHECK_FALSE(s.begin().warns("telemetry_left_over"));
  CHECK_FALSE(s.begin().warns("telemetry_left_over"));
  s.log();
  CHECK(*s.result().in("result", "tokens_input") == json::value(10));
}

TEST_CASE("the later form of telemetry tells what came from the cache apart") {
  scene s;
  s.begin();
  s.tell(R"({"tokens_input":47000,"tokens_output":5,"tokens_cache_read":40000,"tokens_cache_creation":6000,)"
         R"("tokens_raw_input":1000})");
  s.log();
  CHECK(*s.result().in("result", "tokens_input") == json::value(7000));
  CHECK(*s.result().in("result", "tokens_cache_read") == json::value(40000));
}

TEST_CASE("of told figures those that can be are shown, and no other as 0") {
  for (const char* none : {"1e30", "1.5", "-1", R"("45000")", "1000000000001", "true", "[]"}) {
    CAPTURE(none);
    scene s;
    s.begin();
    s.tell(R"({"tokens_input":)" + std::string(none) + R"(,"tokens_output":7})");
    CHECK_FALSE(s.log().warns("telemetry_unreadable"));
    const auto result = s.result();
    CHECK(*result.in("result", "tokens_output") == json::value(7));
    CHECK(*result.in("result", "tokens_complete") == json::value(false));
    for (const char* name : {"tokens_input", "tokens_input_guide", "tokens_cache_read"})
      CHECK(result.in("result", name) == nullptr);
    CHECK(*result.in("result", "tokens") == json::value(json::object{{"output", 7}, {"total", 7}}));
  }
}

TEST_CASE("told input of which a part cannot be is not taken for what was loaded") {
  scene s;
  s.begin();
  s.tell(R"({"tokens_input":47000,"tokens_output":5,"tokens_cache_read":1e30})");
  s.log();
  CHECK(s.result().in("result", "tokens_input") == nullptr);
  CHECK(*s.result().in("result", "tokens_complete") == json::value(false));
}

TEST_CASE("telemetry in which no figure can be is set aside, and no figure is shown") {
  scene s;
  s.begin();
  s.tell(R"({"tokens_input":1e30,"tokens_output":-4})");
  CHECK(s.log().warns("telemetry_unreadable"));
  CHECK(s.result().in("result", "tokens_output") == nullptr);
  CHECK(s.result().in("result", "tokens_complete") == nullptr);
}

TEST_CASE("a call that tells what is no count is refused, and nothing is noted") {
  scene s;
  s.begin();
  for (const char* none : {"1e30", "1.5", "-1", R"("45000")", "1000000000001", "null"}) {
    CAPTURE(none);
    const auto told = s.ask("capture_token_telemetry",
                            R"({"task_id":"t","tokens_output":4,"tokens_input":)" + std::string(none) + "}");
    CHECK(told.text("status") == "error");
    CHECK(told.says("'tokens_input'"));
    CHECK(told.says("Nothing was changed"));
    CHECK_FALSE(std::filesystem::exists(s.telemetry()));
  }
}

TEST_CASE("telemetry of another task is left alone") {
  scene s;
  s.begin();
  const std::string other = R"({"task_id":"other","tokens_input":1,"tokens_output":2})";
  s.tell(other);
  s.log();
  CHECK(s.told() == other);
  CHECK(s.result().in("result", "tokens_input") == nullptr);
}

TEST_CASE("telemetry that cannot be read is set aside, and the task is logged all the same") {
  scene s;
  s.begin();
  s.tell("{\"tokens_in");
  const auto logged = s.log();
  CHECK(logged.text("status") == "success");
  CHECK(logged.warns("telemetry_unreadable"));
  CHECK_FALSE(std::filesystem::exists(s.telemetry()));
  bool kept = false;
  for (const auto& entry : std::filesystem::directory_iterator(s.place().paths().data))
    kept = kept || entry.path().filename().string().find("unreadable") != std::string::npos;
  CHECK(kept);
}

TEST_CASE("a completion that is refused leaves the telemetry for the next") {
  scene s;
  s.tell(R"({"tokens_input":1,"tokens_output":2})");
  CHECK(s.log().text("status") == "error");
  CHECK(std::filesystem::exists(s.telemetry()));
}

TEST_CASE("captured telemetry is taken over by its task, and comes too late for one that has ended") {
  scene s;
  s.begin();
  CHECK(s.ask("capture_token_telemetry", R"({"task_id":"t","tokens_input":10,"tokens_output":4})").text("status") ==
        "success");
  s.log();
  CHECK(*s.result().in("result", "tokens_output") == json::value(4));
  CHECK(s.ask("capture_token_telemetry", R"({"task_id":"t","tokens_input":10,"tokens_output":4})").text("code") ==
        "task_ended");
  CHECK(s.ask("capture_token_telemetry", R"({"task_id":"t","tokens_input":-1,"tokens_output":4})").text("status") ==
        "error");
}

}  // namespace cobatch_test
