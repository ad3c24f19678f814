// Checks, prices, the day's budget and the waits of a run.
#include <thread>

#include "capi/host.hpp"

using namespace cobatch_test;

namespace {

constexpr std::string_view ten_micro_dollars_a_token = R"({"m":{"input_cost_per_token":0.00001}})";

// A host whose turns use 100 tokens each.
class spender : public host {
 public:
  spender()
      : host([](const cobatch_turn_request&, cobatch_turn* turn) {
          const cobatch_model_tokens models[]{{cobatch_str("m"), {100, 0, 0, 0, 0, 0}}};
          auto used = fresh<cobatch_usage>();
          used.models = models;
          used.model_count = 1;
          return complete(turn, COBATCH_TURN_DONE, "ok", &used).status;
        }) {}
};

// Two tasks, and a run for which there are prices.
struct priced_scene : scratch_workspace {
  spender works;
  owned<cobatch_agent> agent = works.agent();
  run_with with{agent};
  std::string prices = (folder.path() / "prices.json").native();
  cobatch_budget day = COBATCH_BUDGET_INIT;

  priced_scene() {
    assign_all(*this, {"a", "b"}, "b1");
    write_prices(ten_micro_dollars_a_token);
    with.options.prices = text(prices);
    with.options.day_budget = &day;
  }
  void write_prices(std::string_view content) const { std::ofstream(prices) << content; }
};

void check_a_program(cobatch_workspace* place, const std::vector<cobatch_text>& check) {
  auto task = spec("a");
  task.check = {check.data(), check.size()};
  must(cobatch_assign_task, place, &task, nullptr, nullptr);
}

// A program that speaks as Claude Code does.
owned<cobatch_agent> talking(const std::filesystem::path& folder, std::string_view answer_to_a_task) {
  const auto program = folder / "agent";
  std::ofstream(program) << "#!/bin/sh\nwhile IFS= read -r line; do\n" << answer_to_a_task << "\ndone\n";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  auto options = fresh<cobatch_claude_options>();
  options.program = text(program.native());
  return make<cobatch_agent>(cobatch_agent_claude, &options);
}

}  // namespace

TEST_CASE("a check is run only where checks are allowed, and decides whether the task is done") {
  const scratch_workspace place;
  check_a_program(place, {cobatch_str("sh"), cobatch_str("-c"), cobatch_str("echo >checked; exit 3")});
  host works;
  const auto agent = works.agent();
  run_with with(agent);
  std::string reason = "not_allowed";
  SUBCASE("not allowed") {}
  SUBCASE("allowed") {
    with.options.allow_checks = 1;
    reason = "check_failed";
  }
  CHECK(run(place, with.options) == COBATCH_OK);
  CHECK(copy_of(result_of(place, "a")->reason) == reason);
  CHECK(std::filesystem::exists(place.folder.path() / "checked") == (reason == "check_failed"));
}

TEST_CASE("a check that takes longer than its limit is ended, and has failed") {
  const scratch_workspace place;
  check_a_program(place, {cobatch_str("sleep"), cobatch_str("1000")});
  host works;
  const auto agent = works.agent();
  run_with with(agent);
  with.options.allow_checks = 1;
  with.options.check_limit_ms = 1;
  CHECK(run(place, with.options) == COBATCH_OK);
  CHECK(copy_of(result_of(place, "a")->reason) == "check_failed");
}

TEST_CASE("the turn that reaches the day's budget is the day's last one, and what is left stays queued") {
  priced_scene scene;
  SUBCASE("in tokens") { scene.day.tokens = 100; }
  SUBCASE("in dollars") {
    scene.day.nano_dollars = 1'000'000;  // 100 tokens
  }
  CHECK(run(scene, scene.with.options) == COBATCH_OK);
  CHECK(task_of(scene, "a")->state == COBATCH_TASK_DONE);
  CHECK(task_of(scene, "b")->state == COBATCH_TASK_QUEUED);
  CHECK(batch_of(scene, "b1")->state == COBATCH_BATCH_SEALED);
  // A larger one lets it go on.
  scene.day.tokens *= 10;
  scene.day.nano_dollars *= 10;
  CHECK(run(scene, scene.with.options) == COBATCH_OK);
  CHECK(task_of(scene, "b")->state == COBATCH_TASK_DONE);
}

TEST_CASE("a day's budget that cannot be kept is refused before anything is run") {
  priced_scene scene;
  const auto refused = [&](std::int64_t cobatch_budget::*member, std::int64_t value) {
    scene.day = COBATCH_BUDGET_INIT;
    scene.day.*member = value;
    cobatch_engine* engine = nullptr;
    CHECK(call(cobatch_engine_start, scene.handle.get(), &scene.with.options, &engine) == COBATCH_E_BAD_VALUE);
    return run(scene, scene.with.options);
  };
  CHECK(refused(&cobatch_budget::nano_dollars, -1) == COBATCH_E_BAD_VALUE);
  CHECK(refused(&cobatch_budget::tokens, -1) == COBATCH_E_BAD_VALUE);
  CHECK(refused(&cobatch_budget::time_ms, -1) == COBATCH_E_BAD_VALUE);
  scene.with.options.prices = {nullptr, 0};
  const auto without_prices = refused(&cobatch_budget::nano_dollars, 1);
  CHECK(without_prices == COBATCH_E_BAD_VALUE);
  CHECK(without_prices.message.find("prices") != std::string::npos);
  CHECK(scene.works.calls().empty());
}

TEST_CASE("a file of prices that cannot be used is an error that names it, and nothing is run") {
  priced_scene scene;
  const auto fails = [&](std::int32_t status) {
    cobatch_engine* engine = nullptr;
    CHECK(call(cobatch_engine_start, scene.handle.get(), &scene.with.options, &engine) == status);
    const auto came = run(scene, scene.with.options);
    CHECK(came == status);
    CHECK(came.message.find(scene.prices) != std::string::npos);
  };
  scene.write_prices("{");
  fails(COBATCH_E_BAD_JSON);
  scene.write_prices("[]");
  fails(COBATCH_E_WRONG_TYPE);
  std::filesystem::remove(scene.prices);
  fails(COBATCH_E_IO_ERROR);
  CHECK(scene.works.calls().empty());
}

TEST_CASE("what looks wrong with a model that nobody uses is not told, and the rest of a file of prices is used") {
  priced_scene scene;
  scene.write_prices(R"({"n":{"input_cost_per_token":-1},"m":{"input_cost_per_token":0.00001}})");
  scene.day.nano_dollars = 1'000'000;
  list warnings;
  const cobatch_log_fn note = [](void* user_data, std::int32_t level, cobatch_text message) {
    if (level == COBATCH_LOG_WARNING) static_cast<list*>(user_data)->push_back(copy_of(message));
  };
  must(cobatch_set_log, scene.handle.get(), note, static_cast<void*>(&warnings), nullptr);
  CHECK(run(scene, scene.with.options) == COBATCH_OK);
  CHECK(warnings.empty());
  CHECK(task_of(scene, "b")->state == COBATCH_TASK_QUEUED);
}

TEST_CASE("of an agent that is silent for as long as was said, a notice tells, and the turn goes on") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  // It says nothing until somebody has noticed.
  const auto agent = talking(place.folder.path(), R"(
    until [ -e noticed ]; do sleep 0.01; done
    echo '{"type":"result","session_id":"talk","result":"ok"}')");
  run_with with(agent);
  with.options.quiet_after_ms = 1;
  std::filesystem::path noticed = place.folder.path() / "noticed";
  const cobatch_log_fn note = [](void* user_data, std::int32_t, cobatch_text message) {
    if (copy_of(message).find("nothing was heard") != std::string::npos)
      std::ofstream(*static_cast<std::filesystem::path*>(user_data)) << "";
  };
  must(cobatch_set_log, place.handle.get(), note, static_cast<void*>(&noticed), nullptr);
  CHECK(run(place, with.options) == COBATCH_OK);
  CHECK(turn_ends(place) == std::vector<std::int32_t>{COBATCH_TURN_DONE});
}

TEST_CASE("an agent that closed its task and writes no result is ended after the idle limit that was said") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  const auto agent = talking(place.folder.path(), R"(
    printf '%s\n' '{"type":"assistant","message":{"content":[{"type":"text","text":)"
                                                  R"("COBATCH {\"task\":\"a\",\"status\":\"done\"}"}]}}'
    read -r interrupt
    exit 0)");
  run_with with(agent);
  with.options.idle_limit_ms = 1;
  CHECK(run(place, with.options) == COBATCH_OK);
  CHECK(turn_ends(place) == std::vector<std::int32_t>{COBATCH_TURN_DONE});
  with.options.idle_limit_ms = -1;
  CHECK(run(place, with.options) == COBATCH_E_BAD_VALUE);
}

TEST_CASE("at a provider's limit without an end the session first rests for as long as was said") {
  constexpr std::int64_t quarter_of_an_hour = 15 * 60 * 1000;
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  const auto agent = talking(place.folder.path(), R"(
    echo '{"type":"result","session_id":"talk","is_error":true,"api_error_status":429,"result":"slow down"}')");
  run_with with(agent);
  with.options.limit_wait_ms = quarter_of_an_hour;
  const auto feed = make<cobatch_events>(cobatch_events_open, place.handle.get(), nullptr);
  std::thread runs([&] { CHECK(run(place, with.options) == COBATCH_E_INTERRUPTED); });
  auto event = fresh<cobatch_event_info>();
  while (event.kind != COBATCH_EVENT_PAUSED) must(cobatch_events_wait, feed.get(), std::int64_t{-1}, &event);
  {
    const auto session =
        first_in(make<cobatch_reply>(cobatch_list_sessions, place.handle.get(), nullptr), cobatch_reply_next_session);
    CHECK(session->paused_until >= session->started_at + quarter_of_an_hour);
  }
  cobatch_interrupt(place);
  runs.join();
}
