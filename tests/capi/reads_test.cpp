#include <atomic>
#include <thread>

#include "capi/host.hpp"

using namespace cobatch_test;

namespace {

cobatch_filter filter(std::int32_t state, std::string_view batch = {}) {
  auto made = fresh<cobatch_filter>();
  made.state = state;
  made.batch = text(batch);
  return made;
}

using list_function = cobatch_status (*)(cobatch_workspace*, const cobatch_filter*, cobatch_reply**, cobatch_error**);

owned<cobatch_reply> ask(cobatch_workspace* place, list_function what, const cobatch_filter& wanted) {
  return make<cobatch_reply>(what, place, &wanted);
}

list task_ids(cobatch_reply* reply) {
  return all_in(reply, cobatch_reply_next_task, [](const cobatch_task_info& task) { return copy_of(task.id); });
}
list batch_ids(cobatch_reply* reply) {
  return all_in(reply, cobatch_reply_next_batch, [](const cobatch_batch_info& batch) { return copy_of(batch.id); });
}
list result_ids(cobatch_reply* reply) {
  return all_in(reply, cobatch_reply_next_result, [](const cobatch_result_info& r) { return copy_of(r.task); });
}
list turn_names(cobatch_reply* reply) {
  return all_in(reply, cobatch_reply_next_turn, [](const cobatch_turn_info& turn) {
    return std::to_string(turn.session) + "." + std::to_string(turn.turn) + " " + copy_of(turn.task);
  });
}

// b1: a done, b an error, c cancelled; b2: d queued; b3: e queued, open. Sessions: 1 with two turns.
void play(cobatch_workspace* place) {
  assign_all(place, {"a", "b", "c"}, "b1");
  must(cobatch_cancel, place, cobatch_str("c"), nullptr);
  host works([](const cobatch_turn_request& request, cobatch_turn* turn) {
    return complete(turn, copy_of(request.task) == "b" ? COBATCH_TURN_ERROR : COBATCH_TURN_DONE).status;
  });
  run_all(place, works.agent());
  assign_all(place, {"d"}, "b2");
  assign(place, "e", "b3", COBATCH_ASSIGN_KEEP_OPEN);
}

}  // namespace

TEST_CASE("a task and its result, a batch and its warnings") {
  const scratch_workspace place;
  play(place);
  CHECK(task_of(place, "a")->state == COBATCH_TASK_DONE);
  const auto outcome = result_of(place, "b");
  CHECK(outcome->state == COBATCH_TASK_ERROR);
  CHECK(outcome->end == COBATCH_TURN_ERROR);
  CHECK(outcome->said_by == COBATCH_SAID_BY_AGENT);
  CHECK(outcome->loaded_context == 0);
  CHECK(copy_of(outcome->batch) == "b1");
  CHECK(copy_of(outcome->output) == "ok");
  CHECK(outcome->position == 2);
  CHECK(outcome->session == 1);
  CHECK(outcome->turn == 2);
  CHECK(outcome->usage == nullptr);
  CHECK(outcome->completed_at > 0);
  const auto queued = make<cobatch_reply>(cobatch_find_task, place.handle.get(), cobatch_str("d"));
  CHECK(result_ids(queued.get()).empty());
  const auto batch = batch_of(place, "b1");
  CHECK(batch->state == COBATCH_BATCH_FINISHED);
  CHECK(batch->done == 1);
  CHECK(batch->error == 1);
  CHECK(batch->cancelled == 1);
  CHECK(batch->queued == 0);
  const auto waits = make<cobatch_reply>(cobatch_find_batch, place.handle.get(), cobatch_str("b2"));
  CHECK(warnings_in(waits.get()) == list{"no_engine"});
  CHECK(call(cobatch_find_task, place.handle.get(), cobatch_str("none"), nullptr) == COBATCH_E_TASK_NOT_FOUND);
  CHECK(call(cobatch_find_task, place.handle.get(), cobatch_str(""), nullptr) == COBATCH_E_BAD_ID);
  CHECK(call(cobatch_find_batch, place.handle.get(), cobatch_str("none"), nullptr) == COBATCH_E_BATCH_NOT_FOUND);
}

TEST_CASE("lists hold what their filter says, in order") {
  const scratch_workspace place;
  play(place);
  const auto tasks = [&](const cobatch_filter& f) { return task_ids(ask(place, cobatch_list_tasks, f).get()); };
  CHECK(tasks(filter(0)) == list{"a", "b", "c", "d", "e"});
  CHECK(tasks(filter(COBATCH_TASK_QUEUED)) == list{"d", "e"});
  CHECK(tasks(filter(COBATCH_TASK_QUEUED, "b3")) == list{"e"});
  CHECK(tasks(filter(COBATCH_TASK_CANCELLED)) == list{"c"});
  CHECK(tasks(filter(0, "none")).empty());
  CHECK(task_ids(make<cobatch_reply>(cobatch_list_tasks, place.handle.get(), nullptr).get()).size() == 5);

  const auto batches = [&](std::int32_t s) { return batch_ids(ask(place, cobatch_list_batches, filter(s)).get()); };
  CHECK(batches(0) == list{"b1", "b2", "b3"});
  CHECK(batches(COBATCH_BATCH_FINISHED) == list{"b1"});
  CHECK(batches(COBATCH_BATCH_SEALED) == list{"b2"});
  CHECK(batches(COBATCH_BATCH_OPEN) == list{"b3"});
  CHECK(batches(COBATCH_BATCH_HELD).empty());

  const auto results = [&](const cobatch_filter& f) { return result_ids(ask(place, cobatch_list_results, f).get()); };
  CHECK(results(filter(0)) == list{"a", "b"});
  CHECK(results(filter(COBATCH_TASK_ERROR)) == list{"b"});
  CHECK(results(filter(0, "b2")).empty());

  auto of_turns = filter(0);
  const auto turns = [&] { return turn_names(ask(place, cobatch_list_turns, of_turns).get()); };
  CHECK(turns() == list{"1.1 a", "1.2 b"});
  of_turns.task = cobatch_str("b");
  CHECK(turns() == list{"1.2 b"});
  of_turns.session = 1;
  CHECK(turns() == list{"1.2 b"});
  of_turns.session = 2;
  CHECK(turns().empty());

  CHECK(session_ends(place) == std::vector<std::int32_t>{COBATCH_SESSION_FINISHED});
  const auto sessions = ask(place, cobatch_list_sessions, filter(0, "b2"));
  CHECK(all_in(sessions.get(), cobatch_reply_next_session, [](const auto& s) { return s.session; }).empty());
}

TEST_CASE("a filter with a member that the list does not know, or that makes no sense, is refused") {
  const scratch_workspace place;
  const auto refused = [&](list_function what, const cobatch_filter& wanted) {
    cobatch_reply* reply = nullptr;
    const auto came = call(what, place.handle.get(), &wanted, &reply);
    CHECK(reply == nullptr);
    return came;
  };
  auto by_task = filter(0), by_session = filter(0), backwards = filter(0), null_batch = filter(0);
  by_task.task = cobatch_str("a");
  by_session.session = 1;
  backwards.session = -1;
  null_batch.batch = {nullptr, 1};
  for (const list_function what :
       {cobatch_list_batches, cobatch_list_tasks, cobatch_list_results, cobatch_list_sessions}) {
    CHECK(refused(what, by_task) == COBATCH_E_BAD_VALUE);
    CHECK(refused(what, by_session) == COBATCH_E_BAD_VALUE);
  }
  CHECK(refused(cobatch_list_batches, filter(0, "b1")) == COBATCH_E_BAD_VALUE);
  CHECK(refused(cobatch_list_batches, filter(COBATCH_BATCH_HELD + 1)) == COBATCH_E_BAD_VALUE);
  CHECK(refused(cobatch_list_tasks, filter(COBATCH_TASK_CANCELLED + 1)) == COBATCH_E_BAD_VALUE);
  CHECK(refused(cobatch_list_results, filter(-1)) == COBATCH_E_BAD_VALUE);
  CHECK(refused(cobatch_list_turns, filter(1)) == COBATCH_E_BAD_VALUE);
  CHECK(refused(cobatch_list_turns, backwards) == COBATCH_E_BAD_VALUE);
  CHECK(refused(cobatch_list_sessions, filter(1)) == COBATCH_E_BAD_VALUE);
  CHECK(refused(cobatch_list_tasks, null_batch) == COBATCH_E_BAD_VALUE);
  CHECK(refused(cobatch_list_tasks, filter(0, "a\nb")) == COBATCH_E_BAD_ID);
}

TEST_CASE("a list of more tasks than a page has all of them, each once, batch after batch") {
  const scratch_workspace place;
  list expected;
  for (const int size : {300, 1, 256, 257, 700}) {
    list ids;
    const std::string batch = "batch " + std::to_string(expected.size());
    for (int i = 0; i < size; ++i) ids.push_back(batch + " " + std::to_string(i));
    assign_all(place, ids, batch);
    expected.insert(expected.end(), ids.begin(), ids.end());
  }
  CHECK(task_ids(ask(place, cobatch_list_tasks, filter(0)).get()) == expected);
  const list last(expected.end() - 700, expected.end());
  CHECK(task_ids(ask(place, cobatch_list_tasks, filter(0, "batch 814")).get()) == last);
}

TEST_CASE("more batches, sessions, turns and results than a page has are listed, each once") {
  const scratch_workspace place;
  list expected;
  for (int i = 1000; i < 1257; ++i) {
    expected.push_back("b" + std::to_string(i));
    assign_all(place, {expected.back()}, expected.back());
  }
  CHECK(batch_ids(ask(place, cobatch_list_batches, filter(0)).get()) == expected);
  host works;
  const auto ran = run_all(place, works.agent());
  CHECK(ran.sessions == 257);
  CHECK(ran.turns == 257);
  CHECK(result_ids(ask(place, cobatch_list_results, filter(0)).get()) == expected);
  CHECK(session_ends(place).size() == 257);
  CHECK(turn_ends(place).size() == 257);
}

TEST_CASE("what a reply does not hold is at its end at once, and the end stays the end") {
  const scratch_workspace place;
  play(place);
  const auto reply = make<cobatch_reply>(cobatch_find_task, place.handle.get(), cobatch_str("a"));
  CHECK(task_ids(reply.get()) == list{"a"});
  auto task = fresh<cobatch_task_info>();
  for (int i = 0; i < 3; ++i) CHECK(call(cobatch_reply_next_task, reply.get(), &task) == COBATCH_E_END);
  auto account = fresh<cobatch_account_info>();
  CHECK(call(cobatch_reply_next_account, reply.get(), &account) == COBATCH_E_END);
  auto lock = fresh<cobatch_lock_info>();
  CHECK(call(cobatch_reply_lock, reply.get(), &lock) == COBATCH_E_END);
  auto savings = fresh<cobatch_savings_info>();
  CHECK(call(cobatch_reply_savings, reply.get(), &savings) == COBATCH_E_END);
  CHECK(batch_ids(reply.get()).empty());
  CHECK(turn_names(reply.get()).empty());
  CHECK(warnings_in(reply.get()).empty());
  const auto listed = ask(place, cobatch_list_tasks, filter(0, "b2"));
  CHECK(task_ids(listed.get()) == list{"d"});
  for (int i = 0; i < 3; ++i) CHECK(call(cobatch_reply_next_task, listed.get(), &task) == COBATCH_E_END);
}

TEST_CASE("text in a record lives while records of other kinds are read") {
  const scratch_workspace place;
  play(place);
  const auto reply = make<cobatch_reply>(cobatch_find_task, place.handle.get(), cobatch_str("a"));
  auto task = fresh<cobatch_task_info>();
  auto outcome = fresh<cobatch_result_info>();
  must(cobatch_reply_next_task, reply.get(), &task);
  must(cobatch_reply_next_result, reply.get(), &outcome);
  CHECK(turn_names(reply.get()).empty());
  CHECK(copy_of(task.id) == "a");
  CHECK(copy_of(task.description) == "what is to be done");
  CHECK(copy_of(outcome.output) == "ok");
}

TEST_CASE("waiting ends with the round, at its time limit, or when it is interrupted, and tells the batch each time") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  const auto wait = [&](std::int64_t timeout_ms) {
    cobatch_reply* reply = nullptr;
    const auto came = call(cobatch_wait, place.handle.get(), cobatch_str("b1"), timeout_ms, &reply);
    CHECK(batch_ids(reply) == list{"b1"});
    cobatch_reply_free(reply);
    return came;
  };
  CHECK(wait(0) == COBATCH_E_TIMED_OUT);
  CHECK(wait(1) == COBATCH_E_TIMED_OUT);
  std::atomic<bool> waited = false;
  std::thread interrupter([&] {
    while (!waited) cobatch_interrupt(place);
  });
  CHECK(wait(-1) == COBATCH_E_INTERRUPTED);
  waited = true;
  interrupter.join();
  std::thread runs([&] {
    host works;
    run_all(place, works.agent());
  });
  CHECK(wait(INT64_MAX) == COBATCH_OK);
  runs.join();
  CHECK(wait(0) == COBATCH_OK);
  cobatch_reply* none = nullptr;
  CHECK(call(cobatch_wait, place.handle.get(), cobatch_str("none"), std::int64_t{0}, &none) ==
        COBATCH_E_BATCH_NOT_FOUND);
  CHECK(none == nullptr);
}

TEST_CASE("the overview holds unfinished batches, the live session, the lock, the engines and warnings") {
  const scratch_workspace place;
  play(place);
  const auto idle = make<cobatch_reply>(cobatch_overview, place.handle.get());
  CHECK(batch_ids(idle.get()) == list{"b2", "b3"});
  CHECK(warnings_in(idle.get()) == list{"no_engine"});
  auto lock = fresh<cobatch_lock_info>();
  must(cobatch_reply_lock, idle.get(), &lock);
  CHECK(lock.held == 0);
  CHECK(lock.marker == COBATCH_MARKER_ABSENT);
  const auto engines = [](cobatch_reply* reply) {
    return all_in(reply, cobatch_reply_next_engine, [](const auto& engine) { return copy_of(engine.description); });
  };
  CHECK(engines(idle.get()).empty());

  host works([&](const cobatch_turn_request&, cobatch_turn* turn) {
    const auto busy = make<cobatch_reply>(cobatch_overview, place.handle.get());
    CHECK(engines(busy.get()) == list{"pid " + std::to_string(::getpid()) + ": host"});
    const auto live =
        all_in(busy.get(), cobatch_reply_next_session, [](const cobatch_session_info& s) { return copy_of(s.batch); });
    CHECK(live == list{"b2"});
    auto held = fresh<cobatch_lock_info>();
    must(cobatch_reply_lock, busy.get(), &held);
    CHECK(held.held != 0);
    CHECK(held.marker == COBATCH_MARKER_OURS);
    CHECK(copy_of(held.marker_content).find("b2") != std::string::npos);
    return complete(turn).status;
  });
  CHECK(run_all(place, works.agent()).turns == 1);
}
