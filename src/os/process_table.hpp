// What the system tells of its processes: one implementation a system, process_linux.cpp and process_other.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "os/unique_fd.hpp"

namespace cobatch {

[[nodiscard]] std::string current_boot_id();         ///< empty: the system does not tell
[[nodiscard]] std::int64_t current_pid_namespace();  ///< 0: the system has none or does not tell

struct process_entry {
  enum class answer : std::uint8_t { found, gone, unreadable };
  answer what = answer::gone;
  std::int64_t session = 0;     ///< pid of the leader of its process session
  std::int64_t start_time = 0;  ///< as in process_identity
  bool ended = false;           ///< a zombie without other threads
};
[[nodiscard]] process_entry look_up_process(std::int64_t pid);

[[nodiscard]] std::vector<std::int64_t> all_pids();

/// Readable when the process ends; not open where there is no such thing (or COBATCH_NO_PIDFD is set, for tests).
/// Whether it is the process one means is to be checked after opening.
[[nodiscard]] unique_fd open_death_watch(std::int64_t pid);

/// Sends a signal to the process that `watch` was opened for; by pid if it is not open.
void send_signal(const unique_fd& watch, std::int64_t pid, int signal_number);

}  // namespace cobatch
