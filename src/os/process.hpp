// Which process is it, does it live, and how to end it without hitting a stranger.
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include <cobatch/core/error.hpp>
#include <cobatch/core/session.hpp>

#include "os/unique_fd.hpp"

namespace cobatch {

[[nodiscard]] process_identity identity_of_self();
/// The identity of a pid in our namespace; nothing known (`known()` false) if there is no such process.
[[nodiscard]] process_identity identity_of_process(std::int64_t pid);

enum class liveness : std::uint8_t {
  alive,
  dead,     ///< no such process, another one under its pid, another boot, or a zombie without other threads
  unknown,  ///< another pid namespace or unreadable: only the kernel lock can tell; treat as alive
};
[[nodiscard]] liveness liveness_of(const process_identity& process);

/// A descriptor that becomes readable when the process ends; not open if it has ended, cannot be watched, or the
/// system has no such thing. The identity is checked again after opening, so it never watches a stranger.
[[nodiscard]] unique_fd watch_death(const process_identity& process);

/// Ends a recorded process and all that is left in its process session (setsid), and waits until they are gone:
/// SIGTERM, after `grace` SIGKILL. Signals go through descriptors opened before the identity was checked again.
/// Harmless if the process has ended; only processes that share its process session and started after it are
/// touched. Returns false if something is still there.
bool end_process_session(const process_identity& leader, std::chrono::milliseconds grace);

}  // namespace cobatch
