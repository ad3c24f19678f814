// Processes: which one it is, whether it lives, how to end it without hitting a stranger; and how this one, which may
// be somebody else's, is treated.
#pragma once

#include <chrono>
#include <cstdint>
#include <pthread.h>
#include <signal.h>
#include <sys/types.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include <cobatch/core/session.hpp>

#include "os/descriptor.hpp"

namespace cobatch {

[[nodiscard]] process_identity identity_of_self();
/// The identity of a pid in our namespace; nothing known (`known()` false) if there is no such process.
[[nodiscard]] process_identity identity_of_process(std::int64_t pid);

enum class liveness : std::uint8_t {
  alive,
  dead,     ///< no such process, another one under its pid, another boot, or a zombie without other threads
  unknown,  ///< another pid namespace, or nobody tells: only the kernel lock can tell; treat as alive
};
[[nodiscard]] liveness liveness_of(const process_identity& process);

/// A descriptor that becomes readable when the process ends; not open if it has ended, cannot be watched, or the
/// system has no such thing. The identity is checked again after opening, so it never watches a stranger.
[[nodiscard]] unique_fd watch_death(const process_identity& process);

/// Ends a recorded process and all that is left in its process session (setsid), and waits until they are gone:
/// SIGTERM, after `grace` SIGKILL. Signals go through descriptors opened before the identity was checked again.
/// Harmless if the process has ended; only processes that share its process session and started after it are
/// touched. Returns false if something is still there, or if the system does not tell its processes apart.
bool end_process_session(const process_identity& leader, std::chrono::milliseconds grace);

/// Which process made an object. In a forked child the threads behind it are gone and its locks and files are the
/// parent's, so it must not be touched there.
class birthplace {
 public:
  /// True in the process that made it.
  [[nodiscard]] bool here() const noexcept { return pid_ == ::getpid(); }

 private:
  pid_t pid_ = ::getpid();
};

/// Starts a thread in which all signals are blocked: signals are for the host's own threads.
template <class Work>
[[nodiscard]] std::jthread start_own_thread(Work&& work) {
  struct signals_blocked {
    signals_blocked() noexcept {
      sigset_t all;
      sigfillset(&all);
      pthread_sigmask(SIG_SETMASK, &all, &before);
    }
    ~signals_blocked() { pthread_sigmask(SIG_SETMASK, &before, nullptr); }
    sigset_t before;
  };
  const signals_blocked during_start;  // a thread takes over the mask of who starts it
  return std::jthread(std::forward<Work>(work));
}

}  // namespace cobatch
