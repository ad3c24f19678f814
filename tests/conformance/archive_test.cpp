// The results that leave the views, each read once.
#include <algorithm>

#include "conformance/world.hpp"

using namespace cobatch_test;

namespace {

using list = std::vector<std::string>;

// Reads what is left after a mark, at most `limit` results a time, and moves the mark.
list left(world& w, archive_mark& mark, std::size_t newest, std::size_t limit = 100) {
  list out;
  for (;;) {
    const auto part = must(w->read_archive(mark, newest, limit));
    REQUIRE(part.results.size() == part.tasks.size());
    REQUIRE(part.results.size() <= limit);
    for (std::size_t i = 0; i < part.results.size(); ++i) {
      CHECK(part.results[i] == w.result_now(part.tasks[i].spec.id));
      out.push_back(part.results[i].task.str());
    }
    if (part.next == mark) {
      CHECK(part.results.empty());
      return out;
    }
    mark = part.next;
  }
}

// A session that ends the next tasks of a batch, one a second.
void run(world& w, const batch_id& batch, int count) {
  const auto session = w.claimed(batch);
  for (int i = 1; i <= count; ++i) {
    w.begun(session.id, i);
    w.clock.turn(std::chrono::seconds{1});
    w.settle(session.id, i);
  }
  must(w->end_session(session.id, session_end::finished, ""));
}

void adopt(world& w, const std::string& id, timestamp ended_at) {
  adopted_task old;
  old.task.spec = task(id);
  old.task.batch = "old"_batch;
  old.task.state = task_state::done;
  old.task.created_at = ended_at;
  old.task.ended_at = ended_at;
  result_record result;
  result.what = ended_as(turn_end::done);
  result.completed_at = ended_at;
  old.result = result;
  must(w->adopt({old}));
}

}  // namespace

STORE_TEST("no result leaves the views while there are no more than they hold") {
  w.stored("x"_batch, {"x1", "x2", "x3"});
  run(w, "x"_batch, 2);
  archive_mark mark;
  CHECK(left(w, mark, 2).empty());
  CHECK(mark == archive_mark{});
}

STORE_TEST("results leave the views in the order in which they ended, each once, however many are read at a time") {
  w.stored("x"_batch, {"x1", "x2", "x3", "x4", "x5"});
  run(w, "x"_batch, 5);
  for (const std::size_t at_once : {1, 2, 3, 100}) {
    archive_mark mark;
    CHECK(left(w, mark, 2, at_once) == list{"x1", "x2", "x3"});
    CHECK(left(w, mark, 2, at_once).empty());
    CHECK(left(w, mark, 1, at_once) == list{"x4"});
    CHECK(left(w, mark, 3, at_once).empty());
    CHECK(left(w, mark, 0, at_once) == list{"x5"});
  }
}

STORE_TEST("of tasks that ended in the same moment each result leaves once") {
  const auto moment = w.clock.now();
  for (const auto* id : {"a", "b", "c", "d"}) adopt(w, id, moment);
  archive_mark mark;
  CHECK(left(w, mark, 2, 1) == list{"a", "b"});
  CHECK(left(w, mark, 0, 1) == list{"c", "d"});
}

STORE_TEST("a task that is adopted with an end that has been passed is not missed, and comes once") {
  w.stored("x"_batch, {"x1", "x2", "x3"});
  run(w, "x"_batch, 3);
  archive_mark mark;
  CHECK(left(w, mark, 1) == list{"x1", "x2"});
  for (const auto* id : {"old1", "old2", "old3"}) adopt(w, id, {1'000'000});
  adopt(w, "late", w.clock.now() + std::chrono::seconds{1});
  auto page = mark;
  CHECK(left(w, page, 1, 2) == list{"old1", "old2", "old3", "x3"});
  CHECK(left(w, mark, 1) == list{"old1", "old2", "old3", "x3"});
  CHECK(left(w, mark, 1).empty());
  w.stored("y"_batch, {"y1"});
  run(w, "y"_batch, 1);
  CHECK(left(w, mark, 1) == list{"late"});
}

STORE_TEST("tasks without a result, and those that are deleted, leave nothing") {
  w.stored("x"_batch, {"x1", "x2", "x3", "x4"});
  must(w->cancel("x1"_task));
  w.clock.turn(std::chrono::seconds{1});
  run(w, "x"_batch, 3);
  must(w->remove("x2"_task));
  must(w->remove_result("x3"_task));
  archive_mark mark;
  CHECK(left(w, mark, 0, 1) == list{"x4"});
}

STORE_TEST("a task that is run again leaves another result") {
  w.stored("x"_batch, {"x1", "x2"});
  run(w, "x"_batch, 2);
  archive_mark mark;
  CHECK(left(w, mark, 0) == list{"x1", "x2"});
  must(w->reset("x1"_task));
  CHECK(left(w, mark, 0).empty());
  w.clock.turn(std::chrono::seconds{1});
  run(w, "x"_batch, 1);
  CHECK(left(w, mark, 0) == list{"x1"});
}
