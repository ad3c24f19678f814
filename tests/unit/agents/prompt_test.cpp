#include <doctest/doctest.h>

#include <cobatch/agent.hpp>

using namespace cobatch;

namespace {
task_record task() {
  task_record t;
  t.spec.id = task_id("doc_2");
  t.spec.description = "Create documentation for feature B";
  t.batch = batch_id("batch_20251107_214500");
  t.position = 2;
  return t;
}
bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }
}  // namespace

TEST_CASE("a prompt names the task, its place, what is wanted and how to answer") {
  task_record t = task();
  t.spec.context = R"({"style":"short"})";
  const std::string prompt = make_prompt({&t, 1, 3, nullptr});
  CHECK(has(prompt, "Task 2 of 3 in batch batch_20251107_214500 (task id doc_2)"));
  CHECK(has(prompt, "Create documentation for feature B"));
  CHECK(has(prompt, R"({"style":"short"})"));
  CHECK(has(prompt, "Do only this task"));
  CHECK(has(prompt, R"(COBATCH {"task":"doc_2","status":"done")"));
  CHECK_FALSE(has(prompt, "attempt"));
}

TEST_CASE("after an interruption the prompt says when it was and that files may have changed") {
  const task_record t = task();
  turn_record before;
  before.started_at = *parse_iso("2025-11-07T21:45:00Z");
  before.ended_at = *parse_iso("2025-11-07T21:50:00Z");
  before.end = turn_end::interrupted;
  const std::string prompt = make_prompt({&t, 2, 3, &before});
  CHECK(has(prompt, "attempt 2"));
  CHECK(has(prompt, "2025-11-07T21:45:00.000Z"));
  CHECK(has(prompt, "2025-11-07T21:50:00.000Z"));
  CHECK(has(prompt, "may have changed files"));
}

TEST_CASE("a needed answer that is too long is told by its summary, and where all of it is") {
  const task_record t = task();
  prompt_parts parts;
  parts.task = &t;
  parts.needed.resize(1);
  parts.needed[0].task = task_id("doc_1");
  parts.needed[0].what.output_summary = "made it";
  CHECK_FALSE(has(make_prompt(parts), "get_task_result"));
  parts.needed[0].what.output = std::string(9000, 'x');
  const std::string prompt = make_prompt(parts);
  CHECK(has(prompt, "Task doc_1 was done before: made it"));
  CHECK_FALSE(has(prompt, "xxx"));
  CHECK(has(prompt, "9000 bytes"));
  CHECK(has(prompt, "data/claude_task_results.json"));
  CHECK(has(prompt, "cobatch call get_task_result task_id=doc_1"));
}
