// What a child does between fork and exec, in a host that may have threads: async-signal-safe calls only.
#pragma once

#include <span>
#include <string>
#include <sys/types.h>
#include <vector>

namespace cobatch {

/// Above the numbers that a child's descriptors get.
inline constexpr int first_free_fd = 10;

/// For execve: pointers into `texts`, and a null pointer at the end. To be made before the fork.
[[nodiscard]] std::vector<char*> pointers_to(std::vector<std::string>& texts);

/// fork() of a child that will exec, with all signals blocked in it: no handler of the host may run there. The child
/// keeps the private descriptors until it execs.
[[nodiscard]] pid_t fork_with_signals_blocked() noexcept;

/// In the child: its descriptors 0, 1, … become copies of `sources`, which may be in each other's place; -1: closed.
/// False, with errno, if there are no descriptors left.
[[nodiscard]] bool put_in_place(std::span<int> sources) noexcept;

/// In the child: execve with all signals default and unblocked (the host's choices, SIGPIPE ignored say, would be the
/// program's too). Returns only if it failed, with errno.
void exec_with_default_signals(const char* program, char* const* argv, char* const* environment) noexcept;

}  // namespace cobatch
