// Whatever allocation fails, a call of the C interface answers with a status, nothing crashes, and what is in the
// workspace is whole: malloc itself fails here, for C++, SQLite and all, in the thread that makes the call.
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "capi/host.hpp"
#include "capi/support.hpp"

// ------------------------------------------------------------------------------------------- malloc that can fail

extern "C" {
void* __libc_malloc(std::size_t size);                     // NOLINT: glibc's names
void* __libc_calloc(std::size_t count, std::size_t size);  // NOLINT
void* __libc_realloc(void* block, std::size_t size);       // NOLINT
}

namespace {

// Counts down to the allocation that fails; below 0 none does.
thread_local long left = -1;
thread_local bool failed = false;

bool fails_now() {
  if (left < 0 || --left >= 0) return false;
  failed = true;
  errno = ENOMEM;
  return true;
}

}  // namespace

extern "C" {
void* malloc(std::size_t size) { return fails_now() ? nullptr : __libc_malloc(size); }
void* calloc(std::size_t count, std::size_t size) { return fails_now() ? nullptr : __libc_calloc(count, size); }
void* realloc(void* block, std::size_t size) { return fails_now() ? nullptr : __libc_realloc(block, size); }
}

namespace {

using namespace cobatch_test;

// Calls with the n-th allocation failing (once: those after it succeed). True if there was an n-th.
bool with_failure(long n, const std::function<void()>& call) {
  failed = false;
  left = n;
  call();
  left = -1;
  return failed;
}

// Makes the call with each of its allocations failing in turn. `call(err)` is made with memory failing; `look(status)`
// after it, with memory in order again.
void each_failure(const std::function<cobatch_status(cobatch_error**)>& call,
                  const std::function<void(cobatch_status)>& look) {
  for (long n = 0;; ++n) {
    cobatch_error* err = nullptr;
    cobatch_status status = COBATCH_OK;
    const bool was_hit = with_failure(n, [&] { status = call(&err); });
    CAPTURE(n);
    CAPTURE(status);
    if (status != COBATCH_OK && status != COBATCH_E_END) {
      note_reached(cobatch_status_name(status));
      REQUIRE(err != nullptr);
      CHECK(cobatch_error_status(err) <= COBATCH_E_BAD_JSON);
      CHECK(cobatch_error_message(err).size > 0);
    }
    cobatch_error_free(err);
    look(status);
    if (!was_hit) {
      CHECK(status == COBATCH_OK);
      CHECK(n > 0);
      return;
    }
  }
}

std::size_t tasks_in(cobatch_workspace* place, std::string_view batch) {
  auto filter = fresh<cobatch_filter>();
  filter.batch = text(batch);
  const auto reply = make<cobatch_reply>(cobatch_list_tasks, place, &filter);
  return all_in(reply.get(), cobatch_reply_next_task, [](const cobatch_task_info&) { return 0; }).size();
}

}  // namespace

TEST_CASE("a workspace that cannot be opened for want of memory can be opened later") {
  const scratch_folder folder;
  auto options = fresh<cobatch_workspace_options>();
  options.root = text(folder.path().native());
  cobatch_workspace* ws = nullptr;
  each_failure([&](cobatch_error** err) { return cobatch_open(&options, &ws, err); },
               [&](cobatch_status status) {
                 REQUIRE((ws != nullptr) == (status == COBATCH_OK));
                 cobatch_close(ws);
                 ws = nullptr;
               });
  CHECK(tasks_in(open_workspace(folder.path()).get(), "none") == 0);
}

TEST_CASE("an assign that fails for want of memory has stored all of its batch or nothing") {
  const scratch_workspace place;
  const std::string first = "first", second = "second", third = "third";
  int round = 0;
  std::string batch, ids[3];
  cobatch_reply* reply = nullptr;
  each_failure(
      [&](cobatch_error** err) {
        const long kept = left;
        left = -1;
        batch = "batch " + std::to_string(++round);
        for (std::size_t i = 0; i < 3; ++i) ids[i] = batch + " task " + std::to_string(i);
        cobatch_task_spec tasks[3] = {spec(ids[0]), spec(ids[1]), spec(ids[2])};
        const auto options = for_batch(batch);
        left = kept;
        return cobatch_assign_batch(place, tasks, 3, &options, &reply, err);
      },
      [&](cobatch_status status) {
        REQUIRE((reply != nullptr) == (status == COBATCH_OK));
        cobatch_reply_free(reply);
        reply = nullptr;
        const std::size_t stored = tasks_in(place, batch);
        if (status == COBATCH_OK) CHECK(stored == 3);
        if (status == COBATCH_E_NO_MEMORY) CHECK((stored == 0 || stored == 3));
        CHECK((stored == 0 || stored == 3));
      });
}

TEST_CASE("reads and requests answer for want of memory and go on after it") {
  const scratch_workspace place;
  assign_all(place, {"a", "b", "c"}, "docs");
  cobatch_reply* reply = nullptr;
  const auto let_go = [&](cobatch_status) {
    cobatch_reply_free(reply);
    reply = nullptr;
  };
  each_failure([&](cobatch_error** err) { return cobatch_find_task(place, text("a"), &reply, err); }, let_go);
  each_failure([&](cobatch_error** err) { return cobatch_find_batch(place, text("docs"), &reply, err); }, let_go);
  each_failure([&](cobatch_error** err) { return cobatch_overview(place, &reply, err); }, let_go);
  each_failure([&](cobatch_error** err) { return cobatch_lock_status(place, &reply, err); }, let_go);
  each_failure([&](cobatch_error** err) { return cobatch_execute_queue(place, text(""), &reply, err); }, let_go);
  each_failure([&](cobatch_error** err) { return cobatch_list_tasks(place, nullptr, &reply, err); }, let_go);

  const auto list = make<cobatch_reply>(cobatch_list_tasks, place.handle.get(), nullptr);
  auto task = fresh<cobatch_task_info>();
  each_failure([&](cobatch_error** err) { return cobatch_reply_next_task(list.get(), &task, err); },
               [](cobatch_status) {});

  cobatch_owned_text said = {};
  const std::string request =
      R"({"tool_name":"claude_assistant","action":"check_task_status","params":{"task_id":"a"}})";
  each_failure([&](cobatch_error** err) { return cobatch_call(place, text(request), &said, nullptr, err); },
               [&](cobatch_status) { cobatch_text_free(&said); });
}

TEST_CASE("handles that cannot be made for want of memory leave nothing behind") {
  const scratch_workspace place;
  cobatch_events* events = nullptr;
  each_failure([&](cobatch_error** err) { return cobatch_events_open(place, nullptr, &events, err); },
               [&](cobatch_status) {
                 cobatch_events_close(events);
                 events = nullptr;
               });
  int destroyed = 0, made = 0;
  cobatch_agent* agent = nullptr;
  auto calls = fresh<cobatch_agent_vtable>();
  calls.turn = [](void*, void*, const cobatch_turn_request*, cobatch_turn*) { return cobatch_status{COBATCH_OK}; };
  calls.destroy = [](void* count) { ++*static_cast<int*>(count); };
  each_failure(
      [&](cobatch_error** err) {
        ++made;
        return cobatch_agent_host(text("host"), &calls, &destroyed, &agent, err);
      },
      [&](cobatch_status) {
        cobatch_agent_free(agent);
        agent = nullptr;
        CHECK(destroyed == made);
      });
}

TEST_CASE("a session that memory fails is ended or goes on, and no task is lost or done twice") {
  const scratch_workspace place;
  int round = 0;
  for (bool hit = true; hit; ++round) {
    CAPTURE(round);
    const std::string batch = "batch " + std::to_string(round), id = batch + " task";
    assign_all(place, {id}, batch);
    cobatch_session* session = nullptr;
    auto request = fresh<cobatch_turn_request>();
    auto completion = fresh<cobatch_completion>();
    completion.end = COBATCH_TURN_DONE;
    completion.output = text("done by hand");
    hit = with_failure(round, [&] {
      if (cobatch_session_begin(place, nullptr, &session, nullptr) != COBATCH_OK) return;
      if (cobatch_session_next(session, &request, nullptr) == COBATCH_OK)
        static_cast<void>(cobatch_session_complete(session, request.turn, &completion, nullptr, nullptr));
      static_cast<void>(cobatch_session_end(session, nullptr));
      cobatch_session_free(session);
    });
    // Whatever became of it, a run gets the rest done.
    host does;
    run_all(place, does.agent());
    CHECK(task_of(place, id)->state == COBATCH_TASK_DONE);
    CHECK_FALSE(std::filesystem::exists(place.data() / "execute_queue.lock"));
  }
  CHECK(round > 10);
}

TEST_CASE("a run that memory fails leaves every task to be done by the next one") {
  // What a run writes grows with the tasks that have ended: a new workspace now and then.
  constexpr int rounds_in_workspace = 50;
  std::optional<scratch_workspace> place;
  host does;
  const auto agent = does.agent();
  const run_with with(agent);
  int round = 0;
  for (bool hit = true; hit; ++round) {
    CAPTURE(round);
    if (round % rounds_in_workspace == 0) place.emplace();
    const std::string batch = "batch " + std::to_string(round), id = batch + " task";
    assign_all(*place, {id}, batch);
    hit = with_failure(round, [&] { static_cast<void>(cobatch_run(*place, &with.options, nullptr, nullptr)); });
    run_all(*place, agent);
    CHECK(task_of(*place, id)->state == COBATCH_TASK_DONE);
  }
  CHECK(round > 10);
}
