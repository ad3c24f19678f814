// Threads of ours in somebody else's process: signals are for the host's own threads.
#pragma once

#include <pthread.h>
#include <signal.h>
#include <thread>
#include <utility>

namespace cobatch {

/// Starts a thread in which all signals are blocked.
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
