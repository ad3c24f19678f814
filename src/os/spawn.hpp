// Starting a program from a process that may have threads: what is needed is made before the fork, and in the child
// only async-signal-safe calls are made until it execs.
#pragma once

#include <array>
#include <filesystem>
#include <span>
#include <string>
#include <sys/types.h>
#include <unistd.h>
#include <vector>

#include <cobatch/core/error.hpp>

namespace cobatch {

/// For execve: pointers into `texts`, and a null pointer at the end.
[[nodiscard]] std::vector<char*> pointers_to(std::vector<std::string>& texts);

/// What a child will be. `environment`: NAME=value, all of it.
class child_program {
 public:
  child_program(const std::filesystem::path& program, std::vector<std::string> argv,
                std::vector<std::string> environment, const std::filesystem::path& folder = {})
      : program_(program.string()),
        folder_(folder.string()),
        argv_(std::move(argv)),
        environment_(std::move(environment)),
        argv_pointers_(pointers_to(argv_)),
        environment_pointers_(pointers_to(environment_)) {}
  child_program(const child_program&) = delete;
  child_program& operator=(const child_program&) = delete;

  /// In the child: goes to the program's folder, unless that is empty. False, with errno, if it cannot.
  [[nodiscard]] bool enter_folder() const noexcept;
  /// In the child: execve with all signals default and unblocked (the host's choices, SIGPIPE ignored say, would be the
  /// program's too). Returns only if it failed, with errno.
  void exec() const noexcept;

 private:
  std::string program_, folder_;
  std::vector<std::string> argv_, environment_;
  std::vector<char*> argv_pointers_, environment_pointers_;
};

/// Above the numbers that a child's descriptors get.
inline constexpr int first_free_fd = 10;

/// In the child: its descriptors 0, 1, … become copies of `sources`, which may be in each other's place; -1: closed.
/// False, with errno, if there are no descriptors left.
[[nodiscard]] bool put_in_place(std::span<int> sources) noexcept;

/// fork() of a child that runs `body` and never returns from it. All signals are blocked in it: no handler of the host
/// may run there. It keeps the private descriptors until it execs. -1, with errno, if there can be no child.
[[nodiscard]] pid_t fork_with_signals_blocked() noexcept;
template <class Body>
[[nodiscard]] pid_t fork_child(Body&& body) noexcept {
  const pid_t pid = fork_with_signals_blocked();
  if (pid != 0) return pid;
  body();
  ::_exit(127);
}

/// Why an exec failed, in words: agent_missing if there is no such program, else `otherwise`.
[[nodiscard]] error exec_error(const std::string& program, int why, errc otherwise);

}  // namespace cobatch
