#include <atomic>
#include <latch>
#include <thread>

#include "capi/host.hpp"

using namespace cobatch_test;

namespace {

constexpr int threads = 16;
constexpr int rounds = 8;

// Runs `work(number)` in each of the threads, at once.
template <class Work>
void in_threads(const Work& work) {
  std::latch all_are_there(threads);
  std::vector<std::jthread> running;
  for (int i = 0; i < threads; ++i)
    running.emplace_back([&, i] {
      all_are_there.arrive_and_wait();
      work(i);
    });
}

void read_everything(cobatch_workspace* place) {
  const auto name = [](const cobatch_task_info& task) { return copy_of(task.id); };
  all_in(make<cobatch_reply>(cobatch_list_tasks, place, nullptr).get(), cobatch_reply_next_task, name);
  session_ends(place);
  turn_ends(place);
  make<cobatch_reply>(cobatch_overview, place);
  make<cobatch_reply>(cobatch_lock_status, place);
}

}  // namespace

TEST_CASE(
    "many threads assign, read, wait, follow and interrupt in one handle while an engine runs, and nothing is lost") {
  const scratch_workspace place;
  host works([](const cobatch_turn_request&, cobatch_turn* turn) {
    must(cobatch_turn_progress, turn, cobatch_str("at it"));
    return complete(turn).status;
  });
  const auto agent = works.agent();
  const run_with with(agent);
  must(
      cobatch_set_log, place.handle.get(), [](void*, std::int32_t, cobatch_text) {}, nullptr, nullptr);
  const auto engine = make<cobatch_engine>(cobatch_engine_start, place.handle.get(), &with.options);

  in_threads([&](int number) {
    const auto feed = make<cobatch_events>(cobatch_events_open, place.handle.get(), nullptr);
    for (int round = 0; round < rounds; ++round) {
      const std::string id = std::to_string(number) + "." + std::to_string(round);
      assign_all(place, {id}, id);
      if (number % 4 == 0) read_everything(place);
      if (number % 4 == 1) cobatch_interrupt(place);
      auto event = fresh<cobatch_event_info>();
      const auto came = call(cobatch_events_wait, feed.get(), std::int64_t{-1}, &event);
      CHECK((came == COBATCH_OK || came == COBATCH_E_INTERRUPTED));
      // Whoever is interrupted waits again.
      while (call(cobatch_wait, place.handle.get(), text(id), std::int64_t{-1}, nullptr) == COBATCH_E_INTERRUPTED)
        continue;
      CHECK(task_of(place, id)->state == COBATCH_TASK_DONE);
    }
  });
  auto report = fresh<cobatch_run_report>();
  must(cobatch_engine_stop, engine.get(), 0, &report);
  CHECK(report.turns == threads * rounds);
}

TEST_CASE("of many threads that begin a session, or run, one at a time does") {
  const scratch_workspace place;
  list ids;
  for (int i = 0; i < threads; ++i) ids.push_back(std::to_string(i));
  for (const auto& id : ids) assign_all(place, {id}, id);
  std::atomic<int> at_once = 0, begun = 0;
  host works([&](const cobatch_turn_request&, cobatch_turn* turn) {
    CHECK(++at_once == 1);
    --at_once;
    return complete(turn).status;
  });
  const auto agent = works.agent();
  in_threads([&](int number) {
    if (number % 2 == 0) {
      run_all(place, agent);
      return;
    }
    cobatch_session* session = nullptr;
    const auto came = call(cobatch_session_begin, place.handle.get(), nullptr, &session);
    if (!(came == COBATCH_OK)) return;
    CHECK(++at_once == 1);
    ++begun;
    --at_once;
    cobatch_session_free(session);
  });
  run_all(place, agent);
  for (const auto& id : ids) CHECK(task_of(place, id)->state == COBATCH_TASK_DONE);
  CHECK(session_ends(place).size() == static_cast<std::size_t>(threads + begun));
}

TEST_CASE("one error may be read by many threads") {
  cobatch_error* err = nullptr;
  REQUIRE(cobatch_open(nullptr, nullptr, &err) == COBATCH_E_BAD_VALUE);
  const std::string message = copy_of(cobatch_error_message(err));
  in_threads([&](int) {
    CHECK(cobatch_error_status(err) == COBATCH_E_BAD_VALUE);
    CHECK(copy_of(cobatch_error_message(err)) == message);
  });
  cobatch_error_free(err);
}
