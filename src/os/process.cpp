#include "os/process.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <poll.h>
#include <span>
#include <string>
#include <vector>

#include "os/system.h"
#include "os/watch.hpp"

namespace cobatch {

namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// How long SIGKILL may take to be obeyed; a process that hangs in the kernel obeys when its device answers.
constexpr milliseconds kill_patience{10'000};
// A new scan this often, for processes that were made while the last one ran.
constexpr milliseconds scan_tick{50};
// The same where ends cannot be watched.
constexpr milliseconds unwatched_tick{5};

std::string current_boot_id() {
  std::array<char, 64> id{};
  ::cobatch_boot_id(id.data(), id.size());
  return id.data();
}

cobatch_process look_up(std::int64_t pid) {
  cobatch_process found{};
  ::cobatch_look_up_process(static_cast<pid_t>(pid), &found);
  return found;
}

struct member {
  pid_t pid;
  unique_fd watch;
};

bool belongs(const cobatch_process& process, const process_identity& leader) {
  if (process.answer != cobatch_process::COBATCH_PROCESS_FOUND || process.ended) return false;
  if (process.pid == leader.pid) return process.start_time == leader.start_time;
  return process.session == leader.pid && process.start_time >= leader.start_time;
}

// What lives of a process session, each with a watch opened before it was looked at again.
//
// A pid stays taken while a session of that number has members. So if another process has the leader's pid, the
// leader's session is gone altogether, and what bears its number is somebody else's.
std::vector<member> living_members(const process_identity& leader) {
  std::vector<member> members;
  const auto holder = look_up(leader.pid);
  if (holder.answer == cobatch_process::COBATCH_PROCESS_FOUND && holder.start_time != leader.start_time) return members;
  std::size_t count = 0;
  const std::unique_ptr<pid_t, void (*)(void*)> pids(::cobatch_all_pids(&count), std::free);
  for (const pid_t pid : std::span(pids.get(), count)) {
    if (pid == ::getpid() || !belongs(look_up(pid), leader)) continue;
    unique_fd watch(::cobatch_watch_death(pid));
    if (belongs(look_up(pid), leader)) members.push_back({pid, std::move(watch)});
  }
  return members;
}

// Until one has ended, a rescan is due, or the deadline.
void wait_for_end(const std::vector<member>& members, clock::time_point deadline) {
  std::vector<pollfd> polled;
  for (const auto& m : members)
    if (m.watch.open()) polled.push_back({m.watch.get(), POLLIN, 0});
  const auto tick = polled.size() == members.size() ? scan_tick : unwatched_tick;
  wait_ready(polled, std::min(deadline, clock::now() + tick));
}

// SIGTERM goes to each member once, SIGKILL at each look. True when none is left.
bool signal_until_gone(const process_identity& leader, int signal_number, clock::time_point deadline) {
  std::vector<pid_t> asked;
  for (;;) {
    const auto members = living_members(leader);
    if (members.empty()) return true;
    if (clock::now() >= deadline) return false;
    for (const auto& m : members) {
      if (signal_number != SIGKILL && std::find(asked.begin(), asked.end(), m.pid) != asked.end()) continue;
      ::cobatch_send_signal(m.watch.get(), m.pid, signal_number);
      ::cobatch_send_signal(m.watch.get(), m.pid, SIGCONT);  // one that is stopped could not obey
      asked.push_back(m.pid);
    }
    wait_for_end(members, deadline);
  }
}

}  // namespace

process_identity identity_of_self() { return identity_of_process(::getpid()); }

process_identity identity_of_process(std::int64_t pid) {
  const auto process = look_up(pid);
  if (process.answer == cobatch_process::COBATCH_PROCESS_GONE) return {};
  return {current_boot_id(), ::cobatch_pid_namespace(), pid, process.start_time};
}

liveness liveness_of(const process_identity& process) {
  if (!process.known()) return liveness::dead;
  const std::string boot = current_boot_id();
  if (boot.empty() != process.boot_id.empty()) return liveness::unknown;
  if (boot != process.boot_id) return liveness::dead;
  if (::cobatch_pid_namespace() != process.pid_namespace) return liveness::unknown;
  const auto now = look_up(process.pid);
  if (now.answer == cobatch_process::COBATCH_PROCESS_GONE) return liveness::dead;
  // A start time that could not be read when the identity was taken cannot tell two processes apart.
  if (now.answer == cobatch_process::COBATCH_PROCESS_UNREADABLE || process.start_time == 0) return liveness::unknown;
  return now.start_time == process.start_time && !now.ended ? liveness::alive : liveness::dead;
}

unique_fd watch_death(const process_identity& process) {
  if (liveness_of(process) != liveness::alive) return {};
  unique_fd watch(::cobatch_watch_death(static_cast<pid_t>(process.pid)));
  if (liveness_of(process) != liveness::alive) watch.reset();
  return watch;
}

bool end_process_session(const process_identity& leader, milliseconds grace) {
  if (!leader.known()) return true;
  const std::string boot = current_boot_id();
  if (!boot.empty() && !leader.boot_id.empty() && boot != leader.boot_id) return true;
  if (boot != leader.boot_id || ::cobatch_pid_namespace() != leader.pid_namespace || leader.start_time == 0)
    return false;
  if (grace > milliseconds{0} && signal_until_gone(leader, SIGTERM, clock::now() + grace)) return true;
  return signal_until_gone(leader, SIGKILL, clock::now() + kill_patience);
}

}  // namespace cobatch
