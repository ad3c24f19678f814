#include "os/exec_child.hpp"

#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "os/private_fd.hpp"

namespace cobatch {

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

pid_t fork_with_signals_blocked() noexcept {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = fork_with_private_fds();
  if (pid == 0) return pid;
  const int why = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = why;
  return pid;
}

// All are lifted above the numbers they will have first, so that none is overwritten before it is copied.
bool put_in_place(std::span<int> sources) noexcept {
  for (int& source : sources) {
    if (source < 0) continue;
    source = ::fcntl(source, F_DUPFD_CLOEXEC, first_free_fd);
    if (source < 0) return false;
  }
  for (std::size_t fd = 0; fd < sources.size(); ++fd) {
    const int number = static_cast<int>(fd);
    if (sources[fd] < 0)
      ::close(number);
    else if (::dup2(sources[fd], number) < 0)
      return false;
  }
  return true;
}

void exec_with_default_signals(const char* program, char* const* argv, char* const* environment) noexcept {
  for (int s = 1; s < NSIG; ++s) ::signal(s, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(program, argv, environment);
}

}  // namespace cobatch
