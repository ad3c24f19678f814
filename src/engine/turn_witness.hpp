// What can be seen of a turn from outside the agent: the files it changed, and whether the task's check passes.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <stop_token>

#include <cobatch/core/session.hpp>
#include <cobatch/core/task.hpp>
#include <cobatch/engine.hpp>

#include "workspace/work_tree.hpp"

namespace cobatch {

class turn_witness {
 public:
  /// `folder`: the session's; what was seen before a turn is kept there for who comes after a crash.
  turn_witness(const engine_options& options, const workspace_paths& paths, std::filesystem::path working_directory,
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
