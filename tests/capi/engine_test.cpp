#include <thread>

#include "capi/host.hpp"

using namespace cobatch_test;

TEST_CASE("an engine takes batches as they come, until it is stopped, to stop it again answers the same") {
  const scratch_workspace place;
  host works;
  const auto agent = works.agent();
  const run_with with(agent);
  const auto engine = make<cobatch_engine>(cobatch_engine_start, place.handle.get(), &with.options);
  CHECK(cobatch_engine_is_running(engine.get()) != 0);
  for (const char* id : {"a", "b"}) {
    assign_all(place, {id}, id);
    must(cobatch_wait, place.handle.get(), cobatch_str(id), std::int64_t{-1}, nullptr);
  }
  for (int i = 0; i < 2; ++i) {
    auto report = fresh<cobatch_run_report>();
    must(cobatch_engine_stop, engine.get(), 0, &report);
    CHECK(report.sessions == 2);
    CHECK(report.turns == 2);
    CHECK(cobatch_engine_is_running(engine.get()) == 0);
  }
  CHECK(works.calls() == list{"start 1", "turn 1 a", "stop 1", "start 2", "turn 2 b", "stop 2"});
}

TEST_CASE("an engine that is stopped at once, or freed, interrupts its turn and gives the task back") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  endless_host works;
  const auto agent = works.agent();
  run_with with(agent);
  with.options.stop_grace_ms = INT64_MAX;
  auto engine = make<cobatch_engine>(cobatch_engine_start, place.handle.get(), &with.options);
  works.begun.wait();
  SUBCASE("stopped at once") { must(cobatch_engine_stop, engine.get(), 1, nullptr); }
  SUBCASE("freed") { engine.reset(); }
  SUBCASE("freed after its workspace") {
    auto another = open_workspace(place.folder.path());
    auto waits = make<cobatch_engine>(cobatch_engine_start, another.get(), &with.options);
    another.reset();
    waits.reset();  // before the other, or it would take the task that is given back
    engine.reset();
  }
  CHECK(turn_ends(place) == ends{COBATCH_TURN_STOPPED});
  CHECK(task_of(place, "a")->state == COBATCH_TASK_QUEUED);
  CHECK(works.calls() == list{"start 1", "turn 1 a", "interrupt 1", "stop 1"});
}

TEST_CASE("an engine of one batch leaves the others alone") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  assign_all(place, {"b"}, "b2");
  host works;
  const auto agent = works.agent();
  run_with with(agent);
  with.options.batch = cobatch_str("b2");
  const auto engine = make<cobatch_engine>(cobatch_engine_start, place.handle.get(), &with.options);
  must(cobatch_wait, place.handle.get(), cobatch_str("b2"), std::int64_t{-1}, nullptr);
  must(cobatch_engine_stop, engine.get(), 0, nullptr);
  CHECK(works.calls() == list{"start 1", "turn 1 b", "stop 1"});
}

TEST_CASE(
    "a batch that names an agent is left alone by engines that do not serve it, and it is said that nobody does") {
  const scratch_workspace place;
  host others;
  const auto agent = others.agent("another");
  const run_with with(agent);
  const auto engine = make<cobatch_engine>(cobatch_engine_start, place.handle.get(), &with.options);
  assign_all(place, {"served"}, "b1", "another");
  must(cobatch_wait, place.handle.get(), cobatch_str("b1"), std::int64_t{-1}, nullptr);
  assign_all(place, {"a"}, "b2", "mine");
  const auto waits = make<cobatch_reply>(cobatch_find_batch, place.handle.get(), cobatch_str("b2"));
  CHECK(warnings_in(waits.get()) == list{"no_engine"});
  must(cobatch_engine_stop, engine.get(), 0, nullptr);
  CHECK(others.calls() == list{"start 1", "turn 1 served", "stop 1"});
  host mine;
  CHECK(run_all(place, mine.agent("mine")).turns == 1);
}

TEST_CASE("an engine that cannot go on ends by itself, says so as an event, and answers why when it is stopped") {
  const scratch_workspace place;
  const auto feed = make<cobatch_events>(cobatch_events_open, place.handle.get(), nullptr);
  std::filesystem::rename(place.data(), place.folder.path() / "moved");
  host works;
  const auto agent = works.agent();
  const run_with with(agent);
  const auto engine = make<cobatch_engine>(cobatch_engine_start, place.handle.get(), &with.options);
  auto event = fresh<cobatch_event_info>();
  // That the workspace is gone the feed may find, too, if it reads while somebody else does; it goes on all the same.
  do {
    const auto came = call(cobatch_events_wait, feed.get(), std::int64_t{-1}, &event);
    REQUIRE((came == COBATCH_OK || came == COBATCH_E_WORKSPACE_REPLACED));
  } while (event.kind != COBATCH_EVENT_TROUBLE);
  CHECK(copy_of(event.text).find("was replaced") != std::string::npos);
  while (cobatch_engine_is_running(engine.get()) != 0) std::this_thread::yield();
  for (int i = 0; i < 2; ++i) {
    auto report = fresh<cobatch_run_report>();
    report.sessions = 7;
    CHECK(call(cobatch_engine_stop, engine.get(), 0, &report) == COBATCH_E_WORKSPACE_REPLACED);
    CHECK(report.sessions == 0);
  }
  CHECK(run(place, with.options) == COBATCH_E_WORKSPACE_REPLACED);
  CHECK_FALSE(std::filesystem::exists(place.data()));
}
