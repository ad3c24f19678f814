// Agents whose one process does many tasks, and reports each by calls.
#include "conformance/describe.hpp"

using namespace cobatch_test;
using begin = begin_called_outcome::kind;
using complete = complete_called_outcome::kind;

namespace {

// A sealed batch of these tasks, in a session of an agent that may call without a token.
session_token prompted(world& w, std::initializer_list<std::string> ids) {
  assign_request request;
  request.batch = "b"_batch;
  request.agent = std::string(calling_agent);
  for (const auto& id : ids) request.tasks.push_back(task(id));
  must(w->assign(request));
  auto claim = w.claim_of();
  claim.serves = {{std::string(calling_agent)}, ""};
  REQUIRE(must(w->claim(claim)).what == claim_outcome::kind::claimed);
  return w.token();
}

void begin_now(world& w, const session_token& token, const task_id& id) {
  REQUIRE(w.answered(must(w->begin_called(token, id)).what, begin::begun, begin::repeated));
}

void check_settled(world& w, const complete_called_outcome& out) {
  CHECK(w.answered(out.what, complete::settled, complete::repeated));
}

void check_refused(const begin_called_outcome& out, errc code) {
  CHECK(out.what == begin::refused);
  CHECK(out.code == code);
}

void check_refused(const complete_called_outcome& out, errc code) {
  CHECK(out.what == complete::refused);
  CHECK(out.code == code);
}

}  // namespace

// ------------------------------------------------------------------------------------------- begin_called

STORE_TEST("a call with the session's token begins the task it names, in the session's next turn") {
  const auto token = prompted(w, {"a", "b"});
  w.clock.turn(std::chrono::seconds{3});
  auto out = must(w->begin_called(token, "b"_task));
  CHECK(w.answered(out.what, begin::begun, begin::repeated));
  CHECK(out.turn.session == token.session);
  CHECK(out.turn.turn == turn_no{1});
  CHECK(out.turn.task == "b"_task);
  CHECK(out.turn.batch == "b"_batch);
  CHECK(out.turn.position == 2);
  CHECK(out.turn.started_at == w.clock.now());
  CHECK(out.turn.loaded_context);
  CHECK(must(w->list_turns({})) == std::vector{out.turn});
  CHECK(out.task == w.task_now("b"));
  CHECK(out.task.state == task_state::in_progress);
  CHECK(out.task.owner == task_owner::session);
  CHECK(w.batch_now("b"_batch).tally.by_state == std::array<std::int64_t, 5>{1, 1, 0, 0, 0});
  check_settled(w, w.complete(token, "b"_task));

  out = must(w->begin_called(token, "a"_task));
  CHECK(out.turn.turn == turn_no{2});
  CHECK(out.turn.process_turn == 2);
  CHECK(!out.turn.loaded_context);
}

STORE_TEST("the same beginning again is the turn that runs, another one finds the session busy") {
  const auto token = prompted(w, {"a", "b"});
  begin_now(w, token, "a"_task);
  const auto again = must(w->begin_called(token, "a"_task));
  CHECK(again.what == begin::repeated);
  CHECK(again.turn == must(w->list_turns({})).at(0));
  const auto other = must(w->begin_called(token, "b"_task));
  CHECK(other.what == begin::busy);
  CHECK(other.task.spec.id == "a"_task);
  CHECK(must(w->begin_called(token, "none"_task)).what == begin::busy);
  CHECK(w.task_now("b").state == task_state::queued);
}

STORE_TEST("only the token of a live session begins anything") {
  const auto token = prompted(w, {"a"});
  auto wrong = token;
  wrong.nonce += "x";
  CHECK(must(w->begin_called(wrong, "a"_task)).what == begin::stale);
  wrong = token;
  wrong.session.value += 1;
  CHECK(must(w->begin_called(wrong, "a"_task)).what == begin::stale);
  w.end(token.session, session_end::stopped);
  CHECK(must(w->begin_called(token, "a"_task)).what == begin::stale);
  CHECK(w.task_now("a").state == task_state::queued);
  CHECK(must(w->list_turns({})).empty());
}

STORE_TEST("what cannot be begun is refused with its code, and nothing changes") {
  w.stored("other"_batch, {"elsewhere"}, false);
  w.stored("b"_batch, {"hand"}, false);
  must(w->mark_manually("hand"_task));
  const auto token = prompted(w, {"a", "done", "gone"});
  w.assign_specs("b"_batch, {needing("waits", {"a"})});
  begin_now(w, token, "done"_task);
  w.complete(token, "done"_task);
  must(w->cancel("gone"_task));
  const auto before = w.batch_now("b"_batch);
  const auto called = [&](const task_id& id) { return must(w->begin_called(token, id)); };
  check_refused(called("none"_task), errc::task_not_found);
  check_refused(called("done"_task), errc::task_ended);
  check_refused(called("gone"_task), errc::task_ended);
  check_refused(called("hand"_task), errc::task_in_progress);
  check_refused(called("elsewhere"_task), errc::batch_conflict);
  CHECK(called("elsewhere"_task).task.batch == "other"_batch);
  check_refused(called("waits"_task), errc::need_unknown);
  CHECK(called("waits"_task).need == "a"_task);
  CHECK(w.batch_now("b"_batch) == before);
  CHECK(must(w->list_turns({})).size() == 1);
}

STORE_TEST("a task that came when the session was over is for the next one") {
  const auto token = prompted(w, {"a"});
  begin_now(w, token, "a"_task);
  w.complete(token, "a"_task);
  REQUIRE(w.begin(token.session, 2).what == begin_outcome::kind::none_left);
  w.stored("b"_batch, {"late"});
  check_refused(must(w->begin_called(token, "late"_task)), errc::task_queued);
  check_refused(w.complete(token, "late"_task), errc::task_queued);
}

STORE_TEST("the turn of a task that was cancelled does not hinder the next one") {
  const auto token = prompted(w, {"a", "b", "c"});
  begin_now(w, token, "a"_task);
  must(w->cancel("a"_task));
  SUBCASE("when it is begun") { begin_now(w, token, "b"_task); }
  SUBCASE("when it is completed at once") { check_settled(w, w.complete(token, "b"_task)); }
  const auto turns = must(w->list_turns({}));
  REQUIRE(turns.size() == 2);
  CHECK(turns[0].end == turn_end::cancelled);
  CHECK(turns[1].task == "b"_task);
  CHECK(w.task_now("a").state == task_state::cancelled);
}

// ---------------------------------------------------------------------------------------- complete_called

STORE_TEST("a completion with the token settles the task's turn") {
  const auto token = prompted(w, {"a", "b"});
  begin_now(w, token, "a"_task);
  w.clock.turn(std::chrono::seconds{2});
  const auto out = w.complete(token, "a"_task);
  check_settled(w, out);
  CHECK(out.task == w.task_now("a"));
  CHECK(out.task.state == task_state::done);
  const auto result = w.result_now("a"_task);
  CHECK(result.session == token.session);
  CHECK(result.turn == turn_no{1});
  CHECK(result.duration_ms == 2000);
  CHECK(result.what.used == ended_as(turn_end::done).used);
  CHECK(result.fenced);
  CHECK(w.session_now(token.session).turns_settled == 1);
  CHECK(must(w->list_turns({})).at(0).used == result.what.used);
}

STORE_TEST("a failure that is reported takes along what needs the task") {
  const auto token = prompted(w, {"a"});
  w.assign_specs("b"_batch, {needing("b", {"a"})});
  begin_now(w, token, "a"_task);
  CHECK(w.complete(token, "a"_task, turn_end::error).task.state == task_state::error);
  CHECK(w.task_now("b").reason == "need_failed");
}

STORE_TEST("a task that an agent forgot to begin is begun and settled at once") {
  const auto token = prompted(w, {"a", "b"});
  const auto out = w.complete(token, "b"_task);
  check_settled(w, out);
  const auto result = w.result_now("b"_task);
  CHECK(result.turn == turn_no{1});
  CHECK(result.duration_ms == 0);
  CHECK(result.fenced);
  CHECK(must(w->list_turns({})).at(0).end == turn_end::done);
  CHECK(w.batch_now("b"_batch).tally.by_state == std::array<std::int64_t, 5>{1, 0, 1, 0, 0});
}

STORE_TEST("but not while another task of the session is in progress, nor before what it needs is done") {
  const auto token = prompted(w, {"a", "b"});
  w.assign_specs("b"_batch, {needing("c", {"b"})});
  const auto early = w.complete(token, "c"_task);
  check_refused(early, errc::need_unknown);
  CHECK(early.need == "b"_task);
  begin_now(w, token, "a"_task);
  const auto busy = w.complete(token, "b"_task);
  CHECK(busy.what == complete::busy);
  CHECK(busy.task.spec.id == "a"_task);
  CHECK(w.task_now("b").state == task_state::queued);
  CHECK(!must(w->find_result("b"_task)));
}

STORE_TEST("without a token a completion is accepted from the agent that reports by calls, and says so") {
  const auto token = prompted(w, {"a"});
  begin_now(w, token, "a"_task);
  check_settled(w, w.complete({}, "a"_task));
  const auto result = w.result_now("a"_task);
  CHECK(!result.fenced);
  CHECK(result.session == token.session);
  CHECK(must(w->list_results({})) == std::vector{result});
  CHECK(must(w->read_views(1)).results == std::vector{result});
}

STORE_TEST("a task marked without a token is begun in the live session of an agent that reports by calls") {
  const auto token = prompted(w, {"a", "c"});
  const auto marked = must(w->mark_manually("a"_task));
  CHECK(w.task_now("a").state == task_state::in_progress);
  CHECK(w.task_now("a").owner == task_owner::session);
  CHECK(w.task_now("a").session == token.session);
  CHECK(marked.task == w.task_now("a"));
  CHECK(must(w->mark_manually("a"_task)).what == task_outcome::kind::unchanged);
  check_settled(w, w.complete({}, "a"_task));
  CHECK(!w.result_now("a"_task).fenced);
  CHECK(w.result_now("a"_task).loaded_context);
  REQUIRE(must(w->list_turns({})).size() == 1);
  CHECK(must(w->list_turns({})).at(0).end == turn_end::done);
}

STORE_TEST(
    "of a batch that an agent works no second task is marked without a token, and none is left over as it ends") {
  const auto token = prompted(w, {"a", "c"});
  must(w->mark_manually("a"_task));
  const auto second = must(w->mark_manually("c"_task));
  CHECK(second.what == task_outcome::kind::refused);
  CHECK(second.code == errc::task_in_progress);
  CHECK(second.task == w.task_now("a"));
  CHECK(w.task_now("c").state == task_state::queued);
  w.end(token.session, session_end::agent_lost);
  CHECK(w.task_now("a").state == task_state::queued);
}

STORE_TEST("a task marked without a token is a person's if the session works another batch, or none may call there") {
  w.stored("other"_batch, {"x"}, false);
  const auto token = prompted(w, {"a", "c"});
  begin_now(w, token, "a"_task);
  must(w->mark_manually("x"_task));
  CHECK(w.task_now("x").owner == task_owner::manual);
  w.end(token.session, session_end::agent_lost);
  must(w->mark_manually("c"_task));
  CHECK(w.task_now("c").owner == task_owner::manual);
}

STORE_TEST("without a token nothing of another agent's session is completed") {
  w.stored("b"_batch, {"a"});
  const auto session = w.claimed();
  w.begun(session.id, 1);
  check_refused(w.complete({}, "a"_task), errc::task_in_progress);
  CHECK(w.task_now("a").state == task_state::in_progress);
  CHECK(!must(w->list_turns({})).at(0).ended_at);
}

STORE_TEST("a completion for a session that has ended is stale, and nothing is stored") {
  const auto token = prompted(w, {"a"});
  begin_now(w, token, "a"_task);
  w.end(token.session, session_end::agent_lost);
  const auto before = w.task_now("a");
  CHECK(w.complete(token, "a"_task).what == complete::stale);
  auto wrong = token;
  wrong.nonce.back() ^= 1;
  CHECK(w.complete(wrong, "a"_task).what == complete::stale);
  CHECK(w.task_now("a") == before);
  CHECK(!must(w->find_result("a"_task)));
}

STORE_TEST("of several completions of a task the first one stands") {
  const auto token = prompted(w, {"a", "b"});
  begin_now(w, token, "a"_task);
  w.complete(token, "a"_task);
  const auto first = w.result_now("a"_task);
  CHECK(w.complete(token, "a"_task).what == complete::repeated);
  CHECK(w.complete({}, "a"_task).what == complete::repeated);
  auto other = ended_as(turn_end::done);
  SUBCASE("with another end") { other = ended_as(turn_end::error); }
  SUBCASE("with another output") { other.output += "!"; }
  SUBCASE("with another summary") { other.output_summary += "!"; }
  CHECK(must(w->complete_called({token, "a"_task, other})).what == complete::already_completed);
  CHECK(w.result_now("a"_task) == first);
  CHECK(w.batch_now("b"_batch).tally[task_state::done] == 1);
}

STORE_TEST("a completion of a task that nobody may complete is refused with its code") {
  const auto token = prompted(w, {"a", "gone"});
  must(w->cancel("gone"_task));
  for (const auto& sender : {std::optional(token), std::optional<session_token>()}) {
    check_refused(w.complete(sender, "none"_task), errc::task_not_found);
    check_refused(w.complete(sender, "gone"_task), errc::task_ended);
  }
  check_refused(w.complete({}, "a"_task), errc::task_queued);
  CHECK(must(w->list_turns({})).empty());
  CHECK(must(w->list_results({})).empty());
}

STORE_TEST("what the turn of a cancelled task cost is kept, and nothing else of its completion") {
  const auto token = prompted(w, {"a"});
  begin_now(w, token, "a"_task);
  must(w->cancel("a"_task));
  check_refused(w.complete(token, "a"_task), errc::task_ended);
  CHECK(w.task_now("a").state == task_state::cancelled);
  CHECK(!must(w->find_result("a"_task)));
  CHECK(must(w->list_turns({})).at(0).used == ended_as(turn_end::done).used);
}

STORE_TEST_ONCE("a completion says that a task is done, or that it failed") {
  const auto token = prompted(w, {"a"});
  begin_now(w, token, "a"_task);
  for (const turn_end end :
       {turn_end::broke, turn_end::timed_out, turn_end::interrupted, turn_end::stopped, turn_end::cancelled}) {
    const auto out = w->complete_called({token, "a"_task, ended_as(end)});
    REQUIRE(!out);
    CHECK(out.error().code == errc::bad_value);
  }
  CHECK(w.task_now("a").state == task_state::in_progress);
}

// ------------------------------------------------------------------------------------------- by hand

STORE_TEST("a task by hand is completed by whoever says so, and its result stands by itself") {
  w.stored("b"_batch, {"a"});
  must(w->mark_manually("a"_task));
  w.clock.turn(std::chrono::seconds{90});
  auto what = ended_as(turn_end::done);
  what.used->source = usage_source::told;
  what.used->complete = false;
  what.used->requests = 3;
  what.used->inherited_read = 4;
  what.actions_taken = R"(["looked"])";
  what.errors = R"("none")";
  what.reason = "a_reason";
  what.conversation = "not ours";
  SUBCASE("with all it could say") {}
  SUBCASE("with a usage that nobody knows") {
    what.used.reset();
    what.loaded_context = false;
  }
  const auto out = must(w->complete_called({{}, "a"_task, what}));
  check_settled(w, out);
  CHECK(out.turn.turn == turn_no{});
  const auto task = w.task_now("a");
  CHECK(out.task == task);
  CHECK(task.state == task_state::done);
  CHECK(task.owner == task_owner::nobody);
  CHECK(task.ended_at == w.clock.now());
  CHECK(must(w->list_turns({})).empty());

  result_record expected;
  expected.task = "a"_task;
  expected.batch = "b"_batch;
  expected.position = 1;
  expected.what = what;
  expected.what.conversation.clear();
  expected.what.loaded_context.reset();
  expected.loaded_context = what.loaded_context.value_or(true);
  expected.completed_at = w.clock.now();
  expected.duration_ms = 90'000;
  expected.fenced = false;
  CHECK(text_of(w.result_now("a"_task)) == text_of(expected));
  CHECK(w.result_now("a"_task) == expected);
  CHECK(must(w->list_results({})) == std::vector{expected});
  CHECK(must(w->read_views(5)).results == std::vector{expected});
  CHECK(w.batch_now("b"_batch).state == batch_state::finished);
  CHECK(must(w->complete_called({{}, "a"_task, what})).what == complete::repeated);
  must(w->reset("a"_task));
  CHECK(!must(w->find_result("a"_task)));
  must(w->mark_manually("a"_task));
  check_settled(w, w.complete({}, "a"_task, turn_end::error));
  CHECK(w.result_now("a"_task).status == task_state::error);
}

STORE_TEST("a task by hand that fails ends its batch as any other does") {
  batch_settings settings;
  settings.on_error = error_rule::stop;
  w.assign_specs("b"_batch, {task("a"), needing("b", {"a"}), task("c")}, settings);
  must(w->mark_manually("a"_task));
  CHECK(w.complete({}, "a"_task, turn_end::error).task.state == task_state::error);
  CHECK(w.task_now("b").reason == "need_failed");
  CHECK(w.task_now("c").reason == "batch_stopped");
  CHECK(w.batch_now("b"_batch).state == batch_state::finished);
}

STORE_TEST("a task by hand of a batch that a session works is completed beside it") {
  w.stored("b"_batch, {"a", "b"});
  const auto session = w.claimed();
  w.begun(session.id, 1);
  must(w->mark_manually("b"_task));
  check_settled(w, w.complete({}, "b"_task));
  CHECK(!w.result_now("b"_task).fenced);
  CHECK(w.batch_now("b"_batch).state == batch_state::running);
  w.settle(session.id, 1);
  CHECK(w.end(session.id).batch.state == batch_state::finished);
}
