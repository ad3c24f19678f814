// Starts the keeper program: fork, wait until it is recorded, exec.
#pragma once

#include <filesystem>
#include <string>
#include <sys/types.h>
#include <vector>

#include <cobatch/core/error.hpp>

#include "os/private_fd.hpp"
#include "os/unique_fd.hpp"

namespace cobatch {

struct keeper_command {
  std::filesystem::path program;
  std::vector<std::string> argv;
  std::vector<std::string> environment;
  int guard = -1;            ///< -1: none
  unique_fd output, errors;  ///< the agent's files
};

/// A process that will be the keeper, and our ends of what connects us.
struct spawned_keeper {
  pid_t pid = -1;
  unique_fd gate;  ///< one byte lets it exec; closing it ends it
  private_fd control, status, input;
};

/// What the child does is async-signal-safe; its signals are all default and unblocked. If the program cannot be
/// executed, "X <errno> keeper" comes through `status`.
[[nodiscard]] result<spawned_keeper> spawn_keeper(keeper_command command);

}  // namespace cobatch
