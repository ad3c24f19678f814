#include "views/record_json.hpp"

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

bool has(const json::object& o, std::string_view name) {
  return json::value(o).find(name) != nullptr;
}

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

TEST_CASE("a batch, a session, a turn and its usage show what their records hold") {
  batch_record batch;
  batch.id = batch_id("b");
  batch.state = batch_state::held;
  batch.hold_reason = "three sessions achieved nothing";
  batch.held_until = views_test::guide_time;
  batch.tally[task_state::queued] = 2;
  const json::value b(batch_json(batch));
  CHECK(at(b, "state") == "held");
  CHECK(at(b, "tasks", "queued") == 2);
  CHECK(at(b, "tasks", "total") == 2);
  CHECK(at(b, "held_until") == "2025-11-07T21:45:00.000Z");
  CHECK(b.find("sealed_at") == nullptr);

  session_record session;
  session.id = epoch{7};
  CHECK(at(session_json(session), "phase") == "live");
  CHECK_FALSE(has(session_json(session), "end"));
  session.phase = session_phase::ended;
  session.end = session_end::full;
  CHECK(at(session_json(session), "end") == "full");

  turn_record turn;
  CHECK_FALSE(has(turn_json(turn), "usage"));
  turn.end = turn_end::timed_out;
  turn.used = usage{{{"big", {.output = 1}}, {"", {.cache_read = 20}}}, usage_source::difference, false};
  const json::value t(turn_json(turn));
  CHECK(at(t, "end") == "timed_out");
  CHECK(at(t, "usage", "output") == 1);
  CHECK(at(t, "usage", "cache_read") == 20);
  CHECK(at(t, "usage", "complete") == false);
  const auto models = at(t, "usage", "by_model");
  CHECK(at(models.as_array()->at(0), "model") == "big");
  CHECK(models.as_array()->at(1).find("model") == nullptr);
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
