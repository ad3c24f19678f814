// macOS; and, where nothing more is known of a system, what POSIX alone can tell.
#ifndef __linux__

#include <array>
#include <cerrno>
#include <signal.h>
#include <unistd.h>
#ifdef __APPLE__
#include <libproc.h>
#include <sys/event.h>
#include <sys/proc.h>
#include <sys/sysctl.h>
#endif

#include "os/process_table.hpp"

namespace cobatch {

#ifdef __APPLE__

std::string current_boot_id() {
  std::array<char, 64> text{};
  std::size_t size = text.size() - 1;
  if (::sysctlbyname("kern.bootsessionuuid", text.data(), &size, nullptr, 0) != 0) return {};
  return text.data();
}

process_entry look_up_process(std::int64_t pid) {
  using answer = process_entry::answer;
  if (pid <= 0) return {};
  proc_bsdinfo info{};
  const auto id = static_cast<pid_t>(pid);
  if (::proc_pidinfo(id, PROC_PIDTBSDINFO, 0, &info, sizeof info) != sizeof info) {
    const bool there = ::kill(id, 0) == 0 || errno == EPERM;
    return {.what = there ? answer::unreadable : answer::gone};
  }
  return {.what = answer::found,
          .session = static_cast<std::int64_t>(::getsid(id)),
          .start_time = static_cast<std::int64_t>(info.pbi_start_tvsec * 1'000'000 + info.pbi_start_tvusec),
          .ended = info.pbi_status == SZOMB};
}

std::vector<std::int64_t> all_pids() {
  std::vector<pid_t> ids(static_cast<std::size_t>(::proc_listallpids(nullptr, 0)) + 64);
  const int count = ::proc_listallpids(ids.data(), static_cast<int>(ids.size() * sizeof(pid_t)));
  return {ids.begin(), ids.begin() + (count > 0 ? count : 0)};
}

unique_fd open_death_watch(std::int64_t pid) {
  unique_fd queue(::kqueue());
  struct kevent event {};
  EV_SET(&event, static_cast<uintptr_t>(pid), EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, nullptr);
  if (queue.open() && ::kevent(queue.get(), &event, 1, nullptr, 0, nullptr) != 0) queue.reset();
  return queue;
}

#else

std::string current_boot_id() {
  return {};
}

process_entry look_up_process(std::int64_t pid) {
  using answer = process_entry::answer;
  const bool there = pid > 0 && (::kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM);
  return {.what = there ? answer::unreadable : answer::gone};
}

std::vector<std::int64_t> all_pids() {
  return {};
}

unique_fd open_death_watch(std::int64_t) {
  return {};
}

#endif

std::int64_t current_pid_namespace() {
  return 0;
}

void send_signal(const unique_fd&, std::int64_t pid, int signal_number) {
  ::kill(static_cast<pid_t>(pid), signal_number);
}

}  // namespace cobatch

#endif
