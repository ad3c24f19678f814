#include "os/descriptor.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <mutex>
#include <new>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>
#include <vector>

#include "os/files.hpp"
#include "os/system.h"

namespace cobatch {

namespace {

// The one list that this library keeps for a whole process: its private descriptors, for the fork handlers.
struct fd_list {
  std::mutex mutex;
  std::vector<int> fds;
};

thread_local bool child_keeps_fds = false;

void before_fork();
void after_fork_in_parent();
void after_fork_in_child();

// Never destroyed: handlers may run, and descriptors be closed, while static objects are. It has nothing on the heap
// while it is empty, so a host that unloads the library has nothing lost.
fd_list& list() {
  alignas(fd_list) static std::byte place[sizeof(fd_list)];
  static fd_list* const the_list = [] {
    ::pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
    return new (place) fd_list;
  }();
  return *the_list;
}

void before_fork() { list().mutex.lock(); }
void after_fork_in_parent() { list().mutex.unlock(); }

// The numbers stay taken, so that the copies of the objects in the child close nothing that is not theirs. Only
// async-signal-safe calls.
void after_fork_in_child() {
  fd_list& all = list();
  if (!child_keeps_fds && !all.fds.empty()) {
    const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const int fd : all.fds) {
      if (nothing < 0) {
        ::close(fd);
      } else if (::dup2(nothing, fd) >= 0) {
        set_close_on_exec(fd);
      }
    }
    if (nothing >= 0) ::close(nothing);
  }
  all.mutex.unlock();
}

bool sigpipe_pending() noexcept {
  sigset_t pending;
  return ::sigpending(&pending) == 0 && ::sigismember(&pending, SIGPIPE) == 1;
}

}  // namespace

private_fd::private_fd(unique_fd fd) : fd_(std::move(fd)) {
  if (!fd_.open()) return;
  fd_list& all = list();
  const std::lock_guard lock(all.mutex);
  all.fds.push_back(fd_.get());
}

void private_fd::reset() noexcept {
  if (!fd_.open()) return;
  fd_list& all = list();
  // Closed under the lock: a number that was closed already may be another thread's file when a fork replaces it.
  const std::lock_guard lock(all.mutex);
  all.fds.erase(std::remove(all.fds.begin(), all.fds.end(), fd_.get()), all.fds.end());
  if (all.fds.empty()) std::vector<int>().swap(all.fds);
  fd_.reset();
}

pid_t fork_with_private_fds() noexcept {
  child_keeps_fds = true;
  const pid_t pid = ::fork();
  child_keeps_fds = false;
  return pid;
}

result<pipe_ends> make_pipe() {
  int fds[2];
  if (::cobatch_pipe(fds) != 0) return fail(system_error(errno, "open", "a pipe"));
  return pipe_ends{unique_fd(fds[0]), unique_fd(fds[1])};
}

void set_nonblocking(int fd) noexcept {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags >= 0) ::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

void set_close_on_exec(int fd) noexcept { ::fcntl(fd, F_SETFD, FD_CLOEXEC); }

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
