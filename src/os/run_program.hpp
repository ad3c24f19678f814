// Runs a program to its end and keeps what it wrote.
//
// The program is not the host's child but a child of a child of it, which waits for it: so its exit code is ours
// whatever the host does about SIGCHLD, and its end is sure when the host dies (on Linux). Both are in a process
// session of their own.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <cobatch/core/error.hpp>

#include "os/keeper.hpp"

namespace cobatch {

struct program_call {
  /// The program and its arguments; no shell. A name without a slash is looked up in PATH, a relative path with one is
  /// taken from the working directory.
  std::vector<std::string> argv = {};
  std::filesystem::path working_directory = {};                ///< empty: ours
  std::vector<std::string> environment = agent_environment();  ///< NAME=value, all of it
  std::size_t output_limit = 1024 * 1024;  ///< bytes of its standard output that are kept, from the beginning
  std::size_t error_limit = 4096;          ///< bytes of its standard error that are kept, from the end
  bool output_as_errors = false;           ///< its standard output goes where its standard error goes
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  std::stop_token stop = {};
};

/// How it ended: one of the first four is set.
struct program_end {
  std::optional<int> exit_code = {};
  std::optional<int> signal = {};  ///< that ended it
  bool timed_out = false;          ///< it was ended at the deadline
  bool stopped = false;            ///< it was ended because of the stop
  std::string output = {};
  bool output_cut = false;  ///< there was more than `output_limit`
  std::string errors = {};
};

/// Runs a program; its standard input is empty. When it has ended, or at the deadline or the stop, all that is left in
/// its process session is killed; only what has left that session may go on. Other threads may run, and fork, at the
/// same time. Errors: agent_missing (no such program) and io_error; nothing was started then.
[[nodiscard]] result<program_end> run_program(const program_call& call);

}  // namespace cobatch
