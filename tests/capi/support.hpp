// What the tests of the C interface share: calls that look at what comes back, and handles that free themselves. Of
// Cobatch they use cobatch.h and nothing else.
#pragma once

#include <cstdint>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <type_traits>
#include <unistd.h>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "cobatch.h"
#include "paths.hpp"
#include "unit/scratch_folder.hpp"

namespace cobatch_test {

// -------------------------------------------------------------------------------------------------------- text

/// Lent by the caller, as arguments are.
inline cobatch_text text(std::string_view borrowed) { return {borrowed.data(), borrowed.size()}; }

/// A copy of text that came out: never NULL, and a zero byte behind it.
inline std::string copy_of(cobatch_text lent) {
  REQUIRE(lent.data != nullptr);
  CHECK(lent.data[lent.size] == '\0');
  return {lent.data, lent.size};
}

using list = std::vector<std::string>;

inline list copies_of(cobatch_texts lent) {
  list copies;
  for (std::size_t i = 0; i < lent.count; ++i) copies.push_back(copy_of(lent.items[i]));
  return copies;
}

// ------------------------------------------------------------------------------------------------------- calls

/// Notes that a status was seen, in the file that `reached.sh` reads after all tests.
inline void note_reached(std::string_view name) {
  const int file = ::open(paths::reached.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const std::string line = std::string(name) + '\n';
  REQUIRE(::write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size()));
  ::close(file);
}

/// What a call came to.
struct answer {
  cobatch_status status = COBATCH_OK;
  std::string message;

  friend bool operator==(const answer& a, cobatch_status status) { return a.status == status; }
  friend std::ostream& operator<<(std::ostream& out, const answer& a) {
    return out << cobatch_status_name(a.status) << " (" << a.status << ") " << a.message;
  }
};

/// Makes a call of cobatch.h and looks at its error: one with status and message after a failure, else none.
template <class Made>
answer answer_of(const Made& made) {
  auto* err = reinterpret_cast<cobatch_error*>(&err);  // not NULL: the function has to see to that
  answer came{made(&err), {}};
  note_reached(cobatch_status_name(came.status));
  if (came.status == COBATCH_OK || came.status == COBATCH_E_END) {
    CHECK(err == nullptr);
    return came;
  }
  REQUIRE(err != nullptr);
  CHECK(cobatch_error_status(err) == came.status);
  came.message = copy_of(cobatch_error_message(err));
  CHECK_FALSE(came.message.empty());
  cobatch_error_free(err);
  return came;
}

template <class... Parameter, class... Argument>
answer call(cobatch_status (*function)(Parameter...), Argument... arguments) {
  return answer_of([&](cobatch_error** err) { return function(arguments..., err); });
}

/// A call that has to succeed.
template <class... Parameter, class... Argument>
void must(cobatch_status (*function)(Parameter...), Argument... arguments) {
  REQUIRE(call(function, arguments...) == COBATCH_OK);
}

// ----------------------------------------------------------------------------------------------------- handles

struct free_handle {
  void operator()(cobatch_workspace* handle) const { cobatch_close(handle); }
  void operator()(cobatch_reply* handle) const { cobatch_reply_free(handle); }
  void operator()(cobatch_agent* handle) const { cobatch_agent_free(handle); }
  void operator()(cobatch_engine* handle) const { cobatch_engine_free(handle); }
  void operator()(cobatch_session* handle) const { cobatch_session_free(handle); }
  void operator()(cobatch_events* handle) const { cobatch_events_close(handle); }
};
template <class Handle>
using owned = std::unique_ptr<Handle, free_handle>;

/// Calls a function that has to succeed and whose last argument before `err` becomes a handle.
template <class Handle, class... Parameter, class... Argument>
owned<Handle> make(cobatch_status (*function)(Parameter...), Argument... arguments) {
  Handle* made = nullptr;
  must(function, arguments..., &made);
  REQUIRE(made != nullptr);
  return owned<Handle>(made);
}

/// A struct with its struct_size, for when it is to be filled.
template <class Struct>
Struct fresh() {
  Struct made;
  cobatch_init(&made, sizeof made);
  return made;
}

inline owned<cobatch_workspace> open_workspace(const std::filesystem::path& root) {
  auto options = fresh<cobatch_workspace_options>();
  options.root = text(root.native());
  return make<cobatch_workspace>(cobatch_open, &options);
}

/// A workspace in a folder of its own.
struct scratch_workspace {
  scratch_folder folder;
  owned<cobatch_workspace> handle = open_workspace(folder.path());

  operator cobatch_workspace*() const { return handle.get(); }  // NOLINT: stands for the handle
  [[nodiscard]] std::filesystem::path data() const { return folder.path() / "data"; }
};

// ----------------------------------------------------------------------------------------------------- records

template <class Record>
using next_function = cobatch_status (*)(cobatch_reply*, Record*, cobatch_error**);

/// All records of a kind that a reply still holds, as `show` copies them.
template <class Record, class Show>
auto all_in(cobatch_reply* reply, next_function<Record> next, const Show& show) {
  std::vector<std::invoke_result_t<Show, const Record&>> all;
  for (auto record = fresh<Record>();;) {
    const auto came = call(next, reply, &record);
    if (came == COBATCH_E_END) return all;
    REQUIRE(came == COBATCH_OK);
    all.push_back(show(record));
  }
}

/// A record, and the reply that it is lent from.
template <class Record>
struct lent_record {
  owned<cobatch_reply> from;
  Record record;

  const Record* operator->() const { return &record; }
};

template <class Record>
lent_record<Record> first_in(owned<cobatch_reply> reply, next_function<Record> next) {
  lent_record<Record> first{std::move(reply), fresh<Record>()};
  must(next, first.from.get(), &first.record);
  return first;
}

inline auto task_of(cobatch_workspace* place, std::string_view id) {
  return first_in(make<cobatch_reply>(cobatch_find_task, place, text(id)), cobatch_reply_next_task);
}
inline auto result_of(cobatch_workspace* place, std::string_view id) {
  return first_in(make<cobatch_reply>(cobatch_find_task, place, text(id)), cobatch_reply_next_result);
}
inline auto batch_of(cobatch_workspace* place, std::string_view id) {
  return first_in(make<cobatch_reply>(cobatch_find_batch, place, text(id)), cobatch_reply_next_batch);
}

inline list warnings_in(cobatch_reply* reply) {
  return all_in(reply, cobatch_reply_next_warning, [](const cobatch_warning_info& warning) {
    CHECK(warning.message.size > 0);
    return copy_of(warning.code);
  });
}

/// Why a batch is held.
inline std::string hold_reason(cobatch_workspace* place, std::string_view batch) {
  const auto held = batch_of(place, batch);
  CHECK(held->state == COBATCH_BATCH_HELD);
  return copy_of(held->hold_reason);
}

/// How sessions or turns have ended.
using ends = std::vector<std::int32_t>;

/// How the sessions so far have ended (COBATCH_SESSION_...), in order.
inline ends session_ends(cobatch_workspace* place) {
  const auto reply = make<cobatch_reply>(cobatch_list_sessions, place, nullptr);
  return all_in(reply.get(), cobatch_reply_next_session, [](const cobatch_session_info& s) { return s.end; });
}

/// How the turns so far have ended (COBATCH_TURN_...), in order.
inline ends turn_ends(cobatch_workspace* place) {
  const auto reply = make<cobatch_reply>(cobatch_list_turns, place, nullptr);
  return all_in(reply.get(), cobatch_reply_next_turn, [](const cobatch_turn_info& t) { return t.end; });
}

// --------------------------------------------------------------------------------------------------- assigning

/// A task whose id lives as long as the caller says.
inline cobatch_task_spec spec(std::string_view id, std::string_view description = "what is to be done") {
  auto made = fresh<cobatch_task_spec>();
  made.id = text(id);
  made.description = text(description);
  return made;
}

inline cobatch_assign_options for_batch(std::string_view batch, std::uint32_t flags = 0) {
  auto made = fresh<cobatch_assign_options>();
  made.batch = text(batch);
  made.flags = flags;
  return made;
}

/// One task, whose batch stays open if `flags` says so.
inline owned<cobatch_reply> assign(cobatch_workspace* place, std::string_view id, std::string_view batch,
                                   std::uint32_t flags = 0) {
  const auto task = spec(id);
  const auto options = for_batch(batch, flags);
  return make<cobatch_reply>(cobatch_assign_task, place, &task, &options);
}

/// A whole batch, for the agent of that name (empty: for any).
inline void assign_all(cobatch_workspace* place, const list& ids, std::string_view batch, std::string_view agent = {}) {
  std::vector<cobatch_task_spec> tasks;
  for (const auto& id : ids) tasks.push_back(spec(id));
  auto options = for_batch(batch);
  options.agent = text(agent);
  must(cobatch_assign_batch, place, tasks.data(), tasks.size(), &options, nullptr);
}

// --------------------------------------------------------------------------------------------------- processes

/// What `body` says, or that it could not.
template <class Body>
std::string said_by(const Body& body) noexcept {
  try {
    return body();
  } catch (...) {
    return "something that is required was not so";
  }
}

/// Runs `body` in a child process that then ends without any cleaning up. What it said, or how the child died: a check
/// that fails in there is printed, and counts for nothing. A child that hangs is killed by SIGALRM (14) at last.
template <class Body>
std::string in_child(const Body& body, unsigned failsafe_seconds = 60) {
  int channel[2];
  REQUIRE(::pipe(channel) == 0);
  std::fflush(nullptr);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::alarm(failsafe_seconds);
    const std::string said = said_by(body);
    const bool told = ::write(channel[1], said.data(), said.size()) == static_cast<ssize_t>(said.size());
    ::_exit(told ? 0 : 1);
  }
  ::close(channel[1]);
  std::string said;
  char block[4096];
  for (ssize_t n; (n = ::read(channel[0], block, sizeof block)) > 0;) said.append(block, static_cast<std::size_t>(n));
  ::close(channel[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) said += " (killed by signal " + std::to_string(WTERMSIG(status)) + ")";
  if (WIFEXITED(status) && WEXITSTATUS(status) != 0) said += " (exit " + std::to_string(WEXITSTATUS(status)) + ")";
  return said;
}

}  // namespace cobatch_test
