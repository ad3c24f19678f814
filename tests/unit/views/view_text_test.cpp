#include <doctest/doctest.h>

#include "base/json.hpp"
#include "views/views.hpp"

using namespace cobatch;

namespace {

result_record result_of(const char* task, task_state status, std::optional<tokens> used) {
  result_record r;
  r.task = task_id(task);
  r.status = status;
  r.completed_at = timestamp{1762551900000};
  r.duration_ms = 1500;
  if (used) r.what.used = usage{.by_model = {{"m", *used}}};
  return r;
}

}  // namespace

TEST_CASE("the history has what each task used, and of those of which nothing is known nothing") {
  view_snapshot snapshot;
  snapshot.results = {result_of("a", task_state::done, tokens{100, 20, 3, 1000, 7}),
                      result_of("b", task_state::error, tokens{1, 0, 0, 0, 1}),
                      result_of("c", task_state::done, std::nullopt)};
  const auto history = json::parse(history_view_text(snapshot));
  REQUIRE(history);
  const json::array& sessions = *history->find("sessions")->as_array();
  REQUIRE(sessions.size() == 2);
  const json::value expected(json::object{{"timestamp", "2025-11-07T21:45:00.000Z"},
                                          {"task_id", "a"},
                                          {"task_type", "task"},
                                          {"tokens_input", 1123},
                                          {"tokens_output", 7},
                                          {"tokens_total", 1130},
                                          {"tokens_cache_read", 1000},
                                          {"tokens_cache_creation", 23},
                                          {"tokens_raw_input", 100},
                                          {"duration_seconds", json::number{"1.500"}},
                                          {"success", true}});
  CHECK(json::write(sessions[0]) == json::write(expected));
  const json::value& pattern = *history->find("task_patterns")->find("task");
  CHECK(*pattern.find("total_executions") == json::value(2));
  CHECK(*pattern.find("total_tokens") == json::value(1132));
  CHECK(*pattern.find("min_tokens") == json::value(2));
  CHECK(*pattern.find("max_tokens") == json::value(1130));
  CHECK(json::write(*pattern.find("success_rate")) == "0.5");
}

TEST_CASE("a figure that nobody knows is not in the history, as 0 least of all") {
  view_snapshot snapshot;
  snapshot.results = {result_of("told", task_state::done, tokens{.uncached_input = 45'000, .output = 7}),
                      result_of("part", task_state::done, tokens{.output = 7})};
  snapshot.results[0].what.used->source = usage_source::told;
  snapshot.results[1].what.used->complete = false;
  const auto history = json::parse(history_view_text(snapshot));
  REQUIRE(history);
  const json::array& sessions = *history->find("sessions")->as_array();
  CHECK(*sessions[0].find("tokens_input") == json::value(45'000));
  CHECK(sessions[0].find("tokens_cache_read") == nullptr);
  CHECK(*sessions[1].find("tokens_output") == json::value(7));
  CHECK(sessions[1].find("tokens_input") == nullptr);
  CHECK(sessions[1].find("tokens_total") == nullptr);
  CHECK(sessions[1].find("tokens_cache_read") == nullptr);
  CHECK(*sessions[1].find("tokens_complete") == json::value(false));
  CHECK(sessions[0].find("tokens_complete") == nullptr);
  const json::value& pattern = *history->find("task_patterns")->find("task");
  CHECK(*pattern.find("total_executions") == json::value(2));
  CHECK(*pattern.find("min_tokens") == json::value(45'007));
  CHECK(*pattern.find("avg_tokens") == json::value(45'007));
}

TEST_CASE("where no task's tokens are known in full, the history has no sum of them, and counts the tasks") {
  view_snapshot snapshot;
  snapshot.results = {result_of("part", task_state::done, tokens{.output = 7})};
  snapshot.results[0].what.used->complete = false;
  const auto history = json::parse(history_view_text(snapshot));
  REQUIRE(history);
  CHECK(json::write(*history->find("task_patterns")) == R"({"task":{"total_executions":1,"success_rate":1}})");
}

TEST_CASE("the history of nothing is empty, with the keys that its readers look for") {
  const auto history = json::parse(history_view_text({}));
  REQUIRE(history);
  CHECK(history->find("sessions")->as_array()->empty());
  CHECK(history->find("task_patterns")->as_object()->empty());
  CHECK(history->find("weekly_resets")->as_array()->empty());
}
