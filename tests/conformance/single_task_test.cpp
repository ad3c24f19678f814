// What people do to single tasks.
#include "conformance/describe.hpp"

using namespace cobatch_test;
using task_kind = task_outcome::kind;

namespace {

// Does the only task of a new batch, so that it ends as said.
void run_one(world& w, const batch_id& batch, turn_end end) {
  w.stored(batch, {"a"});
  const auto session = w.claimed(batch);
  w.begun(session.id, 1);
  w.settle(session.id, 1, end);
  w.end(session.id);
}

void run_next(world& w, epoch session, std::int64_t turn, const task_id& expected) {
  CHECK(w.begun(session, turn).task.spec.id == expected);
  w.settle(session, turn);
}

task_changes described(std::string text) {
  task_changes changes;
  changes.description = std::move(text);
  return changes;
}

task_changes of_priority(priority prio) {
  task_changes changes;
  changes.prio = prio;
  return changes;
}

void check_refused(const task_outcome& out, errc code) {
  CHECK(out.what == task_kind::refused);
  CHECK(out.code == code);
}

// The tallies add up, whatever was done.
void check_counts(world& w, const batch_id& batch) {
  task_tally counted;
  for (const auto& t : must(w->list_tasks({batch, {}, 0, 1000}))) ++counted[t.state];
  CHECK(w.batch_now(batch).tally == counted);
  CHECK(must(w->read_overview()).tally == counted);
}

}  // namespace

// ------------------------------------------------------------------------------------------------ update

STORE_TEST("an update changes what it names of a queued task, and nothing else") {
  w.stored("b"_batch, {"a"});
  const auto before = w.task_now("a");
  const std::string text(1500, 'x');
  task_changes changes = described(text);
  auto out = must(w->update("a"_task, changes));
  CHECK(w.answered(out.what, task_kind::changed, task_kind::unchanged));
  auto expected = before;
  expected.spec.description = text;
  CHECK(w.task_now("a") == expected);
  CHECK(out.task == expected);
  changes = {};
  changes.context = R"({"file":"a"})";
  must(w->update("a"_task, changes));
  must(w->update("a"_task, described("short again")));
  expected.spec.description = "short again";
  expected.spec.context = R"({"file":"a"})";
  CHECK(w.task_now("a") == expected);
  CHECK(must(w->update("a"_task, described("short again"))).what == task_kind::unchanged);
  CHECK(w.begun(w.claimed().id, 1).task.spec == expected.spec);
}

STORE_TEST("an update is refused once the task was begun, and of one that is not there") {
  CHECK(must(w->update("a"_task, described("x"))).what == task_kind::not_found);
  w.stored("b"_batch, {"a", "b"});
  const auto session = w.claimed();
  w.begun(session.id, 1);
  check_refused(must(w->update("a"_task, described("x"))), errc::task_in_progress);
  w.settle(session.id, 1);
  check_refused(must(w->update("a"_task, described("x"))), errc::task_ended);
  must(w->cancel("b"_task));
  check_refused(must(w->update("b"_task, described("x"))), errc::task_ended);
  CHECK(w.task_now("a").spec.description == "do a");
}

STORE_TEST("a batch follows the priority of its tasks up and down") {
  w.stored("first"_batch, {"a", "b"});
  w.stored("second"_batch, {"c"});
  must(w->update("c"_task, of_priority(priority::high)));
  CHECK(w.batch_now("second"_batch).prio == priority::high);
  must(w->update("a"_task, of_priority(priority::high)));
  must(w->update("b"_task, of_priority(priority::low)));
  CHECK(w.batch_now("first"_batch).prio == priority::high);
  must(w->update("a"_task, of_priority(priority::low)));
  CHECK(w.batch_now("first"_batch).prio == priority::low);
  CHECK(w.task_now("a").spec.prio == priority::low);
  CHECK(w.claimed().batch == "second"_batch);
}

// ------------------------------------------------------------------------------------------------ reset

STORE_TEST("a task that has ended is queued again as if it had never been tried, in the batch's next round") {
  w.stored("b"_batch, {"a"});
  const auto session = w.claimed();
  w.begun(session.id, 1);
  w.settle(session.id, 1, turn_end::broke);
  w.begun(session.id, 2);
  w.settle(session.id, 2, turn_end::broke);
  w.end(session.id);
  REQUIRE(w.task_now("a").state == task_state::error);
  const auto turns = must(w->list_turns({}));
  w.clock.turn(std::chrono::seconds{5});

  const auto out = must(w->reset("a"_task));
  CHECK(w.answered(out.what, task_kind::changed, task_kind::unchanged));
  const auto task = w.task_now("a");
  CHECK(out.task == task);
  CHECK(task.state == task_state::queued);
  CHECK(task.counts == attempt_counts{});
  CHECK(task.round == 2);
  CHECK(task.position == 1);
  CHECK(!task.started_at);
  CHECK(!task.ended_at);
  CHECK(!must(w->find_result("a"_task)));
  CHECK(must(w->list_results({})).empty());
  CHECK(must(w->list_turns({})) == turns);
  const auto batch = w.batch_now("b"_batch);
  CHECK(batch.state == batch_state::sealed);
  CHECK(batch.round == 2);
  CHECK(batch.sealed_at == w.clock.now());
  check_counts(w, "b"_batch);

  const auto again = w.claimed();
  CHECK(again.round == 2);
  const auto begun = w.begun(again.id, 1);
  CHECK(begun.turn.attempt == 1);
  CHECK(begun.previous->turn == turn_no{2});
  w.settle(again.id, 1);
  CHECK(w.result_now("a"_task).session == again.id);
  CHECK(w.end(again.id).batch.state == batch_state::finished);
}

STORE_TEST("a batch that has not ended just gets a reset task back") {
  w.stored("b"_batch, {"a", "b"}, false);
  must(w->cancel("a"_task));
  must(w->reset("a"_task));
  CHECK(w.batch_now("b"_batch).state == batch_state::open);
  must(w->cancel("a"_task));
  must(w->seal("b"_batch));
  must(w->reset("a"_task));
  CHECK(w.batch_now("b"_batch).state == batch_state::sealed);
  const auto session = w.claimed();
  run_next(w, session.id, 1, "a"_task);
  must(w->reset("a"_task));
  CHECK(w.batch_now("b"_batch).state == batch_state::running);
  run_next(w, session.id, 2, "a"_task);
  run_next(w, session.id, 3, "b"_task);
  CHECK(w.batch_now("b"_batch).round == 1);
  CHECK(w.end(session.id).batch.state == batch_state::finished);
  check_counts(w, "b"_batch);
}

STORE_TEST("a reset while the session of a batch ends is for the next session") {
  w.stored("b"_batch, {"a"});
  const auto session = w.claimed();
  run_next(w, session.id, 1, "a"_task);
  REQUIRE(w.begin(session.id, 2).what == begin_outcome::kind::none_left);
  must(w->reset("a"_task));
  CHECK(w.begin(session.id, 2).what == begin_outcome::kind::none_left);
  CHECK(w.end(session.id).batch.state == batch_state::sealed);
  run_next(w, w.claimed().id, 1, "a"_task);
}

STORE_TEST("a reset of a queued task changes nothing, and one that runs is not reset") {
  CHECK(must(w->reset("a"_task)).what == task_kind::not_found);
  w.stored("b"_batch, {"a"});
  CHECK(must(w->reset("a"_task)).what == task_kind::unchanged);
  const auto session = w.claimed();
  w.begun(session.id, 1);
  check_refused(must(w->reset("a"_task)), errc::task_in_progress);
  // The turn goes on until its engine has seen the cancel.
  must(w->cancel("a"_task));
  check_refused(must(w->reset("a"_task)), errc::task_in_progress);
  CHECK(w.task_now("a").state == task_state::cancelled);
  w.settle(session.id, 1, turn_end::cancelled);
  CHECK(must(w->reset("a"_task)).task.state == task_state::queued);
}

STORE_TEST("a task is not reset while what it needs cannot be done") {
  w.assign_specs("b"_batch, {task("a"), needing("b", {"a"}), task("c")});
  must(w->cancel("a"_task));
  REQUIRE(w.task_now("b").reason == "need_failed");
  const auto refused = must(w->reset("b"_task));
  check_refused(refused, errc::need_unknown);
  CHECK(refused.need == "a"_task);
  must(w->reset("a"_task));
  CHECK(must(w->reset("b"_task)).task.reason.empty());
  CHECK(w.task_now("b").state == task_state::queued);
  must(w->remove("a"_task));
  CHECK(w.task_now("b").reason == "need_failed");
  check_refused(must(w->reset("b"_task)), errc::need_unknown);
  SUBCASE("another batch's task of that id is not what it needs") {
    w.stored("other"_batch, {"a"});
    check_refused(must(w->reset("b"_task)), errc::need_unknown);
  }
  SUBCASE("a new task of that id in its batch is") {
    w.stored("b"_batch, {"a"});
    CHECK(must(w->reset("b"_task)).task.state == task_state::queued);
    must(w->cancel("a"_task));
    CHECK(w.task_now("b").reason == "need_failed");
  }
}

// ------------------------------------------------------------------------------------------------ retry

STORE_TEST("a retry queues what failed or was cancelled, needs first, and says that the batch is to run") {
  w.assign_specs("b"_batch, {task("ok"), task("bad"), needing("after", {"bad"}), task("gone")});
  const auto session = w.claimed();
  run_next(w, session.id, 1, "ok"_task);
  w.begun(session.id, 2);
  w.settle(session.id, 2, turn_end::error);
  must(w->cancel("gone"_task));
  w.end(session.id);
  w.stored("other"_batch, {"x"});
  must(w->cancel("x"_task));

  const auto out = must(w->retry("b"_batch));
  CHECK(w.answered(out.what, retry_outcome::kind::retried, retry_outcome::kind::nothing_to_do));
  if (out.what == retry_outcome::kind::retried) CHECK(out.tasks == std::vector{"bad"_task, "after"_task, "gone"_task});
  CHECK(out.left.empty());
  CHECK(out.batch == w.batch_now("b"_batch));
  CHECK(out.batch.state == batch_state::sealed);
  CHECK(out.batch.round == 2);
  CHECK(w.task_now("ok").state == task_state::done);
  CHECK(w.task_now("x").state == task_state::cancelled);
  CHECK(!must(w->find_result("bad"_task)));
  const auto again = w.claimed();
  run_next(w, again.id, 1, "bad"_task);
  run_next(w, again.id, 2, "after"_task);
  run_next(w, again.id, 3, "gone"_task);
  CHECK(w.end(again.id).batch.state == batch_state::finished);
}

STORE_TEST("with nothing to retry a retry changes nothing") {
  CHECK(must(w->retry("b"_batch)).what == retry_outcome::kind::not_found);
  w.stored("b"_batch, {"a"}, false);
  const auto before = w.batch_now("b"_batch);
  const auto version = w->version();
  const auto out = must(w->retry("b"_batch));
  CHECK(out.what == retry_outcome::kind::nothing_to_do);
  CHECK(out.batch == before);
  CHECK(w.batch_now("b"_batch) == before);
  CHECK(w->version() == version);
}

STORE_TEST("a retry seals an open batch and lets a held one go") {
  w.stored("b"_batch, {"a", "b"}, false);
  must(w->cancel("a"_task));
  SUBCASE("open") {}
  SUBCASE("held") {
    must(w->seal("b"_batch));
    w.fruitless_session("b"_batch, session_end::blocked);
    REQUIRE(w.batch_now("b"_batch).state == batch_state::held);
  }
  must(w->retry("b"_batch));
  const auto batch = w.batch_now("b"_batch);
  CHECK(batch.state == batch_state::sealed);
  CHECK(batch.hold_reason.empty());
  CHECK(!batch.held_until);
  run_next(w, w.claimed().id, 1, "a"_task);
}

STORE_TEST("a retry tells what it had to leave") {
  w.assign_specs("b"_batch, {task("a"), needing("b", {"a"}), task("runs")});
  must(w->remove("a"_task));
  w.begun(w.claimed().id, 1);
  must(w->cancel("runs"_task));
  const auto out = must(w->retry("b"_batch));
  CHECK(out.what == retry_outcome::kind::nothing_to_do);
  CHECK(out.left == std::vector{"b"_task, "runs"_task});
}

// ------------------------------------------------------------------------------------------------ remove

STORE_TEST("a removed task frees its id, its result goes, its turns and what they cost stay") {
  run_one(w, "b"_batch, turn_end::done);
  const auto turns = must(w->list_turns({}));
  REQUIRE(turns.size() == 1);
  const auto out = must(w->remove("a"_task));
  CHECK(w.answered(out.what, task_kind::changed, task_kind::not_found));
  if (out.what == task_kind::changed) CHECK(out.task.state == task_state::done);
  CHECK(!must(w->find_task("a"_task)));
  CHECK(!must(w->find_result("a"_task)));
  CHECK(must(w->list_results({})).empty());
  CHECK(must(w->read_views(10)).tasks.empty());
  CHECK(must(w->list_turns({})) == turns);
  turn_filter filter;
  filter.batch = "b"_batch;
  CHECK(must(w->list_turns(filter)) == turns);
  CHECK(w.batch_now("b"_batch).state == batch_state::finished);
  check_counts(w, "b"_batch);

  // A new task of that id has nothing of the old one.
  w.stored("other"_batch, {"a"});
  filter = {};
  filter.task = "a"_task;
  CHECK(must(w->list_turns(filter)).empty());
  const auto session = w.claimed();
  const auto begun = w.begun(session.id, 1);
  CHECK(begun.turn.attempt == 1);
  CHECK(!begun.previous);
  w.settle(session.id, 1);
  CHECK(must(w->list_turns(filter)).size() == 1);
  CHECK(must(w->list_turns({})).size() == 2);
}

STORE_TEST("a task that is in progress is not removed, nor one whose turn still runs") {
  w.stored("b"_batch, {"a", "hand"});
  const auto session = w.claimed();
  w.begun(session.id, 1);
  check_refused(must(w->remove("a"_task)), errc::task_in_progress);
  must(w->cancel("a"_task));
  check_refused(must(w->remove("a"_task)), errc::task_in_progress);
  w.settle(session.id, 1, turn_end::cancelled);
  must(w->mark_manually("hand"_task));
  check_refused(must(w->remove("hand"_task)), errc::task_in_progress);
  must(w->remove("a"_task));
  CHECK(!must(w->find_task("a"_task)));
}

STORE_TEST("what needs a removed task and is queued is cancelled, and what needs that") {
  w.assign_specs("b"_batch, {task("a"), needing("b", {"a"}), needing("c", {"b"}), task("d")});
  must(w->remove("a"_task));
  CHECK(w.task_now("b").reason == "need_failed");
  CHECK(w.task_now("c").reason == "need_failed");
  CHECK(w.task_now("d").state == task_state::queued);
  check_counts(w, "b"_batch);
  must(w->remove("b"_task));
  must(w->remove("c"_task));
  check_counts(w, "b"_batch);
}

STORE_TEST("a waiting batch has ended when its last task is removed, and follows the priority of the rest") {
  w.assign_specs("b"_batch, {task("a", priority::high), task("b", priority::low)});
  must(w->remove("a"_task));
  CHECK(w.batch_now("b"_batch).prio == priority::low);
  must(w->remove("b"_task));
  CHECK(w.batch_now("b"_batch).state == batch_state::finished);
  CHECK(must(w->claim(w.claim_of())).what == claim_outcome::kind::nothing);
  // Positions are not used again.
  w.stored("b"_batch, {"c"});
  CHECK(w.task_now("c").position == 3);
}

STORE_TEST("a task that is removed and assigned again is a new one, with long texts and needs and without") {
  auto spec = needing("a", {"n"});
  spec.description = std::string(2000, 'x');
  w.assign_specs("b"_batch, {task("n"), spec});
  must(w->remove("a"_task));
  w.assign_specs("b"_batch, {spec});
  CHECK(w.task_now("a").spec == spec);
  must(w->remove("a"_task));
  w.stored("b"_batch, {"a"});
  CHECK(w.task_now("a").spec == task("a"));
  must(w->cancel("n"_task));
  CHECK(w.task_now("a").state == task_state::queued);
}

STORE_TEST("of removed tasks no need is left to those that come after them") {
  w.assign_specs("b"_batch, {task("a"), needing("b", {"a"})});
  must(w->remove("a"_task));
  must(w->remove("b"_task));
  w.stored("b"_batch, {"c", "d"});
  must(w->cancel("c"_task));
  CHECK(w.task_now("d").state == task_state::queued);
}

// --------------------------------------------------------------------------------------- remove_result

STORE_TEST("a result that is removed leaves its task as it is") {
  CHECK(must(w->remove_result("a"_task)).what == task_kind::not_found);
  run_one(w, "b"_batch, turn_end::done);
  const auto before = w.task_now("a");
  const auto out = must(w->remove_result("a"_task));
  CHECK(w.answered(out.what, task_kind::changed, task_kind::not_found));
  CHECK(out.task == before);
  CHECK(!must(w->find_result("a"_task)));
  CHECK(w.task_now("a") == before);
  CHECK(must(w->remove_result("a"_task)).what == task_kind::not_found);
  must(w->reset("a"_task));
  run_next(w, w.claimed().id, 1, "a"_task);
  CHECK(must(w->find_result("a"_task)));
}

// --------------------------------------------------------------------------------------- mark_manually

STORE_TEST("a task that somebody has in progress by hand is left alone by engines") {
  w.stored("b"_batch, {"a", "b"});
  const auto out = must(w->mark_manually("a"_task));
  CHECK(w.answered(out.what, task_kind::changed, task_kind::unchanged));
  CHECK(out.task == w.task_now("a"));
  CHECK(out.task.state == task_state::in_progress);
  CHECK(out.task.owner == task_owner::manual);
  CHECK(out.task.started_at == w.clock.now());
  CHECK(must(w->mark_manually("a"_task)).what == task_kind::unchanged);
  check_counts(w, "b"_batch);
  const auto session = w.claimed();
  run_next(w, session.id, 1, "b"_task);
  check_refused(must(w->mark_manually("b"_task)), errc::task_ended);
  CHECK(w.begin(session.id, 2).what == begin_outcome::kind::none_left);
  CHECK(w.end(session.id).batch.state == batch_state::sealed);
  CHECK(w.task_now("a") == out.task);
  CHECK(must(w->mark_manually("none"_task)).what == task_kind::not_found);
}

STORE_TEST("a batch whose only tasks left are somebody's by hand neither runs nor has ended") {
  w.assign_specs("b"_batch, {task("a"), needing("b", {"a"})});
  must(w->mark_manually("a"_task));
  CHECK(!must(w->has_work({{"claude"}, "claude"})));
  CHECK(must(w->claim(w.claim_of())).what == claim_outcome::kind::nothing);
  CHECK(must(w->claim(w.claim_of("b"_batch))).what == claim_outcome::kind::nothing);
  CHECK(w.batch_now("b"_batch).state == batch_state::sealed);
  SUBCASE("what needs it runs when it is done") {
    w.complete({}, "a"_task);
    CHECK(must(w->has_work({{"claude"}, "claude"})));
    run_next(w, w.claimed().id, 1, "b"_task);
  }
  SUBCASE("what needs it is cancelled when it failed, and the batch has ended") {
    w.complete({}, "a"_task, turn_end::error);
    CHECK(w.task_now("b").reason == "need_failed");
    CHECK(w.batch_now("b"_batch).state == batch_state::finished);
  }
  SUBCASE("it runs when it is given back") {
    must(w->reset("a"_task));
    CHECK(w.task_now("a").owner == task_owner::nobody);
    CHECK(!w.task_now("a").started_at);
    run_next(w, w.claimed().id, 1, "a"_task);
  }
  SUBCASE("it may be cancelled") {
    must(w->cancel("a"_task));
    CHECK(w.task_now("a").owner == task_owner::nobody);
    CHECK(w.batch_now("b"_batch).state == batch_state::finished);
  }
  SUBCASE("without what needs it there is nothing to execute, either") {
    must(w->cancel("b"_task));
    CHECK(must(w->execute({})).what == execute_outcome::kind::nothing_to_do);
    CHECK(must(w->execute({"b"_batch, {}})).what == execute_outcome::kind::empty_batch);
  }
  check_counts(w, "b"_batch);
}

STORE_TEST("a task that waits for somebody's is passed over, for a preamble, too") {
  w.assign_specs("b"_batch, {task("by hand"), needing("waits", {"by hand"}), task("free")});
  must(w->mark_manually("by hand"_task));
  const auto session = w.claimed();
  run_next(w, session.id, 1, "free"_task);
  CHECK(w.begin_preamble(session.id, 2).what == begin_outcome::kind::none_left);
}

STORE_TEST("a task by hand that is given back while its batch's session ends is for the next session") {
  w.stored("b"_batch, {"a", "b"});
  must(w->mark_manually("a"_task));
  const auto session = w.claimed();
  run_next(w, session.id, 1, "b"_task);
  REQUIRE(w.begin(session.id, 2).what == begin_outcome::kind::none_left);
  must(w->reset("a"_task));
  CHECK(w.task_now("a").round == 2);
  CHECK(w.end(session.id).batch.state == batch_state::sealed);
  run_next(w, w.claimed().id, 1, "a"_task);
}
