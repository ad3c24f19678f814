#include <cstdint>

#include "capi/host.hpp"

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

cobatch_task_spec with(cobatch_texts cobatch_task_spec::*member, const std::vector<cobatch_text>& values) {
  auto made = spec("a");
  made.*member = {values.data(), values.size()};
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

TEST_CASE("how a task is to be run is stored as it was given") {
  const scratch_workspace place;
  assign_all(place, {"a", "b"}, "b1");
  const cobatch_text needs[]{cobatch_str("a"), cobatch_str("b")}, tools[]{cobatch_str("Read")};
  const cobatch_text check[]{cobatch_str("sh"), cobatch_str("-c"), cobatch_str("two\nlines")};
  auto task = spec("c");
  task.needs = {needs, 2};
  task.check = {check, 3};
  task.tools = {tools, 1};
  task.model = cobatch_str("small");
  task.limit_ms = 1500;
  CHECK(assign_one(place, task) == COBATCH_OK);
  const auto stored = task_of(place, "c");
  CHECK(copies_of(stored->needs) == list{"a", "b"});
  CHECK(copies_of(stored->check) == list{"sh", "-c", "two\nlines"});
  CHECK(copies_of(stored->tools) == list{"Read"});
  CHECK(copy_of(stored->model) == "small");
  CHECK(stored->limit_ms == 1500);
  CHECK(copy_of(stored->reason).empty());
  const auto bare = task_of(place, "a");
  CHECK(copies_of(bare->needs).empty());
  CHECK(copies_of(bare->check).empty());
  CHECK(copies_of(bare->tools).empty());
  CHECK(copy_of(bare->model).empty());
  CHECK(bare->limit_ms == 0);
}

TEST_CASE("a need that does not stand before its task is refused by name, and nothing is stored") {
  const scratch_workspace place;
  const cobatch_text needs[]{cobatch_str("later")};
  cobatch_task_spec tasks[]{spec("a"), spec("later")};
  tasks[0].needs = {needs, 1};
  const auto refused = call(cobatch_assign_batch, place.handle.get(), tasks, size_t{2}, nullptr, nullptr);
  CHECK(refused == COBATCH_E_NEED_UNKNOWN);
  CHECK(refused.message.find("\"later\"") != std::string::npos);
  CHECK(all_tasks(place).empty());
}

TEST_CASE("a task is cancelled when one that it needs fails, or its batch stops at an error, and says why") {
  for (const bool stops : {false, true}) {
    const scratch_workspace place;
    const cobatch_text needs[]{cobatch_str("a")};
    cobatch_task_spec tasks[]{spec("a"), spec("b"), spec("c")};
    if (!stops) tasks[1].needs = {needs, 1};
    auto options = for_batch("b1");
    options.on_error = stops ? COBATCH_ON_ERROR_STOP : COBATCH_ON_ERROR_DEFAULT;
    must(cobatch_assign_batch, place.handle.get(), tasks, size_t{3}, &options, nullptr);
    host fails_a([](const cobatch_turn_request& request, cobatch_turn* turn) {
      return complete(turn, copy_of(request.task) == "a" ? COBATCH_TURN_ERROR : COBATCH_TURN_DONE).status;
    });
    run_all(place, fails_a.agent());
    CHECK(task_of(place, "b")->state == COBATCH_TASK_CANCELLED);
    CHECK(copy_of(task_of(place, "b")->reason) == (stops ? "batch_stopped" : "need_failed"));
    CHECK(task_of(place, "c")->state == (stops ? COBATCH_TASK_CANCELLED : COBATCH_TASK_DONE));
  }
}

TEST_CASE("what is said of a batch is stored, only the budget can be given anew, and what contradicts is refused") {
  const scratch_workspace place;
  const cobatch_text files[]{cobatch_str("a.md"), cobatch_str("b/c.md")};
  auto budget = fresh<cobatch_budget>();
  budget.nano_dollars = 1'500'000'001;
  budget.tokens = 1000;
  budget.time_ms = 60'000;
  budget.allow_unknown = 1;
  auto options = for_batch("b1", COBATCH_ASSIGN_KEEP_OPEN);
  options.way = COBATCH_WAY_FORK;
  options.on_error = COBATCH_ON_ERROR_STOP;
  options.model = cobatch_str("large");
  options.preamble = cobatch_str("All of it.");
  options.context_files = {files, 2};
  options.budget = &budget;
  const auto first = spec("a"), second = spec("b"), third = spec("c");
  must(cobatch_assign_task, place.handle.get(), &first, &options, nullptr);
  {
    const auto batch = batch_of(place, "b1");
    CHECK(batch->way == COBATCH_WAY_FORK);
    CHECK(batch->on_error == COBATCH_ON_ERROR_STOP);
    CHECK(copy_of(batch->model) == "large");
    CHECK(batch->preamble == 1);
    REQUIRE(batch->budget != nullptr);
    CHECK(batch->budget->struct_size == sizeof budget);
    CHECK(batch->budget->nano_dollars == 1'500'000'001);
    CHECK(batch->budget->tokens == 1000);
    CHECK(batch->budget->time_ms == 60'000);
    CHECK(batch->budget->allow_unknown == 1);
  }
  auto other = for_batch("b1", COBATCH_ASSIGN_KEEP_OPEN);
  other.way = COBATCH_WAY_SEPARATE;
  const auto refused = call(cobatch_assign_task, place.handle.get(), &second, &other, nullptr);
  CHECK(refused == COBATCH_E_BATCH_CONFLICT);
  CHECK(refused.message.find("way") != std::string::npos);
  other.way = COBATCH_WAY_DEFAULT;
  budget.tokens = 2000;
  other.budget = &budget;
  must(cobatch_assign_task, place.handle.get(), &third, &other, nullptr);
  CHECK(batch_of(place, "b1")->budget->tokens == 2000);
  CHECK(all_tasks(place) == list{"b1/1 a", "b1/2 c"});
}

TEST_CASE("of a batch of which nothing was said the records say so") {
  const scratch_workspace place;
  assign(place, "a", "b1");
  const auto batch = batch_of(place, "b1");
  CHECK(batch->way == COBATCH_WAY_DEFAULT);
  CHECK(batch->on_error == COBATCH_ON_ERROR_DEFAULT);
  CHECK(copy_of(batch->model).empty());
  CHECK(batch->preamble == 0);
  CHECK(batch->budget == nullptr);
}

TEST_CASE("what cannot be said of a batch is refused, and nothing is stored") {
  const scratch_workspace place;
  const cobatch_text outside[]{cobatch_str("../a")}, broken[]{cobatch_str("\xff")};
  auto negative = fresh<cobatch_budget>();
  negative.tokens = -1;
  using o = cobatch_assign_options;
  const auto refused_with = [&](auto o::*member, auto value) {
    auto options = for_batch("b1");
    options.*member = value;
    const auto task = spec("a");
    return call(cobatch_assign_task, place.handle.get(), &task, &options, nullptr);
  };
  CHECK(refused_with(&o::way, -1) == COBATCH_E_BAD_VALUE);
  CHECK(refused_with(&o::way, 4) == COBATCH_E_BAD_VALUE);
  CHECK(refused_with(&o::on_error, 3) == COBATCH_E_BAD_VALUE);
  CHECK(refused_with(&o::model, cobatch_str("two\nlines")) == COBATCH_E_BAD_VALUE);
  CHECK(refused_with(&o::preamble, cobatch_str("\xff")) == COBATCH_E_BAD_ENCODING);
  CHECK(refused_with(&o::preamble, cobatch_text{nullptr, 1}) == COBATCH_E_BAD_VALUE);
  CHECK(refused_with(&o::context_files, cobatch_texts{outside, 1}) == COBATCH_E_BAD_VALUE);
  CHECK(refused_with(&o::context_files, cobatch_texts{broken, 1}) == COBATCH_E_BAD_ENCODING);
  CHECK(refused_with(&o::context_files, cobatch_texts{nullptr, 1}) == COBATCH_E_BAD_VALUE);
  CHECK(refused_with(&o::budget, static_cast<const cobatch_budget*>(&negative)) == COBATCH_E_BAD_VALUE);
  CHECK(all_tasks(place).empty());
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
  const std::vector<cobatch_text> itself{cobatch_str("a")}, empty{cobatch_str("")}, broken{cobatch_str("\xff")};
  const std::vector<cobatch_text> twice{cobatch_str("b"), cobatch_str("b")}, many(101, cobatch_str("b"));
  const std::vector<cobatch_text> escape{cobatch_str("\x1b[31m")};
  const std::vector<cobatch_text> zero_byte{text(std::string_view("a\0b", 3))}, null_with_size{{nullptr, 1}};
  auto negative_limit = spec("a"), long_limit = spec("a"), null_needs = spec("a");
  negative_limit.limit_ms = -1;
  long_limit.limit_ms = 24 * 60 * 60 * 1000 + 1;
  null_needs.needs = {nullptr, 1};
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
      {"no description", COBATCH_E_BAD_VALUE, with(&s::description, {nullptr, 0})},
      {"a blank description", COBATCH_E_BAD_VALUE, with(&s::description, cobatch_str(" \n"))},
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
      {"a need of itself", COBATCH_E_BAD_VALUE, with(&s::needs, itself)},
      {"a need twice", COBATCH_E_BAD_VALUE, with(&s::needs, twice)},
      {"a need without a name", COBATCH_E_BAD_ID, with(&s::needs, empty)},
      {"a hundred and one needs", COBATCH_E_TOO_LARGE, with(&s::needs, many)},
      {"needs of NULL with a count", COBATCH_E_BAD_VALUE, null_needs},
      {"a check with a zero byte", COBATCH_E_BAD_VALUE, with(&s::check, zero_byte)},
      {"a check with NULL and a size", COBATCH_E_BAD_VALUE, with(&s::check, null_with_size)},
      {"a check of an empty word", COBATCH_E_BAD_VALUE, with(&s::check, empty)},
      {"a tool without a name", COBATCH_E_BAD_VALUE, with(&s::tools, empty)},
      {"a tool that is not UTF-8", COBATCH_E_BAD_ENCODING, with(&s::tools, broken)},
      {"a tool with an escape sequence", COBATCH_E_BAD_VALUE, with(&s::tools, escape)},
      {"a hundred and one tools", COBATCH_E_TOO_LARGE, with(&s::tools, many)},
      {"a model on two lines", COBATCH_E_BAD_VALUE, with(&s::model, cobatch_str("a\nb"))},
      {"a limit below zero", COBATCH_E_BAD_VALUE, negative_limit},
      {"a limit above a day", COBATCH_E_BAD_VALUE, long_limit},
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
