#include "views/record_json.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "unit/views/fixture.hpp"

using namespace cobatch;
using views_test::at;

namespace {

result_record guide_result(std::int64_t position) {
  result_record r;
  r.task = task_id("create_doc_" + std::to_string(position));
  r.batch = batch_id("batch_20251107_214500");
  r.position = position;
  r.session = epoch{7};
  r.turn = turn_no{position};
  r.completed_at = views_test::guide_time;
  r.duration_ms = 12'345;
  r.loaded_context = position == 1;
  r.what.used = usage{{{"m", position == 1 ? tokens{.uncached_input = 1'000, .cache_write_5m = 44'000, .output = 2'000}
                                           : tokens{.cache_write_5m = 2'000, .cache_read = 45'000, .output = 1'500}}},
                      usage_source::reported,
                      true};
  return r;
}

std::vector<std::string> names_of(const json::object& o) {
  std::vector<std::string> out;
  for (const auto& m : o) out.push_back(m.name);
  return out;
}

bool has(const json::object& o, std::string_view name) { return json::value(o).find(name) != nullptr; }

}  // namespace

TEST_CASE("the first task shows the guide's telemetry: what it loaded and wrote") {
  const json::value r(result_json(guide_result(1)));
  CHECK(at(r, "task_id") == "create_doc_1");
  CHECK(at(r, "tokens_input") == 45'000);
  CHECK(at(r, "tokens_output") == 2'000);
  CHECK(at(r, "batch_id") == "batch_20251107_214500");
  CHECK(at(r, "batch_position") == 1);
  CHECK(at(r, "tokens_input_guide") == 45'000);
  CHECK(at(r, "context_reloaded") == false);
}

TEST_CASE("a later task that re-used the context has 0 input as the guide counts, and its real input beside it") {
  const json::value r(result_json(guide_result(2)));
  CHECK(at(r, "tokens_input_guide") == 0);
  CHECK(at(r, "tokens_input") == 2'000);
  CHECK(at(r, "tokens_cache_read") == 45'000);
  CHECK(at(r, "context_reloaded") == false);
}

TEST_CASE("a later task that had to load the context anew says so and shows what it loaded") {
  auto record = guide_result(2);
  record.loaded_context = true;
  const json::value r(result_json(record));
  CHECK(at(r, "tokens_input_guide") == 2'000);
  CHECK(at(r, "context_reloaded") == true);
}

TEST_CASE("the first task always shows its input, even if an attempt before it loaded the context") {
  auto record = guide_result(1);
  record.loaded_context = false;
  const json::value r(result_json(record));
  CHECK(at(r, "tokens_input_guide") == 45'000);
  CHECK(at(r, "context_reloaded") == false);
}

TEST_CASE("both forms of the figures are there") {
  const json::value r(result_json(guide_result(2)));
  CHECK(at(r, "tokens", "input") == 2'000);
  CHECK(at(r, "tokens", "output") == 1'500);
  CHECK(at(r, "tokens", "total") == 3'500);
  CHECK(at(r, "tokens", "cache_read") == 45'000);
}

TEST_CASE("a figure that is not known is absent, never 0") {
  auto record = guide_result(1);
  record.what.used.reset();
  CHECK(token_members(record).empty());
  for (const auto& name : names_of(result_json(record))) CHECK_FALSE(name.starts_with("tokens"));
}

TEST_CASE("of figures that are a lower bound none is shown that says no more than at least 0") {
  auto record = guide_result(1);
  record.what.used = usage{{{"m", {.output = 7}}}, usage_source::told, false};
  const json::value r(result_json(record));
  CHECK(at(r, "tokens_output") == 7);
  for (const char* name : {"tokens_input", "tokens_input_guide", "tokens_cache_read"})
    CHECK_FALSE(has(result_json(record), name));
  CHECK(json::write(*r.find("tokens")) == R"({"output":7})");
  record.position = 2;
  record.loaded_context = false;
  CHECK(at(result_json(record), "tokens_input_guide") == 0);  // by what the guide counts, not by what was told
}

TEST_CASE("a total is shown only if both of its parts are known, at least in part") {
  auto record = guide_result(1);
  record.what.used = usage{{{"m", {.uncached_input = 45'000}}}, usage_source::told, false};
  CHECK(json::write(*json::value(result_json(record)).find("tokens")) == R"({"input":45000})");
  record.what.used = usage{{{"m", {.uncached_input = 45'000, .output = 7}}}, usage_source::told, false};
  CHECK(at(result_json(record), "tokens", "total") == 45'007);
  record.what.used = usage{{{"m", {.uncached_input = 45'000}}}, usage_source::told, true};
  CHECK(at(result_json(record), "tokens", "total") == 45'000);
}

TEST_CASE("token counts show no 0 that nobody knows") {
  const auto shown = [](const tokens& count, bool complete, bool knows_cache) {
    return json::write(known_tokens_json(count, complete, knows_cache));
  };
  CHECK(shown({.output = 7}, false, false) == R"({"output":7})");
  CHECK(shown({.uncached_input = 3, .output = 7}, true, false) == R"({"uncached_input":3,"output":7,"reasoning":0})");
  CHECK(shown({.output = 7}, true, true).find(R"("cache_read":0)") != std::string::npos);
}

TEST_CASE("figures that are a lower bound, and played ones, are marked") {
  auto record = guide_result(1);
  CHECK_FALSE(has(result_json(record), "tokens_complete"));
  CHECK(at(result_json(record), "tokens_source") == "reported");
  record.what.used->complete = false;
  record.what.used->source = usage_source::scripted;
  CHECK(at(result_json(record), "tokens_complete") == false);
  CHECK(at(result_json(record), "tokens_source") == "scripted");
}

TEST_CASE("a result has all that readers of the guide's files look for") {
  auto record = guide_result(1);
  task_record task;
  task.spec.description = "Create documentation";
  const json::value bare(result_json(record, &task));
  for (const auto* name : {"status", "description", "completed_at", "execution_time_seconds", "actions_taken", "output",
                           "output_summary", "errors", "batch_id", "batch_position", "tokens"})
    CHECK(bare.find(name) != nullptr);
  CHECK(at(bare, "status") == "done");
  CHECK(at(bare, "completed_at") == "2025-11-07T21:45:00.000Z");
  CHECK(at(bare, "execution_time_seconds") == json::number{"12.345"});
  CHECK(at(bare, "actions_taken") == json::array{});
  CHECK(at(bare, "errors").is_null());
  CHECK(at(bare, "description") == "Create documentation");

  record.what.actions_taken = R"(["read","wrote"])";
  record.what.errors = "no JSON";
  CHECK(at(result_json(record), "actions_taken") == json::array{"read", "wrote"});
  CHECK(at(result_json(record), "errors") == "no JSON");
  CHECK_FALSE(has(result_json(record), "description"));
}

TEST_CASE("a task shows its times by how it ended") {
  task_record task;
  task.spec.id = task_id("t");
  task.created_at = views_test::guide_time;
  CHECK_FALSE(has(task_json(task), "completed_at"));
  CHECK_FALSE(has(task_json(task), "started_at"));
  task.ended_at = views_test::guide_time;
  task.state = task_state::cancelled;
  CHECK(at(task_json(task), "cancelled_at") == "2025-11-07T21:45:00.000Z");
  CHECK_FALSE(has(task_json(task), "completed_at"));
  task.state = task_state::done;
  CHECK(has(task_json(task), "completed_at"));
  CHECK_FALSE(has(task_json(task), "cancelled_at"));
  const auto result = guide_result(1);
  const json::value with_result(task_json(task, &result));
  CHECK(at(with_result, "tokens_input") == 45'000);
  CHECK(at(with_result, "execution_time_seconds") == json::number{"12.345"});
}

TEST_CASE("a task's context comes back as the JSON it was given as, and what is no JSON as text") {
  task_record task;
  CHECK_FALSE(has(task_json(task), "context"));
  task.spec.context = R"({"files":["a.md"],"n":1.10})";
  CHECK(json::write(at(task_json(task), "context")) == task.spec.context);
  task.spec.context = "look at a.md";
  CHECK(at(task_json(task), "context") == "look at a.md");
}

TEST_CASE("a task marked by hand says so") {
  task_record task;
  task.state = task_state::in_progress;
  task.owner = task_owner::manual;
  CHECK(at(task_json(task), "owner") == "manual");
  CHECK_FALSE(has(task_json(task_record{}), "owner"));
}

TEST_CASE("a batch and a session show what their records hold") {
  batch_record batch;
  batch.id = batch_id("b");
  batch.state = batch_state::held;
  batch.hold_reason = "three sessions achieved nothing";
  batch.held_until = views_test::guide_time;
  batch.tally[task_state::queued] = 2;
  const json::value b(batch_json(batch));
  CHECK(at(b, "batch_status") == "held");
  CHECK(at(b, "tally", "queued") == 2);
  CHECK(at(b, "tally", "total") == 2);
  CHECK(at(b, "held_until") == "2025-11-07T21:45:00.000Z");
  CHECK(b.find("sealed_at") == nullptr);

  session_record session;
  session.id = epoch{7};
  CHECK(at(session_json(session), "phase") == "live");
  CHECK_FALSE(has(session_json(session), "end"));
  session.phase = session_phase::ended;
  session.end = session_end::full;
  CHECK(at(session_json(session), "end") == "full");
}

TEST_CASE("a preamble that was sent right before is part of the result's figures, which say how much of them it is") {
  auto record = guide_result(1);
  record.loaded_context = false;
  record.preamble_used = usage{{{"m", {.uncached_input = 7, .cache_write_1h = 100, .cache_read = 9, .output = 3}}}};
  const json::value r(result_json(record));
  CHECK(at(r, "tokens_input") == 45'107);
  CHECK(at(r, "tokens_output") == 2'003);
  CHECK(at(r, "tokens_cache_read") == 9);
  CHECK(at(r, "tokens_input_guide") == 45'107);
  CHECK(at(r, "tokens_preamble_input") == 107);
  CHECK(at(r, "tokens", "total") == 47'110);
  CHECK_FALSE(has(result_json(record), "tokens_complete"));
  record.preamble_used->complete = false;
  CHECK(at(result_json(record), "tokens_complete") == false);
  CHECK(at(result_json(record), "tokens_preamble_input") == 107);
  record.preamble_used->by_model[0].count = {.output = 3};
  CHECK_FALSE(has(result_json(record), "tokens_preamble_input"));
  CHECK_FALSE(has(result_json(guide_result(1)), "tokens_preamble_input"));
}

TEST_CASE("a later task before which the preamble was sent anew had to load the context") {
  auto record = guide_result(2);
  record.preamble_used = usage{{{"m", {.cache_write_5m = 100}}}};
  CHECK(at(result_json(record), "context_reloaded") == true);
  CHECK(at(result_json(record), "tokens_input_guide") == 2'100);
}

TEST_CASE("requests and what was inherited are shown where they are known of all that was used") {
  auto record = guide_result(2);
  CHECK_FALSE(has(result_json(record), "tokens_requests"));
  CHECK_FALSE(has(result_json(record), "tokens_inherited"));
  record.what.used->requests = 3;
  record.what.used->inherited_read = 44'000;
  CHECK(at(result_json(record), "tokens_requests") == 3);
  CHECK(at(result_json(record), "tokens_inherited") == 44'000);
  record.preamble_used = usage{};
  CHECK_FALSE(has(result_json(record), "tokens_requests"));
  record.preamble_used->requests = 1;
  CHECK(at(result_json(record), "tokens_requests") == 4);
  CHECK_FALSE(has(result_json(record), "tokens_inherited"));
}

TEST_CASE("the guide's five figures lead, whatever else a result has") {
  auto record = guide_result(2);
  record.preamble_used = usage{};
  record.what.changes = work_changes{{"a.md"}, {}, true};
  auto names = names_of(result_json(record));
  names.resize(6);
  CHECK(names ==
        std::vector<std::string>{"status", "task_id", "tokens_input", "tokens_output", "batch_id", "batch_position"});
}

TEST_CASE("a result lists what was changed, says where the list is cut, and nothing where it is not known") {
  auto record = guide_result(1);
  CHECK_FALSE(has(result_json(record), "files_changed"));
  record.what.changes = work_changes{};
  CHECK(at(result_json(record), "files_changed") == json::array{});
  CHECK(at(result_json(record), "commits") == json::array{});
  CHECK_FALSE(has(result_json(record), "changes_complete"));
  record.what.changes = work_changes{{"a.md", "b/c.md"}, {"1234abcd"}, false};
  const json::value r(result_json(record));
  CHECK(at(r, "files_changed") == json::array{"a.md", "b/c.md"});
  CHECK(at(r, "commits") == json::array{"1234abcd"});
  CHECK(at(r, "changes_complete") == false);
}

TEST_CASE("a task shows how it is to be run, and by which rule it was cancelled, where there is something to show") {
  task_record task;
  for (const auto* name : {"needs", "check", "model", "tools", "time_limit_seconds", "reason"})
    CHECK_FALSE(has(task_json(task), name));
  task.spec.needs = {task_id("a"), task_id("b")};
  task.spec.check = {"pytest", "-q"};
  task.spec.model = "small";
  task.spec.tools = {"Read"};
  task.spec.limit = std::chrono::milliseconds(1'500);
  task.state = task_state::cancelled;
  task.reason = "need_failed";
  const json::value t(task_json(task));
  CHECK(at(t, "needs") == json::array{"a", "b"});
  CHECK(at(t, "check") == json::array{"pytest", "-q"});
  CHECK(at(t, "model") == "small");
  CHECK(at(t, "tools") == json::array{"Read"});
  CHECK(at(t, "time_limit_seconds") == json::number{"1.5"});
  CHECK(at(t, "reason") == "need_failed");
}

TEST_CASE("a batch shows what was said of it, where something was") {
  batch_record batch;
  for (const auto* name : {"model", "way", "on_error", "budget", "preamble"}) CHECK_FALSE(has(batch_json(batch), name));
  batch.settings = {"large", running_way::separate, error_rule::go_on, spending_cap{1, 2, std::chrono::minutes(3)}};
  batch.has_preamble = true;
  const json::value b(batch_json(batch));
  CHECK(at(b, "model") == "large");
  CHECK(at(b, "way") == "separate");
  CHECK(at(b, "on_error") == "continue");
  CHECK(json::write(at(b, "budget")) == R"({"usd":0.000000001,"tokens":2,"minutes":3})");
  CHECK(at(b, "preamble") == true);
}

TEST_CASE("a session shows what its agent says of itself, and that it rests, where that is known") {
  session_record session;
  for (const auto* name : {"about", "paused_until", "pause_reason"}) CHECK_FALSE(has(session_json(session), name));
  session.about.version = "2.1";
  session.about.billing = "api key";
  session.pause = session_pause{views_test::guide_time, "the limit is reached"};
  const json::value s(session_json(session));
  CHECK(json::write(at(s, "about")) == R"({"version":"2.1","billing":"api key"})");
  CHECK(at(s, "paused_until") == "2025-11-07T21:45:00.000Z");
  CHECK(at(s, "pause_reason") == "the limit is reached");
}

TEST_CASE("warnings show code and message") {
  const std::vector<warning> warnings{{"late_task", "why"}};
  CHECK(json::write(warnings_json(warnings)) == R"([{"code":"late_task","message":"why"}])");
}

TEST_CASE("durations are seconds with three decimals, never negative") {
  CHECK(json::write(seconds_json(0)) == "0.000");
  CHECK(json::write(seconds_json(7)) == "0.007");
  CHECK(json::write(seconds_json(61'020)) == "61.020");
  CHECK(json::write(seconds_json(-5)) == "0.000");
}

TEST_CASE("members that a task or a result was adopted with follow ours, and never stand in place of one") {
  task_record task;
  task.spec.id = task_id("a");
  task.extra = R"({"status":"theirs","agent_id":"x7","started_at":"then"})";
  const auto shown = task_json(task);
  CHECK(at(shown, "status") == "queued");
  CHECK(shown[shown.size() - 2] == json::member{"agent_id", "x7"});
  CHECK(shown.back() == json::member{"started_at", "then"});

  auto record = guide_result(1);
  record.extra = R"({"output":"theirs","token_cost":0.120})";
  const auto result = result_json(record);
  CHECK(at(result, "output") == "");
  CHECK(result.back() == json::member{"token_cost", json::number{"0.120"}});
}
