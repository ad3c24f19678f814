#include <atomic>
#include <poll.h>
#include <thread>

#include <cobatch/events.hpp>

#include "store/store.hpp"
#include "unit/engine/fixture.hpp"

using namespace cobatch;
using namespace cobatch_test;

namespace {

constexpr auto never = std::chrono::steady_clock::time_point::max();
constexpr event_position beginning{};

event_feed follow(workspace& place, std::optional<event_position> after) {
  auto feed = event_feed::open(place, after);
  REQUIRE_MESSAGE(feed, feed.error().message);
  return std::move(*feed);
}

std::string name_of(const turn_record& turn) {
  return std::to_string(turn.session.value) + "." + std::to_string(turn.turn.value) + " " + turn.task.str();
}

std::string text_of(const event& e) {
  switch (e.what) {
    case event::kind::changed: return "changed";
    case event::kind::session_started: return "session " + std::to_string(e.session->id.value);
    case event::kind::turn_started: return "turn " + name_of(*e.turn);
    case event::kind::progress: return "progress " + name_of(*e.turn) + " " + e.text;
    case event::kind::turn_ended:
      return "turn " + name_of(*e.turn) + " " + std::string(name_of(*e.turn->end)) + ", task " +
             std::string(name_of(e.task->state));
    case event::kind::session_ended:
      return "session " + std::to_string(e.session->id.value) + " " + std::string(name_of(*e.session->end));
    case event::kind::recovered: return "recovered " + std::to_string(e.session->id.value);
    case event::kind::waiting: return "waiting " + e.text;
    case event::kind::trouble: return "trouble " + e.text;
    case event::kind::dropped: return "dropped " + std::to_string(e.count);
    case event::kind::agent_known: return "agent " + e.session->about.version;
    case event::kind::tool: return "tool " + e.text;
    case event::kind::notice: return "notice " + e.text;
    case event::kind::paused: return "paused " + e.session->pause->reason;
    case event::kind::prompt: return "prompt " + e.text;
    case event::kind::resumed: return "resumed " + std::to_string(e.session->id.value);
  }
  return {};
}

std::optional<event> next(event_feed& feed) {
  auto found = feed.next();
  REQUIRE_MESSAGE(found, found.error().message);
  return std::move(*found);
}

// All that waits, but for `changed`.
std::vector<event> take_all(event_feed& feed) {
  std::vector<event> all;
  while (auto e = next(feed))
    if (e->what != event::kind::changed) all.push_back(std::move(*e));
  return all;
}

list texts(const std::vector<event>& events) {
  list out;
  for (const auto& e : events) out.push_back(text_of(e));
  return out;
}

list drain(event_feed& feed) { return texts(take_all(feed)); }

// Waits for events until one is `last`; all of them, but for `changed`.
list until(event_feed& feed, const std::string& last) {
  list out;
  while (out.empty() || out.back() != last) {
    const auto e = feed.wait(never);
    REQUIRE_MESSAGE(e, e.error().message);
    REQUIRE(*e);
    if ((*e)->what != event::kind::changed) out.push_back(text_of(**e));
  }
  return out;
}

// `patience` in milliseconds; -1 is without end.
bool readable(const event_feed& feed, int patience = 0) {
  pollfd polled{feed.descriptor(), POLLIN, 0};
  return ::poll(&polled, 1, patience) == 1;
}

// A session as some engine claims it, with an epoch above `above`.
epoch claimed(workspace& place, std::int64_t above = 0) {
  claim_request request;
  request.nonce = "nonce " + std::to_string(above);
  request.serves = {{"function"}, "function"};
  request.above = {above};
  const auto out = place.storage().claim(request);
  REQUIRE(out);
  REQUIRE(out->what == claim_outcome::kind::claimed);
  return out->session.id;
}

turn_record begun_turn(workspace& place, epoch session, std::int64_t turn) {
  begin_request request;
  request.session = session;
  request.ordinal = turn;
  const auto out = place.storage().begin_turn(request);
  REQUIRE(out);
  REQUIRE(out->what == begin_outcome::kind::begun);
  return out->turn;
}

void settle(workspace& place, epoch session, std::int64_t turn) {
  REQUIRE(place.storage().settle_turn(session, turn_no{turn}, done()));
}

void end(workspace& place, epoch session, session_end why = session_end::finished) {
  REQUIRE(place.storage().end_session(session, why, {}));
}

void progress(event_feed& feed, const turn_record& turn, std::string_view line) {
  feed.tell({.what = event::kind::progress, .turn = turn, .text = std::string(line)});
}

const list two_tasks{
    "session 1",         "turn 1.1 a", "turn 1.1 a done, task done", "turn 1.2 b", "turn 1.2 b done, task done",
    "session 1 finished"};

}  // namespace

TEST_CASE("an engine elsewhere is followed from its first session to its last, in order") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  auto elsewhere = open_workspace(folder.path());
  auto feed = follow(place, std::nullopt);
  std::jthread engine([&] {
    assign_all(elsewhere, {"a", "b"}, "b1");
    auto works = agent_that_does_all();
    run_until_idle(elsewhere, options_with(works));
    assign_all(elsewhere, {"c"}, "b2");
    works = agent_that([](const turn_request&, const std::stop_token&) {
      return turn_report{{.end = turn_end::error}, true};
    });
    run_until_idle(elsewhere, options_with(works));
  });
  CHECK(until(feed, "session 1 finished") == two_tasks);
  CHECK(until(feed, "session 2 finished") ==
        list{"session 2", "turn 2.1 c", "turn 2.1 c error, task error", "session 2 finished"});
}

TEST_CASE("events carry the records as they are") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a"}, "b1");
  run_until_idle(place, options_with(agent_that_does_all()));
  auto feed = follow(place, beginning);
  const auto all = take_all(feed);
  REQUIRE(all.size() == 4);
  CHECK(all[0].session == place.sessions({})->front());
  CHECK(all[1].turn == place.turns({})->front());
  CHECK(all[1].task == task_of(place, "a"));
  CHECK(all[2].turn == place.turns({})->front());
  CHECK(all[3].session == place.sessions({})->front());
}

TEST_CASE("a feed that is opened at the position of any event goes on with the next one") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a", "b", "c", "d"}, "b1");
  auto options = options_with(agent_that_does_all());
  options.max_tasks_per_session = 2;
  run_until_idle(place, options);
  assign_all(place, {"e"}, "b2");
  end(place, claimed(place, 10), session_end::not_started);
  begun_turn(place, claimed(place, 20), 1);
  auto feed = follow(place, beginning);
  const auto all = take_all(feed);
  const list expected = texts(all);
  REQUIRE(expected.size() == 16);
  CHECK(expected.back() == "turn 21.1 e");
  CHECK(feed.position() == all.back().position);
  for (std::size_t i = 0; i < all.size(); ++i) {
    INFO("after: " << expected[i]);
    auto again = follow(place, all[i].position);
    CHECK(again.position() == all[i].position);
    CHECK(drain(again) == list(expected.begin() + static_cast<std::ptrdiff_t>(i) + 1, expected.end()));
  }
  // Before a session's first event, and behind the last one of all.
  auto from_session = follow(place, event_position{epoch{11}, 0});
  CHECK(drain(from_session).front() == "session 11");
  settle(place, epoch{21}, 1);
  end(place, epoch{21});
  CHECK(drain(feed) == list{"turn 21.1 e done, task done", "session 21 finished"});
  auto at_end = follow(place, feed.position());
  CHECK(drain(at_end).empty());
}

TEST_CASE("a feed from now on tells only what begins or ends from then on") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  auto at_first = follow(place, std::nullopt);
  assign_all(place, {"a", "b"}, "b1");
  const epoch session = claimed(place);
  begun_turn(place, session, 1);
  auto in_turn = follow(place, std::nullopt);
  settle(place, session, 1);
  auto between = follow(place, std::nullopt);
  begun_turn(place, session, 2);
  settle(place, session, 2);
  end(place, session);
  auto after = follow(place, std::nullopt);
  CHECK(drain(at_first) == two_tasks);
  CHECK(drain(in_turn) == list(two_tasks.begin() + 2, two_tasks.end()));
  CHECK(drain(between) == list(two_tasks.begin() + 3, two_tasks.end()));
  CHECK(drain(after).empty());
  CHECK(after.position() == at_first.position());
}

TEST_CASE("a position of another store is refused and explained") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a"}, "b1");
  const epoch session = claimed(place);
  CHECK(event_feed::open(place, event_position{session, 0}));
  for (const event_position strange : {event_position{{session.value + 1}, 1}, event_position{session, -1}}) {
    const auto refused = event_feed::open(place, strange);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == errc::bad_value);
    CHECK(refused.error().message.find("latest session is 1") != std::string::npos);
  }
}

TEST_CASE("news comes in rounds: changed once and first, then what the change brought") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  auto feed = follow(place, std::nullopt);
  CHECK(text_of(*next(feed)) == "changed");
  CHECK_FALSE(next(feed));
  assign(place, "a", "b1", false);
  assign(place, "b", "b1", true);
  CHECK(text_of(*next(feed)) == "changed");
  CHECK_FALSE(next(feed));
  const epoch session = claimed(place);
  begun_turn(place, session, 1);
  CHECK(text_of(*next(feed)) == "changed");
  CHECK(text_of(*next(feed)) == "session 1");
  settle(place, session, 1);  // in the midst of a round, which goes on
  CHECK(text_of(*next(feed)) == "turn 1.1 a");
  CHECK(text_of(*next(feed)) == "turn 1.1 a done, task done");
  CHECK(text_of(*next(feed)) == "changed");
  CHECK_FALSE(next(feed));
  REQUIRE(place.cancel(task_id("b")));
  CHECK(text_of(*next(feed)) == "changed");
  CHECK_FALSE(next(feed));
}

TEST_CASE("the descriptor is readable from a change by anybody until no event is left") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  auto elsewhere = open_workspace(folder.path());
  auto feed = follow(place, std::nullopt);
  const auto drained_readable = [&] {
    while (true) {
      CHECK(readable(feed));
      if (!next(feed)) break;
    }
  };
  CHECK(readable(feed));
  drained_readable();
  CHECK_FALSE(readable(feed));
  assign_all(elsewhere, {"a"}, "b1");
  CHECK(readable(feed, -1));
  drained_readable();
  CHECK_FALSE(readable(feed));
  const epoch session = claimed(elsewhere);
  begun_turn(elsewhere, session, 1);
  CHECK(readable(feed, -1));
  drained_readable();
}

TEST_CASE("what an engine tells makes the descriptor readable") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  auto feed = follow(place, std::nullopt);
  CHECK(drain(feed).empty());
  REQUIRE_FALSE(readable(feed));
  feed.tell({.what = event::kind::waiting, .text = "for another session"});
  CHECK(readable(feed));
  CHECK(drain(feed) == list{"waiting for another session"});
  CHECK_FALSE(readable(feed));
  feed.tell({.what = event::kind::turn_ended});
  CHECK(drain(feed).empty());
}

TEST_CASE("news that comes just when a feed is found empty is not left lying") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  auto feed = follow(place, std::nullopt);
  constexpr int rounds = 20'000;
  std::atomic<int> seen = 0;
  std::jthread teller([&] {
    for (int i = 0; i < rounds; ++i) {
      feed.tell({.what = event::kind::waiting, .text = "here"});
      seen.wait(i);
    }
  });
  while (seen < rounds) {
    const auto e = feed.wait(never).value();
    REQUIRE(e);
    if (e->what != event::kind::waiting) continue;
    ++seen;
    seen.notify_one();
  }
  CHECK_FALSE(next(feed));
}

TEST_CASE("wait answers nothing at its deadline and when it is asked to stop") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  auto feed = follow(place, std::nullopt);
  drain(feed);
  CHECK_FALSE(feed.wait(std::chrono::steady_clock::now()).value());
  CHECK_FALSE(feed.wait(std::chrono::steady_clock::now() + std::chrono::milliseconds{5}).value());
  std::jthread waiter([&](const std::stop_token& stop) { CHECK_FALSE(feed.wait(never, stop).value()); });
  waiter.request_stop();
  waiter.join();
  assign_all(place, {"a"}, "b1");
  CHECK(text_of(*feed.wait(never).value()) == "changed");
}

TEST_CASE("progress is told between start and end of its turn, however late it is fetched") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  auto feed = follow(place, std::nullopt);
  assign_all(place, {"a", "b"}, "b1");
  auto options = options_with(agent_that_does_all());
  options.on_event = [&](const event& e) {
    feed.tell(e);
    if (e.what == event::kind::turn_started)
      for (const char* line : {"one", "two"})
        feed.tell({.what = event::kind::progress, .session = e.session, .turn = e.turn, .task = e.task, .text = line});
  };
  run_until_idle(place, options);
  CHECK(drain(feed) == list{"session 1", "turn 1.1 a", "progress 1.1 a one", "progress 1.1 a two",
                            "turn 1.1 a done, task done", "turn 1.2 b", "progress 1.2 b one", "progress 1.2 b two",
                            "turn 1.2 b done, task done", "session 1 finished"});
}

TEST_CASE("progress is told between start and end of its turn while the engine runs") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  auto feed = follow(place, std::nullopt);
  list tasks, expected{"session 1"};
  for (int i = 1; i <= 100; ++i) {
    tasks.push_back("t" + std::to_string(i));
    const std::string turn = " 1." + std::to_string(i) + " " + tasks.back();
    expected.insert(expected.end(), {"turn" + turn, "progress" + turn + " line", "turn" + turn + " done, task done"});
  }
  expected.emplace_back("session 1 finished");
  std::jthread engine([&] {
    assign_all(place, tasks, "b1");
    auto options = options_with(agent_that_does_all());
    options.max_tasks_per_session = 1000;
    options.on_event = [&](const event& e) {
      feed.tell(e);
      if (e.what == event::kind::turn_started) progress(feed, *e.turn, "line");
    };
    run_until_idle(place, options);
  });
  CHECK(until(feed, "session 1 finished") == expected);
}

TEST_CASE("the recovery of a dead session is told as the end of its turn and of the session") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  auto feed = follow(place, std::nullopt);
  assign_all(place, {"a"}, "b1");
  const epoch session = claimed(place);
  begun_turn(place, session, 1);
  CHECK(drain(feed) == list{"session 1", "turn 1.1 a"});
  SUBCASE("whose turn was found to have ended") {
    recover_request request;
    request.session = session;
    request.finished_turn = turn_no{1};
    request.what = done();
    REQUIRE(place.storage().recover(request));
    CHECK(drain(feed) == list{"turn 1.1 a done, task done", "session 1 crashed"});
  }
  SUBCASE("whose turn was interrupted, by the engine that goes on") {
    auto options = options_with(agent_that_does_all());
    options.on_event = [&](const event& e) { feed.tell(e); };
    run_until_idle(place, options);
    CHECK(drain(feed) == list{"recovered 1", "turn 1.1 a interrupted, task done", "session 1 crashed", "session 2",
                              "turn 2.1 a", "turn 2.1 a done, task done", "session 2 finished"});
  }
}

TEST_CASE("a flood of progress is bounded: the oldest lines go, and it is said how many") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  auto feed = follow(place, std::nullopt);
  assign_all(place, {"a"}, "b1");
  const turn_record turn = begun_turn(place, claimed(place), 1);
  constexpr std::int64_t told = 40;
  const std::string line(std::size_t{1} << 20, 'x');
  feed.tell({.what = event::kind::trouble, .text = "kept"});
  for (std::int64_t i = 0; i < told; ++i) progress(feed, turn, std::to_string(i) + line);
  const auto all = take_all(feed);
  REQUIRE(all.size() > 4);
  CHECK(all[0].what == event::kind::dropped);
  CHECK(text_of(all[1]) == "trouble kept");
  CHECK(text_of(all[2]) == "session 1");
  CHECK(text_of(all[3]) == "turn 1.1 a");
  const auto kept = static_cast<std::int64_t>(all.size()) - 4;
  CHECK(all[0].count + kept == told);
  CHECK(kept <= 16);
  for (std::int64_t i = 0; i < kept; ++i)
    CHECK(all[static_cast<std::size_t>(i) + 4].text == std::to_string(told - kept + i) + line);
  CHECK(drain(feed).empty());
}
