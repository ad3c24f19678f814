#include "conformance/world.hpp"

using namespace cobatch_test;

namespace {

// What became of tasks, such as "a error, b cancelled need_failed".
std::string states(world& w, std::initializer_list<std::string> ids) {
  std::string out;
  for (const auto& id : ids) {
    const auto task = w.task_now(id);
    out += (out.empty() ? "" : ", ") + id + " " + std::string(name_of(task.state));
    if (!task.reason.empty()) out += " " + task.reason;
    CHECK(task.ended_at.has_value() == has_ended(task.state));
  }
  return out;
}

batch_settings stopping() {
  batch_settings settings;
  settings.on_error = error_rule::stop;
  return settings;
}

}  // namespace

STORE_TEST("a task may need what stands before it in its batch: assigned earlier, or earlier in the same call") {
  w.stored("b"_batch, {"a"}, false);
  w.assign_specs("b"_batch, {task("c"), needing("d", {"c", "a", "c"})});
  CHECK(w.task_now("d").spec.needs == std::vector{"c"_task, "a"_task, "c"_task});
  // A duplicate was assigned earlier, wherever it stands in the call.
  CHECK(w.answered(w.assign_specs("b"_batch, {needing("e", {"a"}), task("a")}).what, assign_kind::stored,
                   assign_kind::duplicate));
  const auto session = w.claimed();
  for (int turn = 1; turn <= 4; ++turn) {
    CHECK(w.begun(session.id, turn).task.position == turn);
    w.settle(session.id, turn);
  }
}

STORE_TEST("a need that does not stand before its task is refused, and nothing is stored") {
  w.stored("other"_batch, {"elsewhere"});
  w.stored("b"_batch, {"a"}, false);
  const auto before = w.batch_now("b"_batch);
  const auto refused = [&](std::optional<batch_id> batch, std::vector<task_spec> tasks, const task_id& unknown) {
    assign_request request;
    request.batch = std::move(batch);
    request.tasks = std::move(tasks);
    request.settings = stopping();
    const auto out = must(w->assign(request));
    CHECK(out.what == assign_kind::need_unknown);
    CHECK(out.unknown_need == unknown);
    CHECK(out.tasks.empty());
    if (request.batch == before.id) CHECK(out.batch == before);
    CHECK(!must(w->find_task("new"_task)));
    CHECK(w.batch_now("b"_batch) == before);
  };
  refused("b"_batch, {needing("new", {"a", "none"})}, "none"_task);
  refused("b"_batch, {needing("new", {"new"})}, "new"_task);
  refused("b"_batch, {needing("new", {"later"}), task("later")}, "later"_task);
  refused("b"_batch, {task("first"), needing("new", {"first", "elsewhere"})}, "elsewhere"_task);
  refused("new one"_batch, {needing("new", {"a"})}, "a"_task);
  refused(std::nullopt, {needing("new", {"a"})}, "a"_task);
  CHECK(!must(w->find_batch("new one"_batch)));
}

STORE_TEST("when a task fails, what needs it is cancelled, and what needs that, in the same transaction") {
  w.assign_specs("b"_batch, {task("a"), needing("b", {"a"}), needing("c", {"b"}), task("d"), needing("e", {"d", "c"}),
                             needing("f", {"d"}), needing("g", {"a", "b"})});
  const auto session = w.claimed();
  w.begun(session.id, 1);
  w.clock.turn(std::chrono::seconds{1});
  SUBCASE("the agent says that it failed") { w.settle(session.id, 1, turn_end::error); }
  SUBCASE("a tool was denied") { w.settle(session.id, 1, turn_end::denied); }
  SUBCASE("its attempts are used up") {
    w.settle(session.id, 1, turn_end::broke);
    w.begun(session.id, 2);
    w.settle(session.id, 2, turn_end::timed_out);
  }
  const std::int64_t turns = static_cast<std::int64_t>(must(w->list_turns({})).size());
  CHECK(states(w, {"a", "b", "c", "d", "e", "f", "g"}) ==
        "a error, b cancelled need_failed, c cancelled need_failed, d queued, e cancelled need_failed, f queued, "
        "g cancelled need_failed");
  CHECK(w.task_now("e").ended_at == w.clock.now());
  CHECK(!must(w->find_result("b"_task)));
  const auto batch = w.batch_now("b"_batch);
  CHECK(batch.tally.by_state == std::array<std::int64_t, 5>{2, 0, 0, 1, 4});
  CHECK(must(w->read_overview()).tally == batch.tally);
  CHECK(w.begun(session.id, turns + 1).task.spec.id == "d"_task);
  w.settle(session.id, turns + 1);
  CHECK(w.begun(session.id, turns + 2).task.spec.id == "f"_task);
  w.settle(session.id, turns + 2);
  CHECK(w.begin(session.id, turns + 3).what == begin_outcome::kind::none_left);
  CHECK(w.end(session.id).batch.state == batch_state::finished);
}

STORE_TEST("when a task is cancelled, what needs it is cancelled too") {
  w.assign_specs("b"_batch, {task("a"), needing("b", {"a"}), needing("c", {"b"}), task("d")});
  SUBCASE("while it is queued") { must(w->cancel("a"_task)); }
  SUBCASE("while it runs") {
    w.begun(w.claimed().id, 1);
    must(w->cancel("a"_task));
    w.settle(epoch{1}, 1, turn_end::done);
  }
  SUBCASE("by the end of its turn") {
    w.begun(w.claimed().id, 1);
    w.settle(epoch{1}, 1, turn_end::cancelled);
  }
  CHECK(states(w, {"a", "b", "c", "d"}) == "a cancelled, b cancelled need_failed, c cancelled need_failed, d queued");
  CHECK(w.batch_now("b"_batch).tally.by_state == std::array<std::int64_t, 5>{1, 0, 0, 0, 3});
}

STORE_TEST("a task that fails by its orchestrator's death takes along what needs it") {
  auto once = task("a");
  once.max_attempts = 1;
  w.assign_specs("b"_batch, {once, needing("b", {"a"})});
  const auto session = w.claimed();
  w.begun(session.id, 1);
  CHECK(must(w->recover({session.id, {}, {}})).batch.state == batch_state::finished);
  CHECK(states(w, {"a", "b"}) == "a error, b cancelled need_failed");
}

STORE_TEST("a needed task that is tried again changes nothing for those that need it") {
  w.assign_specs("b"_batch, {task("a"), needing("b", {"a"})}, stopping());
  const auto session = w.claimed();
  std::int64_t turn = 0;
  for (const turn_end end : {turn_end::broke, turn_end::interrupted, turn_end::stopped}) {
    CHECK(w.begun(session.id, ++turn).task.spec.id == "a"_task);
    w.settle(session.id, turn, end);
    CHECK(states(w, {"a", "b"}) == "a queued, b queued");
  }
  w.begun(session.id, ++turn);
  w.settle(session.id, turn);
  CHECK(w.begun(session.id, ++turn).task.spec.id == "b"_task);
}

STORE_TEST("a batch has ended when its last tasks are cancelled because of one that was") {
  w.assign_specs("b"_batch, {task("a"), needing("b", {"a"})});
  must(w->cancel("a"_task));
  CHECK(w.batch_now("b"_batch).state == batch_state::finished);
  CHECK(must(w->claim(w.claim_of())).what == claim_outcome::kind::nothing);
}

STORE_TEST("a task that needs one that has failed is cancelled as it is assigned") {
  w.stored("b"_batch, {"a"});
  must(w->cancel("a"_task));
  SUBCASE("with others, which run") {
    const auto out = w.assign_specs("b"_batch, {task("x"), needing("b", {"a"}), needing("c", {"x", "b"})});
    CHECK(out.tasks.at(0).state == task_state::queued);
    CHECK(out.tasks.at(1).state == task_state::cancelled);
    CHECK(out.tasks.at(2).state == task_state::cancelled);
    CHECK(out.batch == w.batch_now("b"_batch));
    CHECK(out.batch.state == batch_state::sealed);
    CHECK(out.batch.round == 2);
    CHECK(out.batch.tally.by_state == std::array<std::int64_t, 5>{1, 0, 0, 0, 3});
    CHECK(states(w, {"x", "b", "c"}) == "x queued, b cancelled need_failed, c cancelled need_failed");
  }
  SUBCASE("alone, so that the batch has ended again") {
    const auto out = w.assign_specs("b"_batch, {needing("b", {"a"})});
    CHECK(w.answered(out.what, assign_kind::stored, assign_kind::duplicate));
    CHECK(out.batch.state == batch_state::finished);
  }
  SUBCASE("named again in the call") {
    w.assign_specs("b"_batch, {task("a"), needing("b", {"a"})});
    CHECK(states(w, {"b"}) == "b cancelled need_failed");
  }
  CHECK(must(w->read_overview()).tally == w.batch_now("b"_batch).tally);
}

STORE_TEST("a batch that stops at an error cancels all that is queued") {
  w.assign_specs("b"_batch, {task("a"), task("b"), needing("c", {"b"}), task("d")}, stopping());
  const auto session = w.claimed();
  w.begun(session.id, 1);
  w.settle(session.id, 1);
  w.begun(session.id, 2);
  w.settle(session.id, 2, turn_end::error);
  CHECK(states(w, {"a", "b", "c", "d"}) == "a done, b error, c cancelled need_failed, d cancelled batch_stopped");
  CHECK(w.batch_now("b"_batch).tally.by_state == std::array<std::int64_t, 5>{0, 0, 1, 1, 2});
  CHECK(must(w->read_overview()).tally == w.batch_now("b"_batch).tally);
  SUBCASE("and ends with its session") {
    CHECK(w.begin(session.id, 3).what == begin_outcome::kind::none_left);
    CHECK(w.end(session.id).batch.state == batch_state::finished);
  }
  SUBCASE("a task that is assigned afterwards runs") {
    w.stored("b"_batch, {"late"});
    CHECK(w.begun(session.id, 3).task.spec.id == "late"_task);
  }
}

STORE_TEST("a batch stops at errors only, and only if it was told to") {
  batch_settings settings;
  SUBCASE("told nothing") {}
  SUBCASE("told to continue") { settings.on_error = error_rule::go_on; }
  SUBCASE("told to stop, and a task is cancelled") { settings.on_error = error_rule::stop; }
  w.assign_specs("b"_batch, {task("a"), task("b")}, settings);
  w.stored("other"_batch, {"c"});
  w.begun(w.claimed("b"_batch).id, 1);
  if (settings == stopping())
    must(w->cancel("a"_task));
  else
    w.settle(epoch{1}, 1, turn_end::error);
  CHECK(states(w, {"b", "c"}) == "b queued, c queued");
}
