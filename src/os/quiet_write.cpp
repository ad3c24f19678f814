#include "os/quiet_write.hpp"

#include <cerrno>
#include <signal.h>
#include <unistd.h>

namespace cobatch {

namespace {
bool sigpipe_pending() noexcept {
  sigset_t pending;
  return ::sigpending(&pending) == 0 && ::sigismember(&pending, SIGPIPE) == 1;
}
}  // namespace

// The signal of a failed write goes to the writing thread: there it is blocked, and taken if this write raised it.
ssize_t write_quietly(int fd, std::string_view bytes) noexcept {
  sigset_t pipe_signal, before;
  ::sigemptyset(&pipe_signal);
  ::sigaddset(&pipe_signal, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  const bool was_pending = sigpipe_pending();
  const ssize_t n = ::write(fd, bytes.data(), bytes.size());
  const int why = errno;
  if (n < 0 && why == EPIPE && !was_pending && sigpipe_pending()) {
    int taken = 0;
    ::sigwait(&pipe_signal, &taken);
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = why;
  return n;
}

}  // namespace cobatch
