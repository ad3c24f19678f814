#include "conformance/world.hpp"

using namespace cobatch_test;
using execute_kind = execute_outcome::kind;

namespace {

std::vector<std::string> names(const std::vector<batch_record>& batches) {
  std::vector<std::string> out;
  for (const auto& batch : batches) out.push_back(batch.id.str());
  return out;
}

}  // namespace

STORE_TEST("execute changes nothing while a session lives") {
  w.stored("a"_batch, {"a"});
  w.stored("open"_batch, {"b"}, false);
  w.clock.turn(std::chrono::hours{1});
  const auto session = w.claimed();
  for (const auto& batch : {std::optional("open"_batch), std::optional<batch_id>()}) {
    const auto out = must(w->execute({batch, session.id}));
    CHECK(out.what == execute_kind::already_running);
    CHECK(out.live == session);
  }
  CHECK(must(w->execute({"none"_batch, session.id})).what == execute_kind::not_found);
  CHECK(w.batch_now("open"_batch).state == batch_state::open);
}

STORE_TEST("a session that nobody holds hinders nothing, and its batch runs again") {
  w.stored("a"_batch, {"a"});
  w.claimed();
  const auto out = must(w->execute({std::nullopt, epoch{}}));
  CHECK(out.what == execute_kind::started);
  CHECK(names(out.runnable) == list{"a"});
  CHECK(must(w->execute({"a"_batch, epoch{}})).what == execute_kind::started);
  CHECK(must(w->execute({std::nullopt, epoch{99}})).what == execute_kind::started);
}

STORE_TEST("execute without an id runs sealed batches and seals those left untouched for 30 s") {
  w.stored("left"_batch, {"a"}, false);
  w.clock.turn(std::chrono::milliseconds{1});
  w.stored("fresh"_batch, {"b"}, false);
  w.stored("sealed"_batch, {"c"});
  w.clock.turn(untouched_before_execute - std::chrono::milliseconds{1});
  const auto out = must(w->execute({}));
  CHECK(out.what == execute_kind::started);
  CHECK(names(out.runnable) == list{"sealed", "left"});
  CHECK(names(out.left_open) == list{"fresh"});
  CHECK(w.batch_now("left"_batch).state == batch_state::sealed);
  CHECK(w.batch_now("left"_batch).sealed_at == w.clock.now());
  CHECK(w.batch_now("fresh"_batch).state == batch_state::open);
}

STORE_TEST("with nothing sealed there is nothing to do, and what is open is told") {
  CHECK(must(w->execute({})).what == execute_kind::nothing_to_do);
  w.stored("fresh"_batch, {"b"}, false);
  const auto out = must(w->execute({}));
  CHECK(out.what == execute_kind::nothing_to_do);
  CHECK(names(out.left_open) == list{"fresh"});
  must(w->cancel("b"_task));
  CHECK(must(w->execute({})).left_open.empty());
}

STORE_TEST("execute with an id seals and runs exactly that batch") {
  w.stored("a"_batch, {"a"}, false);
  w.stored("b"_batch, {"b"}, false);
  const auto out = must(w->execute({"a"_batch, {}}));
  CHECK(out.what == execute_kind::started);
  CHECK(names(out.runnable) == list{"a"});
  CHECK(w.batch_now("a"_batch).state == batch_state::sealed);
  CHECK(w.batch_now("b"_batch).state == batch_state::open);
  CHECK(must(w->execute({"none"_batch, {}})).what == execute_kind::not_found);
}

STORE_TEST("a named batch with no task to run is empty") {
  w.stored("b"_batch, {"a"}, false);
  SUBCASE("cancelled while open") { must(w->cancel("a"_task)); }
  SUBCASE("finished") {
    must(w->seal("b"_batch));
    const auto session = w.claimed();
    w.begun(session.id, 1);
    w.settle(session.id, 1);
    w.begin(session.id, 2);
    w.end(session.id);
  }
  const auto nothing = must(w->execute({"b"_batch, {}}));
  CHECK(nothing.what == execute_kind::empty_batch);
  CHECK(nothing.named == w.batch_now("b"_batch));
}

STORE_TEST("after three sessions without a settled turn the batch is held with a reason") {
  w.stored("b"_batch, {"a"});
  CHECK(w.fruitless_session("b"_batch).batch.state == batch_state::sealed);
  CHECK(w.fruitless_session("b"_batch, session_end::stopped).batch.fruitless_sessions == 1);
  CHECK(w.fruitless_session("b"_batch, session_end::not_started).batch.fruitless_sessions == 1);
  CHECK(w.fruitless_session("b"_batch, session_end::cancelled).batch.fruitless_sessions == 1);
  CHECK(w.fruitless_session("b"_batch, session_end::full).batch.fruitless_sessions == 2);
  const auto held = must(w->recover({w.claimed().id, {}, {}})).batch;
  CHECK(held.state == batch_state::held);
  CHECK(held.fruitless_sessions == 3);
  CHECK(!held.hold_reason.empty());
  CHECK(held.held_until == w.clock.now() + std::chrono::minutes{1});
  CHECK(w.batch_now("b"_batch) == held);

  SUBCASE("nobody claims it before its time") {
    CHECK(must(w->claim(w.claim_of())).what == claim_outcome::kind::nothing);
    CHECK(must(w->claim(w.claim_of("b"_batch))).what == claim_outcome::kind::nothing);
    CHECK(!must(w->has_work({{"claude"}, "claude"})));
    CHECK(must(w->execute({})).what == execute_kind::nothing_to_do);
  }
  SUBCASE("it is tried again when its time has come, and held longer") {
    w.clock.turn(std::chrono::minutes{1});
    CHECK(must(w->has_work({{"claude"}, "claude"})));
    CHECK(names(must(w->execute({})).runnable) == list{"b"});
    const auto session = w.claimed();
    const auto running = w.batch_now("b"_batch);
    CHECK(running.state == batch_state::running);
    CHECK(running.hold_reason.empty());
    CHECK(!running.held_until);
    const auto again = w.end(session.id, session_end::agent_lost).batch;
    CHECK(again.state == batch_state::held);
    CHECK(again.held_until == w.clock.now() + std::chrono::minutes{2});
  }
  SUBCASE("execute with its id lets it go") {
    const auto out = must(w->execute({"b"_batch, {}}));
    CHECK(out.what == execute_kind::started);
    CHECK(out.runnable.at(0).state == batch_state::sealed);
    CHECK(out.runnable.at(0).fruitless_sessions == 0);
    CHECK(out.runnable.at(0).hold_reason.empty());
    CHECK(!out.runnable.at(0).held_until);
    w.claimed();
  }
  SUBCASE("sealing it does not") {
    CHECK(must(w->seal("b"_batch)).what == seal_outcome::kind::unchanged);
    CHECK(w.batch_now("b"_batch).state == batch_state::held);
  }
  SUBCASE("a new task joins it and it stays held") { CHECK(w.stored("b"_batch, {"b"}).state == batch_state::held); }
  SUBCASE("with its last task cancelled it has ended") {
    must(w->cancel("a"_task));
    const auto ended = w.batch_now("b"_batch);
    CHECK(ended.state == batch_state::finished);
    CHECK(ended.hold_reason.empty());
    CHECK(!ended.held_until);
  }
}

STORE_TEST("a batch whose agent is blocked is held at once, and longer each time") {
  w.stored("b"_batch, {"a", "b"});
  auto held = w.fruitless_session("b"_batch, session_end::blocked).batch;
  CHECK(held.state == batch_state::held);
  CHECK(held.hold_reason.find("the test ended it") != std::string::npos);
  for (const int minutes : {1, 2, 4}) {
    CHECK(held.held_until == w.clock.now() + std::chrono::minutes{minutes});
    CHECK(must(w->claim(w.claim_of())).what == claim_outcome::kind::nothing);
    w.clock.turn(std::chrono::minutes{minutes});
    held = w.fruitless_session("b"_batch, session_end::blocked).batch;
  }
  must(w->execute({"b"_batch, {}}));
  const auto session = w.claimed();
  w.begun(session.id, 1);
  w.settle(session.id, 1);
  held = w.end(session.id, session_end::blocked).batch;  // what was settled before does not help those that wait
  CHECK(held.state == batch_state::held);
  CHECK(held.fruitless_sessions == 0);
  CHECK(held.held_until == w.clock.now() + std::chrono::minutes{1});
}

STORE_TEST("a batch whose budget is spent is held until somebody lets it go") {
  w.stored("b"_batch, {"a", "b"});
  const auto session = w.claimed();
  w.begun(session.id, 1);
  w.settle(session.id, 1);
  const auto held = must(w->end_session(session.id, session_end::budget, "budget: 2 of 1 tokens are used")).batch;
  CHECK(held.state == batch_state::held);
  CHECK(held.hold_reason == "its budget is spent: 2 of 1 tokens are used");
  CHECK(!held.held_until);
  CHECK(w.batch_now("b"_batch) == held);
  w.clock.turn(std::chrono::hours{1000});
  CHECK(must(w->claim(w.claim_of())).what == claim_outcome::kind::nothing);
  CHECK(must(w->claim(w.claim_of("b"_batch))).what == claim_outcome::kind::nothing);
  CHECK(!must(w->has_work({{"claude"}, "claude"})));
  CHECK(must(w->execute({})).what == execute_kind::nothing_to_do);
  CHECK(must(w->execute({"b"_batch, {}})).what == execute_kind::started);
  CHECK(w.fruitless_session("b"_batch, session_end::budget).batch.fruitless_sessions == 0);
}

STORE_TEST("a blocked agent or a spent budget holds what came late, too, and no batch that is done") {
  for (const auto why : {session_end::blocked, session_end::budget}) {
    const batch_id batch(std::string(name_of(why)));
    w.stored(batch, {batch.str() + " 1"});
    const auto session = w.claimed(batch);
    w.begun(session.id, 1);
    w.settle(session.id, 1);
    w.begin(session.id, 2);
    w.stored(batch, {batch.str() + " 2"});
    CHECK(w.end(session.id, why).batch.state == batch_state::held);
    must(w->execute({batch, {}}));
    const auto next = w.claimed(batch);
    w.begun(next.id, 1);
    w.settle(next.id, 1);
    const auto done = w.end(next.id, why).batch;
    CHECK(done.state == batch_state::finished);
    CHECK(done.hold_reason.empty());
  }
}

STORE_TEST("a batch is held for sessions without an answer, also if a task has run out of attempts in them") {
  w.stored("b"_batch, {"a", "b"});
  end_outcome out;
  for (int n = 1; n <= 3; ++n) {
    const auto session = w.claimed("b"_batch);
    w.begun(session.id, 1);
    w.settle(session.id, 1, turn_end::broke);
    out = w.end(session.id, session_end::agent_lost);
  }
  CHECK(w.task_now("a").state == task_state::error);
  CHECK(out.batch.state == batch_state::held);
  CHECK(out.batch.hold_reason ==
        "3 sessions in a row came to no answer for any task; the last one ended with: the test ended it");
}

STORE_TEST("a settled turn sets the count of fruitless sessions back") {
  w.stored("b"_batch, {"a", "b"});
  w.fruitless_session("b"_batch);
  w.fruitless_session("b"_batch);
  const auto session = w.claimed();
  w.begun(session.id, 1);
  w.settle(session.id, 1, turn_end::error);
  const auto out = w.end(session.id, session_end::agent_lost);
  CHECK(out.session.turns_settled == 1);
  CHECK(out.batch.fruitless_sessions == 0);
  CHECK(out.batch.state == batch_state::sealed);
}

STORE_TEST("priority orders batches, then the oldest seal") {
  const auto assign = [&](std::string id, priority prio, bool seal) {
    assign_request request;
    request.batch = batch_id(id);
    request.tasks = {task("task of " + id, prio)};
    request.seal = seal;
    must(w->assign(request));
    w.clock.turn(std::chrono::seconds{1});
  };
  assign("sealed last", priority::medium, false);
  assign("low", priority::low, true);
  assign("medium", priority::medium, true);
  assign("high", priority::high, true);
  must(w->seal("sealed last"_batch));
  const list order{"high", "medium", "sealed last", "low"};
  CHECK(names(must(w->execute({})).runnable) == order);
  CHECK(names(must(w->read_overview()).unfinished) == order);
  for (const auto& id : order) {
    const auto session = w.claimed();
    CHECK(session.batch.str() == id);
    w.begun(session.id, 1);
    w.settle(session.id, 1);
    w.begin(session.id, 2);
    w.end(session.id);
  }
}

STORE_TEST("of batches sealed at one moment the older runs first") {
  w.stored("z"_batch, {"a"});
  w.stored("a"_batch, {"b"});
  CHECK(w.claimed().batch == "z"_batch);
}

STORE_TEST("a batch has the highest priority of its tasks") {
  assign_request request;
  request.batch = "b"_batch;
  request.tasks = {task("a", priority::low), task("b", priority::high), task("c", priority::medium)};
  CHECK(must(w->assign(request)).batch.prio == priority::high);
  CHECK(w.stored("b"_batch, {"d"}).prio == priority::high);
}
