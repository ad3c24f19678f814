// The results that leave the views, each read once.
#include <algorithm>

#include "conformance/world.hpp"

using namespace cobatch_test;

namespace {

list names(const archive_part& part) {
  list out;
  for (const auto& result : part.results) out.push_back(result.task.str());
  return out;
}

// Archives what is due, at most `limit` results a time.
list archive(world& w, std::size_t newest, std::size_t limit = 100) {
  list out;
  for (;;) {
    const auto part = must(w->read_archive(newest, limit));
    REQUIRE(part.results.size() == part.tasks.size());
    REQUIRE(part.results.size() <= limit);
    if (part.results.empty()) return out;
    for (std::size_t i = 0; i < part.results.size(); ++i) CHECK(part.results[i] == w.result_now(part.tasks[i].spec.id));
    const auto more = names(part);
    out.insert(out.end(), more.begin(), more.end());
    REQUIRE(w->note_archived(part));
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

void adopt(world& w, const std::string& id, timestamp ended_at, bool archived = false) {
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
  old.archived = archived;
  must(w->adopt({old}));
}

}  // namespace

STORE_TEST("no result is archived while there are no more than the views hold") {
  w.stored("x"_batch, {"x1", "x2", "x3"});
  run(w, "x"_batch, 2);
  CHECK(archive(w, 2).empty());
}

STORE_TEST("results are archived in the order in which they ended, each once, however many are read at a time") {
  w.stored("x"_batch, {"x1", "x2", "x3", "x4", "x5"});
  run(w, "x"_batch, 5);
  CHECK(names(must(w->read_archive(2, 1))) == list{"x1"});
  CHECK(names(must(w->read_archive(2, 2))) == list{"x1", "x2"});
  CHECK(names(must(w->read_archive(2, 3))) == list{"x1", "x2", "x3"});
  CHECK(names(must(w->read_archive(2, 100))) == list{"x1", "x2", "x3"});
  CHECK(archive(w, 2, 2) == list{"x1", "x2", "x3"});
  CHECK(archive(w, 2).empty());
  CHECK(archive(w, 1) == list{"x4"});
  CHECK(archive(w, 3).empty());
  CHECK(archive(w, 0) == list{"x5"});
}

STORE_TEST("of tasks that ended in the same moment each result is archived once") {
  const auto moment = w.clock.now();
  for (const auto* id : {"a", "b", "c", "d"}) adopt(w, id, moment);
  CHECK(archive(w, 2, 1) == list{"a", "b"});
  CHECK(archive(w, 0, 1) == list{"c", "d"});
}

STORE_TEST("a task that is adopted with an end that has been passed is not missed, and comes once") {
  w.stored("x"_batch, {"x1", "x2", "x3"});
  run(w, "x"_batch, 3);
  CHECK(archive(w, 1) == list{"x1", "x2"});
  for (const auto* id : {"old1", "old2", "old3"}) adopt(w, id, {1'000'000});
  adopt(w, "late", w.clock.now() + std::chrono::seconds{1});
  CHECK(archive(w, 1, 2) == list{"old1", "old2", "old3", "x3"});
  CHECK(archive(w, 1).empty());
  w.stored("y"_batch, {"y1"});
  run(w, "y"_batch, 1);
  CHECK(archive(w, 1) == list{"late"});
}

STORE_TEST("a task that is adopted as the newest one that was archived is deleted is not missed") {
  for (const auto* id : {"a", "b", "c"}) adopt(w, id, w.clock.now());
  CHECK(archive(w, 0) == list{"a", "b", "c"});
  must(w->remove("c"_task));
  adopt(w, "old", {1'000'000});
  CHECK(archive(w, 0) == list{"old"});
}

STORE_TEST("a task that ends before the last one that was archived, as the clock was set back, is not missed") {
  w.stored("x"_batch, {"x1", "x2", "x3"});
  run(w, "x"_batch, 1);
  CHECK(archive(w, 0) == list{"x1"});
  w.clock.turn(-std::chrono::hours{1});
  run(w, "x"_batch, 1);
  CHECK(archive(w, 0) == list{"x2"});
  CHECK(archive(w, 0).empty());
}

STORE_TEST("what comes to stand among results while they are being archived is archived after them") {
  const auto moment = w.clock.now();
  for (const auto* id : {"a", "b"}) adopt(w, id, moment);
  const auto part = must(w->read_archive(0, 100));
  adopt(w, "between", moment + std::chrono::seconds{-1});
  must(w->reset("a"_task));
  REQUIRE(w->note_archived(part));
  CHECK(archive(w, 0) == list{"between"});
}

STORE_TEST("a result that is adopted from the archive is not archived again, a later one of its task is") {
  adopt(w, "early", {1'000'000}, true);
  adopt(w, "x", w.clock.now());
  adopt(w, "after", w.clock.now() + std::chrono::seconds{1}, true);
  CHECK(archive(w, 0) == list{"x"});
  adopt(w, "passed", {2'000'000}, true);
  CHECK(archive(w, 0).empty());
  must(w->reset("early"_task));
  w.clock.turn(std::chrono::seconds{2});
  must(w->execute({.batch = "old"_batch}));
  run(w, "old"_batch, 1);
  CHECK(archive(w, 0) == list{"early"});
}

STORE_TEST("that results have been archived is no change that anybody waits for") {
  for (const auto* id : {"a", "b", "c"}) adopt(w, id, w.clock.now());
  adopt(w, "other", w.clock.now());
  const auto before = w->version();
  CHECK(archive(w, 1, 1).size() == 3);
  CHECK(w->version() == before);
  adopt(w, "old", {1'000'000});
  const auto after = w->version();
  CHECK(archive(w, 1) == list{"old"});
  CHECK(w->version() == after);
}

STORE_TEST("tasks without a result, and those that are deleted, are not archived") {
  w.stored("x"_batch, {"x1", "x2", "x3", "x4"});
  must(w->cancel("x1"_task));
  w.clock.turn(std::chrono::seconds{1});
  run(w, "x"_batch, 3);
  must(w->remove("x2"_task));
  must(w->remove_result("x3"_task));
  CHECK(archive(w, 0, 1) == list{"x4"});
}

STORE_TEST("a task that is run again has another result, which is archived, too") {
  w.stored("x"_batch, {"x1", "x2"});
  run(w, "x"_batch, 2);
  CHECK(archive(w, 0) == list{"x1", "x2"});
  must(w->reset("x1"_task));
  CHECK(archive(w, 0).empty());
  w.clock.turn(std::chrono::seconds{1});
  run(w, "x"_batch, 1);
  CHECK(archive(w, 0) == list{"x1"});
}
