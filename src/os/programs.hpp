// Programs: where they are, what environment they get, and running one to its end.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <cobatch/core/error.hpp>

namespace cobatch {

/// Where `program` would be found (PATH, if it has no slash); agent_missing with what to do if nowhere.
[[nodiscard]] result<std::filesystem::path> find_program(std::string_view program);

/// Where one of our helper programs is (`cobatch-scripted`): beside this library or program, or where it was installed.
[[nodiscard]] result<std::filesystem::path> find_helper(std::string_view name);
/// The same for the keeper program, unless COBATCH_KEEPER names one.
[[nodiscard]] result<std::filesystem::path> find_keeper();

/// The file of the running program; empty if nobody tells.
[[nodiscard]] std::filesystem::path this_program();

/// `text` as one word of a POSIX shell: in single quotes, unless it needs none.
[[nodiscard]] std::string shell_quoted(std::string_view text);

/// Our environment without the session variables of coding agents (CLAUDECODE and its like), which would make an agent
/// refuse to start or join somebody else's session. The list is checked in, in programs.cpp.
[[nodiscard]] std::vector<std::string> agent_environment();

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

/// Runs a program to its end; its standard input is empty. When it has ended, or at the deadline or the stop, all that
/// is left in its process session is killed (where the system does not tell its processes apart: in its process group);
/// only what has left that may go on. It ends with its host. A host's SIGCHLD settings do not matter. Other threads may
/// run, and fork, at the same time. Errors: agent_missing (no such program) and io_error; nothing was started then.
[[nodiscard]] result<program_end> run_program(const program_call& call);

}  // namespace cobatch
