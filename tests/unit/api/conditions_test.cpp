// What is said of how tasks run: of each, and of their batch.
#include "store/store.hpp"
#include "unit/api/fixture.hpp"

namespace cobatch_test {

namespace {

batch_record batch_of(fixture& f, const char* id) {
  const auto status = f.place().batch(batch_id(id));
  REQUIRE(status);
  return status->batch;
}

task_spec spec_of(fixture& f, const char* id) {
  const auto status = f.place().task(task_id(id));
  REQUIRE(status);
  return status->task.spec;
}

spending_cap budget_of(std::string_view budget) {
  fixture f;
  CAPTURE(budget);
  REQUIRE(f.ask("assign_task", task("t", R"(,"batch_id":"b","budget":)" + std::string(budget))).text("status") ==
          "success");
  const auto given = batch_of(f, "b").settings.budget;
  REQUIRE(given);
  return *given;
}

}  // namespace

TEST_CASE("how a task is to be run is stored, and its status tells it") {
  fixture f;
  REQUIRE(f.ask("assign_task", task("a", R"(,"batch_id":"b","auto_execute":false)")).text("status") == "success");
  REQUIRE(f.ask("assign_task", task("t", R"(,"batch_id":"b","needs":["a"],"check":["pytest","-q"],"model":"small",)"
                                         R"-("tools":["Read","Bash(git log:*)"],"time_limit_seconds":90)-"))
              .text("status") == "success");
  const task_spec spec = spec_of(f, "t");
  CHECK(spec.needs == std::vector{task_id("a")});
  CHECK(spec.check == std::vector<std::string>{"pytest", "-q"});
  CHECK(spec.model == "small");
  CHECK(spec.tools == std::vector<std::string>{"Read", "Bash(git log:*)"});
  CHECK(spec.limit == std::chrono::seconds(90));
  const auto status = f.ask("check_task_status", R"({"task_id":"t"})");
  CHECK(status.list("needs") == json::array{"a"});
  CHECK(status.list("check") == json::array{"pytest", "-q"});
  CHECK(status.list("tools") == json::array{"Read", "Bash(git log:*)"});
  CHECK(status.text("model") == "small");
  CHECK(status.number("time_limit_seconds") == 90);
  const auto bare = f.ask("check_task_status", R"({"task_id":"a"})");
  for (const auto* name : {"needs", "check", "tools", "model", "time_limit_seconds", "agent", "way", "reason"})
    CHECK_MESSAGE(bare.body.find(name) == nullptr, name);
}

TEST_CASE("tasks of a batch in one call may need earlier ones of the call") {
  fixture f;
  const auto r = f.ask("assign_batch", R"({"batch_id":"b","tasks":[)" + task("x") + "," +
                                           task("y", R"(,"needs":["x"],"tools":["Read"])") + "]}");
  CHECK(r.text("status") == "success");
  CHECK(spec_of(f, "y").needs == std::vector{task_id("x")});
}

TEST_CASE("a need that does not stand before its task is refused by name, and nothing is stored") {
  fixture f;
  for (const auto& tasks : {task("y", R"(,"needs":["x"])") + "," + task("x"), task("y", R"(,"needs":["x"])")}) {
    const auto r = f.ask("assign_batch", R"({"batch_id":"b","tasks":[)" + tasks + "]}");
    CHECK(r.kind == reply_kind::refused);
    CHECK(r.text("code") == "need_unknown");
    CHECK(r.says("\"x\""));
    CHECK(r.says("Nothing was stored"));
    CHECK(f.stored_tasks() == 0);
  }
}

TEST_CASE("what is said of a batch is stored, and the status of the batch and of its tasks tell it") {
  fixture f;
  REQUIRE(f.ask("assign_batch", R"({"batch_id":"b","tasks":[)" + task("x") + "," + task("y", R"(,"model":"small")") +
                                    R"(],"agent":"mine","model":"large","way":"fork","on_error":"stop",)"
                                    R"("budget":{"usd":2.50,"tokens":1000,"minutes":1.5,"unknown":"allow"},)"
                                    R"("preamble":"All of it.","context_files":["a.md","b/c.md"]})")
              .text("status") == "success");
  const batch_record batch = batch_of(f, "b");
  CHECK(batch.settings.model == "large");
  CHECK(batch.settings.way == running_way::fork);
  CHECK(batch.settings.on_error == error_rule::stop);
  CHECK(batch.settings.budget == spending_cap{2'500'000'000, 1000, std::chrono::seconds(90), true});
  const auto shared = f.place().storage().find_preamble(batch.id);
  REQUIRE(shared);
  CHECK(*shared == preamble{"All of it.", {"a.md", "b/c.md"}});

  const auto status = f.ask("batch_status", R"({"batch_id":"b"})");
  CHECK(status.text("agent") == "mine");
  CHECK(status.text("model") == "large");
  CHECK(status.text("way") == "fork");
  CHECK(status.text("on_error") == "stop");
  CHECK(json::write(*status.body.find("budget")) == R"({"usd":2.5,"tokens":1000,"minutes":1.5,"unknown":"allow"})");
  CHECK(status.flag("preamble"));
  const auto first = f.ask("check_task_status", R"({"task_id":"x"})");
  CHECK(first.text("agent") == "mine");
  CHECK(first.text("way") == "fork");
  CHECK(first.text("model") == "large");
  CHECK(f.ask("check_task_status", R"({"task_id":"y"})").text("model") == "small");
}

TEST_CASE("the model of assign_task is the task's, not the batch's") {
  fixture f;
  f.ask("assign_task", task("t", R"(,"batch_id":"b","model":"small","way":"separate")"));
  CHECK(spec_of(f, "t").model == "small");
  CHECK(batch_of(f, "b").settings == batch_settings{.way = running_way::separate});
}

TEST_CASE("what contradicts an earlier call is named, and nothing of the call is stored") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {R"("way":"separate")", "way"}, {R"("on_error":"continue")", "on_error"}, {R"("preamble":"other")", "preamble"}};
  for (const auto& [said, name] : cases) {
    fixture f;
    CAPTURE(said);
    f.ask("assign_task", task("a", R"(,"batch_id":"b","way":"fork","on_error":"stop","preamble":"this")"));
    const auto r = f.ask("assign_task", task("t", R"(,"batch_id":"b",)" + said));
    CHECK(r.text("code") == "batch_conflict");
    CHECK(r.says("another " + name));
    CHECK(r.says("nothing was stored"));
    CHECK(f.stored_tasks() == 1);
  }
}

TEST_CASE("a budget that only allows unknown usage leaves the caps that stand") {
  fixture f;
  f.ask("assign_task", task("t", R"(,"batch_id":"b","budget":{"tokens":5,"usd":2})"));
  f.ask("assign_task", task("t", R"(,"batch_id":"b","budget":{"unknown":"allow"})"));
  CHECK(batch_of(f, "b").settings.budget == spending_cap{2'000'000'000, 5, {}, true});
  f.ask("assign_task", task("t", R"(,"batch_id":"b","budget":{"tokens":7})"));
  CHECK(batch_of(f, "b").settings.budget == spending_cap{.tokens = 7});
}

TEST_CASE("once a batch runs, nothing can be added to what is said of it but a budget") {
  fixture f;
  f.ask("assign_task", task("a", R"(,"batch_id":"b")"));
  f.begin_session();
  const auto r = f.ask("assign_task", task("t", R"(,"batch_id":"b","way":"fork")"));
  CHECK(r.text("code") == "batch_conflict");
  CHECK(r.says("runs already"));
  CHECK(f.ask("assign_task", task("t", R"(,"batch_id":"b","budget":{"tokens":5})")).text("status") == "success");
  CHECK(batch_of(f, "b").settings.budget == spending_cap{0, 5, {}});
}

TEST_CASE("dollars are taken to the nano-dollar, exactly, in every form of a number") {
  const std::vector<std::pair<std::string, std::int64_t>> cases{{"0", 0},
                                                                {"0.1", 100'000'000},
                                                                {"0.30", 300'000'000},
                                                                {"1.000000001", 1'000'000'001},
                                                                {"1.0000000010", 1'000'000'001},
                                                                {"1e-9", 1},
                                                                {"25E-1", 2'500'000'000},
                                                                {"1e+2", 100'000'000'000},
                                                                {"-0", 0},
                                                                {"0e999999999999", 0},
                                                                {"90071992.547409937", 90'071'992'547'409'937},
                                                                {"999999999.999999999", 999'999'999'999'999'999}};
  for (const auto& [usd, nano] : cases) CHECK(budget_of("{\"usd\":" + usd + "}") == spending_cap{nano, 0, {}});
}

TEST_CASE("minutes are taken to the nearest millisecond, and never become none") {
  using ms = std::chrono::milliseconds;
  const std::vector<std::pair<std::string, ms>> cases{
      {"30", ms{1'800'000}},  {"0.5", ms{30'000}}, {"0.016666667", ms{1000}},
      {"0.000000001", ms{1}}, {"0", ms{0}},        {"999999999.999999999", ms{60'000'000'000'000}}};
  for (const auto& [minutes, time] : cases)
    CHECK(budget_of("{\"minutes\":" + minutes + "}") == spending_cap{0, 0, time});
}

TEST_CASE("an empty budget is no limit, and an unknown part of one is warned of") {
  CHECK(budget_of("{}") == spending_cap{});
  CHECK(budget_of(R"({"tokens":5,"unknown":"hold"})") == spending_cap{.tokens = 5});
  fixture f;
  const auto r = f.ask("assign_task", task("t", R"(,"budget":{"dollars":1})"));
  CHECK(r.warns("unknown_param"));
  CHECK(json::write(r.body).find("budget.'dollars' is not a parameter here") != std::string::npos);
}

TEST_CASE("a task that was cancelled by a rule says by which, in every reply about it") {
  for (const auto& [more, reason, says] :
       {std::tuple(R"(,"needs":["a"])", "need_failed", "a task that it needs was not done"),
        std::tuple(R"(,"on_error":"stop")", "batch_stopped", "another task of the batch ended in error")}) {
    fixture f;
    f.ask("assign_task", task("a", R"(,"batch_id":"b","auto_execute":false)"));
    f.ask("assign_task", task("t", R"(,"batch_id":"b")" + std::string(more)));
    const session_record session = f.begin_session();
    f.settle(f.begin_turn(session.id).turn, turn_end::error, "");
    const auto status = f.ask("check_task_status", R"({"task_id":"t"})");
    CHECK(status.text("task_status") == "cancelled");
    CHECK(status.text("reason") == reason);
    CHECK(status.says(says));
    CHECK(f.ask("get_task_result", R"({"task_id":"t"})").says(says));
    const auto batch = f.ask("batch_status", R"({"batch_id":"b"})");
    CHECK(*batch.list("tasks")[1].find("reason") == json::value(reason));
  }
}

TEST_CASE("a session that rests says until when and why") {
  fixture f;
  f.ask("assign_task", task("a", R"(,"batch_id":"b")"));
  const session_record session = f.begin_session();
  REQUIRE(
      f.place().storage().set_pause(session.id, session_pause{timestamp{1'762'552'800'000}, "the limit is reached"}));
  const auto status = f.ask("batch_status", R"({"batch_id":"b"})");
  REQUIRE(status.in("session", "paused_until") != nullptr);
  CHECK(*status.in("session", "paused_until") == json::value("2025-11-07T22:00:00.000Z"));
  CHECK(*status.in("session", "pause_reason") == json::value("the limit is reached"));
}

TEST_CASE("the list of actions tells what lists and objects hold") {
  const auto parsed = json::parse(supported_actions_json());
  REQUIRE(parsed);
  const json::value& first = parsed->find("supported_actions")->as_array()->front();
  REQUIRE(*first.find("action") == json::value("assign_task"));
  bool saw_needs = false;
  for (const auto& param : *first.find("params")->as_array()) {
    if (*param.find("name") == json::value("needs")) {
      saw_needs = true;
      CHECK(*param.find("type") == json::value("array"));
      CHECK(*param.find("items") == json::value("string"));
    }
    if (*param.find("name") == json::value("budget")) CHECK(param.find("fields")->as_array()->size() == 4);
  }
  CHECK(saw_needs);
}

}  // namespace cobatch_test
