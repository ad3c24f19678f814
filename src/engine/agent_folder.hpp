// Where the agents of an engine work.
#pragma once

#include <filesystem>
#include <system_error>

#include <cobatch/engine.hpp>
#include <cobatch/workspace.hpp>

namespace cobatch {

/// Absolute, as agents are told it in words that they may read from elsewhere. A relative folder of the options is
/// taken from this process's own.
[[nodiscard]] inline std::filesystem::path agent_folder(const engine_options& options, const workspace_paths& paths) {
  if (options.working_directory.empty()) return paths.root;
  std::error_code no_current_folder;
  auto folder = std::filesystem::absolute(options.working_directory, no_current_folder);
  return no_current_folder ? options.working_directory : folder;
}

}  // namespace cobatch
