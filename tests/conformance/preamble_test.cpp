#include "conformance/world.hpp"

using namespace cobatch_test;

namespace {

// A batch with a preamble and these tasks, and the session that has claimed it.
session_record claimed_with_preamble(world& w, std::initializer_list<std::string> ids) {
  assign_request request;
  request.batch = "b"_batch;
  for (const auto& id : ids) request.tasks.push_back(task(id));
  request.shared = {"what all share", {}};
  must(w->assign(request));
  return w.claimed();
}

}  // namespace

STORE_TEST("the preamble has a turn of its own, which belongs to no task") {
  const auto session = claimed_with_preamble(w, {"a"});
  const auto batch = w.batch_now("b"_batch);
  w.clock.turn(std::chrono::seconds{1});
  const auto begun = w.begin_preamble(session.id, 1);
  REQUIRE(begun.what == begin_outcome::kind::begun);
  CHECK(begun.turn.task.empty());
  CHECK(begun.turn.batch == "b"_batch);
  CHECK(begun.turn.position == 0);
  CHECK(begun.turn.attempt == 1);
  CHECK(begun.turn.started_at == w.clock.now());
  CHECK(begun.task == task_record{});
  CHECK(!begun.previous);
  CHECK(w.begin_preamble(session.id, 1).turn == begun.turn);
  CHECK(must(w->list_turns({})) == std::vector{begun.turn});
  CHECK(w.task_now("a").state == task_state::queued);
  CHECK(w.batch_now("b"_batch) == batch);
  begin_request second;
  second.session = session.id;
  second.ordinal = 2;
  CHECK(w->begin_turn(second).error().code == errc::task_in_progress);

  const auto settled = w.settle(session.id, 1);
  CHECK(w.answered(settled.what, settle_outcome::kind::settled, settle_outcome::kind::repeated));
  CHECK(settled.turn.end == turn_end::done);
  CHECK(settled.turn.used == ended_as(turn_end::done).used);
  CHECK(settled.task == task_record{});
  CHECK(w.settle(session.id, 1, turn_end::error).turn == settled.turn);
  CHECK(w.batch_now("b"_batch) == batch);
  CHECK(w.session_now(session.id).turns_settled == 0);
  CHECK(w.begun(session.id, 2).task.spec.id == "a"_task);
  w.settle(session.id, 2);
  CHECK(w.session_now(session.id).turns_settled == 1);
  turn_filter of_task;
  of_task.task = "a"_task;
  CHECK(must(w->list_turns(of_task)).size() == 1);
}

STORE_TEST("a preamble is told only if a task waits for it") {
  const auto session = claimed_with_preamble(w, {"a"});
  must(w->cancel("a"_task));
  CHECK(w.begin_preamble(session.id, 1).what == begin_outcome::kind::none_left);
  CHECK(w.batch_now("b"_batch).state == batch_state::ending);
  CHECK(must(w->list_turns({})).empty());
  w.end(session.id);
  CHECK(w.begin_preamble(session.id, 1).what == begin_outcome::kind::stale);
}

STORE_TEST("a preamble's turn that did not end is settled with its session, and charges no task") {
  const auto session = claimed_with_preamble(w, {"a"});
  w.begin_preamble(session.id, 1);
  end_outcome out;
  turn_end expected = turn_end::stopped;
  SUBCASE("the session ends") { out = w.end(session.id, session_end::agent_lost); }
  SUBCASE("its orchestrator died") {
    out = must(w->recover({session.id, {}, {}}));
    expected = turn_end::interrupted;
  }
  SUBCASE("its orchestrator died after it had ended") {
    out = must(w->recover({session.id, turn_no{1}, ended_as(turn_end::done)}));
    expected = turn_end::done;
  }
  const auto turn = must(w->list_turns({})).at(0);
  CHECK(turn.end == expected);
  CHECK(turn.ended_at == w.clock.now());
  CHECK(out.session.turns_settled == 0);
  CHECK(out.batch.fruitless_sessions == 1);
  CHECK(out.batch.state == batch_state::sealed);
  CHECK(w.task_now("a").counts == attempt_counts{});
  const auto next = w.claimed();
  const auto again = w.begin_preamble(next.id, 1);
  CHECK(again.turn.attempt == 1);
  CHECK(!again.previous);
}

STORE_TEST("a task's result tells what the preamble used right before it, apart from what the task used") {
  const auto session = claimed_with_preamble(w, {"a", "b"});
  settlement preamble = ended_as(turn_end::done);
  preamble.used->by_model = {{"a-model", {1, 2, 3, 4, 5, 0}}};
  preamble.used->requests = 1;
  w.begin_preamble(session.id, 1);
  must(w->settle_turn(session.id, turn_no{1}, preamble));
  w.begun(session.id, 2);
  w.settle(session.id, 2);
  w.begun(session.id, 3);
  w.settle(session.id, 3);
  const auto first = must(w->find_result("a"_task));
  REQUIRE(first.has_value());
  CHECK(first->preamble_used == preamble.used);
  CHECK(first->what.used == ended_as(turn_end::done).used);
  const auto second = must(w->find_result("b"_task));
  REQUIRE(second.has_value());
  CHECK(!second->preamble_used);
  const auto views = must(w->read_views(10));
  CHECK(views.results == std::vector{*first, *second});
}

STORE_TEST("a preamble that is not right before the turn, failed, or is unknown in cost is not told with a result") {
  const auto session = claimed_with_preamble(w, {"a"});
  settlement preamble = ended_as(turn_end::done);
  std::int64_t turn = 2;
  SUBCASE("it failed") { preamble.end = turn_end::broke; }
  SUBCASE("nobody knows what it used") { preamble.used.reset(); }
  SUBCASE("another attempt lies between") { turn = 3; }
  w.begin_preamble(session.id, 1);
  must(w->settle_turn(session.id, turn_no{1}, preamble));
  if (turn == 3) {
    w.begun(session.id, 2);
    w.settle(session.id, 2, turn_end::broke);
  }
  w.begun(session.id, turn);
  w.settle(session.id, turn);
  const auto result = must(w->find_result("a"_task));
  REQUIRE(result.has_value());
  CHECK(!result->preamble_used);
}
