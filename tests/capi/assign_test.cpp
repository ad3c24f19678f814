#include <cstdint>

#include "capi/support.hpp"

using namespace cobatch_test;

namespace {

answer assign_one(cobatch_workspace* place, const cobatch_task_spec& task, std::string_view batch = "b1") {
  const auto options = for_batch(batch);
  return call(cobatch_assign_task, place, &task, &options, nullptr);
}

list tasks_in(cobatch_reply* reply) {
  return all_in(reply, cobatch_reply_next_task, [](const cobatch_task_info& task) {
    return copy_of(task.batch) + "/" + std::to_string(task.position) + " " + copy_of(task.id) +
           (task.duplicate != 0 ? " duplicate" : "");
  });
}

list all_tasks(cobatch_workspace* place) {
  return tasks_in(make<cobatch_reply>(cobatch_list_tasks, place, nullptr).get());
}

// What differs between specs that are refused.
struct refused_spec {
  std::string why;
  cobatch_status status;
  cobatch_task_spec spec;
};

cobatch_task_spec with(cobatch_text cobatch_task_spec::*member, cobatch_text value) {
  auto made = spec("a");
  made.*member = value;
  return made;
}

cobatch_task_spec with(std::int32_t cobatch_task_spec::*member, std::int32_t value) {
  auto made = spec("a");
  made.*member = value;
  return made;
}

}  // namespace

TEST_CASE("the guide's flow: two tasks keep their batch open, the last one seals it") {
  const scratch_workspace place;
  for (const char* id : {"create_doc_1", "create_doc_2"}) {
    const auto reply = assign(place, id, "docs", COBATCH_ASSIGN_KEEP_OPEN);
    CHECK(cobatch_reply_outcome(reply.get()) == COBATCH_STORED);
    auto batch = fresh<cobatch_batch_info>();
    must(cobatch_reply_next_batch, reply.get(), &batch);
    CHECK(batch.state == COBATCH_BATCH_OPEN);
    CHECK(batch.sealed_at == COBATCH_NO_TIME);
    CHECK(warnings_in(reply.get()).empty());
  }
  const auto last = assign(place, "create_doc_3", "docs");
  auto batch = fresh<cobatch_batch_info>();
  must(cobatch_reply_next_batch, last.get(), &batch);
  CHECK(copy_of(batch.id) == "docs");
  CHECK(batch.state == COBATCH_BATCH_SEALED);
  CHECK(batch.queued == 3);
  CHECK(batch.sealed_at != COBATCH_NO_TIME);
  CHECK(tasks_in(last.get()) == list{"docs/3 create_doc_3"});
  CHECK(warnings_in(last.get()) == list{"no_engine"});
  CHECK(all_tasks(place) == list{"docs/1 create_doc_1", "docs/2 create_doc_2", "docs/3 create_doc_3"});
}

TEST_CASE("what was assigned is stored as it was given") {
  const scratch_workspace place;
  auto task = spec("a", "write it\nin two lines");
  task.context = cobatch_str(R"({ "files": ["x.md"] })");
  task.assigned_by = cobatch_str("a test");
  task.priority = COBATCH_PRIORITY_HIGH;
  task.max_attempts = 5;
  CHECK(assign_one(place, task) == COBATCH_OK);
  const auto stored = task_of(place, "a");
  CHECK(copy_of(stored->id) == "a");
  CHECK(copy_of(stored->batch) == "b1");
  CHECK(copy_of(stored->description) == "write it\nin two lines");
  CHECK(copy_of(stored->context) == R"({"files":["x.md"]})");
  CHECK(copy_of(stored->assigned_by) == "a test");
  CHECK(stored->priority == COBATCH_PRIORITY_HIGH);
  CHECK(stored->max_attempts == 5);
  CHECK(stored->attempts == 0);
  CHECK(stored->state == COBATCH_TASK_QUEUED);
  CHECK(stored->position == 1);
  CHECK(stored->round == 1);
  CHECK(stored->session == 0);
  CHECK(stored->turn == 0);
  CHECK(stored->created_at > 0);
  CHECK(stored->started_at == COBATCH_NO_TIME);
  CHECK(stored->ended_at == COBATCH_NO_TIME);
  const auto batch = batch_of(place, "b1");
  CHECK(batch->priority == COBATCH_PRIORITY_HIGH);
  CHECK(copy_of(batch->agent).empty());
}

TEST_CASE("what is left at zero is the default") {
  const scratch_workspace place;
  CHECK(assign_one(place, spec("a")) == COBATCH_OK);
  CHECK(task_of(place, "a")->max_attempts == 2);
  CHECK(task_of(place, "a")->priority == COBATCH_PRIORITY_MEDIUM);
  const auto lone = spec("b");
  const auto reply = make<cobatch_reply>(cobatch_assign_task, place.handle.get(), &lone, nullptr);
  auto batch = fresh<cobatch_batch_info>();
  must(cobatch_reply_next_batch, reply.get(), &batch);
  const std::string generated = copy_of(batch.id);
  CHECK(generated.size() == std::string("batch_YYYYMMDD_HHMMSS").size());
  CHECK(generated.rfind("batch_2", 0) == 0);
  CHECK(batch.state == COBATCH_BATCH_SEALED);
}

TEST_CASE("the same task again is a duplicate and stored once, another under its id is refused") {
  const scratch_workspace place;
  assign(place, "a", "b1");
  const auto again = assign(place, "a", "b1");
  CHECK(cobatch_reply_outcome(again.get()) == COBATCH_DUPLICATE);
  CHECK(tasks_in(again.get()) == list{"b1/1 a duplicate"});
  const auto taken = assign_one(place, spec("a", "something else"));
  CHECK(taken == COBATCH_E_TASK_EXISTS);
  CHECK(taken.message.find("\"a\"") != std::string::npos);
  CHECK(assign_one(place, spec("a"), "b2") == COBATCH_E_TASK_EXISTS);
  CHECK(all_tasks(place) == list{"b1/1 a"});
}

TEST_CASE("a whole batch is stored in one step, in order, and twice is once") {
  const scratch_workspace place;
  const cobatch_task_spec tasks[]{spec("c"), spec("a"), spec("b")};
  const auto options = for_batch("b1");
  const auto stored = make<cobatch_reply>(cobatch_assign_batch, place.handle.get(), tasks, size_t{3}, &options);
  CHECK(cobatch_reply_outcome(stored.get()) == COBATCH_STORED);
  CHECK(tasks_in(stored.get()) == list{"b1/1 c", "b1/2 a", "b1/3 b"});
  const auto again = make<cobatch_reply>(cobatch_assign_batch, place.handle.get(), tasks, size_t{3}, &options);
  CHECK(cobatch_reply_outcome(again.get()) == COBATCH_DUPLICATE);
  CHECK(all_tasks(place) == list{"b1/1 c", "b1/2 a", "b1/3 b"});
}

TEST_CASE("of a batch in which one task is refused nothing is stored") {
  const scratch_workspace place;
  assign(place, "taken", "b0");
  const auto options = for_batch("b1");
  const auto refused = [&](std::vector<cobatch_task_spec> tasks) {
    return call(cobatch_assign_batch, place.handle.get(), tasks.data(), tasks.size(), &options, nullptr);
  };
  CHECK(refused({spec("a"), spec("b"), spec("a")}) == COBATCH_E_DUPLICATE_IN_BATCH);
  CHECK(refused({spec("a"), spec("a")}) == COBATCH_E_DUPLICATE_IN_BATCH);
  CHECK(refused({spec("a"), spec("taken")}) == COBATCH_E_TASK_EXISTS);
  CHECK(refused({spec("a"), spec("")}) == COBATCH_E_BAD_ID);
  CHECK(refused({spec("a"), spec("b", std::string_view("\xff", 1))}) == COBATCH_E_BAD_ENCODING);
  CHECK(all_tasks(place) == list{"b0/1 taken"});
  CHECK(call(cobatch_find_batch, place.handle.get(), cobatch_str("b1"), nullptr) == COBATCH_E_BATCH_NOT_FOUND);
}

TEST_CASE("a batch of a size that no memory holds is refused before it is read") {
  const scratch_workspace place;
  const auto task = spec("a");
  for (const size_t count : {size_t{100'001}, SIZE_MAX / sizeof task, SIZE_MAX})
    CHECK(call(cobatch_assign_batch, place.handle.get(), &task, count, nullptr, nullptr) == COBATCH_E_TOO_LARGE);
  CHECK(all_tasks(place).empty());
}

TEST_CASE("an open batch is sealed once, one that is not there, or was emptied, is refused") {
  const scratch_workspace place;
  assign(place, "a", "b1", COBATCH_ASSIGN_KEEP_OPEN);
  const auto sealed = make<cobatch_reply>(cobatch_seal, place.handle.get(), cobatch_str("b1"));
  CHECK(cobatch_reply_outcome(sealed.get()) == COBATCH_SEALED);
  CHECK(warnings_in(sealed.get()) == list{"no_engine"});
  const auto again = make<cobatch_reply>(cobatch_seal, place.handle.get(), cobatch_str("b1"));
  CHECK(cobatch_reply_outcome(again.get()) == COBATCH_UNCHANGED);
  CHECK(call(cobatch_seal, place.handle.get(), cobatch_str("none"), nullptr) == COBATCH_E_BATCH_NOT_FOUND);
  CHECK(call(cobatch_seal, place.handle.get(), cobatch_str(""), nullptr) == COBATCH_E_BAD_ID);
  assign(place, "b", "b2", COBATCH_ASSIGN_KEEP_OPEN);
  must(cobatch_cancel, place.handle.get(), cobatch_str("b"), nullptr);
  CHECK(call(cobatch_seal, place.handle.get(), cobatch_str("b2"), nullptr) == COBATCH_E_EMPTY_BATCH);
  CHECK(call(cobatch_execute_queue, place.handle.get(), cobatch_str("b2"), nullptr) == COBATCH_E_EMPTY_BATCH);
}

TEST_CASE("execute_queue names what will run, then the open batches that it left, and that nobody runs them") {
  const scratch_workspace place;
  const auto nothing = make<cobatch_reply>(cobatch_execute_queue, place.handle.get(), cobatch_text{nullptr, 0});
  CHECK(cobatch_reply_outcome(nothing.get()) == COBATCH_NOTHING_TO_DO);
  assign_all(place, {"a"}, "sealed");
  assign(place, "b", "open", COBATCH_ASSIGN_KEEP_OPEN);
  const auto id = [](const cobatch_batch_info& batch) { return copy_of(batch.id); };
  const auto all = make<cobatch_reply>(cobatch_execute_queue, place.handle.get(), cobatch_text{nullptr, 0});
  CHECK(cobatch_reply_outcome(all.get()) == COBATCH_STARTED);
  CHECK(all_in(all.get(), cobatch_reply_next_batch, id) == list{"sealed", "open"});
  CHECK(warnings_in(all.get()) == list{"no_engine"});
  const auto named = make<cobatch_reply>(cobatch_execute_queue, place.handle.get(), cobatch_str("open"));
  CHECK(all_in(named.get(), cobatch_reply_next_batch, id) == list{"open"});
  CHECK(batch_of(place, "open")->state == COBATCH_BATCH_SEALED);
  CHECK(call(cobatch_execute_queue, place.handle.get(), cobatch_str("none"), nullptr) == COBATCH_E_BATCH_NOT_FOUND);
}

TEST_CASE("a queued task is cancelled once, and one that has ended is not") {
  const scratch_workspace place;
  assign_all(place, {"a", "b"}, "b1");
  const auto cancelled = make<cobatch_reply>(cobatch_cancel, place.handle.get(), cobatch_str("a"));
  CHECK(cobatch_reply_outcome(cancelled.get()) == COBATCH_CANCELLED);
  CHECK(tasks_in(cancelled.get()) == list{"b1/1 a"});
  const auto again = make<cobatch_reply>(cobatch_cancel, place.handle.get(), cobatch_str("a"));
  CHECK(cobatch_reply_outcome(again.get()) == COBATCH_UNCHANGED);
  CHECK(task_of(place, "a")->state == COBATCH_TASK_CANCELLED);
  CHECK(call(cobatch_cancel, place.handle.get(), cobatch_str("none"), nullptr) == COBATCH_E_TASK_NOT_FOUND);
}

TEST_CASE("a task that comes after its batch has finished starts the next round, with a warning") {
  const scratch_workspace place;
  assign(place, "a", "b1");
  must(cobatch_cancel, place.handle.get(), cobatch_str("a"), nullptr);
  REQUIRE(batch_of(place, "b1")->state == COBATCH_BATCH_FINISHED);
  const auto late = assign(place, "b", "b1", COBATCH_ASSIGN_KEEP_OPEN);
  CHECK(warnings_in(late.get()) == list{"late_task", "no_engine"});
  CHECK(batch_of(place, "b1")->round == 2);
  CHECK(batch_of(place, "b1")->state == COBATCH_BATCH_SEALED);
}

TEST_CASE("a batch keeps the agent that it was given") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1", "mine");
  CHECK(copy_of(batch_of(place, "b1")->agent) == "mine");
  const auto task = spec("b");
  auto options = for_batch("b1");
  options.agent = cobatch_str("another");
  CHECK(call(cobatch_assign_task, place.handle.get(), &task, &options, nullptr) == COBATCH_E_AGENT_CONFLICT);
  options.agent = cobatch_str("two\nlines");
  CHECK(call(cobatch_assign_task, place.handle.get(), &task, &options, nullptr) == COBATCH_E_BAD_ID);
  options = for_batch("b1", 2);
  CHECK(call(cobatch_assign_task, place.handle.get(), &task, &options, nullptr) == COBATCH_E_BAD_VALUE);
  CHECK(all_tasks(place) == list{"b1/1 a"});
}

TEST_CASE("a task that is not sound is refused by name, and nothing is stored") {
  const scratch_workspace place;
  const std::string long_id(129, 'x'), long_description(256 * 1024 + 1, 'x');
  const std::string long_context = "\"" + std::string(1024 * 1024, 'x') + "\"";
  using s = cobatch_task_spec;
  const std::vector<refused_spec> refused{
      {"no id", COBATCH_E_BAD_ID, with(&s::id, {nullptr, 0})},
      {"an id of NULL with a size", COBATCH_E_BAD_VALUE, with(&s::id, {nullptr, 5})},
      {"a long id", COBATCH_E_BAD_ID, with(&s::id, text(long_id))},
      {"an id with a newline", COBATCH_E_BAD_ID, with(&s::id, cobatch_str("a\nb"))},
      {"an id with a zero byte", COBATCH_E_BAD_ID, with(&s::id, text(std::string_view("a\0b", 3)))},
      {"an id with an escape sequence", COBATCH_E_BAD_ID, with(&s::id, cobatch_str("a\x1b[31m"))},
      {"an id that is not UTF-8", COBATCH_E_BAD_ENCODING, with(&s::id, cobatch_str("a\xff"))},
      {"an id of half a character", COBATCH_E_BAD_ENCODING, with(&s::id, cobatch_str("a\xe2\x82"))},
      {"an id of a size that no memory holds", COBATCH_E_BAD_ID, with(&s::id, {"x", SIZE_MAX})},
      {"a description of NULL with a size", COBATCH_E_BAD_VALUE, with(&s::description, {nullptr, SIZE_MAX})},
      {"a description of a size that no memory holds", COBATCH_E_TOO_LARGE, with(&s::description, {"x", SIZE_MAX})},
      {"a long description", COBATCH_E_TOO_LARGE, with(&s::description, text(long_description))},
      {"a description that is not UTF-8", COBATCH_E_BAD_ENCODING, with(&s::description, cobatch_str("\xc0\x80"))},
      {"a context of NULL with a size", COBATCH_E_BAD_VALUE, with(&s::context, {nullptr, 1})},
      {"a context that is not JSON", COBATCH_E_BAD_JSON, with(&s::context, cobatch_str("{files: x}"))},
      {"a context with something behind it", COBATCH_E_BAD_JSON, with(&s::context, cobatch_str("{} {}"))},
      {"a context with a zero byte", COBATCH_E_BAD_JSON, with(&s::context, text(std::string_view("{}\0", 3)))},
      {"a context that is not UTF-8", COBATCH_E_BAD_ENCODING, with(&s::context, cobatch_str("\"\xff\""))},
      {"a long context", COBATCH_E_TOO_LARGE, with(&s::context, text(long_context))},
      {"an assigner of NULL with a size", COBATCH_E_BAD_VALUE, with(&s::assigned_by, {nullptr, 1})},
      {"an assigner that is not UTF-8", COBATCH_E_BAD_ENCODING, with(&s::assigned_by, cobatch_str("\xff"))},
      {"a priority below", COBATCH_E_BAD_VALUE, with(&s::priority, -1)},
      {"a priority above", COBATCH_E_BAD_VALUE, with(&s::priority, 4)},
      {"no attempts", COBATCH_E_BAD_VALUE, with(&s::max_attempts, -1)},
  };
  for (const auto& [why, status, task] : refused) {
    INFO(why);
    CHECK(assign_one(place, task) == status);
  }
  CHECK(all_tasks(place).empty());
  CHECK(call(cobatch_find_batch, place.handle.get(), cobatch_str("b1"), nullptr) == COBATCH_E_BATCH_NOT_FOUND);
}

TEST_CASE("what is just within the limits is stored") {
  const scratch_workspace place;
  const std::string id = "\xc3\xa4" + std::string(126, 'x');  // of bytes, not of characters
  const std::string description(256 * 1024, 'x');
  const std::string context = "\"" + std::string(1024 * 1024 - 2, 'x') + "\"";
  auto task = spec(id, description);
  task.context = text(context);
  CHECK(assign_one(place, task) == COBATCH_OK);
  CHECK(copy_of(task_of(place, id)->context) == context);
  auto empty = spec("e", "");
  empty.description = {nullptr, 0};
  CHECK(assign_one(place, empty) == COBATCH_OK);
  CHECK(copy_of(task_of(place, "e")->description).empty());
}

TEST_CASE("a zero byte in a description is kept, and the text ends behind it") {
  const scratch_workspace place;
  const std::string_view description("a\0b", 3);
  CHECK(assign_one(place, spec("a", description)) == COBATCH_OK);
  CHECK(copy_of(task_of(place, "a")->description) == description);
}

TEST_CASE("what is passed in may change as soon as the call has returned") {
  const scratch_workspace place;
  std::string id = "before", description = "as it was";
  CHECK(assign_one(place, spec(id, description)) == COBATCH_OK);
  id = "behind";
  description = "as it is";
  CHECK(copy_of(task_of(place, "before")->description) == "as it was");
}
