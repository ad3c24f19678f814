#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <cobatch/core/lint.hpp>

using namespace cobatch;

namespace {

using codes = std::vector<std::string>;

codes codes_of(const std::vector<warning>& warnings) {
  codes out;
  for (const auto& w : warnings) {
    out.push_back(w.code);
    CHECK_FALSE(w.message.empty());
  }
  return out;
}

// What the workspace does: stores each assign, and lints it with the batches that are there.
struct caller {
  std::vector<batch_record> batches;
  timestamp now{1762551900000};

  batch_record& batch_of(const assign_facts& a) {
    for (auto& batch : batches)
      if (batch.id == a.batch) return batch;
    batch_record made;
    made.id = a.batch;
    made.created_at = now;
    return batches.emplace_back(made);
  }
  codes assign(assign_facts a) {
    batch_record& batch = batch_of(a);
    batch.tally[task_state::queued] = a.tasks_in_batch;
    a.made_at = batch.created_at;
    return codes_of(lint_assign(a, batches));
  }
  void cancel(std::string id) {
    for (auto& batch : batches)
      if (batch.id == batch_id(id)) std::swap(batch.tally[task_state::queued], batch.tally[task_state::cancelled]);
  }
};

assign_facts single(std::string batch, bool seal, std::int64_t in_batch = 1) {
  return {.batch = batch_id(std::move(batch)),
          .explicit_id = true,
          .sealed_now = seal,
          .new_tasks = 1,
          .tasks_in_batch = in_batch,
          .tasks_to_run = in_batch};
}

assign_facts without_id(std::string generated) {
  auto a = single(std::move(generated), true);
  a.explicit_id = false;
  return a;
}

}  // namespace

TEST_CASE("the guide's correct example gives no warning") {
  caller c;
  CHECK(c.assign(single("b", false, 1)).empty());
  CHECK(c.assign(single("b", false, 2)).empty());
  CHECK(c.assign(single("b", true, 3)).empty());
}

TEST_CASE("the guide's incorrect example with different batch ids is found from the second on") {
  caller c;
  CHECK(c.assign(single("b1", true)) == codes{"auto_execute_too_early"});
  CHECK(c.assign(single("b2", true)) == codes{"different_batch_ids"});
  CHECK(c.assign(single("b3", true)) == codes{"different_batch_ids"});
}

TEST_CASE("different batch ids are found when only the last task seals") {
  caller c;
  CHECK(c.assign(single("b1", false)).empty());
  CHECK(c.assign(single("b2", false)).empty());
  CHECK(c.assign(single("b3", true)) == codes{"different_batch_ids"});
}

TEST_CASE("batches of one task more than a minute apart are no mistake of ids") {
  caller c;
  c.assign(single("b1", true));
  c.now = c.now + lint_window + std::chrono::milliseconds{1};
  CHECK(c.assign(single("b2", true)) == codes{"auto_execute_too_early"});
}

TEST_CASE("a batch that got a second task is not one of different ids") {
  caller c;
  c.assign(single("b1", false, 1));
  c.assign(single("b1", true, 2));
  CHECK(c.assign(single("b2", true)) == codes{"auto_execute_too_early"});
}

TEST_CASE("a batch whose task was cancelled is not one of different ids") {
  caller c;
  c.assign(single("b1", true));
  c.cancel("b1");
  CHECK(c.assign(single("b2", true)) == codes{"auto_execute_too_early"});
  CHECK(c.assign(single("b3", true)) == codes{"different_batch_ids"});
}

TEST_CASE("sealing a batch of one task by repeating the assign is not a second batch") {
  caller c;
  c.assign(single("b", false));
  auto again = single("b", true);
  again.new_tasks = 0;
  CHECK(c.assign(again).empty());
}

TEST_CASE("the guide's incorrect example with auto_execute on the first task is found") {
  caller c;
  CHECK(c.assign(single("b", true)) == codes{"auto_execute_too_early"});
  auto late = single("b", false, 2);
  late.sealed_now = false;
  CHECK(c.assign(late).empty());
}

TEST_CASE("a whole batch given in one call may seal it") {
  caller c;
  auto whole = single("b", true, 3);
  whole.new_tasks = 3;
  whole.whole_batch = true;
  CHECK(c.assign(whole).empty());
  whole.new_tasks = whole.tasks_in_batch = whole.tasks_to_run = 1;
  whole.batch = batch_id("c");
  CHECK(c.assign(whole).empty());
}

TEST_CASE("the guide's incorrect example without batch_id is found from the second task on") {
  caller c;
  CHECK(c.assign(without_id("batch_20251107_214500")).empty());
  CHECK(c.assign(without_id("batch_20251107_214501")) == codes{"no_batch_id"});
  CHECK(c.assign(without_id("batch_20251107_214502")) == codes{"no_batch_id"});
  c.now = c.now + std::chrono::hours{1};
  CHECK(c.assign(without_id("batch_20251107_224500")).empty());
}

TEST_CASE("a task whose batch_id was forgotten next to a batch of one task is found, whichever came first") {
  caller c;
  c.assign(single("b", false));
  CHECK(c.assign(without_id("batch_20251107_214500")) == codes{"no_batch_id"});
  CHECK(c.assign(single("c", true)) == codes{"different_batch_ids"});
}

TEST_CASE("other batches matter to a batch of one task that is to run, and to nothing else") {
  CHECK(matters_with_others(single("b", true)));
  CHECK(matters_with_others(without_id("b")));
  CHECK_FALSE(matters_with_others(single("b", false)));
  CHECK_FALSE(matters_with_others(single("b", true, 2)));
  auto whole = single("b", true);
  whole.whole_batch = true;
  CHECK_FALSE(matters_with_others(whole));
}

TEST_CASE("a repeated assign that stored nothing is no finding") {
  caller c;
  c.assign(without_id("b0"));
  c.assign(without_id("b1"));
  auto again = without_id("b1");
  again.new_tasks = 0;
  again.sealed_now = false;
  CHECK(c.assign(again).empty());
}

TEST_CASE("a batch with more tasks than a session takes is said once, by the assign that makes it so") {
  caller c;
  CHECK(c.assign(single("b", false, 10)).empty());
  CHECK(c.assign(single("b", false, 11)) == codes{"batch_too_large"});
  CHECK(c.assign(single("b", false, 12)).empty());
  auto whole = single("w", true, 40);
  whole.new_tasks = 40;
  whole.whole_batch = true;
  CHECK(c.assign(whole) == codes{"batch_too_large"});
  CHECK(codes_of(lint_assign(single("b", false, 4), {}, 3)) == codes{"batch_too_large"});
}

TEST_CASE("tasks that ended in earlier rounds do not make a batch too large") {
  auto a = single("b", false, 25);
  a.tasks_to_run = 1;
  CHECK(lint_assign(a, {}).empty());
}

TEST_CASE("a task that starts the next round is late") {
  auto a = single("b", false, 4);
  a.next_round = true;
  a.tasks_to_run = 1;
  CHECK(codes_of(lint_assign(a, {})) == codes{"late_task"});
}

TEST_CASE("a batch open for ten minutes without an assign is said, and no other") {
  batch_record batch;
  batch.id = batch_id("b");
  batch.last_assign_at = timestamp{1'000'000};
  const timestamp due = batch.last_assign_at + open_without_assign;
  CHECK_FALSE(lint_left_open(batch, timestamp{due.ms - 1}));
  CHECK(lint_left_open(batch, due)->code == "batch_left_open");
  for (const auto state :
       {batch_state::sealed, batch_state::running, batch_state::ending, batch_state::finished, batch_state::held}) {
    batch.state = state;
    CHECK_FALSE(lint_left_open(batch, timestamp{due.ms * 2}));
  }
}

TEST_CASE("messages name the batch and say what to do") {
  const auto w = lint_auto_execute_too_early(single("batch_20251107_214500", true));
  REQUIRE(w);
  CHECK(w->message.find("\"batch_20251107_214500\"") != std::string::npos);
  CHECK(w->message.find("auto_execute to false") != std::string::npos);
  // A task that is all of its batch is no mistake, and whether anything runs it nobody has asked.
  CHECK(w->message.find("If more tasks are to follow") != std::string::npos);
  CHECK(w->message.find("at once") == std::string::npos);
  caller c;
  c.assign(single("b1", false));
  auto other = single("b2", true);
  other.made_at = c.now;
  CHECK(lint_different_batch_ids(other, c.batches)->message.find("\"b1\"") != std::string::npos);
}
