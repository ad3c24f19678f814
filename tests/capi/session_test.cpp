#include <csignal>

#include "capi/host.hpp"

using namespace cobatch_test;

namespace {

answer begin(cobatch_workspace* place, const cobatch_session_options* options = nullptr) {
  cobatch_session* session = nullptr;
  const auto came = call(cobatch_session_begin, place, options, &session);
  CHECK((session == nullptr) == (came.status != COBATCH_OK));
  cobatch_session_free(session);
  return came;
}

owned<cobatch_session> begun(cobatch_workspace* place, const cobatch_session_options* options = nullptr) {
  return make<cobatch_session>(cobatch_session_begin, place, options);
}

cobatch_turn_request next(const owned<cobatch_session>& session) {
  auto request = fresh<cobatch_turn_request>();
  must(cobatch_session_next, session.get(), &request);
  return request;
}

answer ask_next(const owned<cobatch_session>& session) {
  auto request = fresh<cobatch_turn_request>();
  return call(cobatch_session_next, session.get(), &request);
}

answer complete(const owned<cobatch_session>& session, std::int64_t turn, std::string_view output = "ok",
                const cobatch_usage* usage = nullptr) {
  auto completion = fresh<cobatch_completion>();
  completion.end = COBATCH_TURN_DONE;
  completion.output = text(output);
  completion.usage = usage;
  return call(cobatch_session_complete, session.get(), turn, &completion, nullptr);
}

answer extend(const owned<cobatch_session>& session, std::int64_t turn, std::int64_t more_ms) {
  return call(cobatch_session_extend, session.get(), turn, more_ms, nullptr);
}

// Waits until a session has ended: the library's watchdog sees to that.
void wait_for_end_of_a_session(const owned<cobatch_events>& feed) {
  auto event = fresh<cobatch_event_info>();
  do must(cobatch_events_wait, feed.get(), std::int64_t{-1}, &event);
  while (event.kind != COBATCH_EVENT_SESSION_ENDED);
}

bool marker_there(const scratch_workspace& place) {
  return std::filesystem::exists(place.data() / "execute_queue.lock");
}

}  // namespace

TEST_CASE("a host begins a session, works its tasks one by one, extends, completes, and ends it") {
  const scratch_workspace place;
  assign_all(place, {"a", "b"}, "b1");
  const auto session = begun(place);
  auto record = fresh<cobatch_session_info>();
  must(cobatch_session_read, session.get(), &record);
  CHECK(record.session == 1);
  CHECK(record.end == COBATCH_SESSION_LIVE);
  CHECK(record.end_requested == 0);
  CHECK(record.owner_pid == ::getpid());
  CHECK(record.round == 1);
  CHECK(record.ended_at == COBATCH_NO_TIME);
  CHECK(copy_of(record.agent) == "callback");
  CHECK(copy_of(record.batch) == "b1");
  CHECK(marker_there(place));

  const auto first = next(session);
  CHECK(copy_of(first.task) == "a");
  CHECK(copy_of(first.batch) == "b1");
  CHECK(copy_of(first.description) == "what is to be done");
  CHECK(copy_of(first.prompt).find("what is to be done") != std::string::npos);
  CHECK(first.attempt == 1);
  CHECK(first.session == 1);
  CHECK(first.turn == 1);
  CHECK(first.position == 1);
  CHECK(first.limit_ms > 0);
  CHECK(first.limit_ms <= 30 * 60'000);
  std::int64_t deadline = 0;
  must(cobatch_session_extend, session.get(), std::int64_t{1}, std::int64_t{3'600'000}, &deadline);
  CHECK(deadline > record.started_at);

  const cobatch_model_tokens models[]{{cobatch_str("m"), {1, 2, 3, 4, 5, 0}}};
  cobatch_usage usage = COBATCH_USAGE_INIT;
  usage.models = models;
  usage.model_count = 1;
  auto completion = fresh<cobatch_completion>();
  completion.end = COBATCH_TURN_DONE;
  completion.usage = &usage;
  const auto reply = make<cobatch_reply>(cobatch_session_complete, session.get(), std::int64_t{1}, &completion);
  auto task = fresh<cobatch_task_info>();
  must(cobatch_reply_next_task, reply.get(), &task);
  CHECK(copy_of(task.id) == "a");
  CHECK(task.state == COBATCH_TASK_DONE);

  CHECK(copy_of(next(session).task) == "b");
  CHECK(complete(session, 2) == COBATCH_OK);
  CHECK(ask_next(session) == COBATCH_E_END);
  must(cobatch_session_end, session.get());
  must(cobatch_session_end, session.get());
  must(cobatch_session_read, session.get(), &record);
  CHECK(record.end == COBATCH_SESSION_FINISHED);
  CHECK(record.turns_settled == 2);
  CHECK_FALSE(marker_there(place));
  const auto outcome = result_of(place, "a");
  REQUIRE(outcome->usage != nullptr);
  CHECK(outcome->usage->total.output == 5);
  CHECK(batch_of(place, "b1")->state == COBATCH_BATCH_FINISHED);
}

TEST_CASE("where nothing is there to take, the answer is the end, without an error") {
  const scratch_workspace place;
  CHECK(begin(place) == COBATCH_E_END);
  assign(place, "a", "open", COBATCH_ASSIGN_KEEP_OPEN);
  assign_all(place, {"b"}, "named", "mine");
  CHECK(begin(place) == COBATCH_E_END);
  assign_all(place, {"c"}, "unnamed");
  auto options = fresh<cobatch_session_options>();
  options.agent = cobatch_str("another");
  options.only_named = 1;
  CHECK(begin(place, &options) == COBATCH_E_END);
  options.agent = cobatch_str("mine");
  const auto session = begun(place, &options);
  CHECK(copy_of(next(session).task) == "b");
}

TEST_CASE("a session can be asked for of one batch") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  assign_all(place, {"b"}, "b2");
  auto options = fresh<cobatch_session_options>();
  options.batch = cobatch_str("b2");
  const auto session = begun(place, &options);
  CHECK(copy_of(next(session).task) == "b");
}

TEST_CASE("options of a session that make no sense are refused, and nothing begins") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  const auto refused = [&](auto member, auto value) {
    auto options = fresh<cobatch_session_options>();
    options.*member = value;
    return begin(place, &options);
  };
  using o = cobatch_session_options;
  for (const char* taken : {"claude", "codex", "gemini", "command", "prompt", "scripted"})
    CHECK(refused(&o::agent, cobatch_str(taken)) == COBATCH_E_BAD_VALUE);
  CHECK(refused(&o::agent, cobatch_str("two\nlines")) == COBATCH_E_BAD_ID);
  CHECK(refused(&o::agent, cobatch_text{nullptr, 1}) == COBATCH_E_BAD_VALUE);
  CHECK(refused(&o::batch, cobatch_str("\x7f")) == COBATCH_E_BAD_ID);
  CHECK(refused(&o::max_tasks, -1) == COBATCH_E_BAD_VALUE);
  for (const std::int64_t limit : {std::int64_t{-1}, INT64_MIN, INT64_MAX}) {
    CHECK(refused(&o::turn_limit_ms, limit) == COBATCH_E_BAD_VALUE);
    CHECK(refused(&o::session_limit_ms, limit) == COBATCH_E_BAD_VALUE);
  }
  CHECK(session_ends(place).empty());
  CHECK(begin(place) == COBATCH_OK);
}

TEST_CASE("while one session lives no other begins, whoever asks") {
  const scratch_workspace place;
  const auto elsewhere = open_workspace(place.folder.path());
  assign_all(place, {"a"}, "b1");
  assign_all(place, {"b"}, "b2");
  const auto session = begun(place);
  for (cobatch_workspace* asks : {place.handle.get(), elsewhere.get()}) {
    const auto refused = begin(asks);
    CHECK(refused == COBATCH_E_SESSION_LIVE);
    CHECK(refused.message.find("\"b1\"") != std::string::npos);
  }
  const auto queue = make<cobatch_reply>(cobatch_execute_queue, place.handle.get(), cobatch_text{nullptr, 0});
  CHECK(cobatch_reply_outcome(queue.get()) == COBATCH_ALREADY_RUNNING);
  CHECK(all_in(queue.get(), cobatch_reply_next_session, [](const auto& s) { return s.session; }) ==
        std::vector<std::int64_t>{1});
}

TEST_CASE("the next task is given when the running turn is completed, and a session takes no more than its limit") {
  const scratch_workspace place;
  assign_all(place, {"a", "b", "c"}, "b1");
  auto options = fresh<cobatch_session_options>();
  options.max_tasks = 2;
  const auto session = begun(place, &options);
  next(session);
  const auto early = ask_next(session);
  CHECK(early == COBATCH_E_TASK_IN_PROGRESS);
  CHECK(early.message.find("\"a\"") != std::string::npos);
  CHECK(complete(session, 1) == COBATCH_OK);
  next(session);
  CHECK(complete(session, 2) == COBATCH_OK);
  CHECK(ask_next(session) == COBATCH_E_END);
  must(cobatch_session_end, session.get());
  CHECK(session_ends(place) == ends{COBATCH_SESSION_FULL});
  CHECK(task_of(place, "c")->state == COBATCH_TASK_QUEUED);
}

TEST_CASE("the same completion twice is a success, another one is refused") {
  const scratch_workspace place;
  assign_all(place, {"a", "b"}, "b1");
  const auto session = begun(place);
  next(session);
  CHECK(complete(session, 1, "first") == COBATCH_OK);
  CHECK(complete(session, 1, "first") == COBATCH_OK);
  CHECK(complete(session, 1, "second") == COBATCH_E_ALREADY_COMPLETED);
  CHECK(extend(session, 1, 1000) == COBATCH_E_ALREADY_COMPLETED);
  CHECK(copy_of(result_of(place, "a")->output) == "first");
  for (const std::int64_t none : {std::int64_t{2}, std::int64_t{0}, INT64_MIN, INT64_MAX}) {
    CHECK(complete(session, none) == COBATCH_E_BAD_VALUE);
    CHECK(extend(session, none, 1000) == COBATCH_E_BAD_VALUE);
  }
}

TEST_CASE("a completion or extension that is not sound is refused, and the turn still runs") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  const auto session = begun(place);
  next(session);
  const auto refused = [&](const auto& change) {
    cobatch_completion completion = COBATCH_COMPLETION_INIT;
    completion.end = COBATCH_TURN_DONE;
    change(completion);
    return call(cobatch_session_complete, session.get(), std::int64_t{1}, &completion, nullptr);
  };
  for (const std::int32_t end :
       std::initializer_list<std::int32_t>{0, COBATCH_TURN_INTERRUPTED, COBATCH_TURN_CANCELLED, 9})
    CHECK(refused([&](auto& c) { c.end = end; }) == COBATCH_E_BAD_VALUE);
  CHECK(refused([](auto& c) { c.output = cobatch_str("\xff"); }) == COBATCH_E_BAD_ENCODING);
  CHECK(refused([](auto& c) { c.actions_taken = cobatch_str("{}"); }) == COBATCH_E_BAD_JSON);
  CHECK(refused([](auto& c) { c.errors = cobatch_str("words"); }) == COBATCH_E_BAD_JSON);
  const std::string too_much(8 * 1024 * 1024 + 1, 'x');
  CHECK(refused([&](auto& c) { c.output = text(too_much); }) == COBATCH_E_TOO_LARGE);
  for (const std::int64_t time : {std::int64_t{0}, std::int64_t{-1}, INT64_MIN, INT64_MAX})
    CHECK(extend(session, 1, time) == COBATCH_E_BAD_VALUE);
  CHECK(task_of(place, "a")->state == COBATCH_TASK_IN_PROGRESS);
  CHECK(complete(session, 1) == COBATCH_OK);
}

TEST_CASE(
    "a turn that is neither completed nor extended in time is timed out, its session ends, and the lock is free") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  const auto feed = make<cobatch_events>(cobatch_events_open, place.handle.get(), nullptr);
  const auto session = begun(place);
  next(session);
  CHECK(extend(session, 1, 1) == COBATCH_OK);
  wait_for_end_of_a_session(feed);
  CHECK(turn_ends(place) == ends{COBATCH_TURN_TIMED_OUT});
  CHECK(session_ends(place) == ends{COBATCH_SESSION_AGENT_LOST});
  CHECK(task_of(place, "a")->state == COBATCH_TASK_QUEUED);
  CHECK_FALSE(marker_there(place));

  for (const auto& late : {complete(session, 1), extend(session, 1, 1000), ask_next(session)}) {
    CHECK(late == COBATCH_E_STALE_SESSION);
    CHECK(late.message.find("task \"a\" is now queued") != std::string::npos);
  }
  must(cobatch_session_end, session.get());
  auto record = fresh<cobatch_session_info>();
  must(cobatch_session_read, session.get(), &record);
  CHECK(record.end == COBATCH_SESSION_AGENT_LOST);
  const auto again = begun(place);
  CHECK(next(again).attempt == 2);
}

TEST_CASE("a session whose host asks for nothing between two turns ends by itself") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  const auto feed = make<cobatch_events>(cobatch_events_open, place.handle.get(), nullptr);
  auto options = fresh<cobatch_session_options>();
  options.turn_limit_ms = 1;
  const auto session = begun(place, &options);
  wait_for_end_of_a_session(feed);
  CHECK(session_ends(place) == ends{COBATCH_SESSION_AGENT_LOST});
  CHECK(turn_ends(place).empty());
  CHECK(ask_next(session) == COBATCH_E_STALE_SESSION);
}

TEST_CASE("the host of a task that was cancelled is told to give up, and what the turn cost is kept") {
  const scratch_workspace place;
  assign_all(place, {"a", "b"}, "b1");
  const auto session = begun(place);
  next(session);
  must(cobatch_cancel, place.handle.get(), cobatch_str("a"), nullptr);
  CHECK(extend(session, 1, 1000) == COBATCH_E_TASK_ENDED);
  const cobatch_model_tokens models[]{{cobatch_str("m"), {0, 0, 0, 0, 5, 0}}};
  cobatch_usage usage = COBATCH_USAGE_INIT;
  usage.models = models;
  usage.model_count = 1;
  CHECK(complete(session, 1, "too late", &usage) == COBATCH_OK);
  CHECK(task_of(place, "a")->state == COBATCH_TASK_CANCELLED);
  const auto savings = make<cobatch_reply>(cobatch_savings, place.handle.get(), cobatch_str("b1"));
  auto account = fresh<cobatch_account_info>();
  must(cobatch_reply_next_account, savings.get(), &account);
  CHECK(account.used.output == 5);
  CHECK(copy_of(next(session).task) == "b");
  CHECK(call(cobatch_cancel, place.handle.get(), cobatch_str("b"), nullptr) == COBATCH_OK);
}

TEST_CASE("a session that is ended or freed while a turn runs gives the task back, charged with nothing") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  auto session = begun(place);
  next(session);
  SUBCASE("ended") {
    must(cobatch_session_end, session.get());
    CHECK(ask_next(session) == COBATCH_E_STALE_SESSION);
  }
  SUBCASE("freed") { session.reset(); }
  CHECK(turn_ends(place) == ends{COBATCH_TURN_STOPPED});
  CHECK(session_ends(place) == ends{COBATCH_SESSION_STOPPED});
  CHECK(task_of(place, "a")->state == COBATCH_TASK_QUEUED);
  CHECK(task_of(place, "a")->attempts == 0);
  CHECK_FALSE(marker_there(place));
  CHECK(begin(place) == COBATCH_OK);
}

TEST_CASE("a lock file that Cobatch did not write is honoured until it is removed") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  std::ofstream(place.data() / "execute_queue.lock") << "somebody's";
  const auto refused = begin(place);
  CHECK(refused == COBATCH_E_FOREIGN_MARKER);
  CHECK(refused.message.find("unlock") != std::string::npos);
  CHECK(content_of(place.data() / "execute_queue.lock") == "somebody's");
  must(cobatch_unlock, place.handle.get(), 0U, nullptr);
  CHECK(begin(place) == COBATCH_OK);
}

TEST_CASE("with force a session is asked to end: its turn is given back, and its host is told") {
  const scratch_workspace place;
  assign_all(place, {"a", "b"}, "b1");
  const auto feed = make<cobatch_events>(cobatch_events_open, place.handle.get(), nullptr);
  const auto session = begun(place);
  next(session);
  CHECK(call(cobatch_unlock, place.handle.get(), 0U, nullptr) == COBATCH_E_SESSION_LIVE);
  const auto forced = make<cobatch_reply>(cobatch_unlock, place.handle.get(), std::uint32_t{COBATCH_UNLOCK_FORCE});
  CHECK(cobatch_reply_outcome(forced.get()) == COBATCH_END_REQUESTED);
  wait_for_end_of_a_session(feed);
  CHECK(session_ends(place) == ends{COBATCH_SESSION_CANCELLED});
  CHECK(task_of(place, "a")->state == COBATCH_TASK_QUEUED);
  CHECK(complete(session, 1) == COBATCH_E_STALE_SESSION);
  auto record = fresh<cobatch_session_info>();
  must(cobatch_session_read, session.get(), &record);
  CHECK(record.end_requested != 0);
}

TEST_CASE("a process that is killed while it drives a session leaves nothing stuck: who begins next settles it") {
  const scratch_folder folder;
  open_workspace(folder.path()).reset();
  const std::string died = in_child([&]() -> std::string {
    const auto place = open_workspace(folder.path());
    assign_all(place.get(), {"a", "b"}, "b1");
    const auto session = begun(place.get());
    next(session);
    ::kill(::getpid(), SIGKILL);
    return "it was not killed";
  });
  REQUIRE(died == " (killed by signal 9)");
  const auto place = open_workspace(folder.path());
  CHECK(task_of(place.get(), "a")->state == COBATCH_TASK_IN_PROGRESS);
  const auto session = begun(place.get());
  CHECK(session_ends(place.get()) == ends{COBATCH_SESSION_CRASHED, COBATCH_SESSION_LIVE});
  CHECK(turn_ends(place.get()) == ends{COBATCH_TURN_INTERRUPTED});
  const auto again = next(session);
  CHECK(copy_of(again.task) == "a");
  CHECK(again.attempt == 2);
  CHECK(task_of(place.get(), "a")->interruptions == 1);
}
