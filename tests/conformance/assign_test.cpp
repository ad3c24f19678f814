#include "conformance/world.hpp"

using namespace cobatch_test;

STORE_TEST("a task is stored as it was given") {
  assign_request request;
  request.batch = "b"_batch;
  request.agent = "codex";
  auto spec = task("a", priority::high);
  spec.context = R"({"file":"caf\u00e9"})";
  spec.assigned_by = "me";
  spec.max_attempts = 3;
  SUBCASE("plain") {}
  SUBCASE("with all that a task may have") {
    spec.check = {"make", "test \"all\"", ""};
    spec.model = "small";
    spec.tools = {"Read", "Bash(git log:*)"};
    spec.limit = std::chrono::minutes{5};
  }
  SUBCASE("with long texts, and one thing more") {
    spec.description = std::string(100'000, 'x');
    spec.limit = std::chrono::milliseconds{1};
  }
  request.tasks = {spec};
  const auto out = must(w->assign(request));
  CHECK(w.answered(out.what, assign_kind::stored, assign_kind::duplicate));
  REQUIRE(out.tasks.size() == 1);
  CHECK(out.tasks[0].position == 1);
  CHECK(out.tasks[0].state == task_state::queued);
  const auto stored = w.task_now("a");
  CHECK(stored.spec == spec);
  CHECK(stored.reason.empty());
  CHECK(must(w->list_tasks({})) == std::vector{stored});
  CHECK(must(w->assign(request)).what == assign_kind::duplicate);
  CHECK(stored.batch == "b"_batch);
  CHECK(stored.position == 1);
  CHECK(stored.round == 1);
  CHECK(stored.created_at == w.clock.now());
  CHECK(!stored.started_at);
  CHECK(!stored.ended_at);
  const auto batch = w.batch_now("b"_batch);
  CHECK(batch == out.batch);
  CHECK(batch.agent == "codex");
  CHECK(batch.prio == priority::high);
  CHECK(batch.state == batch_state::sealed);
  CHECK(batch.sealed_at == w.clock.now());
  CHECK(batch.tally[task_state::queued] == 1);
}

STORE_TEST("texts of any content and length come back byte for byte") {
  assign_request request;
  request.batch = "b"_batch;
  auto spec = task("a");
  spec.description = std::string("zero \0 inside, quote ' and \xF0\x9F\x98\x80", 32) + std::string(200'000, 'x');
  request.tasks = {spec};
  must(w->assign(request));
  CHECK(w.task_now("a").spec.description == spec.description);
}

STORE_TEST("the guide's flow: collect, then seal with the last task") {
  CHECK(w.stored("b"_batch, {"a"}, false).state == batch_state::open);
  CHECK(w.stored("b"_batch, {"b"}, false).state == batch_state::open);
  const auto last = w.assign("b"_batch, {"c"}, true);
  CHECK(last.batch.state == batch_state::sealed);
  CHECK((last.sealed_now || w.loses_answers()));
  CHECK(!last.next_round);
  CHECK(w.task_now("c").position == 3);
}

STORE_TEST("a batch of its own gets the next free second for a name") {
  const auto first = w.stored(std::nullopt, {"a"});
  CHECK(first.id == make_batch_id(w.clock.now()));
  CHECK(w.stored(std::nullopt, {"b"}).id == make_batch_id(w.clock.now() + std::chrono::seconds{1}));
  CHECK(w.stored(std::nullopt, {"c"}).id == make_batch_id(w.clock.now() + std::chrono::seconds{2}));
  w.stored(make_batch_id(w.clock.now() + std::chrono::seconds{3}), {"d"});
  CHECK(w.stored(std::nullopt, {"e"}).id == make_batch_id(w.clock.now() + std::chrono::seconds{4}));
  w.clock.turn(std::chrono::seconds{1});
  CHECK(w.stored(std::nullopt, {"f"}).id == make_batch_id(w.clock.now() + std::chrono::seconds{4}));
  w.clock.turn(std::chrono::hours{1});
  CHECK(w.stored(std::nullopt, {"g"}).id == make_batch_id(w.clock.now()));
}

STORE_TEST("assigning equal content again stores nothing and tells the state") {
  const auto first = w.stored("b"_batch, {"a", "b"});
  w.begun(w.claimed().id, 1);
  w.clock.turn(std::chrono::minutes{1});
  for (const auto& batch : {std::optional("b"_batch), std::optional<batch_id>()}) {
    const auto again = w.assign(batch, {"a", "b"});
    CHECK(again.what == assign_kind::duplicate);
    CHECK(again.batch.id == "b"_batch);
    CHECK(again.batch.last_assign_at == first.last_assign_at);
    REQUIRE(again.tasks.size() == 2);
    CHECK(again.tasks[0] == assigned_task{"a"_task, 1, task_state::in_progress, true});
    CHECK(again.tasks[1] == assigned_task{"b"_task, 2, task_state::queued, true});
  }
  CHECK(w.batch_now("b"_batch).tally.total() == 2);
}

STORE_TEST("who assigned a task is no part of its content") {
  w.stored("b"_batch, {"a"});
  assign_request request;
  request.batch = "b"_batch;
  request.tasks = {task("a")};
  request.tasks[0].assigned_by = "another";
  CHECK(must(w->assign(request)).what == assign_kind::duplicate);
  CHECK(w.task_now("a").spec.assigned_by.empty());
}

STORE_TEST("a duplicate with auto_execute seals a batch that is still open") {
  w.stored("b"_batch, {"a"}, false);
  w.clock.turn(std::chrono::seconds{5});
  CHECK(w.assign("b"_batch, {"a"}, false).batch.state == batch_state::open);
  const auto out = w.assign("b"_batch, {"a"}, true);
  CHECK(out.what == assign_kind::duplicate);
  CHECK((out.sealed_now || w.loses_answers()));
  CHECK(out.batch.state == batch_state::sealed);
  CHECK(w.batch_now("b"_batch).sealed_at == w.clock.now());
  CHECK(!w.assign("b"_batch, {"a"}, true).sealed_now);
}

STORE_TEST("a taken id with other content or in another batch is refused and nothing is stored") {
  w.stored("b"_batch, {"a"}, false);
  SUBCASE("other content") {
    assign_request request;
    request.batch = "b"_batch;
    request.tasks = {task("new"), task("a")};
    request.tasks[1].description = "something else";
    const auto out = must(w->assign(request));
    CHECK(out.what == assign_kind::task_exists);
    REQUIRE(out.conflict.has_value());
    CHECK(*out.conflict == w.task_now("a"));
    CHECK(out.tasks.empty());
  }
  SUBCASE("another batch") {
    const auto out = w.assign("other"_batch, {"new", "a"});
    CHECK(out.what == assign_kind::task_exists);
    CHECK(out.conflict->batch == "b"_batch);
    CHECK(!must(w->find_batch("other"_batch)));
  }
  CHECK(!must(w->find_task("new"_task)));
  CHECK(w.batch_now("b"_batch).state == batch_state::open);
}

STORE_TEST("of tasks that are partly there the new ones are stored") {
  w.stored("b"_batch, {"a"}, false);
  const auto out = w.assign("b"_batch, {"a", "b", "c"}, false);
  CHECK(w.answered(out.what, assign_kind::stored, assign_kind::duplicate));
  REQUIRE(out.tasks.size() == 3);
  CHECK(out.tasks[0].duplicate);
  CHECK((w.loses_answers() || !out.tasks[1].duplicate));
  CHECK(out.tasks[2].position == 3);
  CHECK(w.batch_now("b"_batch).tally[task_state::queued] == 3);
}

STORE_TEST("duplicates from several batches seal none of them, and tell of the latest") {
  w.stored("first"_batch, {"a"}, false);
  w.stored("second"_batch, {"b"}, false);
  const auto out = w.assign(std::nullopt, {"b", "a"}, true);
  CHECK(out.what == assign_kind::duplicate);
  CHECK(out.batch.id == "second"_batch);
  CHECK(!out.sealed_now);
  CHECK(w.batch_now("first"_batch).state == batch_state::open);
  CHECK(w.batch_now("second"_batch).state == batch_state::open);
}

STORE_TEST("a request that cannot be is an error and stores nothing") {
  assign_request request;
  request.batch = "b"_batch;
  CHECK(w->assign(request).error().code == errc::bad_value);
  request.tasks = {task("a"), task("b"), task("a")};
  CHECK(w->assign(request).error().code == errc::duplicate_in_batch);
  CHECK(!must(w->find_task("b"_task)));
  CHECK(!must(w->find_batch("b"_batch)));
}

STORE_TEST("a batch has one agent") {
  const auto with_agent = [&](std::string id, std::string agent, bool seal) {
    assign_request request;
    request.batch = "b"_batch;
    request.tasks = {task(std::move(id))};
    request.agent = std::move(agent);
    request.seal = seal;
    return must(w->assign(request));
  };
  with_agent("a", "", false);
  CHECK(with_agent("b", "codex", false).batch.agent == "codex");
  CHECK(with_agent("c", "", false).batch.agent == "codex");
  CHECK(w.answered(with_agent("d", "codex", false).what, assign_kind::stored, assign_kind::duplicate));
  const auto refused = with_agent("e", "gemini", true);
  CHECK(refused.what == assign_kind::agent_conflict);
  CHECK(refused.batch.agent == "codex");
  CHECK(!must(w->find_task("e"_task)));
  CHECK(with_agent("a", "gemini", true).what == assign_kind::agent_conflict);
  CHECK(w.batch_now("b"_batch).state == batch_state::open);
}

STORE_TEST("a running batch without an agent of its own gets none") {
  w.stored("b"_batch, {"a"});
  w.claimed();
  assign_request request;
  request.batch = "b"_batch;
  request.tasks = {task("b")};
  request.agent = "codex";
  CHECK(must(w->assign(request)).what == assign_kind::agent_conflict);
  CHECK(!must(w->find_task("b"_task)));
}

STORE_TEST("a batch takes at most max_batch_tasks") {
  assign_request request;
  request.batch = "b"_batch;
  for (std::size_t i = 0; i < max_batch_tasks; ++i) request.tasks.push_back(task(std::to_string(i)));
  CHECK(w.answered(must(w->assign(request)).what, assign_kind::stored, assign_kind::duplicate));
  CHECK(w.batch_now("b"_batch).tally[task_state::queued] == static_cast<std::int64_t>(max_batch_tasks));
  const auto full = w.assign("b"_batch, {"one more"});
  CHECK(full.what == assign_kind::batch_full);
  CHECK(!must(w->find_task("one more"_task)));
}

STORE_TEST("only a batch sealed by its very first single task under its own name lingers") {
  CHECK(w.stored("early"_batch, {"a"}).lingers);
  CHECK(w.stored("early"_batch, {"b"}).lingers);
  CHECK(!w.stored(std::nullopt, {"c"}).lingers);
  CHECK(!w.stored("two"_batch, {"d", "e"}).lingers);
  CHECK(!w.stored("open"_batch, {"f"}, false).lingers);
  CHECK(!w.stored("open"_batch, {"g"}).lingers);
  assign_request whole;
  whole.batch = "whole"_batch;
  whole.tasks = {task("h")};
  whole.whole_batch = true;
  CHECK(!must(w->assign(whole)).batch.lingers);
}

STORE_TEST("late tasks join a batch that is sealed or running, whatever they say of auto_execute") {
  w.stored("b"_batch, {"a"});
  CHECK(w.stored("b"_batch, {"b"}, false).state == batch_state::sealed);
  const auto session = w.claimed();
  const auto out = w.assign("b"_batch, {"c"}, false);
  CHECK(out.batch.state == batch_state::running);
  CHECK(!out.next_round);
  for (int i = 1; i <= 3; ++i) {
    CHECK(w.begun(session.id, i).task.position == i);
    w.settle(session.id, i);
  }
  CHECK(w.begin(session.id, 4).what == begin_outcome::kind::none_left);
}

STORE_TEST("a task for a batch that had ended starts its next round, sealed at once") {
  w.stored("b"_batch, {"a"});
  const auto session = w.claimed();
  w.begun(session.id, 1);
  w.settle(session.id, 1);
  w.begin(session.id, 2);
  SUBCASE("while its session is ending") { CHECK(w.batch_now("b"_batch).state == batch_state::ending); }
  SUBCASE("after its session") { CHECK(w.end(session.id).batch.state == batch_state::finished); }
  w.clock.turn(std::chrono::seconds{3});
  const auto out = w.assign("b"_batch, {"b"}, false);
  CHECK((out.next_round || w.loses_answers()));
  CHECK(out.batch.state == batch_state::sealed);
  CHECK(out.batch.round == 2);
  CHECK(out.batch.sealed_at == w.clock.now());
  const auto late = w.task_now("b");
  CHECK(late.round == 2);
  CHECK(late.position == 2);

  CHECK(w.begin(session.id, 2).what != begin_outcome::kind::begun);  // the old session never runs the new round
  w.end(session.id);
  CHECK(w.batch_now("b"_batch).state == batch_state::sealed);
  const auto next = w.claimed();
  CHECK(next.round == 2);
  CHECK(w.begun(next.id, 1).task.spec.id == "b"_task);
}

STORE_TEST("sealing changes an open batch with work and no other") {
  using seal = seal_outcome::kind;
  CHECK(must(w->seal("none"_batch)).what == seal::not_found);
  w.stored("b"_batch, {"a"}, false);
  w.clock.turn(std::chrono::seconds{1});
  const auto out = must(w->seal("b"_batch));
  CHECK(w.answered(out.what, seal::sealed, seal::unchanged));
  CHECK(out.batch == w.batch_now("b"_batch));
  CHECK(out.batch.sealed_at == w.clock.now());
  CHECK(out.batch.state == batch_state::sealed);
  w.clock.turn(std::chrono::seconds{1});
  const auto again = must(w->seal("b"_batch));
  CHECK(again.what == seal::unchanged);
  CHECK(again.batch.sealed_at == out.batch.sealed_at);
}

STORE_TEST("a batch with nothing left to run is not sealed") {
  w.stored("b"_batch, {"a"}, false);
  must(w->cancel("a"_task));
  CHECK(must(w->seal("b"_batch)).what == seal_outcome::kind::empty_batch);
  CHECK(w.batch_now("b"_batch).state == batch_state::open);
}

STORE_TEST(
    "of requests that are assigned each for itself, one that is refused keeps no other out, and those without a batch "
    "share one") {
  w.assign("old"_batch, {"there"});
  std::vector<assign_request> requests;
  for (const char* id : {"a", "there", "b", "c"}) {
    auto& request = requests.emplace_back();
    request.tasks = {task(id)};
  }
  requests[1].tasks[0].description = "other content";
  requests[2].batch = "b"_batch;
  requests[2].seal = requests[3].seal = false;
  const auto out = must(w->assign_each(requests));
  REQUIRE(out.size() == 4);
  CHECK(w.answered(out[0].what, assign_kind::stored, assign_kind::duplicate));
  CHECK(out[0].batch.state == batch_state::sealed);
  CHECK(out[0].batch.tally.total() == 2);
  CHECK(out[1].what == assign_kind::task_exists);
  CHECK(out[2].batch.id == "b"_batch);
  CHECK(out[2].batch.state == batch_state::open);
  CHECK(out[3].batch == out[0].batch);
}
