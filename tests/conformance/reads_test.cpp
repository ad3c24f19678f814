#include <cobatch/core/ledger.hpp>

#include "conformance/world.hpp"

using namespace cobatch_test;

namespace {

std::vector<std::string> names(const std::vector<task_record>& tasks) {
  std::vector<std::string> out;
  for (const auto& t : tasks) out.push_back(t.spec.id.str());
  return out;
}

// One session that ends the first `count` tasks of the batch as done, the last of them as an error.
epoch run_some(world& w, batch_id batch, int count) {
  const auto session = w.claimed(std::move(batch));
  for (int i = 1; i <= count; ++i) {
    w.begun(session.id, i);
    w.clock.turn(std::chrono::seconds{1});
    w.settle(session.id, i, i == count ? turn_end::error : turn_end::done);
  }
  return session.id;
}

}  // namespace

STORE_TEST("what is not there is not found") {
  CHECK(!must(w->find_task("a"_task)));
  CHECK(!must(w->find_result("a"_task)));
  CHECK(!must(w->find_batch("a"_batch)));
  CHECK(!must(w->find_session(epoch{1})));
  CHECK(must(w->list_tasks({})).empty());
  CHECK(must(w->list_batches({})).empty());
  CHECK(must(w->list_sessions({})).empty());
  CHECK(!must(w->find_last_session()));
  CHECK(must(w->list_turns({})).empty());
  const auto all = must(w->read_overview());
  CHECK(all.tally.total() == 0);
  CHECK(all.unfinished.empty());
  CHECK(!all.live);
  CHECK(must(w->read_views(10)).tasks.empty());
}

STORE_TEST("tasks are listed by batch, state and position, in order, up to a limit") {
  w.stored("x"_batch, {"x1", "x2", "x3", "x4"});
  w.stored("y"_batch, {"y1"}, false);
  run_some(w, "x"_batch, 2);
  const auto listed = [&](task_filter filter) { return names(must(w->list_tasks(filter))); };
  CHECK(listed({}) == list{"x1", "x2", "x3", "x4", "y1"});
  CHECK(listed({"x"_batch, {}, 0, 1000}) == list{"x1", "x2", "x3", "x4"});
  CHECK(listed({"x"_batch, {}, 2, 1000}) == list{"x3", "x4"});
  CHECK(listed({"x"_batch, {}, 1, 2}) == list{"x2", "x3"});
  CHECK(listed({"x"_batch, task_state::queued, 0, 1000}) == list{"x3", "x4"});
  CHECK(listed({"x"_batch, task_state::error, 0, 1000}) == list{"x2"});
  CHECK(listed({{}, task_state::queued, 0, 1000}) == list{"x3", "x4", "y1"});
  CHECK(listed({{}, task_state::done, 0, 1000}) == list{"x1"});
  CHECK(listed({{}, {}, 3, 1000}) == list{"x1", "x2", "x3", "x4", "y1"});  // positions count with a batch only
  CHECK(listed({{}, task_state::queued, 0, 1}) == list{"x3"});
  CHECK(listed({{}, {}, 0, 0}).empty());
  CHECK(listed({"none"_batch, {}, 0, 1000}).empty());
}

STORE_TEST("batches are listed by state, in the order in which they were made, from any one on") {
  w.stored("c"_batch, {"c1"});
  w.stored("a"_batch, {"a1"}, false);
  w.stored("d"_batch, {"d1"});
  w.stored("b"_batch, {"b1"}, false);
  const auto listed = [&](batch_filter filter) {
    list out;
    for (const auto& batch : must(w->list_batches(filter))) {
      CHECK(batch == w.batch_now(batch.id));
      out.push_back(batch.id.str());
    }
    return out;
  };
  CHECK(listed({}) == list{"c", "a", "d", "b"});
  CHECK(listed({{}, "a"_batch, 1000}) == list{"d", "b"});
  CHECK(listed({{}, "c"_batch, 2}) == list{"a", "d"});
  CHECK(listed({{}, "b"_batch, 1000}).empty());
  CHECK(listed({{}, "none"_batch, 1000}).empty());
  CHECK(listed({{}, {}, 0}).empty());
  CHECK(listed({{}, {}, 3, true}) == list{"b", "d", "a"});
  CHECK(listed({{}, "d"_batch, 1000, true}) == list{"a", "c"});
  CHECK(listed({{}, "c"_batch, 1000, true}).empty());
  CHECK(listed({{}, "none"_batch, 1000, true}).empty());
  CHECK(listed({batch_state::open, {}, 1000, true}) == list{"b", "a"});
  CHECK(listed({batch_state::open, {}, 1000}) == list{"a", "b"});
  CHECK(listed({batch_state::open, "a"_batch, 1000}) == list{"b"});
  CHECK(listed({batch_state::sealed, {}, 1}) == list{"c"});
  CHECK(listed({batch_state::finished, {}, 1000}).empty());
  for (const char* done : {"c1", "d1"}) must(w->cancel(task_id(done)));
  CHECK(listed({batch_state::finished, {}, 1000}) == list{"c", "d"});
  CHECK(listed({batch_state::finished, "c"_batch, 1000}) == list{"d"});
  // A batch that goes on stays where it was: a page that was read stays true.
  must(w->seal("a"_batch));
  w.assign("c"_batch, {"c2"});
  CHECK(listed({}) == list{"c", "a", "d", "b"});
}

STORE_TEST("sessions are listed by batch, in order of epoch, from any one on") {
  w.stored("x"_batch, {"x1", "x2"});
  w.stored("y"_batch, {"y1"});
  const auto listed = [&](session_filter filter) {
    std::vector<std::int64_t> out;
    for (const auto& session : must(w->list_sessions(filter))) {
      CHECK(session == w.session_now(session.id));
      out.push_back(session.id.value);
    }
    return out;
  };
  using epochs = std::vector<std::int64_t>;
  run_some(w, "x"_batch, 1);
  w.end(epoch{1}, session_end::stopped);
  auto later = w.claim_of("y"_batch);
  later.above = epoch{4};
  must(w->claim(later));
  w.end(epoch{5}, session_end::not_started);
  // The clock may be set back between two sessions.
  w.clock.turn(-std::chrono::hours{1});
  w.claimed("x"_batch);
  CHECK(listed({}) == epochs{1, 5, 6});
  CHECK(listed({"x"_batch, {}, 1000}) == epochs{1, 6});
  CHECK(listed({"x"_batch, epoch{1}, 1000}) == epochs{6});
  CHECK(listed({"y"_batch, {}, 1000}) == epochs{5});
  CHECK(listed({"none"_batch, {}, 1000}).empty());
  CHECK(listed({{}, epoch{1}, 1}) == epochs{5});
  CHECK(listed({{}, epoch{3}, 1000}) == epochs{5, 6});
  CHECK(listed({{}, epoch{6}, 1000}).empty());
  CHECK(listed({{}, {}, 0}).empty());
  CHECK(must(w->find_last_session()) == w.session_now(epoch{6}));
}

STORE_TEST("turns are listed by session, batch and task, in order, from any place on") {
  w.stored("x"_batch, {"x1", "x2"});
  w.stored("y"_batch, {"y1"});
  const auto first = w.claimed("x"_batch);
  w.begun(first.id, 1);
  w.settle(first.id, 1, turn_end::broke);
  w.begun(first.id, 2);
  w.settle(first.id, 2);
  w.end(first.id, session_end::stopped);
  const auto second = w.claimed("y"_batch);
  w.begun(second.id, 1);
  w.settle(second.id, 1);
  w.end(second.id);
  const auto third = w.claimed("x"_batch);
  w.begun(third.id, 1);

  const auto listed = [&](turn_filter filter) {
    list out;
    for (const auto& t : must(w->list_turns(filter)))
      out.push_back(std::to_string(t.session.value) + "." + std::to_string(t.turn.value) + " " + t.task.str() + " " +
                    t.batch.str());
    return out;
  };
  const list all{"1.1 x1 x", "1.2 x1 x", "2.1 y1 y", "3.1 x2 x"};
  CHECK(listed({}) == all);
  turn_filter by_batch;
  by_batch.batch = "x"_batch;
  CHECK(listed(by_batch) == list{all[0], all[1], all[3]});
  turn_filter by_task;
  by_task.task = "x1"_task;
  CHECK(listed(by_task) == list{all[0], all[1]});
  turn_filter by_session;
  by_session.session = second.id;
  CHECK(listed(by_session) == list{all[2]});
  turn_filter both;
  both.batch = "x"_batch;
  both.session = third.id;
  CHECK(listed(both) == list{all[3]});
  both.task = "x1"_task;
  CHECK(listed(both).empty());
  turn_filter page;
  page.after_session = epoch{1};
  page.after_turn = turn_no{1};
  page.limit = 2;
  CHECK(listed(page) == list{all[1], all[2]});
  page.batch = "x"_batch;
  CHECK(listed(page) == list{all[1], all[3]});
}

STORE_TEST("turns that began at a moment or later are listed, together with any other filter") {
  w.stored("x"_batch, {"x1", "x2", "x3"});
  const auto session = w.claimed();
  const timestamp start = w.clock.now();
  for (int turn = 1; turn <= 3; ++turn) {
    w.begun(session.id, turn);
    w.settle(session.id, turn);
    w.clock.turn(std::chrono::seconds{1});
  }
  const auto listed = [&](turn_filter filter, std::chrono::milliseconds since) {
    filter.since = start + since;
    list out;
    for (const auto& t : must(w->list_turns(filter))) out.push_back(t.task.str());
    return out;
  };
  using std::chrono::milliseconds;
  turn_filter by_batch, by_task, by_session, page;
  by_batch.batch = "x"_batch;
  by_task.task = "x2"_task;
  by_session.session = session.id;
  page.after_session = session.id;
  page.after_turn = turn_no{2};
  for (const auto& filter : {turn_filter{}, by_batch, by_session}) {
    CHECK(listed(filter, milliseconds{-1}) == list{"x1", "x2", "x3"});
    CHECK(listed(filter, milliseconds{1000}) == list{"x2", "x3"});
    CHECK(listed(filter, milliseconds{1001}) == list{"x3"});
    CHECK(listed(filter, milliseconds{2001}).empty());
  }
  CHECK(listed(by_task, milliseconds{1000}) == list{"x2"});
  CHECK(listed(by_task, milliseconds{1001}).empty());
  CHECK(listed(page, milliseconds{1000}) == list{"x3"});
}

STORE_TEST("a marker leads to the session that wrote it") {
  w.stored("b"_batch, {"a"});
  w.clock.turn(std::chrono::milliseconds{999});
  const auto first = w.claimed();
  w.end(first.id, session_end::stopped);
  w.clock.turn(std::chrono::milliseconds{1});
  const auto second = w.claimed();
  const auto found = [&](const batch_id& batch, timestamp at) {
    const auto session = must(w->find_session_of_marker(batch, at));
    return session ? session->id : epoch{};
  };
  const auto written = [](const session_record& s) { return *parse_iso(to_iso_seconds(s.started_at)); };
  CHECK(found("b"_batch, written(first)) == first.id);
  CHECK(found("b"_batch, written(second)) == second.id);
  CHECK(found("b"_batch, second.started_at) == second.id);
  CHECK(found("other"_batch, written(first)) == epoch{});
  CHECK(found("b"_batch, written(second) + std::chrono::seconds{1}) == epoch{});
}

STORE_TEST("views hold every live task and the latest ended ones, in order of assignment") {
  w.stored("x"_batch, {"x1", "x2", "x3", "x4", "x5"});
  w.stored("y"_batch, {"y1"});
  const epoch session = run_some(w, "x"_batch, 3);
  must(w->cancel("x4"_task));
  w.begun(session, 4);
  auto views = must(w->read_views(100));
  CHECK(names(views.tasks) == list{"x1", "x2", "x3", "x4", "x5", "y1"});
  REQUIRE(views.results.size() == 3);
  CHECK(views.results[0] == must(w->find_result("x1"_task)));
  CHECK(views.results[2].status == task_state::error);
  CHECK(views.version == w->version());

  views = must(w->read_views(2));
  CHECK(names(views.tasks) == list{"x3", "x4", "x5", "y1"});
  REQUIRE(views.results.size() == 1);
  CHECK(views.results[0].task == "x3"_task);
  CHECK(names(must(w->read_views(0)).tasks) == list{"x5", "y1"});
}

STORE_TEST("the overview counts every task and tells what is unfinished, running first") {
  w.stored("open"_batch, {"o"}, false);
  w.stored("sealed"_batch, {"s"});
  w.stored("running"_batch, {"r1", "r2"});
  w.stored("held"_batch, {"h"});
  w.stored("finished"_batch, {"f"});
  must(w->cancel("f"_task));
  for (int i = 0; i < fruitless_sessions_before_hold; ++i) w.fruitless_session("held"_batch);
  run_some(w, "running"_batch, 1);
  const auto all = must(w->read_overview());
  list order;
  for (const auto& batch : all.unfinished) order.push_back(batch.id.str());
  CHECK(order == list{"running", "sealed", "held", "open"});
  CHECK(all.tally[task_state::queued] == 4);
  CHECK(all.tally[task_state::error] == 1);
  CHECK(all.tally[task_state::cancelled] == 1);
  CHECK(all.tally.total() == 6);
  CHECK(all.live->batch == "running"_batch);
}

STORE_TEST_ONCE("a thousand unfinished batches are told, no more") {
  for (int i = 0; i < 1001; ++i) {
    assign_request request;
    request.batch = batch_id("b" + std::to_string(i));
    request.tasks = {task("t" + std::to_string(i))};
    must(w->assign(request));
  }
  CHECK(must(w->read_overview()).unfinished.size() == 1000);
}

STORE_TEST("results are listed by the end of their tasks, newest or oldest first, by batch, up to a limit") {
  w.stored("x"_batch, {"x1", "x2", "x3"});
  w.stored("y"_batch, {"y1", "y2"});
  run_some(w, "x"_batch, 2);
  w.end(epoch{1}, session_end::stopped);
  run_some(w, "y"_batch, 2);
  w.end(epoch{2});
  const auto session = w.claimed();
  w.begun(session.id, 1);
  w.settle(session.id, 1);  // at the same moment as y2
  must(w->remove_result("x1"_task));
  const auto listed = [&](const result_filter& filter) {
    list out;
    for (const auto& result : must(w->list_results(filter))) {
      CHECK(result == w.result_now(result.task));
      out.push_back(result.task.str());
    }
    return out;
  };
  CHECK(listed({}) == list{"y2", "x3", "y1", "x2"});
  CHECK(listed({{}, false, 1000}) == list{"x2", "y1", "x3", "y2"});
  CHECK(listed({{}, true, 2}) == list{"y2", "x3"});
  CHECK(listed({"x"_batch, true, 1000}) == list{"x3", "x2"});
  CHECK(listed({"x"_batch, false, 1}) == list{"x2"});
  CHECK(listed({"none"_batch, true, 1000}).empty());
  CHECK(listed({{}, true, 0}).empty());
  must(w->cancel("x1"_task));
  CHECK(listed({}).size() == 4);
}

STORE_TEST("what the turns of a batch used is summed by task and model, over all attempts, the preamble's first") {
  assign_request request;
  request.batch = "b"_batch;
  request.tasks = {task("a"), task("b")};
  request.shared = {"shared", {}};
  must(w->assign(request));
  w.stored("other"_batch, {"c"});
  const auto session = w.claimed("b"_batch);
  w.begin_preamble(session.id, 1);
  w.settle(session.id, 1);
  w.begun(session.id, 2);
  w.settle(session.id, 2, turn_end::broke);
  w.begun(session.id, 3);
  w.settle(session.id, 3);
  auto silent = ended_as(turn_end::done);
  silent.used.reset();
  w.begun(session.id, 4);
  must(w->settle_turn(session.id, turn_no{4}, silent));
  const auto figures = make_ledger(must(w->list_turns({.batch = "b"_batch})));
  using by_model = std::vector<model_tokens>;
  const auto of = [](const account& sum) {
    by_model out;
    for (const auto& used : sum.by_model) out.push_back({used.model, used.count, used.most_input_at_once()});
    return out;
  };
  CHECK(of(figures.shared) == by_model{{"a-model", {10, 20, 30, 40, 50, 5}, 100}, {"another", {1, 0, 0, 0, 2, 0}, 1}});
  REQUIRE(figures.by_task.size() == 2);
  CHECK(figures.by_task[0].task == "a"_task);
  CHECK(of(figures.by_task[0].sum) ==
        by_model{{"a-model", {20, 40, 60, 80, 100, 10}, 100}, {"another", {2, 0, 0, 0, 4, 0}, 1}});
  CHECK(of(figures.by_task[1].sum).empty());
  CHECK(must(w->list_turns({.batch = "other"_batch})).empty());
  CHECK(must(w->list_turns({.batch = "none"_batch})).empty());
}
