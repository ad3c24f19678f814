// What can be seen of a turn from outside the agent: the files it changed, and whether the task's check passes, which is
// a program that says whether the task is really done.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <cobatch/core/session.hpp>
#include <cobatch/core/task.hpp>
#include <cobatch/engine.hpp>

#include "workspace/work_tree.hpp"

namespace cobatch {

/// Of what a check wrote, the end that is kept in `settlement::detail`: bytes of UTF-8.
inline constexpr std::size_t check_output_bytes = 2000;

/// Runs `check` (see task_spec; without a shell) in `folder` if the turn ended `done`, and says what the turn came to
/// then: the same if the check exits with 0. Otherwise `error` with the reason "check_failed"; that is so too if it
/// cannot be started, or has not ended within `limit` (it is ended then). With a stop the check is ended, and the
/// settlement is `stopped` with the reason "check_interrupted", so that the task is done again. What the agent answered
/// and used is kept in any case.
[[nodiscard]] settlement apply_check(settlement what, const std::vector<std::string>& check,
                                     const std::filesystem::path& folder, std::chrono::milliseconds limit,
                                     std::stop_token stop);

class turn_check {
 public:
  /// `folder`: the session's; what was seen before a turn is kept there for who comes after a crash.
  turn_check(const engine_options& options, const workspace_paths& paths, std::filesystem::path working_directory,
             std::filesystem::path folder);

  /// Looks before the turn. True if something is not committed.
  bool look_before();
  /// What the turn came to, with what it changed, and its task checked if the agent said that it is done.
  [[nodiscard]] settlement look_after(settlement what, const task_spec& task, std::stop_token stop) const;
  /// The same for a turn whose orchestrator died, from what that one had kept in the folder.
  [[nodiscard]] settlement look_after_crash(settlement what, const task_spec& task, std::stop_token stop);

 private:
  const engine_options& options_;
  std::filesystem::path working_directory_, kept_;
  work_tree tree_;
  std::optional<work_snapshot> before_;
};

}  // namespace cobatch
