// What people and agents report: tasks begun and logged by hand, with the telemetry that they tell.
#include <algorithm>
#include <fstream>
#include <sstream>

#include "unit/api/fixture.hpp"

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
  parsed_reply result(const std::string& task = "t") {
    return ask("get_task_result", R"({"task_id":")" + task + R"("})");
  }
  // -1 if nothing is known of it.
  std::int64_t input_of(const std::string& task) {
    const auto shown = result(task);
    const json::value* input = shown.in("result", "tokens_input");
    return input != nullptr && input->as_int() != nullptr ? *input->as_int() : -1;
  }
  // Another task, that somebody else has in progress.
  void begin_other() {
    ask("assign_task", R"({"task_id":"u","description":"y","batch_id":"b","auto_execute":false})");
    CHECK(ask("mark_task_in_progress", R"({"task_id":"u"})").text("task_status") == "in_progress");
  }
  void log_other() {
    CHECK(ask("log_task_completion", R"({"task_id":"u","status":"done"})").text("status") == "success");
  }
  // What was set aside as left over.
  std::vector<std::string> left_over() {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(place().paths().data))
      if (entry.path().filename().string().find(".left-over") != std::string::npos)
        found.push_back(content_of(entry.path()));
    std::sort(found.begin(), found.end());
    return found;
  }
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
  CHECK(s.left_over() == std::vector<std::string>{earlier});
  s.log();
  CHECK(s.result().in("result", "tokens_input") == nullptr);
}

TEST_CASE("of telemetry that was left over twice, both are kept") {
  scene s;
  const std::string first = R"({"tokens_input":1,"tokens_output":1})",
                    second = R"({"tokens_input":2,"tokens_output":2})";
  s.tell(first);
  CHECK(s.begin().warns("telemetry_left_over"));
  s.ask("reset_task", R"({"task_id":"t"})");
  s.tell(second);
  CHECK(s.begin().warns("telemetry_left_over"));
  CHECK(s.left_over() == std::vector<std::string>{first, second});
}

TEST_CASE("telemetry of a task in progress is still its own when another task begins") {
  scene s;
  s.begin_other();
  SUBCASE("that was told by a call") {
    s.ask("capture_token_telemetry", R"({"task_id":"u","tokens_input":45000,"tokens_output":2000})");
  }
  SUBCASE("that names no task, as it was told when one only was in progress") {
    s.tell(R"({"tokens_input":45000,"tokens_output":2000})");
  }
  CHECK_FALSE(s.begin().warns("telemetry_left_over"));
  s.log_other();
  CHECK(s.input_of("u") == 45000);
  s.log();
  CHECK(s.result().in("result", "tokens_input") == nullptr);
}

TEST_CASE("telemetry that names another task stays for it, whichever is logged first") {
  scene s;
  s.ask("assign_task", R"({"task_id":"u","description":"y","batch_id":"b","auto_execute":false})");
  s.ask("capture_token_telemetry", R"({"task_id":"u","tokens_input":45000,"tokens_output":2000})");
  CHECK_FALSE(s.begin().warns("telemetry_left_over"));
  s.log();
  CHECK(s.result().in("result", "tokens_input") == nullptr);
  s.begin_other();
  s.log_other();
  CHECK(s.input_of("u") == 45000);
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
    CHECK(s.log().warns("telemetry_incomplete"));
    const auto result = s.result();
    CHECK(*result.in("result", "tokens_output") == json::value(7));
    CHECK(*result.in("result", "tokens_complete") == json::value(false));
    for (const char* name : {"tokens_input", "tokens_input_guide", "tokens_cache_read"})
      CHECK(result.in("result", name) == nullptr);
    CHECK(*result.in("result", "tokens") == json::value(json::object{{"output", 7}}));
  }
}

TEST_CASE("told input that is less than what came from the cache is counted without that, as the guide does") {
  scene s;
  s.begin();
  s.tell(R"({"tokens_input":0,"tokens_output":1500,"tokens_cache_read":45000})");
  CHECK(s.log().body.find("warnings") == nullptr);
  CHECK(*s.result().in("result", "tokens_input") == json::value(0));
  CHECK(*s.result().in("result", "tokens_cache_read") == json::value(45000));
  CHECK(*s.result().in("result", "tokens_output") == json::value(1500));
}

TEST_CASE("told figures that contradict each other are set aside, and it is said which") {
  scene s;
  s.begin();
  s.tell(R"({"tokens_input":10,"tokens_output":1500,"tokens_cache_creation":20})");
  const auto logged = s.log();
  CHECK(logged.warns("telemetry_unreadable"));
  CHECK(json::write(*logged.body.find("warnings")).find("more was written to the cache") != std::string::npos);
  CHECK(s.result().in("result", "tokens_output") == nullptr);
}

TEST_CASE("figures that wait for their task to be logged are not written over by those of another one") {
  scene s;
  s.begin();
  s.ask("assign_task", R"({"task_id":"other","description":"x","batch_id":"b2","auto_execute":false})");
  const auto tell = [&](const std::string& id) {
    return s.ask("capture_token_telemetry", R"({"task_id":")" + id + R"(","tokens_input":45000,"tokens_output":7})");
  };
  s.ask("mark_task_in_progress", R"({"task_id":"other"})");
  CHECK(tell("t").text("status") == "success");
  const auto early = tell("other");
  CHECK(early.text("code") == "task_in_progress");
  CHECK(early.says("the figures of task 't'"));
  s.log();
  CHECK(*s.result().in("result", "tokens_input") == json::value(45000));
  CHECK(tell("other").text("status") == "success");
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
