// What the program's exit codes mean: the same for every command. Documented in `cobatch --help`.
#pragma once

#include <string_view>

#include <cobatch/core/error.hpp>
#include <cobatch/protocol.hpp>

namespace cobatch::program {

enum exit_code : int {
  exit_success = 0,
  exit_refused = 1,     ///< refused; of `run`: a task failed; `doctor`: something is wrong; `import`: not all went in
  exit_usage = 2,       ///< the command line or the request could not be understood
  exit_fault = 3,       ///< storage or system
  exit_port = 4,        ///< the port is in use
  exit_no_agent = 5,    ///< no agent to run tasks with
  exit_unfinished = 6,  ///< of `run`: stopped, or tasks are left that this run could not run
};

inline constexpr std::string_view exit_code_help =
    "Exit codes:\n"
    "  0  done\n"
    "  1  refused; of run: a task ended in error or was cancelled; of doctor: something is wrong;\n"
    "     of import: something was set aside or conflicts\n"
    "  2  the command line or the request could not be understood\n"
    "  3  a fault of storage or system\n"
    "  4  the port is in use\n"
    "  5  no agent to run tasks with\n"
    "  6  of run: stopped, or tasks are left that this run could not run\n";

[[nodiscard]] exit_code exit_code_of(errc code) noexcept;
[[nodiscard]] exit_code exit_code_of(const reply& answered) noexcept;

}  // namespace cobatch::program
