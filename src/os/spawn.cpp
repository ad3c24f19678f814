#include "os/spawn.hpp"

#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <signal.h>
#include <system_error>

#include "os/descriptor.hpp"

namespace cobatch {

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

bool child_program::enter_folder() const noexcept { return folder_.empty() || ::chdir(folder_.c_str()) == 0; }

void child_program::exec() const noexcept {
  for (int s = 1; s < NSIG; ++s) ::signal(s, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(program_.c_str(), argv_pointers_.data(), environment_pointers_.data());
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

error exec_error(const std::string& program, int why, errc otherwise) {
  const bool missing = why == ENOENT || why == ENOTDIR;
  return {missing ? errc::agent_missing : otherwise,
          "could not run " + program + ": " + std::generic_category().message(why) + "; nothing was started." +
              (missing ? " If the file is there, the interpreter in its first line is not" : "")};
}

}  // namespace cobatch
