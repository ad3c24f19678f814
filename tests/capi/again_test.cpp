// What has ended is queued again.
#include "capi/host.hpp"

using namespace cobatch_test;

namespace {

// A batch of "a", which is done, and "b" and "c", which are not.
struct half_done : scratch_workspace {
  half_done() {
    assign_all(*this, {"a", "b", "c"}, "b1");
    must(cobatch_cancel, handle.get(), cobatch_str("c"), nullptr);
    host works([](const cobatch_turn_request& request, cobatch_turn* turn) {
      return complete(turn, copy_of(request.task) == "b" ? COBATCH_TURN_ERROR : COBATCH_TURN_DONE).status;
    });
    run_all(*this, works.agent());
  }
};

}  // namespace

TEST_CASE("a batch is tried again with what failed or was cancelled, and what was done stays") {
  const half_done place;
  const auto reply = make<cobatch_reply>(cobatch_retry, place.handle.get(), cobatch_str("b1"));
  CHECK(cobatch_reply_outcome(reply.get()) == COBATCH_QUEUED_AGAIN);
  auto batch = fresh<cobatch_batch_info>();
  must(cobatch_reply_next_batch, reply.get(), &batch);
  CHECK(batch.state == COBATCH_BATCH_SEALED);
  CHECK(batch.queued == 2);
  CHECK(batch.done == 1);
  host works;
  CHECK(run_all(place, works.agent()).turns == 2);
  const auto again = make<cobatch_reply>(cobatch_retry, place.handle.get(), cobatch_str("b1"));
  CHECK(cobatch_reply_outcome(again.get()) == COBATCH_NOTHING_TO_DO);
  CHECK(call(cobatch_retry, place.handle.get(), cobatch_str("none"), nullptr) == COBATCH_E_BATCH_NOT_FOUND);
}

TEST_CASE("a task that has ended is queued again, and its result goes") {
  const half_done place;
  const auto reply = make<cobatch_reply>(cobatch_reset, place.handle.get(), cobatch_str("a"));
  CHECK(cobatch_reply_outcome(reply.get()) == COBATCH_QUEUED_AGAIN);
  auto task = fresh<cobatch_task_info>();
  must(cobatch_reply_next_task, reply.get(), &task);
  CHECK(copy_of(task.id) == "a");
  CHECK(task.state == COBATCH_TASK_QUEUED);
  const auto found = make<cobatch_reply>(cobatch_find_task, place.handle.get(), cobatch_str("a"));
  auto result = fresh<cobatch_result_info>();
  CHECK(call(cobatch_reply_next_result, found.get(), &result) == COBATCH_E_END);
  const auto again = make<cobatch_reply>(cobatch_reset, place.handle.get(), cobatch_str("a"));
  CHECK(cobatch_reply_outcome(again.get()) == COBATCH_UNCHANGED);
  CHECK(call(cobatch_reset, place.handle.get(), cobatch_str("none"), nullptr) == COBATCH_E_TASK_NOT_FOUND);
}

TEST_CASE("a task whose turn runs is not queued again") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  host works([&](const cobatch_turn_request&, cobatch_turn* turn) {
    CHECK(call(cobatch_reset, place.handle.get(), cobatch_str("a"), nullptr) == COBATCH_E_TASK_IN_PROGRESS);
    return complete(turn).status;
  });
  run_all(place, works.agent());
}
