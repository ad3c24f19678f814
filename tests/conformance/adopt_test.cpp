// Tasks that are put in as they were elsewhere.
#include "conformance/describe.hpp"

using namespace cobatch_test;
using adopt_kind = adopt_outcome::kind;

namespace {

adopted_task adopted(std::string id, const batch_id& batch, task_state state, std::int64_t position = 0) {
  adopted_task out;
  out.task.spec = task(std::move(id));
  out.task.batch = batch;
  out.task.state = state;
  out.task.position = position;
  out.task.created_at = {1'000'000};
  if (!has_ended(state)) return out;
  out.task.started_at = timestamp{1'001'000};
  out.task.ended_at = timestamp{1'005'000};
  return out;
}

adopted_task with_result(adopted_task from) {
  result_record result;
  result.what = ended_as(from.task.state == task_state::done ? turn_end::done : turn_end::error);
  result.what.used->source = usage_source::told;
  result.completed_at = {1'004'000};
  result.duration_ms = 3000;
  result.loaded_context = false;
  result.fenced = false;
  result.extra = R"({"from":"elsewhere"})";
  from.result = result;
  return from;
}

std::vector<adopt_kind> kinds(const std::vector<adopt_outcome>& all) {
  std::vector<adopt_kind> out;
  for (const auto& one : all) out.push_back(one.what);
  return out;
}

// Fails the test unless all were taken.
void adopt_all(world& w, const std::vector<adopted_task>& tasks) {
  for (const auto what : kinds(must(w->adopt(tasks))))
    REQUIRE(w.answered(what, adopt_kind::adopted, adopt_kind::duplicate));
}

}  // namespace

STORE_TEST("an adopted task stands here as it stood elsewhere, with its result and all that we do not know") {
  auto given = with_result(adopted("a", "b"_batch, task_state::done, 7));
  given.task.spec.context = R"({"k":1})";
  given.task.spec.assigned_by = "them";
  given.task.extra = R"({"tags":["x"]})";
  given.task.round = 9;
  given.task.counts = {1, 1};
  given.task.session = epoch{3};
  given.task.turn = turn_no{4};
  adopt_all(w, {given});

  auto expected = given.task;
  expected.round = 1;
  expected.counts = {};
  expected.session = {};
  expected.turn = {};
  CHECK(text_of(w.task_now("a")) == text_of(expected));
  CHECK(w.task_now("a") == expected);
  auto result = *given.result;
  result.task = "a"_task;
  result.batch = "b"_batch;
  result.position = 7;
  CHECK(text_of(w.result_now("a"_task)) == text_of(result));
  CHECK(w.result_now("a"_task) == result);
  CHECK(must(w->list_turns({})).empty());
  CHECK(must(w->read_views(10)).results.size() == 1);
}

STORE_TEST("a batch of history has ended, one with something to do is open and does not start by itself") {
  adopt_all(w, {adopted("a", "old"_batch, task_state::done), adopted("x", "new"_batch, task_state::queued),
                adopted("b", "old"_batch, task_state::cancelled), adopted("y", "new"_batch, task_state::error)});
  const auto old = w.batch_now("old"_batch);
  CHECK(old.state == batch_state::finished);
  CHECK(old.created_at == timestamp{1'000'000});
  CHECK(old.tally.by_state == std::array<std::int64_t, 5>{0, 0, 1, 0, 1});
  const auto fresh = w.batch_now("new"_batch);
  CHECK(fresh.state == batch_state::open);
  CHECK(fresh.tally.by_state == std::array<std::int64_t, 5>{1, 0, 0, 1, 0});
  CHECK(must(w->read_overview()).tally.by_state == std::array<std::int64_t, 5>{1, 0, 1, 1, 1});
  CHECK(must(w->claim(w.claim_of())).what == claim_outcome::kind::nothing);
  must(w->seal("new"_batch));
  CHECK(w.begun(w.claimed().id, 1).task.spec.id == "x"_task);
}

STORE_TEST("what was in progress elsewhere is queued here") {
  auto given = adopted("a", "b"_batch, task_state::in_progress);
  given.task.owner = task_owner::session;
  given.task.started_at = timestamp{5};
  adopt_all(w, {given});
  CHECK(w.task_now("a").state == task_state::queued);
  CHECK(w.task_now("a").owner == task_owner::nobody);
  CHECK(!w.task_now("a").started_at);
}

STORE_TEST("adopting again changes nothing, and another task of that id is told") {
  const auto given = with_result(adopted("a", "b"_batch, task_state::done));
  adopt_all(w, {given});
  const auto version = w->version();
  CHECK(kinds(must(w->adopt({given}))) == std::vector{adopt_kind::duplicate});
  auto other = given;
  other.task.spec.description = "something else";
  const auto out = must(w->adopt({other}));
  CHECK(kinds(out) == std::vector{adopt_kind::conflict});
  CHECK(out.at(0).task == w.task_now("a"));
  CHECK(w->version() == version);
  CHECK(kinds(must(w->adopt({other, adopted("b", "b"_batch, task_state::done)}))).front() == adopt_kind::conflict);
  CHECK(w.task_now("b").state == task_state::done);
}

STORE_TEST("a position is kept if it is free, and else is the next") {
  adopt_all(w, {adopted("a", "b"_batch, task_state::done, 5), adopted("b", "b"_batch, task_state::queued, 2),
                adopted("c", "b"_batch, task_state::done, 5), adopted("d", "b"_batch, task_state::queued),
                adopted("e", "b"_batch, task_state::queued, -3)});
  const auto position = [&](const char* id) { return w.task_now(id).position; };
  CHECK(position("a") == 5);
  CHECK(position("b") == 2);
  CHECK(position("c") == 6);
  CHECK(position("d") == 7);
  CHECK(position("e") == 8);
  std::string order;
  for (const auto& t : must(w->list_tasks({"b"_batch, {}, 0, 10}))) order += t.spec.id.str();
  CHECK(order == "bacde");
  w.stored("b"_batch, {"f"}, false);
  CHECK(position("f") == 9);
}

STORE_TEST("an ended batch that gets a queued task is open again, in its next round") {
  adopt_all(w, {adopted("a", "b"_batch, task_state::done)});
  adopt_all(w, {adopted("b", "b"_batch, task_state::error)});
  CHECK(w.batch_now("b"_batch).state == batch_state::finished);
  adopt_all(w, {adopted("c", "b"_batch, task_state::queued)});
  CHECK(w.batch_now("b"_batch).state == batch_state::open);
  CHECK(w.batch_now("b"_batch).round == 2);
  CHECK(w.task_now("c").round == 2);
  CHECK(must(w->list_tasks({{}, task_state::queued, 0, 10})).size() == 1);
}

STORE_TEST("what an adopted task needs is to be there, and done") {
  auto waits = adopted("c", "b"_batch, task_state::queued);
  waits.task.spec.needs = {"a"_task};
  const auto refused = must(w->adopt({waits}));
  CHECK(kinds(refused) == std::vector{adopt_kind::refused});
  CHECK(refused.at(0).code == errc::need_unknown);
  CHECK(!must(w->find_batch("b"_batch)));
  SUBCASE("it failed") {
    adopt_all(w, {adopted("a", "b"_batch, task_state::error), waits});
    CHECK(w.task_now("c").reason == "need_failed");
    CHECK(w.batch_now("b"_batch).state == batch_state::finished);
  }
  SUBCASE("it is to be done yet") {
    adopt_all(w, {adopted("a", "b"_batch, task_state::queued), waits});
    must(w->cancel("a"_task));
    CHECK(w.task_now("c").reason == "need_failed");
  }
}

STORE_TEST("an adopted task is reset and removed like any other") {
  auto given = with_result(adopted("a", "b"_batch, task_state::error));
  given.task.extra = R"({"x":1})";
  adopt_all(w, {given});
  must(w->reset("a"_task));
  CHECK(!must(w->find_result("a"_task)));
  CHECK(w.task_now("a").extra == given.task.extra);
  const auto session = w.claimed();
  w.begun(session.id, 1);
  w.settle(session.id, 1);
  CHECK(w.result_now("a"_task).extra.empty());
  must(w->remove("a"_task));
  w.stored("b"_batch, {"a"});
  CHECK(w.task_now("a").extra.empty());
}
