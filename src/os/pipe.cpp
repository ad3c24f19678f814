#include "os/pipe.hpp"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include "os/files.hpp"

namespace cobatch {

result<pipe_ends> make_pipe() {
  int fds[2];
#ifdef __APPLE__
  // No pipe2 there: another thread's fork may see the ends for a moment before they are marked.
  if (::pipe(fds) != 0) return fail(system_error(errno, "open", "a pipe"));
  for (const int fd : fds) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
#else
  if (::pipe2(fds, O_CLOEXEC) != 0) return fail(system_error(errno, "open", "a pipe"));
#endif
  return pipe_ends{unique_fd(fds[0]), unique_fd(fds[1])};
}

void set_nonblocking(int fd) noexcept {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags >= 0) ::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

}  // namespace cobatch
