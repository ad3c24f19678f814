#include <future>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <cobatch/host_session.hpp>

#include "store/store.hpp"
#include "unit/engine/fixture.hpp"

using namespace cobatch;
using namespace cobatch_test;

namespace {

using steady = std::chrono::steady_clock;
using begun = host_begin_outcome::kind;

// A failsafe only: nothing here takes as long.
steady::time_point failsafe() { return steady::now() + std::chrono::seconds{100}; }

host_begin_outcome begin(workspace& place, const host_session_options& options = {}) {
  auto outcome = host_session::begin(place, options);
  REQUIRE_MESSAGE(outcome, outcome.error().message);
  return std::move(*outcome);
}

host_session started(workspace& place, const host_session_options& options = {}) {
  auto outcome = begin(place, options);
  REQUIRE(outcome.what == begun::started);
  REQUIRE(outcome.session);
  return std::move(*outcome.session);
}

turn_request next_task(host_session& session) {
  auto turn = session.next();
  REQUIRE_MESSAGE(turn, turn.error().message);
  REQUIRE(*turn);
  return std::move((*turn)->request);
}

settle_outcome complete(host_session& session, turn_no turn, const settlement& what = done()) {
  auto settled = session.complete(turn, what);
  REQUIRE_MESSAGE(settled, settled.error().message);
  return std::move(*settled);
}

settlement done_with(std::int64_t output_tokens) {
  settlement what = done();
  what.used = usage{{{"m", tokens{5, 0, 0, 0, output_tokens, 0}}}, usage_source::reported, true};
  return what;
}

session_record session_of(workspace& place, epoch id) {
  const auto found = place.storage().find_session(id);
  REQUIRE(found);
  REQUIRE(*found);
  return **found;
}

// Waits for the watchdog's work.
session_record wait_for_end(workspace& place, epoch id) {
  const auto deadline = failsafe();
  auto seen = place.storage().version();
  for (;;) {
    auto session = session_of(place, id);
    if (session.phase == session_phase::ended) return session;
    REQUIRE(steady::now() < deadline);
    seen = place.storage().wait_for_change(seen, deadline, {});
  }
}

turn_record turn_of(workspace& place, const turn_request& asked) {
  const auto turns = place.turns({.session = asked.session});
  REQUIRE(turns);
  for (const auto& turn : *turns)
    if (turn.turn == asked.turn) return turn;
  FAIL("no such turn");
  return {};
}

bool marker_there(const workspace& place) { return std::filesystem::exists(place.paths().marker); }

void assign_for(workspace& place, const std::string& id, const std::string& batch, const std::string& agent) {
  assign_request request;
  request.batch = batch_id(batch);
  request.tasks = {spec(id)};
  request.agent = agent;
  REQUIRE(place.assign(request));
}

// The exit code of what ran in a process of its own.
int in_child(const std::function<void()>& body) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    body();
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("a host runs the guide's three tasks in one session, in order, and their results and cost are kept") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign(place, "a", "b1", false);
  assign(place, "b", "b1", false);
  assign(place, "c", "b1", true);
  auto session = started(place);
  for (const std::string id : {"a", "b", "c"}) {
    const auto asked = next_task(session);
    CHECK(asked.task.str() == id);
    CHECK(asked.batch == batch_id("b1"));
    CHECK(asked.attempt == 1);
    CHECK(asked.description == "do " + id);
    CHECK(asked.prompt.find("do " + id) != std::string::npos);
    CHECK(content_of(place.paths().marker).find("\"batch_id\":\"b1\"") != std::string::npos);
    CHECK(complete(session, asked.turn, done_with(7)).task.state == task_state::done);
  }
  CHECK_FALSE(*session.next());
  CHECK(batch_of(place, "b1").state == batch_state::ending);
  const auto ended = session.end();
  REQUIRE(ended);
  CHECK(ended->end == session_end::finished);
  CHECK(ended->agent == "callback");
  CHECK(ended->turns_settled == 3);
  CHECK_FALSE(marker_there(place));
  CHECK_FALSE(place.lock()->guard_busy);
  CHECK(batch_of(place, "b1").state == batch_state::finished);
  CHECK(place.task(task_id("b"))->result->what.output == "ok");
  CHECK(place.task(task_id("a"))->result->loaded_context);
  CHECK_FALSE(place.task(task_id("b"))->result->loaded_context);
  CHECK(place.savings(batch_id("b1"))->accounts.total.used.output == 21);
}

TEST_CASE("the host's session is finished when no task is left, whether or not the host asked") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a"}, "b1");
  auto session = started(place);
  complete(session, next_task(session).turn);
  CHECK(session.end()->end == session_end::finished);

  const auto late = assign(place, "b", "b1", false);
  CHECK(late.outcome.next_round);
  auto second = started(place);
  complete(second, next_task(second).turn);
  CHECK_FALSE(*second.next());
  assign(place, "c", "b1", false);
  CHECK_FALSE(*second.next());
  CHECK(second.end()->end == session_end::finished);
  CHECK(task_of(place, "c").state == task_state::queued);
}

TEST_CASE("nothing begins where no sealed batch waits for the host") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  CHECK(begin(place).what == begun::nothing);
  assign(place, "a", "open", false);
  CHECK(begin(place).what == begun::nothing);
  assign_all(place, {"b"}, "b1");
  CHECK(begin(place, {.only = batch_id("open")}).what == begun::nothing);
  CHECK(begin(place, {.takes_unnamed = false}).what == begun::nothing);
  CHECK_FALSE(marker_there(place));
  CHECK_FALSE(place.lock()->guard_busy);
  CHECK(begin(place, {.only = batch_id("b1")}).what == begun::started);
}

TEST_CASE("a batch that names the host's agent is left alone by an engine of another agent") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_for(place, "a", "b1", "callback");
  const auto works = agent_that_does_all();
  run_until_idle(place, options_with(works));
  CHECK(works->starts == 0);
  CHECK(begin(place, {.agent = "another"}).what == begun::nothing);
  auto session = started(place, {.takes_unnamed = false});
  CHECK(next_task(session).task == task_id("a"));
}

TEST_CASE("options that make no sense are refused before anything is touched") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a"}, "b1");
  using std::chrono::milliseconds;
  const auto refused = [&](const host_session_options& options) {
    const auto outcome = host_session::begin(place, options);
    return outcome ? errc::internal : outcome.error().code;
  };
  CHECK(refused({.agent = ""}) == errc::bad_id);
  CHECK(refused({.agent = "two\nlines"}) == errc::bad_id);
  CHECK(refused({.agent = "\xff"}) == errc::bad_encoding);
  CHECK(refused({.turn_limit = milliseconds{0}}) == errc::bad_value);
  CHECK(refused({.turn_limit = milliseconds::max()}) == errc::bad_value);
  CHECK(refused({.session_limit = milliseconds{-1}}) == errc::bad_value);
  CHECK(refused({.max_tasks_per_session = 0}) == errc::bad_value);
  CHECK(batch_of(place, "b1").state == batch_state::sealed);
}

TEST_CASE("while a host's session lives nobody else begins one, and an engine waits for its end") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  auto elsewhere = open_workspace(folder.path());
  assign_all(place, {"a"}, "b1");
  assign_for(place, "other", "b2", "function");
  auto session = started(place);

  for (workspace* asks : {&place, &elsewhere}) {
    const auto second = begin(*asks);
    CHECK(second.what == begun::busy);
    CHECK(second.advice.find("A session works batch \"b1\"") != std::string::npos);
  }

  std::promise<void> waits;
  const auto works = agent_that_does_all();
  auto options = options_with(works);
  options.on_event = [&](const event& e) {
    if (e.what == event::kind::waiting) waits.set_value();
  };
  std::jthread engine([&] { run_until_idle(elsewhere, options); });
  waits.get_future().wait();
  std::filesystem::remove(place.paths().marker);
  complete(session, next_task(session).turn);
  CHECK(task_of(place, "other").state == task_state::queued);
  REQUIRE(session.end());
  engine.join();
  CHECK(works->asked == std::vector<std::string>{"other"});
}

TEST_CASE("a host finds an engine's session busy") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a"}, "b1");
  const auto works = agent_that([&](const turn_request&, const std::stop_token&) {
    CHECK(begin(place).what == begun::busy);
    return turn_report{done(), true};
  });
  run_until_idle(place, options_with(works));
}

TEST_CASE("a foreign marker is honoured, and the host is told what to do") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  std::ofstream(place.paths().marker) << "somebody's";
  assign_all(place, {"a"}, "b1");
  const auto refused = begin(place);
  CHECK(refused.what == begun::foreign_marker);
  CHECK(refused.advice.find("cobatch unlock") != std::string::npos);
  CHECK(content_of(place.paths().marker) == "somebody's");
  CHECK(batch_of(place, "b1").state == batch_state::sealed);
  REQUIRE(place.unlock(false));
  CHECK(begin(place).what == begun::started);
}

TEST_CASE("the next task is given only when the running turn is completed") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a", "b"}, "b1");
  auto session = started(place, {.max_tasks_per_session = 1});
  const auto asked = next_task(session);
  const auto early = session.next();
  REQUIRE_FALSE(early);
  CHECK(early.error().code == errc::task_in_progress);
  CHECK(early.error().message.find("\"a\"") != std::string::npos);
  complete(session, asked.turn);
  CHECK_FALSE(*session.next());
}

TEST_CASE("the same completion again is answered the same, and another one changes nothing") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a", "b"}, "b1");
  auto session = started(place);
  settlement broke{.end = turn_end::broke, .reason = "lost_connection", .detail = "after 3 s"};
  settlement all = done_with(7);
  all.output_summary = "a line";
  all.actions_taken = R"([ "wrote a file" ])";
  all.errors = R"("none")";

  const auto first = next_task(session).turn;
  CHECK(complete(session, first, broke).task.state == task_state::queued);
  const auto second = next_task(session);
  CHECK(second.task == task_id("a"));
  CHECK(second.attempt == 2);
  CHECK(complete(session, second.turn, all).what == settle_outcome::kind::settled);

  CHECK(complete(session, first, broke).what == settle_outcome::kind::repeated);
  const auto repeated = complete(session, second.turn, all);
  CHECK(repeated.what == settle_outcome::kind::repeated);
  CHECK(repeated.task.state == task_state::done);

  std::vector<settlement> others(5, all);
  others[0].output = "another";
  others[1].output_summary = "another";
  others[2].actions_taken.clear();
  others[3].errors.clear();
  others[4].used.reset();
  others.push_back(broke);
  for (const auto& other : others) {
    const auto refused = session.complete(second.turn, other);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == errc::already_completed);
  }
  CHECK(session.complete(first, all).error().code == errc::already_completed);
  CHECK(session.extend(second.turn, std::chrono::minutes{1}).error().code == errc::already_completed);
  CHECK(place.task(task_id("a"))->result->what.output == "ok");
}

TEST_CASE("a turn that has not begun cannot be completed or extended") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a"}, "b1");
  auto session = started(place);
  const auto asked = next_task(session);
  for (const std::int64_t wrong : {asked.turn.value + 1, std::int64_t{0}, std::int64_t{-1}}) {
    CHECK(session.complete(turn_no{wrong}, done()).error().code == errc::bad_value);
    CHECK(session.extend(turn_no{wrong}, std::chrono::minutes{1}).error().code == errc::bad_value);
  }
  CHECK(task_of(place, "a").state == task_state::in_progress);
}

TEST_CASE("a completion that is not sound is refused, nothing of it is stored, and the turn still runs") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a"}, "b1");
  auto session = started(place);
  const auto turn = next_task(session).turn;
  const auto refused = [&](settlement what) {
    const auto outcome = session.complete(turn, what);
    return outcome ? errc::internal : outcome.error().code;
  };
  CHECK(refused({.end = turn_end::interrupted}) == errc::bad_value);
  CHECK(refused({.end = turn_end::cancelled}) == errc::bad_value);
  CHECK(refused(done_with(-1)) == errc::bad_value);
  CHECK(refused(done_with(max_reported_tokens + 1)) == errc::bad_value);
  CHECK(refused(done("cut \xe2\x82")) == errc::bad_encoding);
  CHECK(refused(done(std::string(max_completion_bytes + 1, 'x'))) == errc::too_large);
  CHECK(refused({.end = turn_end::done, .actions_taken = "{}"}) == errc::bad_json);
  CHECK(refused({.end = turn_end::error, .errors = "plain words"}) == errc::bad_json);
  settlement odd_model = done_with(1);
  odd_model.used->by_model.front().model = "\xff";
  CHECK(refused(odd_model) == errc::bad_encoding);
  CHECK(task_of(place, "a").state == task_state::in_progress);
  CHECK(complete(session, turn, done(std::string(max_completion_bytes, 'x'))).task.state == task_state::done);
}

TEST_CASE("a turn that is not completed in time is timed out, its session ends, and the lock is free") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a"}, "b1");
  auto session = started(place);
  const auto asked = next_task(session);
  REQUIRE(session.extend(asked.turn, std::chrono::milliseconds{1}));
  const auto ended = wait_for_end(place, asked.session);
  CHECK(ended.end == session_end::agent_lost);
  CHECK(ended.end_detail.find("\"a\"") != std::string::npos);
  CHECK(turn_of(place, asked).end == turn_end::timed_out);
  CHECK(task_of(place, "a").state == task_state::queued);
  CHECK(task_of(place, "a").counts == attempt_counts{1, 0});
  CHECK_FALSE(marker_there(place));

  const auto late = session.complete(asked.turn, done());
  REQUIRE_FALSE(late);
  CHECK(late.error().code == errc::stale_session);
  CHECK(late.error().message.find("neither completed nor extended in time") != std::string::npos);
  CHECK(late.error().message.find("task \"a\" is now queued") != std::string::npos);
  CHECK(session.next().error() == late.error());
  CHECK(session.extend(asked.turn, std::chrono::minutes{1}).error() == late.error());
  CHECK(*session.end() == ended);
  CHECK(*session.session() == ended);

  auto again = started(place);
  CHECK(next_task(again).attempt == 2);
}

TEST_CASE("an extension counts from the moment it is asked for") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a"}, "b1");
  auto session = started(place);
  const auto turn = session.next();
  REQUIRE(turn);
  const auto turn_number = (*turn)->request.turn;
  const auto later = session.extend(turn_number, std::chrono::hours{2});
  REQUIRE(later);
  CHECK(*later > (*turn)->deadline);
  const auto sooner = session.extend(turn_number, std::chrono::minutes{10});
  REQUIRE(sooner);
  CHECK(*sooner < (*turn)->deadline);
  CHECK(session.extend(turn_number, std::chrono::milliseconds{0}).error().code == errc::bad_value);
  CHECK(session.extend(turn_number, std::chrono::milliseconds::max()).error().code == errc::bad_value);
}

TEST_CASE("a session whose host asks for nothing ends by itself") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a"}, "b1");
  auto session = started(place, {.turn_limit = std::chrono::milliseconds{1}});
  const auto ended = wait_for_end(place, session.session()->id);
  CHECK(ended.end == session_end::agent_lost);
  const auto late = session.next();
  REQUIRE_FALSE(late);
  CHECK(late.error().code == errc::stale_session);
  CHECK_FALSE(marker_there(place));
  CHECK(task_of(place, "a").state == task_state::queued);
  CHECK(task_of(place, "a").counts == attempt_counts{});
}

TEST_CASE("a host learns that its task was cancelled, and what the turn cost is kept") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a", "b", "c"}, "b1");
  auto session = started(place);
  const auto first = next_task(session);
  REQUIRE(place.cancel(task_id("a")));
  const auto told = session.extend(first.turn, std::chrono::minutes{1});
  REQUIRE_FALSE(told);
  CHECK(told.error().code == errc::task_ended);
  CHECK(complete(session, first.turn, done_with(7)).task.state == task_state::cancelled);
  CHECK_FALSE(place.task(task_id("a"))->result);
  CHECK(turn_of(place, first).used->total().output == 7);

  const auto second = next_task(session);
  REQUIRE(place.cancel(task_id("b")));
  const settlement gave_up{.end = turn_end::stopped};
  CHECK(complete(session, second.turn, gave_up).task.state == task_state::cancelled);
  CHECK(turn_of(place, second).end == turn_end::cancelled);
  CHECK(complete(session, second.turn, gave_up).what == settle_outcome::kind::repeated);
  CHECK(next_task(session).task == task_id("c"));
}

TEST_CASE("unlock with force ends the host's session, and its tasks stay queued") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a", "b"}, "b1");
  auto session = started(place);
  const auto asked = next_task(session);

  SUBCASE("by itself") {
    REQUIRE(place.unlock(true)->session_cancelled);
    CHECK(wait_for_end(place, asked.session).end == session_end::cancelled);
  }
  SUBCASE("and a call that comes at once is told so") {
    auto elsewhere = open_workspace(folder.path());
    REQUIRE(elsewhere.unlock(true)->session_cancelled);
    CHECK(session.extend(asked.turn, std::chrono::minutes{1}).error().code == errc::stale_session);
  }
  const auto late = session.complete(asked.turn, done());
  REQUIRE_FALSE(late);
  CHECK(late.error().code == errc::stale_session);
  CHECK(late.error().message.find("unlock --force") != std::string::npos);
  CHECK(late.error().message.find("task \"a\" is now queued") != std::string::npos);
  CHECK(session.end()->end == session_end::cancelled);
  CHECK(turn_of(place, asked).end == turn_end::stopped);
  CHECK(task_of(place, "a").counts == attempt_counts{});
  CHECK_FALSE(marker_there(place));
  CHECK(begin(place).what == begun::started);
}

TEST_CASE("the end gives a running turn back, and to end twice is to end once") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a", "b"}, "b1");
  auto session = started(place);
  const auto asked = next_task(session);
  const auto ended = session.end();
  REQUIRE(ended);
  CHECK(ended->end == session_end::stopped);
  CHECK(*session.end() == *ended);
  CHECK(session.next().error().code == errc::stale_session);
  CHECK(turn_of(place, asked).end == turn_end::stopped);
  CHECK(task_of(place, "a").state == task_state::queued);
  CHECK(task_of(place, "a").counts == attempt_counts{});
  CHECK(batch_of(place, "b1").state == batch_state::sealed);
}

TEST_CASE("a session that goes out of scope has ended") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a", "b"}, "b1");
  {
    auto first = started(place);
    complete(first, next_task(first).turn);
    auto moved = std::move(first);
    CHECK(next_task(moved).task == task_id("b"));
    CHECK(marker_there(place));
  }
  CHECK_FALSE(marker_there(place));
  CHECK_FALSE(place.lock()->guard_busy);
  CHECK_FALSE(place.lock()->session);
  auto second = started(place);
  CHECK(next_task(second).task == task_id("b"));
}

TEST_CASE("a task that asks for what a host is not told ends in error, and the next one is begun") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_request request;
  request.batch = batch_id("b1");
  request.tasks = {spec("checked"), spec("with_model"), spec("with_tools"), spec("plain")};
  request.tasks[0].check = {"true"};
  request.tasks[1].model = "large";
  request.tasks[2].tools = {"Read"};
  request.shared.text = "hear this";
  request.whole_batch = true;
  REQUIRE(place.assign(request));
  auto session = started(place);
  const auto turn = next_task(session);
  CHECK(turn.task == task_id("plain"));
  CHECK(turn.prompt.find("hear this") != std::string::npos);
  complete(session, turn.turn);
  CHECK_FALSE(*session.next());
  CHECK(session.end()->end == session_end::finished);
  const auto why = [&](const char* id) {
    const auto status = place.task(task_id(id));
    REQUIRE(status->result);
    CHECK(status->task.state == task_state::error);
    CHECK(status->result->what.reason == "not_allowed");
    return status->result->what.detail;
  };
  CHECK(why("checked").find("leave the check out") != std::string::npos);
  CHECK(why("with_model").find("model large") != std::string::npos);
  CHECK(why("with_tools").find("tools") != std::string::npos);
}

TEST_CASE("a turn that was given back to the queue takes no place among a session's tasks") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a", "b", "c"}, "b1");
  auto session = started(place, {.max_tasks_per_session = 2});
  settlement given_back;
  given_back.end = turn_end::stopped;
  for (int i = 0; i < 3; ++i) complete(session, next_task(session).turn, given_back);
  complete(session, next_task(session).turn);
  CHECK(next_task(session).task == task_id("b"));
}

TEST_CASE("a full session gives no further task, the rest is for a new one") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a", "b", "c"}, "b1");
  auto session = started(place, {.max_tasks_per_session = 2});
  complete(session, next_task(session).turn);
  complete(session, next_task(session).turn);
  CHECK_FALSE(*session.next());
  CHECK(batch_of(place, "b1").state == batch_state::running);
  CHECK(session.end()->end == session_end::full);

  auto late = started(place, {.session_limit = std::chrono::milliseconds{1}});
  const auto over = steady::now() + std::chrono::milliseconds{1};
  while (steady::now() < over) std::this_thread::yield();
  CHECK_FALSE(*late.next());
  CHECK(late.end()->end == session_end::full);

  auto last = started(place);
  complete(last, next_task(last).turn);
  CHECK_FALSE(*last.next());
  CHECK(last.end()->end == session_end::finished);
}

TEST_CASE("when the host's process dies the next begin settles its session, and the turn was interrupted") {
  const scratch_folder folder;
  {
    auto place = open_workspace(folder.path());
    assign_all(place, {"a", "b"}, "b1");
  }
  const int code = in_child([&] {
    auto place = workspace::open({.root = folder.path()});
    auto outcome = host_session::begin(*place, {});
    const auto turn = outcome->session->next();
    ::_exit(turn && *turn ? 7 : 1);
  });
  REQUIRE(code == 7);
  auto place = open_workspace(folder.path());
  CHECK(marker_there(place));
  CHECK_FALSE(place.lock()->guard_busy);
  const auto dead = place.lock()->session;
  REQUIRE(dead);
  auto session = started(place);
  CHECK(session_of(place, dead->id).end == session_end::crashed);
  const auto asked = next_task(session);
  CHECK(asked.task == task_id("a"));
  CHECK(asked.attempt == 2);
  CHECK(asked.prompt.find("was interrupted") != std::string::npos);
  CHECK(task_of(place, "a").counts == attempt_counts{0, 1});
}

TEST_CASE("a forked child can neither use nor end its parent's session") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a"}, "b1");
  auto session = started(place);
  const auto asked = next_task(session);
  const int code = in_child([&] {
    const bool refused = !session.next() && !session.complete(asked.turn, done()) && !session.end() &&
                         !session.session() && !session.extend(asked.turn, std::chrono::minutes{1});
    { const host_session copy = std::move(session); }
    ::_exit(refused ? 7 : 1);
  });
  CHECK(code == 7);
  CHECK(marker_there(place));
  CHECK(place.lock()->guard_busy);
  CHECK(complete(session, asked.turn).task.state == task_state::done);
}

TEST_CASE("a workspace that is replaced under a host's session is left alone, and the old one can be taken up again") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a", "b"}, "b1");
  auto session = started(place);
  const auto asked = next_task(session);
  const auto data = place.paths().data;
  const auto moved = replace_data(place);
  CHECK(session.complete(asked.turn, done()).error().code == errc::workspace_replaced);
  CHECK(session.extend(asked.turn, std::chrono::minutes{1}).error().code == errc::workspace_replaced);
  CHECK(host_session::begin(place, {}).error().code == errc::workspace_replaced);
  const auto ended = session.end();
  REQUIRE_FALSE(ended);
  CHECK(ended.error().code == errc::workspace_replaced);
  CHECK(session.next().error() == ended.error());
  CHECK(std::filesystem::is_empty(data));

  std::filesystem::remove(data);
  std::filesystem::rename(moved, data);
  auto back = open_workspace(folder.path());
  auto again = started(back);
  CHECK(session_of(back, asked.session).end == session_end::crashed);
  CHECK(next_task(again).attempt == 2);
}

TEST_CASE("a host's session and an engine share a batch, one after the other") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a", "b"}, "b1");
  auto session = started(place);
  complete(session, next_task(session).turn);
  REQUIRE(session.end());
  const auto works = agent_that_does_all();
  run_until_idle(place, options_with(works));
  CHECK(works->asked == std::vector<std::string>{"b"});
  CHECK(batch_of(place, "b1").state == batch_state::finished);
}
