// A session in the hands of the process that holds the guard: its lock file, its turns within limits, its end.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <cobatch/store.hpp>
#include <cobatch/workspace.hpp>

#include "os/guard.hpp"

namespace cobatch {

/// The detail of a session that ends as `cancelled`.
inline constexpr std::string_view end_was_requested = "somebody asked for its end (unlock --force)";

struct session_limits {
  std::int64_t tasks = 0;
  std::chrono::milliseconds time{0};  ///< no turn is begun after it
};

class live_session {
 public:
  /// `lock` is held; it and `place` outlive this.
  live_session(workspace& place, guard& lock, session_record claimed, const session_limits& limits);

  /// Writes the guard's record, then the lock file, then the record with the lock file: after a crash each step can be
  /// found by the one before it.
  [[nodiscard]] result<void> sign();
  /// Names the processes that run for the session, so that a later holder of the guard can find them.
  [[nodiscard]] result<void> record_agent(const process_identity& keeper, const process_identity& agent);

  /// The task that would be begun next; nothing if the batch is in a later round.
  [[nodiscard]] std::optional<task_record> next_task();
  /// Why the waiting tasks are left to another session, as a sentence; nothing if no limit is reached or no task waits.
  [[nodiscard]] std::optional<std::string> full();
  /// The next turn; of `how`, session and ordinal are filled in here. Safe to repeat.
  [[nodiscard]] result<begin_outcome> begin_turn(begin_request how);

  /// Settles a turn that was begun. Safe to repeat.
  [[nodiscard]] result<settle_outcome> settle_turn(turn_no turn, const settlement& what);

  /// The agent has begun so many turns by calls.
  void note_turns(std::int64_t begun) { turns_ = begun; }

  /// Call it before `end`, so that nobody sees an ended session with a lock file. One that cannot be removed hinders
  /// nobody: the next session removes it.
  [[nodiscard]] result<void> remove_lock_file();
  /// Safe to repeat; the first end stands. The session as it ended.
  [[nodiscard]] result<session_record> end(session_end why, std::string_view detail);

  [[nodiscard]] const session_record& session() const noexcept { return session_; }
  /// Turns begun so far, that of the preamble included.
  [[nodiscard]] std::int64_t turns() const noexcept { return turns_; }
  /// Tasks that ended in a turn of this session. The limit counts these, so that a second attempt uses up nothing.
  [[nodiscard]] std::int64_t tasks() const noexcept { return tasks_; }

  /// What the agent says of itself.
  void describe(agent_facts about) { session_.about = std::move(about); }
  /// Time that does not count towards the session's limit.
  void give_time(std::chrono::milliseconds time) { not_after_ += time; }

 private:
  workspace& place_;
  guard& lock_;
  session_record session_;
  guard_record record_;
  std::int64_t most_tasks_;
  std::chrono::steady_clock::time_point not_after_;
  std::int64_t turns_ = 0;
  std::int64_t tasks_ = 0;
};

}  // namespace cobatch
