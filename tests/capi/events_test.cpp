#include <algorithm>
#include <atomic>
#include <poll.h>
#include <thread>

#include "capi/host.hpp"

using namespace cobatch_test;

namespace {

struct seen {
  std::string name;
  std::int64_t session = 0, step = 0;  // where to go on
};

std::string name_of(const cobatch_event_info& event) {
  const std::string turn = std::to_string(event.session) + "." + std::to_string(event.turn) + " " + copy_of(event.task);
  switch (event.kind) {
    case COBATCH_EVENT_SESSION_STARTED: return "session " + std::to_string(event.session);
    case COBATCH_EVENT_TURN_STARTED: return "turn " + turn;
    case COBATCH_EVENT_TURN_ENDED: return "turn " + turn + " ended " + std::to_string(event.turn_end);
    case COBATCH_EVENT_SESSION_ENDED:
      return "session " + std::to_string(event.session) + " ended " + std::to_string(event.session_end);
    case COBATCH_EVENT_CHANGED: return "changed";
    case COBATCH_EVENT_PROGRESS: return "progress " + turn + ": " + copy_of(event.text);
    default: return "event " + std::to_string(event.kind) + " " + copy_of(event.text);
  }
}

owned<cobatch_events> follow(cobatch_workspace* place) {
  return make<cobatch_events>(cobatch_events_open, place, nullptr);
}

answer follow_after(cobatch_workspace* place, std::int64_t session, std::int64_t step, owned<cobatch_events>& feed) {
  auto options = fresh<cobatch_events_options>();
  options.flags = COBATCH_EVENTS_RESUME;
  options.resume_session = session;
  options.resume_step = step;
  cobatch_events* made = nullptr;
  const auto came = call(cobatch_events_open, place, &options, &made);
  feed.reset(made);
  return came;
}

// All that wait, but for "changed".
std::vector<seen> all_of(const owned<cobatch_events>& feed) {
  std::vector<seen> all;
  for (auto event = fresh<cobatch_event_info>();;) {
    const auto came = call(cobatch_events_next, feed.get(), &event);
    if (came == COBATCH_E_END) return all;
    REQUIRE(came == COBATCH_OK);
    if (event.kind != COBATCH_EVENT_CHANGED) all.push_back({name_of(event), event.resume_session, event.resume_step});
  }
}

list names(const std::vector<seen>& events) {
  list out;
  for (const auto& event : events) out.push_back(event.name);
  return out;
}

// Waits for events until one has that name.
list until(const owned<cobatch_events>& feed, const std::string& last) {
  list out;
  auto event = fresh<cobatch_event_info>();
  while (out.empty() || out.back() != last) {
    must(cobatch_events_wait, feed.get(), std::int64_t{-1}, &event);
    if (event.kind != COBATCH_EVENT_CHANGED) out.push_back(name_of(event));
  }
  return out;
}

// `patience` in milliseconds, -1: without end.
bool readable(const owned<cobatch_events>& feed, int patience) {
  pollfd polled{cobatch_events_fd(feed.get()), POLLIN, 0};
  return ::poll(&polled, 1, patience) == 1;
}

const list two_tasks{"session 1",  "turn 1.1 a",         "turn 1.1 a ended 1",
                     "turn 1.2 b", "turn 1.2 b ended 1", "session 1 ended 1"};

}  // namespace

TEST_CASE("what happens is told in order, each once, to everybody who follows, in whatever handle") {
  const scratch_workspace place;
  const auto elsewhere = open_workspace(place.folder.path());
  const auto here = follow(place), here_too = follow(place), there = follow(elsewhere.get());
  assign_all(place, {"a", "b"}, "b1");
  host works([](const cobatch_turn_request&, cobatch_turn* turn) {
    must(cobatch_turn_progress, turn, cobatch_str("at it"));
    return complete(turn).status;
  });
  run_all(place, works.agent());
  const list with_progress{"session 1",          "turn 1.1 a",       "progress 1.1 a: at it",
                           "turn 1.1 a ended 1", "turn 1.2 b",       "progress 1.2 b: at it",
                           "turn 1.2 b ended 1", "session 1 ended 1"};
  CHECK(names(all_of(here)) == with_progress);
  CHECK(names(all_of(here_too)) == with_progress);
  // What only an engine knows is told to the feeds of its own handle.
  CHECK(until(there, "session 1 ended 1") == two_tasks);
}

TEST_CASE("events say what they are about") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  const auto feed = follow(place);
  host works([](const cobatch_turn_request&, cobatch_turn* turn) {
    const cobatch_model_tokens models[]{{cobatch_str("m"), {1, 0, 0, 0, 5, 0}}};
    cobatch_usage usage = COBATCH_USAGE_INIT;
    usage.models = models;
    usage.model_count = 1;
    return complete(turn, COBATCH_TURN_ERROR, "no", &usage).status;
  });
  run_all(place, works.agent());
  auto event = fresh<cobatch_event_info>();
  const auto next_of_kind = [&](std::int32_t kind) {
    do must(cobatch_events_next, feed.get(), &event);
    while (event.kind != kind);
  };
  next_of_kind(COBATCH_EVENT_CHANGED);
  CHECK(copy_of(event.batch).empty());
  CHECK(copy_of(event.task).empty());
  CHECK(copy_of(event.text).empty());
  CHECK(event.at == COBATCH_NO_TIME);
  CHECK(event.usage == nullptr);
  next_of_kind(COBATCH_EVENT_SESSION_STARTED);
  CHECK(copy_of(event.batch) == "b1");
  CHECK(copy_of(event.agent) == "host");
  CHECK(event.session == 1);
  CHECK(event.turn == 0);
  CHECK(event.at > 0);
  next_of_kind(COBATCH_EVENT_TURN_STARTED);
  CHECK(copy_of(event.task) == "a");
  CHECK(event.turn == 1);
  CHECK(event.at > 0);
  CHECK(event.usage == nullptr);
  next_of_kind(COBATCH_EVENT_TURN_ENDED);
  CHECK(event.turn_end == COBATCH_TURN_ERROR);
  CHECK(event.task_state == COBATCH_TASK_ERROR);
  REQUIRE(event.usage != nullptr);
  CHECK(event.usage->total.output == 5);
  CHECK(copy_of(event.usage->models[0].model) == "m");
  next_of_kind(COBATCH_EVENT_SESSION_ENDED);
  CHECK(event.session_end == COBATCH_SESSION_FINISHED);
  CHECK(copy_of(event.batch) == "b1");
  CHECK(event.usage == nullptr);
}

TEST_CASE("a feed that is opened at the place of an event goes on with the next, after any restart") {
  scratch_workspace place;
  assign_all(place, {"a", "b"}, "b1");
  host works;
  run_all(place, works.agent());
  place.handle = open_workspace(place.folder.path());
  owned<cobatch_events> feed;
  CHECK(follow_after(place, 0, 0, feed) == COBATCH_OK);
  const auto all = all_of(feed);
  REQUIRE(names(all) == two_tasks);
  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK(follow_after(place, all[i].session, all[i].step, feed) == COBATCH_OK);
    CHECK(names(all_of(feed)) == list(two_tasks.begin() + static_cast<std::ptrdiff_t>(i) + 1, two_tasks.end()));
  }
  CHECK(names(all_of(follow(place))).empty());
}

TEST_CASE("a place that the workspace has not come to is refused") {
  const scratch_workspace place;
  owned<cobatch_events> feed;
  for (const auto& [session, step] : std::initializer_list<std::pair<std::int64_t, std::int64_t>>{
           {1, 1}, {INT64_MAX, INT64_MAX}, {0, -1}, {0, INT64_MIN}})
    CHECK(follow_after(place, session, step, feed) == COBATCH_E_BAD_VALUE);
  auto options = fresh<cobatch_events_options>();
  options.flags = 2;
  cobatch_events* made = nullptr;
  CHECK(call(cobatch_events_open, place.handle.get(), &options, &made) == COBATCH_E_BAD_VALUE);
}

TEST_CASE("the first event is that something changed, and nothing waits behind it until something does") {
  const scratch_workspace place;
  const auto feed = follow(place);
  auto event = fresh<cobatch_event_info>();
  for (int i = 0; i < 2; ++i) {
    must(cobatch_events_wait, feed.get(), std::int64_t{-1}, &event);
    CHECK(event.kind == COBATCH_EVENT_CHANGED);
    CHECK(call(cobatch_events_next, feed.get(), &event) == COBATCH_E_END);
    assign(place, std::to_string(i), "b1", COBATCH_ASSIGN_KEEP_OPEN);
  }
}

TEST_CASE("the descriptor is readable while events wait, and not when the last was taken") {
  const scratch_workspace place;
  const auto elsewhere = open_workspace(place.folder.path());
  const auto feed = follow(place);
  const auto drain = [&] {
    auto event = fresh<cobatch_event_info>();
    for (bool more = true; more;) {
      CHECK(readable(feed, 0));
      more = call(cobatch_events_next, feed.get(), &event) == COBATCH_OK;
    }
    CHECK_FALSE(readable(feed, 0));
  };
  drain();
  assign(elsewhere.get(), "a", "b1", COBATCH_ASSIGN_KEEP_OPEN);
  CHECK(readable(feed, -1));
  drain();
  CHECK((::fcntl(cobatch_events_fd(feed.get()), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("a wait ends at its time limit, or when it is interrupted") {
  const scratch_workspace place;
  const auto feed = follow(place);
  all_of(feed);
  auto event = fresh<cobatch_event_info>();
  const auto wait = [&](std::int64_t timeout_ms) { return call(cobatch_events_wait, feed.get(), timeout_ms, &event); };
  CHECK(wait(0) == COBATCH_E_TIMED_OUT);
  CHECK(wait(1) == COBATCH_E_TIMED_OUT);
  for (const std::int64_t for_ever : {std::int64_t{-1}, INT64_MIN, INT64_MAX}) {
    std::atomic<bool> waited = false;
    std::thread interrupter([&] {
      while (!waited) cobatch_interrupt(place);
    });
    CHECK(wait(for_ever) == COBATCH_E_INTERRUPTED);
    waited = true;
    interrupter.join();
  }
  assign(place, "a", "b1");
  CHECK(wait(-1) == COBATCH_OK);
}

TEST_CASE("progress that nobody reads is dropped from the oldest on, and it is said how much") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  const auto feed = follow(place);
  constexpr int told = 400;
  host works([](const cobatch_turn_request&, cobatch_turn* turn) {
    const std::string line(64 * 1024, 'x');
    for (int i = 0; i < told; ++i) must(cobatch_turn_progress, turn, text(line));
    return complete(turn).status;
  });
  run_all(place, works.agent());
  int kept = 0;
  std::int64_t dropped = 0;
  for (auto event = fresh<cobatch_event_info>(); call(cobatch_events_next, feed.get(), &event) == COBATCH_OK;) {
    if (event.kind == COBATCH_EVENT_PROGRESS) ++kept;
    if (event.kind == COBATCH_EVENT_DROPPED) dropped += event.count;
  }
  CHECK(dropped > 0);
  CHECK(kept > 0);
  CHECK(kept + dropped == told);
}

TEST_CASE("a run that has to wait for a lock file to go says so to its handle's feeds") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  const auto feed = follow(place);
  host works;
  const auto agent = works.agent();
  std::ofstream(place.data() / "execute_queue.lock") << "somebody's";
  std::thread runs([&] { run_all(place, agent); });
  auto event = fresh<cobatch_event_info>();
  do must(cobatch_events_wait, feed.get(), std::int64_t{-1}, &event);
  while (event.kind != COBATCH_EVENT_WAITING);
  CHECK(copy_of(event.text).find("unlock") != std::string::npos);
  std::filesystem::remove(place.data() / "execute_queue.lock");
  runs.join();
}

TEST_CASE("a run that settles a session that had crashed says so to its handle's feeds") {
  const scratch_folder folder;
  const std::string died = in_child([&]() -> std::string {
    const auto own = open_workspace(folder.path());
    assign_all(own.get(), {"a"}, "b1");
    const auto session = make<cobatch_session>(cobatch_session_begin, own.get(), nullptr);
    auto request = fresh<cobatch_turn_request>();
    must(cobatch_session_next, session.get(), &request);
    ::_exit(17);
  });
  REQUIRE(died == " (exit 17)");
  const auto place = open_workspace(folder.path());
  const auto feed = follow(place.get());
  host works;
  run_all(place.get(), works.agent());
  const auto told = names(all_of(feed));
  const auto recovered = "event " + std::to_string(COBATCH_EVENT_RECOVERED);
  CHECK(std::count_if(told.begin(), told.end(), [&](const auto& t) { return t.find(recovered) == 0; }) == 1);
}

TEST_CASE("feeds may be opened and closed while an engine tells them") {
  const scratch_workspace place;
  host works([](const cobatch_turn_request&, cobatch_turn* turn) {
    for (int i = 0; i < 100; ++i) must(cobatch_turn_progress, turn, cobatch_str("at it"));
    return complete(turn).status;
  });
  const auto agent = works.agent();
  const run_with with(agent);
  const auto stays = follow(place);
  const auto engine = make<cobatch_engine>(cobatch_engine_start, place.handle.get(), &with.options);
  list ids;
  for (int i = 0; i < 10; ++i) ids.push_back(std::to_string(i));
  assign_all(place, ids, "b1");
  while (batch_of(place, "b1")->state != COBATCH_BATCH_FINISHED) {
    const auto goes = follow(place);
    auto event = fresh<cobatch_event_info>();
    must(cobatch_events_wait, goes.get(), std::int64_t{-1}, &event);
  }
  must(cobatch_engine_stop, engine.get(), 0, nullptr);
  const auto told = names(all_of(stays));
  CHECK(std::count_if(told.begin(), told.end(), [](const auto& t) { return t.find("progress") == 0; }) == 1000);
}
