// The engine: takes sealed batches in order, one at a time: lock, session, turns, results, unlock.
//
// Any number of engines may run for one workspace, in any number of processes; one session runs at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <cobatch/agent.hpp>
#include <cobatch/core/batch.hpp>
#include <cobatch/core/error.hpp>
#include <cobatch/core/event.hpp>
#include <cobatch/core/session.hpp>
#include <cobatch/fwd.hpp>
#include <cobatch/workspace.hpp>

namespace cobatch {
inline namespace v1 {

struct engine_options {
  /// The agents it serves; the first is the default, for batches that name none.
  std::vector<std::shared_ptr<agent>> agents = {};
  std::filesystem::path working_directory = {};  ///< the agents'; empty: the workspace's root
  std::chrono::milliseconds turn_limit{std::chrono::minutes{30}};
  std::chrono::milliseconds session_limit{std::chrono::hours{4}};  ///< no turn is begun after it
  std::chrono::milliseconds linger{std::chrono::seconds{5}};       ///< for batches sealed by their very first task
  std::chrono::milliseconds stop_grace{std::chrono::seconds{10}};  ///< for the running turn when a stop is requested
  int max_tasks_per_session = 10;
  /// Of silence of the agent in a turn, a notice; 0: never. The turn goes on until its limit.
  std::chrono::milliseconds quiet_after{std::chrono::minutes{5}};
  /// Of silence after a message of the agent that closes its task (the prompt asks for such a line), the turn is ended
  /// with that message as its answer; 0: never, it goes on until the agent writes its result or its limit is over.
  /// The agent is asked to end the turn first, and has 10 seconds more for that.
  std::chrono::milliseconds idle_limit{0};
  /// First wait for a limit of the provider that does not say when it is over; doubled each time, at most 15 minutes.
  std::chrono::milliseconds limit_wait{std::chrono::seconds{30}};
  /// True: a task's `check` may be run, with the rights of this process. Without it a task with a check is refused:
  /// who may assign tasks may then run programs.
  bool allow_checks = false;
  std::chrono::milliseconds check_limit{std::chrono::minutes{10}};
  std::shared_ptr<const price_table> prices = {};  ///< for budgets in dollars; null: there are none
  spending_cap day_budget = {};                    ///< for each day (UTC), over all batches of the workspace
  std::optional<batch_id> only = {};               ///< run this batch and leave the others alone
  /// With `run_until::idle`: wait for a lock file that Cobatch did not write to go, instead of returning.
  bool wait_for_lock_file = false;
  /// Ends the grace of a stop: with both requested, the running turn is interrupted at once.
  std::stop_token hurry = {};
  /// Takes what happens, as it happens; see `event`. Called from the threads of the engine, one at a time; must not
  /// throw.
  std::function<void(const event&)> on_event = {};
};

enum class run_until : std::uint8_t {
  stopped,  ///< wait for more work until a stop is requested
  idle,     ///< return when no batch is left that this engine could run, or such a lock file is there
};

/// What a run came to.
struct run_report {
  std::int64_t sessions = 0;
  std::int64_t turns = 0;
  std::int64_t tasks_done = 0;    ///< in turns of this run
  std::int64_t tasks_failed = 0;  ///< in turns of this run: they ended in error or were cancelled
  /// The batches that were to run and have tasks that have not ended, in the order in which they would run; at most
  /// 1000.
  std::vector<batch_record> left = {};
  std::string why_left = {};      ///< a sentence for people; empty if `left` is, or where nobody knows
  bool behind_lock_file = false;  ///< a lock file that Cobatch did not write stopped it

  [[nodiscard]] std::int64_t tasks_left() const {
    std::int64_t sum = 0;
    for (const auto& batch : left) sum += live_tasks(batch);
    return sum;
  }
  /// The part of them that is in held batches: it waits for a person, or for some time.
  [[nodiscard]] std::int64_t tasks_held() const {
    std::int64_t sum = 0;
    for (const auto& batch : left)
      if (batch.state == batch_state::held) sum += live_tasks(batch);
    return sum;
  }
};

/// Runs an engine in the calling thread; from another thread, request a stop: no new turn is begun, the running one
/// gets its grace, everything is settled, and `run` returns. For a background engine, call it in a std::jthread.
/// Errors: bad_value (no agents), workspace_replaced, storage_fault and whatever else makes going on impossible; with
/// `idle`, if no turn could begin because no agent could be started: keeper_missing, agent_missing, agent_failed.
/// What can pass (a full disk, a busy guard, an agent that fails to start) is told as an event and tried again, with
/// `idle` five times in a row.
[[nodiscard]] result<run_report> run(workspace& place, const engine_options& options, std::stop_token stop,
                                     run_until until);

}  // namespace v1
}  // namespace cobatch
