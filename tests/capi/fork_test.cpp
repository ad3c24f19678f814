// What a forked child inherits does nothing there, and leaves the parent alone.
#include <cstdlib>
#include <functional>

#include "capi/host.hpp"

using namespace cobatch_test;

namespace {

const pid_t process_of_the_tests = ::getpid();

}  // namespace

// Asked by the leak sanitizer at the end of a process: what only threads of the parent knew of is no leak of a child.
extern "C" int __lsan_is_turned_off() {  // NOLINT: its name
  return ::getpid() == process_of_the_tests ? 0 : 1;
}

namespace {

// One handle of every kind, at work.
struct everything {
  host works;
  owned<cobatch_agent> agent = works.agent("engine");
  run_with with{agent};
  scratch_workspace place;
  owned<cobatch_session> session;
  owned<cobatch_reply> reply, pages;
  owned<cobatch_events> events;
  owned<cobatch_engine> engine;

  everything() {
    assign_all(place, {"a", "b"}, "b1");
    session = make<cobatch_session>(cobatch_session_begin, place.handle.get(), nullptr);
    auto request = fresh<cobatch_turn_request>();
    must(cobatch_session_next, session.get(), &request);
    reply = make<cobatch_reply>(cobatch_overview, place.handle.get());
    pages = make<cobatch_reply>(cobatch_list_tasks, place.handle.get(), nullptr);
    events = make<cobatch_events>(cobatch_events_open, place.handle.get(), nullptr);
    engine = make<cobatch_engine>(cobatch_engine_start, place.handle.get(), &with.options);
  }

  void free_all() {
    session.reset();
    reply.reset();
    pages.reset();
    events.reset();
    engine.reset();
    agent.reset();
    place.handle.reset();
  }

  // The session goes on as if nothing had been.
  void check_undisturbed() {
    auto completion = fresh<cobatch_completion>();
    completion.end = COBATCH_TURN_DONE;
    CHECK(call(cobatch_session_complete, session.get(), std::int64_t{1}, &completion, nullptr) == COBATCH_OK);
    auto request = fresh<cobatch_turn_request>();
    must(cobatch_session_next, session.get(), &request);
    CHECK(copy_of(request.task) == "b");
    CHECK(call(cobatch_session_complete, session.get(), std::int64_t{2}, &completion, nullptr) == COBATCH_OK);
    must(cobatch_session_end, session.get());
    CHECK(session_ends(place) == std::vector<std::int32_t>{COBATCH_SESSION_FINISHED});
    const auto name = [](const cobatch_task_info& task) { return copy_of(task.id); };
    CHECK(all_in(pages.get(), cobatch_reply_next_task, name) == list{"a", "b"});
    auto event = fresh<cobatch_event_info>();
    do must(cobatch_events_wait, events.get(), std::int64_t{-1}, &event);
    while (event.kind != COBATCH_EVENT_SESSION_ENDED);
    CHECK(cobatch_engine_is_running(engine.get()) != 0);
    must(cobatch_engine_stop, engine.get(), 0, nullptr);
  }
};

// What the functions answer in a child that do not answer FORKED.
std::string not_forked(const everything& of_parent) {
  cobatch_workspace* const place = of_parent.place;
  cobatch_reply* const reply = of_parent.reply.get();
  cobatch_session* const session = of_parent.session.get();
  cobatch_events* const events = of_parent.events.get();
  const cobatch_text id = cobatch_str("a");
  const auto task = spec("a");
  auto batch_info = fresh<cobatch_batch_info>();
  auto task_info = fresh<cobatch_task_info>();
  auto result_info = fresh<cobatch_result_info>();
  auto turn_info = fresh<cobatch_turn_info>();
  auto session_info = fresh<cobatch_session_info>();
  auto warning_info = fresh<cobatch_warning_info>();
  auto engine_info = fresh<cobatch_engine_info>();
  auto account_info = fresh<cobatch_account_info>();
  auto lock_info = fresh<cobatch_lock_info>();
  auto savings_info = fresh<cobatch_savings_info>();
  auto finding_info = fresh<cobatch_finding_info>();
  auto request = fresh<cobatch_turn_request>();
  auto event = fresh<cobatch_event_info>();
  auto completion = fresh<cobatch_completion>();
  completion.end = COBATCH_TURN_DONE;
  cobatch_reply* out_reply = nullptr;
  cobatch_engine* out_engine = nullptr;
  cobatch_session* out_session = nullptr;
  cobatch_events* out_events = nullptr;
  cobatch_owned_text out_text{nullptr, 0};
  std::string wrong;
#define FORKED(function, ...)                                                       \
  if (const answer came = call(function, __VA_ARGS__); !(came == COBATCH_E_FORKED)) \
  wrong += std::string(#function) + " answered " + cobatch_status_name(came.status) + "; "
  FORKED(cobatch_set_log, place, nullptr, nullptr, nullptr);
  FORKED(cobatch_reply_next_batch, reply, &batch_info);
  FORKED(cobatch_reply_next_task, of_parent.pages.get(), &task_info);
  FORKED(cobatch_reply_next_result, reply, &result_info);
  FORKED(cobatch_reply_next_turn, reply, &turn_info);
  FORKED(cobatch_reply_next_session, reply, &session_info);
  FORKED(cobatch_reply_next_warning, reply, &warning_info);
  FORKED(cobatch_reply_next_engine, reply, &engine_info);
  FORKED(cobatch_reply_next_account, reply, &account_info);
  FORKED(cobatch_reply_lock, reply, &lock_info);
  FORKED(cobatch_reply_savings, reply, &savings_info);
  FORKED(cobatch_reply_next_finding, reply, &finding_info);
  FORKED(cobatch_assign_task, place, &task, nullptr, &out_reply);
  FORKED(cobatch_assign_batch, place, &task, size_t{1}, nullptr, &out_reply);
  FORKED(cobatch_seal, place, id, &out_reply);
  FORKED(cobatch_execute_queue, place, id, &out_reply);
  FORKED(cobatch_cancel, place, id, &out_reply);
  FORKED(cobatch_reset, place, id, &out_reply);
  FORKED(cobatch_retry, place, id, &out_reply);
  FORKED(cobatch_find_task, place, id, &out_reply);
  FORKED(cobatch_find_batch, place, id, &out_reply);
  FORKED(cobatch_wait, place, id, std::int64_t{-1}, &out_reply);
  FORKED(cobatch_overview, place, &out_reply);
  FORKED(cobatch_list_batches, place, nullptr, &out_reply);
  FORKED(cobatch_list_tasks, place, nullptr, &out_reply);
  FORKED(cobatch_list_results, place, nullptr, &out_reply);
  FORKED(cobatch_list_turns, place, nullptr, &out_reply);
  FORKED(cobatch_list_sessions, place, nullptr, &out_reply);
  FORKED(cobatch_run, place, &of_parent.with.options, nullptr);
  FORKED(cobatch_engine_start, place, &of_parent.with.options, &out_engine);
  FORKED(cobatch_engine_stop, of_parent.engine.get(), 1, nullptr);
  FORKED(cobatch_session_begin, place, nullptr, &out_session);
  FORKED(cobatch_session_read, session, &session_info);
  FORKED(cobatch_session_next, session, &request);
  FORKED(cobatch_session_complete, session, std::int64_t{1}, &completion, &out_reply);
  FORKED(cobatch_session_extend, session, std::int64_t{1}, std::int64_t{1}, nullptr);
  FORKED(cobatch_session_end, session);
  FORKED(cobatch_events_open, place, nullptr, &out_events);
  FORKED(cobatch_events_next, events, &event);
  FORKED(cobatch_events_wait, events, std::int64_t{-1}, &event);
  FORKED(cobatch_lock_status, place, &out_reply);
  FORKED(cobatch_unlock, place, std::uint32_t{COBATCH_UNLOCK_FORCE}, &out_reply);
  FORKED(cobatch_savings, place, id, &out_reply);
  FORKED(cobatch_savings_at_prices, place, id, id, &out_reply);
  FORKED(cobatch_call, place, id, &out_text, nullptr);
#undef FORKED
  if (cobatch_root(place).size != 0) wrong += "root is there; ";
  if (cobatch_reply_outcome(reply) != COBATCH_NO_OUTCOME) wrong += "the reply has an outcome; ";
  if (cobatch_engine_is_running(of_parent.engine.get()) != 0) wrong += "the engine runs; ";
  if (cobatch_events_fd(events) != -1) wrong += "the events have a descriptor; ";
  cobatch_interrupt(place);
  return wrong;
}

}  // namespace

TEST_CASE("in a forked child every handle answers FORKED, frees do nothing, and the parent goes on undisturbed") {
  everything of_parent;
  CHECK(in_child([&] {
          const std::string wrong = not_forked(of_parent);
          of_parent.free_all();
          return wrong;
        }) == "");
  note_reached("forked");
  of_parent.check_undisturbed();
}

TEST_CASE("a child that ends with exit, and so runs all that is registered for that, disturbs nobody") {
  everything of_parent;
  CHECK(in_child([]() -> std::string { std::exit(0); }) == "");
  of_parent.check_undisturbed();
}

TEST_CASE("an agent of the parent is refused in a workspace of the child") {
  const scratch_folder folder;
  host works;
  const auto agent = works.agent();
  const run_with with(agent);
  CHECK(in_child([&]() -> std::string {
          const auto own = open_workspace(folder.path());
          const auto came = call(cobatch_run, own.get(), &with.options, nullptr);
          return came == COBATCH_E_FORKED ? "" : "it was taken";
        }) == "");
}

TEST_CASE("the turn of the parent is none of the child's") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  host works([](const cobatch_turn_request&, cobatch_turn* turn) {
    CHECK(in_child([&]() -> std::string {
            const auto completed = complete(turn, COBATCH_TURN_ERROR);
            const auto told = call(cobatch_turn_progress, turn, cobatch_str("by the child"));
            const bool forked = completed == COBATCH_E_FORKED && told == COBATCH_E_FORKED;
            return forked ? "" : "it was taken";
          }) == "");
    return complete(turn).status;
  });
  run_all(place, works.agent());
  CHECK(task_of(place, "a")->state == COBATCH_TASK_DONE);
}

TEST_CASE("a child that was forked while a workspace was open cannot open one, and one that was forked before can") {
  const scratch_folder folder;
  const auto open_in_child = [&] {
    return in_child([&]() -> std::string {
      auto options = fresh<cobatch_workspace_options>();
      options.root = text(folder.path().native());
      cobatch_workspace* own = nullptr;
      const auto came = call(cobatch_open, &options, &own);
      if (own != nullptr) assign_all(own, {"of the child"}, "b1");
      cobatch_close(own);
      return cobatch_status_name(came.status);
    });
  };
  {
    const scratch_workspace another;
    CHECK(open_in_child() == "forked");
  }
  CHECK_FALSE(std::filesystem::exists(folder.path() / "data/.cobatch/store.db"));
  CHECK(open_in_child() == "ok");
  CHECK(task_of(open_workspace(folder.path()).get(), "of the child")->state == COBATCH_TASK_QUEUED);
}

TEST_CASE("a child may be forked at any time for another program") {
  const scratch_workspace place;
  host works;
  const auto agent = works.agent();
  const run_with with(agent);
  const auto engine = make<cobatch_engine>(cobatch_engine_start, place.handle.get(), &with.options);
  for (int i = 0; i < 20; ++i) {
    const std::string id = std::to_string(i);
    assign_all(place, {id}, id);
    CHECK(in_child([]() -> std::string {
            ::execl("/bin/sh", "sh", "-c", "exit 3", nullptr);
            return "there is no shell";
          }) == " (exit 3)");
    must(cobatch_wait, place.handle.get(), text(id), std::int64_t{-1}, nullptr);
  }
  must(cobatch_engine_stop, engine.get(), 0, nullptr);
}
