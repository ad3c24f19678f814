#include "conformance/world.hpp"

using namespace cobatch_test;

STORE_TEST("a claim makes a session row and the batch runs") {
  w.stored("b"_batch, {"a"});
  auto request = w.claim_of();
  const auto out = must(w->claim(request));
  REQUIRE(out.what == claim_outcome::kind::claimed);
  CHECK(out.session.id == epoch{1});
  CHECK(out.session.batch == "b"_batch);
  CHECK(out.session.agent == "claude");
  CHECK(out.session.owner == request.owner);
  CHECK(out.session.phase == session_phase::live);
  CHECK(out.session.started_at == w.clock.now());
  CHECK(out.batch.state == batch_state::running);
  CHECK(w.session_now(epoch{1}) == out.session);
  CHECK(w.batch_now("b"_batch) == out.batch);
  CHECK(must(w->read_overview()).live == out.session);
}

STORE_TEST("the live session is the one that was not ended") {
  w.stored("b"_batch, {"a"});
  CHECK_FALSE(must(w->find_live_session()));
  const auto session = w.claimed();
  CHECK(must(w->find_live_session()) == session);
  w.end(session.id, session_end::stopped);
  CHECK_FALSE(must(w->find_live_session()));
}

STORE_TEST("the same nonce is the same session, another finds it live") {
  w.stored("b"_batch, {"a"});
  w.stored("c"_batch, {"c"});
  const auto request = w.claim_of();
  const auto first = must(w->claim(request));
  CHECK(must(w->claim(request)).what == claim_outcome::kind::claimed);
  CHECK(must(w->claim(request)).session == first.session);
  const auto other = must(w->claim(w.claim_of()));
  CHECK(other.what == claim_outcome::kind::session_live);
  CHECK(other.session == first.session);
  CHECK(w.batch_now("c"_batch).state == batch_state::sealed);
}

STORE_TEST("epochs only grow, and stay above what the guard has seen") {
  w.stored("b"_batch, {"a"});
  CHECK(w.claimed().id == epoch{1});
  w.end(epoch{1}, session_end::stopped);
  auto request = w.claim_of();
  request.above = epoch{41};
  CHECK(must(w->claim(request)).session.id == epoch{42});
  w.end(epoch{42}, session_end::stopped);
  request = w.claim_of();
  request.above = epoch{7};
  CHECK(must(w->claim(request)).session.id == epoch{43});
}

STORE_TEST("only sealed batches with a queued task that is served are claimed") {
  const auto nothing = [&] {
    const bool none = must(w->claim(w.claim_of())).what == claim_outcome::kind::nothing;
    CHECK(must(w->has_work({{"claude"}, "claude"})) == !none);
    return none;
  };
  CHECK(nothing());
  w.stored("open"_batch, {"a"}, false);
  CHECK(nothing());
  assign_request request;
  request.batch = "codex only"_batch;
  request.tasks = {task("b")};
  request.agent = "codex";
  must(w->assign(request));
  CHECK(nothing());
  w.stored("cancelled"_batch, {"c"});
  must(w->cancel("c"_task));
  CHECK(nothing());

  auto codex = w.claim_of();
  codex.serves = {{"gemini", "codex"}, "claude"};
  CHECK(must(w->has_work(codex.serves)));
  const auto out = must(w->claim(codex));
  REQUIRE(out.what == claim_outcome::kind::claimed);
  CHECK(out.batch.id == "codex only"_batch);
  CHECK(out.session.agent == "codex");
}

STORE_TEST("a batch without an agent is taken only where the default agent is served") {
  w.stored("b"_batch, {"a"});
  auto request = w.claim_of();
  request.serves = {{"codex"}, "claude"};
  CHECK(must(w->claim(request)).what == claim_outcome::kind::nothing);
  request.serves = {{"codex"}, ""};
  CHECK(must(w->claim(request)).what == claim_outcome::kind::nothing);
  request.serves = {{"codex", "claude"}, "claude"};
  CHECK(must(w->claim(request)).session.agent == "claude");
}

STORE_TEST("a claim for one batch takes that one or none") {
  w.stored("first"_batch, {"a"});
  w.stored("second"_batch, {"b"});
  CHECK(must(w->claim(w.claim_of("none"_batch))).what == claim_outcome::kind::nothing);
  CHECK(w.claimed("second"_batch).batch == "second"_batch);
}

STORE_TEST("turns take the tasks in order and are recorded before they run") {
  w.stored("b"_batch, {"a", "b"});
  const auto session = w.claimed();
  w.clock.turn(std::chrono::seconds{2});
  const auto first = w.begun(session.id, 1);
  CHECK(first.turn.session == session.id);
  CHECK(first.turn.turn == turn_no{1});
  CHECK(first.turn.task == "a"_task);
  CHECK(first.turn.batch == "b"_batch);
  CHECK(first.turn.position == 1);
  CHECK(first.turn.attempt == 1);
  CHECK(first.turn.started_at == w.clock.now());
  CHECK(!first.turn.ended_at);
  CHECK(!first.previous);
  CHECK(first.task.state == task_state::in_progress);
  CHECK(first.task.owner == task_owner::session);
  CHECK(first.task.session == session.id);
  CHECK(first.task.turn == turn_no{1});
  CHECK(first.task.started_at == w.clock.now());
  CHECK(w.task_now("a") == first.task);
  CHECK(must(w->list_turns({})).at(0) == first.turn);
  const auto tally = w.batch_now("b"_batch).tally;
  CHECK(tally[task_state::queued] == 1);
  CHECK(tally[task_state::in_progress] == 1);
  CHECK(must(w->read_overview()).tally == tally);
}

STORE_TEST("beginning a turn again is the same turn, settled or not") {
  w.stored("b"_batch, {"a", "b"});
  const auto session = w.claimed();
  const auto first = w.begun(session.id, 1);
  auto again = w.begun(session.id, 1);
  CHECK(again.turn == first.turn);
  CHECK(again.task == first.task);
  w.settle(session.id, 1);
  again = w.begun(session.id, 1);
  CHECK(again.turn.end == turn_end::done);
  CHECK(again.task.state == task_state::done);
  CHECK(w.task_now("b").state == task_state::queued);
}

STORE_TEST("turns have no gaps, and one is settled before the next begins") {
  w.stored("b"_batch, {"a", "b"});
  const auto session = w.claimed();
  begin_request request;
  request.session = session.id;
  request.ordinal = 2;
  CHECK(w->begin_turn(request).error().code == errc::bad_value);
  w.begun(session.id, 1);
  CHECK(w->begin_turn(request).error().code == errc::task_in_progress);
  CHECK(w.task_now("b").state == task_state::queued);
  w.settle(session.id, 1);
  CHECK(must(w->begin_turn(request)).what == begin_outcome::kind::begun);
}

STORE_TEST("a turn's end is kept with its result and its usage") {
  w.stored("b"_batch, {"a"});
  const auto session = w.claimed();
  const auto begun = w.begun(session.id, 1);
  w.clock.turn(std::chrono::seconds{5});
  settlement what = ended_as(turn_end::done);
  what.reason = "a_reason";
  what.source = status_source::inferred;
  what.actions_taken = R"(["one"])";
  what.errors = R"("none")";
  what.used->source = usage_source::difference;
  what.used->complete = false;
  what.used->requests = 4;
  what.used->inherited_read = 90'000;
  what.conversation = "conversation 7";
  SUBCASE("in a folder without a repository") {}
  SUBCASE("with what it changed") { what.changes = work_changes{{"src/a.c", "a \"b\""}, {"0123abc"}, false}; }
  SUBCASE("with nothing changed") { what.changes = work_changes{}; }
  const auto out = must(w->settle_turn(session.id, turn_no{1}, what));
  CHECK(w.answered(out.what, settle_outcome::kind::settled, settle_outcome::kind::repeated));
  CHECK(out.task.state == task_state::done);
  CHECK(out.task.owner == task_owner::nobody);
  CHECK(out.task.ended_at == w.clock.now());
  CHECK(out.task == w.task_now("a"));
  CHECK(out.turn.end == turn_end::done);
  CHECK(out.turn.ended_at == w.clock.now());
  CHECK(out.turn.reason == "a_reason");
  CHECK(out.turn.used == what.used);
  CHECK(out.turn.conversation == what.conversation);
  CHECK(out.turn.changes == what.changes);
  CHECK(!out.turn.recovered);
  CHECK(out.turn == must(w->list_turns({})).at(0));

  const auto result = must(w->find_result("a"_task));
  REQUIRE(result.has_value());
  CHECK(result->task == "a"_task);
  CHECK(result->batch == "b"_batch);
  CHECK(result->position == 1);
  CHECK(result->session == session.id);
  CHECK(result->turn == turn_no{1});
  CHECK(result->status == task_state::done);
  CHECK(result->what == what);
  CHECK(result->completed_at == w.clock.now());
  CHECK(result->duration_ms == 5000);
  CHECK(result->loaded_context);
  CHECK(w.session_now(session.id).turns_settled == 1);
  CHECK(w.batch_now("b"_batch).tally[task_state::done] == 1);
}

STORE_TEST("a figure that nobody reported stays absent") {
  w.stored("b"_batch, {"a"});
  const auto session = w.claimed();
  w.begun(session.id, 1);
  settlement what = ended_as(turn_end::done);
  what.used.reset();
  must(w->settle_turn(session.id, turn_no{1}, what));
  CHECK(!must(w->find_result("a"_task))->what.used);
  CHECK(!must(w->list_turns({})).at(0).used);
}

STORE_TEST("a turn loaded its context if it was the first of its process, unless it is told otherwise") {
  struct row {
    std::int64_t process_turn;
    std::optional<bool> told;
    bool loaded;
  };
  w.stored("b"_batch, {"1", "2", "3", "4"});
  const auto session = w.claimed();
  begin_request request;
  request.session = session.id;
  request.ordinal = 0;
  for (const auto& [process_turn, told, loaded] :
       {row{1, {}, true}, row{2, {}, false}, row{3, true, true}, row{1, false, false}}) {
    ++request.ordinal;
    request.process_turn = process_turn;
    CHECK(must(w->begin_turn(request)).turn.loaded_context == (process_turn == 1));
    CHECK(must(w->list_turns({})).back().loaded_context == (process_turn == 1));
    auto what = ended_as(turn_end::done);
    what.loaded_context = told;
    const auto out = must(w->settle_turn(session.id, turn_no{request.ordinal}, what));
    CHECK(out.turn.loaded_context == loaded);
    CHECK(must(w->list_turns({})).back() == out.turn);
    CHECK(must(w->find_result(out.task.spec.id))->loaded_context == loaded);
  }
}

STORE_TEST("a turn is settled once: the first settlement stands") {
  w.stored("b"_batch, {"a"});
  const auto session = w.claimed();
  w.begun(session.id, 1);
  CHECK(w.settle(session.id, 2).what == settle_outcome::kind::not_found);
  w.settle(session.id, 1);
  const auto version = w->version();
  const auto again = w.settle(session.id, 1, turn_end::error);
  CHECK(again.what == settle_outcome::kind::repeated);
  CHECK(again.turn.end == turn_end::done);
  CHECK(again.task.state == task_state::done);
  CHECK(w.session_now(session.id).turns_settled == 1);
  CHECK(must(w->find_result("a"_task))->status == task_state::done);
  CHECK(w->version() == version);
}

STORE_TEST("a session that is not live begins and settles nothing") {
  w.stored("b"_batch, {"a", "b"});
  const auto old = w.claimed();
  w.begun(old.id, 1);
  must(w->recover({old.id, {}, {}}));
  const auto live = w.claimed();
  w.begun(live.id, 1);
  const auto before = w.task_now("a");
  for (const epoch dead : {old.id, epoch{77}, epoch{0}}) {
    CHECK(w.begin(dead, 1).what == begin_outcome::kind::stale);
    CHECK(w.begin(dead, 2).what == begin_outcome::kind::stale);
    CHECK(w.settle(dead, 1).what == settle_outcome::kind::stale);
    CHECK(w.begin_preamble(dead, 2).what == begin_outcome::kind::stale);
    CHECK(!must(w->request_end(dead)));
    CHECK(!must(w->set_pause(dead, session_pause{})));
    CHECK(!must(w->describe_agent(dead, {"1", "m", "b"})));
  }
  CHECK(w.task_now("a") == before);
  CHECK(!must(w->find_result("a"_task)));
}

STORE_TEST("with no task left the batch is ending, in the same transaction") {
  w.stored("b"_batch, {"a"});
  const auto session = w.claimed();
  w.begun(session.id, 1);
  w.settle(session.id, 1);
  SUBCASE("a lingering session leaves it running, so that stragglers join") {
    CHECK(w.begin(session.id, 2, false).what == begin_outcome::kind::none_left);
    CHECK(w.batch_now("b"_batch).state == batch_state::running);
    CHECK(w.stored("b"_batch, {"late"}).round == 1);
    CHECK(w.begun(session.id, 2).task.spec.id == "late"_task);
  }
  SUBCASE("one that may end does") {
    CHECK(w.begin(session.id, 2).what == begin_outcome::kind::none_left);
    CHECK(w.batch_now("b"_batch).state == batch_state::ending);
    CHECK(w.begin(session.id, 2).what == begin_outcome::kind::none_left);
    const auto out = w.end(session.id);
    CHECK(w.answered(out.what, end_outcome::kind::ended, end_outcome::kind::repeated));
    CHECK(out.batch.state == batch_state::finished);
  }
}

STORE_TEST("a session's end is kept once") {
  w.stored("b"_batch, {"a"});
  const auto session = w.claimed();
  w.clock.turn(std::chrono::minutes{1});
  const auto out = w.end(session.id, session_end::stopped);
  CHECK(out.session.phase == session_phase::ended);
  CHECK(out.session.end == session_end::stopped);
  CHECK(out.session.end_detail == "the test ended it");
  CHECK(out.session.ended_at == w.clock.now());
  CHECK(out.session == w.session_now(session.id));
  CHECK(out.batch.state == batch_state::sealed);
  w.clock.turn(std::chrono::minutes{1});
  const auto again = w.end(session.id, session_end::crashed);
  CHECK(again.what == end_outcome::kind::repeated);
  CHECK(again.session == out.session);
  CHECK(must(w->recover({session.id, {}, {}})).what == end_outcome::kind::repeated);
  CHECK(w.end(epoch{9}).what == end_outcome::kind::not_found);
  CHECK(!must(w->read_overview()).live);
}

STORE_TEST("a session that ends in mid-turn stops the turn and charges nothing") {
  w.stored("b"_batch, {"a"});
  const auto session = w.claimed();
  w.begun(session.id, 1);
  const auto out = w.end(session.id, session_end::stopped);
  CHECK(out.batch.state == batch_state::sealed);
  CHECK(out.session.turns_settled == 0);
  const auto turn = must(w->list_turns({})).at(0);
  CHECK(turn.end == turn_end::stopped);
  CHECK(turn.ended_at == w.clock.now());
  const auto again = w.task_now("a");
  CHECK(again.state == task_state::queued);
  CHECK(again.owner == task_owner::nobody);
  CHECK(again.counts == attempt_counts{});
  CHECK(!again.started_at);
  CHECK(w.batch_now("b"_batch).tally[task_state::queued] == 1);
}

STORE_TEST("a task that broke is tried again, and fails when its attempts are used up") {
  w.stored("b"_batch, {"a", "b"});
  const auto session = w.claimed();
  w.begun(session.id, 1);
  const auto broke = w.settle(session.id, 1, turn_end::broke);
  CHECK(broke.task.state == task_state::queued);
  CHECK(broke.task.counts.attempts == 1);
  CHECK(!broke.task.ended_at);
  CHECK(!must(w->find_result("a"_task)));
  const auto second = w.begun(session.id, 2);
  CHECK(second.task.spec.id == "a"_task);  // in place, before the others
  CHECK(second.turn.attempt == 2);
  REQUIRE(second.previous.has_value());
  CHECK(*second.previous == broke.turn);
  const auto out = w.settle(session.id, 2, turn_end::timed_out);
  CHECK(out.task.state == task_state::error);
  const auto result = must(w->find_result("a"_task));
  REQUIRE(result.has_value());
  CHECK(result->status == task_state::error);
  CHECK(result->what.end == turn_end::timed_out);
  CHECK(result->what.reason == "attempts_exhausted");
  CHECK(result->what.source == status_source::cobatch);
  CHECK(result->what.detail == "as the test says");
  CHECK(result->what.output == "output");
  CHECK(!result->loaded_context);
  CHECK(out.turn.reason.empty());
  CHECK(w.session_now(session.id).turns_settled == 0);
  CHECK(w.begun(session.id, 3).task.spec.id == "b"_task);
}

STORE_TEST("what the agent itself reports is final") {
  w.stored("b"_batch, {"a", "b"});
  const auto session = w.claimed();
  std::int64_t turn = 0;
  for (const turn_end end : {turn_end::error, turn_end::denied}) {
    w.begun(session.id, ++turn);
    const auto out = w.settle(session.id, turn, end);
    CHECK(out.task.state == task_state::error);
    const auto result = must(w->find_result(out.task.spec.id));
    CHECK(result->status == task_state::error);
    CHECK(result->what.end == end);
    CHECK(result->what.source == status_source::reported);
  }
  CHECK(w.session_now(session.id).turns_settled == 2);
}

STORE_TEST("a stopped turn charges nothing") {
  w.stored("b"_batch, {"a"});
  const auto session = w.claimed();
  w.begun(session.id, 1);
  CHECK(w.settle(session.id, 1, turn_end::stopped).task.counts == attempt_counts{});
  CHECK(w.begun(session.id, 2).turn.attempt == 1);
}

STORE_TEST("whichever of a cancel and a turn's end comes first stands") {
  using cancel = task_outcome::kind;
  w.stored("b"_batch, {"a"});
  const auto session = w.claimed();
  w.begun(session.id, 1);
  SUBCASE("the cancel: the turn's cost is kept, the task stays cancelled, without a result") {
    const auto out = must(w->cancel("a"_task));
    CHECK(w.answered(out.what, cancel::changed, cancel::unchanged));
    CHECK(out.task == w.task_now("a"));
    CHECK(out.task.state == task_state::cancelled);
    const auto settled = w.settle(session.id, 1, turn_end::done);
    CHECK(settled.task.state == task_state::cancelled);
    CHECK(settled.turn.end == turn_end::done);
    CHECK(settled.turn.used.has_value());
    CHECK(!must(w->find_result("a"_task)));
    CHECK(w.batch_now("b"_batch).tally[task_state::cancelled] == 1);
    CHECK(w.batch_now("b"_batch).tally.total() == 1);
  }
  SUBCASE("the turn's end: the cancel is refused") {
    w.settle(session.id, 1, turn_end::done);
    const auto out = must(w->cancel("a"_task));
    CHECK(out.what == cancel::refused);
    CHECK(out.code == errc::task_ended);
    CHECK(out.before == task_state::done);
    CHECK(w.task_now("a").state == task_state::done);
  }
  SUBCASE("the cancel, and then the session's end") {
    must(w->cancel("a"_task));
    w.end(session.id, session_end::stopped);
    CHECK(w.task_now("a").state == task_state::cancelled);
    CHECK(must(w->list_turns({})).at(0).end == turn_end::cancelled);
    CHECK(w.batch_now("b"_batch).state == batch_state::finished);
  }
  SUBCASE("a turn that ends as cancelled cancels its task") {
    const auto out = w.settle(session.id, 1, turn_end::cancelled);
    CHECK(out.task.state == task_state::cancelled);
    CHECK(out.task.ended_at == w.clock.now());
    CHECK(!must(w->find_result("a"_task)));
  }
}

STORE_TEST("a queued task that is cancelled never runs") {
  using cancel = task_outcome::kind;
  CHECK(must(w->cancel("none"_task)).what == cancel::not_found);
  w.stored("b"_batch, {"a", "b"});
  const auto out = must(w->cancel("a"_task));
  CHECK(w.answered(out.what, cancel::changed, cancel::unchanged));
  CHECK(out.task.ended_at == w.clock.now());
  const auto again = must(w->cancel("a"_task));
  CHECK(again.what == cancel::unchanged);
  CHECK(again.before == task_state::cancelled);
  CHECK(w.batch_now("b"_batch).state == batch_state::sealed);
  CHECK(w.begun(w.claimed().id, 1).task.spec.id == "b"_task);
}

STORE_TEST("a waiting batch has ended when its last task is cancelled, and its next task is the next round") {
  w.stored("b"_batch, {"a"});
  must(w->cancel("a"_task));
  CHECK(w.batch_now("b"_batch).state == batch_state::finished);
  CHECK(must(w->read_overview()).unfinished.empty());
  CHECK(w.stored("b"_batch, {"b"}).round == 2);
  CHECK(w.claimed().round == 2);
}

STORE_TEST("asking a live session to end is seen by its engine") {
  w.stored("b"_batch, {"a"});
  const auto session = w.claimed();
  CHECK(!w.session_now(session.id).end_requested);
  CHECK(must(w->request_end(session.id)));
  CHECK(w.session_now(session.id).end_requested);
  CHECK(must(w->request_end(session.id)));
}

STORE_TEST("a live session says when it rests and why, and its end ends the rest") {
  w.stored("b"_batch, {"a"});
  const auto session = w.claimed();
  CHECK(!w.session_now(session.id).pause);
  const session_pause limit{w.clock.now() + std::chrono::hours{1}, "a limit of the provider"};
  CHECK(must(w->set_pause(session.id, limit)));
  CHECK(w.session_now(session.id).pause == limit);
  CHECK(must(w->read_overview()).live->pause == limit);
  const auto version = w->version();
  CHECK(must(w->set_pause(session.id, limit)));
  CHECK(w->version() == version);
  SUBCASE("it goes on") {
    CHECK(must(w->set_pause(session.id, std::nullopt)));
    CHECK(w.session_now(session.id) == session);
  }
  SUBCASE("it ends") {
    CHECK(!w.end(session.id, session_end::stopped).session.pause);
    CHECK(!w.session_now(session.id).pause);
  }
  SUBCASE("it dies") { CHECK(!must(w->recover({session.id, {}, {}})).session.pause); }
}

STORE_TEST("what an agent says of itself is kept with the session") {
  w.stored("b"_batch, {"a"});
  const auto session = w.claimed();
  CHECK(session.about == agent_facts{});
  const agent_facts about{"2.1.331", "a-model", "subscription"};
  CHECK(must(w->describe_agent(session.id, about)));
  CHECK(w.session_now(session.id).about == about);
  CHECK(must(w->describe_agent(session.id, {"2.1.331", "another", ""})));
  w.begun(session.id, 1);
  w.settle(session.id, 1);
  CHECK(w.end(session.id).session.about == agent_facts{"2.1.331", "another", ""});
}

STORE_TEST("recovery settles a turn that had ended, from what the agent had written") {
  w.stored("b"_batch, {"a"});
  const auto session = w.claimed();
  w.begun(session.id, 1);
  w.clock.turn(std::chrono::minutes{1});
  const auto out = must(w->recover({session.id, turn_no{1}, ended_as(turn_end::done)}));
  CHECK(w.answered(out.what, end_outcome::kind::ended, end_outcome::kind::repeated));
  CHECK(out.session.end == session_end::crashed);
  CHECK(out.session.turns_settled == 1);
  CHECK(out.batch.state == batch_state::finished);
  CHECK(w.task_now("a").state == task_state::done);
  const auto turn = must(w->list_turns({})).at(0);
  CHECK(turn.recovered);
  CHECK(turn.end == turn_end::done);
  CHECK(must(w->find_result("a"_task))->what == ended_as(turn_end::done));
}

STORE_TEST("recovery counts any other running turn as interrupted, and the batch goes on") {
  w.stored("b"_batch, {"a", "b"});
  const auto session = w.claimed();
  std::optional<turn_no> finished;
  SUBCASE("nothing is known of it") {}
  SUBCASE("what is known is of another turn") { finished = turn_no{7}; }
  w.begun(session.id, 1);
  const auto out = must(w->recover({session.id, finished, ended_as(turn_end::done)}));
  CHECK(out.batch.state == batch_state::sealed);
  CHECK(out.batch.fruitless_sessions == 1);
  CHECK(w.task_now("a").counts.interruptions == 1);
  const auto next = w.claimed();
  CHECK(next.id > session.id);
  const auto again = w.begun(next.id, 1);
  CHECK(again.task.spec.id == "a"_task);
  CHECK(again.turn.attempt == 2);
  REQUIRE(again.previous.has_value());
  CHECK(again.previous->end == turn_end::interrupted);
  CHECK(again.previous->ended_at == w.clock.now());
  CHECK(!again.previous->recovered);
}

STORE_TEST("a task interrupted too often fails, and a task that runs at most once fails at once") {
  assign_request request;
  request.batch = "b"_batch;
  request.tasks = {task("a"), task("once")};
  request.tasks[1].max_attempts = 1;
  must(w->assign(request));
  const auto interrupt = [&](const std::string& id) {
    must(w->execute({"b"_batch, {}}));  // lets it go, should it be held
    const auto session = w.claimed();
    CHECK(w.begun(session.id, 1).task.spec.id.str() == id);
    must(w->recover({session.id, {}, {}}));
    return w.task_now(id);
  };
  for (int i = 1; i < attempt_limits{}.interruptions; ++i) CHECK(interrupt("a").state == task_state::queued);
  CHECK(interrupt("a").state == task_state::error);
  CHECK(must(w->find_result("a"_task))->what.reason == "interruptions_exhausted");
  CHECK(interrupt("once").state == task_state::error);
  const auto result = must(w->find_result("once"_task));
  CHECK(result->what.reason == "interrupted_unknown");
  CHECK(result->what.source == status_source::cobatch);
  CHECK(w.batch_now("b"_batch).state == batch_state::finished);
}

STORE_TEST("recovering a session between two turns ends it") {
  w.stored("b"_batch, {"a", "b"});
  const auto session = w.claimed();
  w.begun(session.id, 1);
  w.settle(session.id, 1);
  const auto out = must(w->recover({session.id, turn_no{1}, ended_as(turn_end::error)}));
  CHECK(out.session.end == session_end::crashed);
  CHECK(out.batch.fruitless_sessions == 0);
  CHECK(w.task_now("a").state == task_state::done);
  CHECK(must(w->recover({epoch{99}, {}, {}})).what == end_outcome::kind::not_found);
}

STORE_TEST("a full session hands the rest of its batch to the next one") {
  w.stored("b"_batch, {"a", "b"});
  const auto first = w.claimed();
  w.begun(first.id, 1);
  w.settle(first.id, 1);
  CHECK(w.end(first.id, session_end::full).batch.state == batch_state::sealed);
  const auto second = w.claimed();
  CHECK(second.batch == "b"_batch);
  CHECK(w.begun(second.id, 1).task.spec.id == "b"_task);
}
