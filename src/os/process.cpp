#include "os/process.hpp"

#include <algorithm>
#include <poll.h>
#include <signal.h>
#include <unistd.h>
#include <utility>

#include "os/process_table.hpp"

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

struct member {
  std::int64_t pid;
  unique_fd watch;
};

bool belongs(const process_entry& entry, std::int64_t pid, const process_identity& leader) {
  if (entry.what != process_entry::answer::found || entry.ended) return false;
  if (pid == leader.pid) return entry.start_time == leader.start_time;
  return entry.session == leader.pid && entry.start_time >= leader.start_time;
}

// What lives of a process session, each with a watch opened before it was looked at again.
//
// A pid stays taken while a session of that number has members. So if another process has the leader's pid, the
// leader's session is gone altogether, and what bears its number is somebody else's.
std::vector<member> living_members(const process_identity& leader) {
  std::vector<member> members;
  const auto holder = look_up_process(leader.pid);
  if (holder.what == process_entry::answer::found && holder.start_time != leader.start_time) return members;
  for (const std::int64_t pid : all_pids()) {
    if (pid == ::getpid() || !belongs(look_up_process(pid), pid, leader)) continue;
    unique_fd watch = open_death_watch(pid);
    if (belongs(look_up_process(pid), pid, leader)) members.push_back({pid, std::move(watch)});
  }
  return members;
}

// Until one has ended, a rescan is due, or the deadline.
void wait_for_end(const std::vector<member>& members, clock::time_point deadline) {
  std::vector<pollfd> polled;
  for (const auto& m : members)
    if (m.watch.open()) polled.push_back({m.watch.get(), POLLIN, 0});
  const auto tick = polled.size() == members.size() ? scan_tick : unwatched_tick;
  const auto left = std::chrono::ceil<milliseconds>(deadline - clock::now());
  const auto wait = std::clamp(left, milliseconds{0}, tick);
  ::poll(polled.data(), static_cast<nfds_t>(polled.size()), static_cast<int>(wait.count()));
}

// SIGTERM to each member once. True when none is left.
bool ask_to_end(const process_identity& leader, clock::time_point deadline) {
  std::vector<std::int64_t> asked;
  for (;;) {
    const auto members = living_members(leader);
    if (members.empty()) return true;
    if (clock::now() >= deadline) return false;
    for (const auto& m : members) {
      if (std::find(asked.begin(), asked.end(), m.pid) != asked.end()) continue;
      send_signal(m.watch, m.pid, SIGTERM);
      send_signal(m.watch, m.pid, SIGCONT);  // one that is stopped could not obey
      asked.push_back(m.pid);
    }
    wait_for_end(members, deadline);
  }
}

bool make_end(const process_identity& leader, clock::time_point deadline) {
  for (;;) {
    const auto members = living_members(leader);
    if (members.empty()) return true;
    if (clock::now() >= deadline) return false;
    for (const auto& m : members) send_signal(m.watch, m.pid, SIGKILL);
    wait_for_end(members, deadline);
  }
}

}  // namespace

process_identity identity_of_self() {
  return identity_of_process(::getpid());
}

process_identity identity_of_process(std::int64_t pid) {
  const auto entry = look_up_process(pid);
  if (entry.what == process_entry::answer::gone) return {};
  return {current_boot_id(), current_pid_namespace(), pid, entry.start_time};
}

liveness liveness_of(const process_identity& process) {
  if (!process.known()) return liveness::dead;
  const std::string boot = current_boot_id();
  if (boot.empty() || process.boot_id.empty()) return liveness::unknown;
  if (boot != process.boot_id) return liveness::dead;
  if (current_pid_namespace() != process.pid_namespace) return liveness::unknown;
  const auto entry = look_up_process(process.pid);
  if (entry.what == process_entry::answer::gone) return liveness::dead;
  // A start time that could not be read when the identity was taken cannot tell two processes apart.
  if (entry.what == process_entry::answer::unreadable || process.start_time == 0) return liveness::unknown;
  return entry.start_time == process.start_time && !entry.ended ? liveness::alive : liveness::dead;
}

unique_fd watch_death(const process_identity& process) {
  if (liveness_of(process) != liveness::alive) return {};
  unique_fd watch = open_death_watch(process.pid);
  if (liveness_of(process) != liveness::alive) watch.reset();
  return watch;
}

bool end_process_session(const process_identity& leader, milliseconds grace) {
  if (!leader.known()) return true;
  const std::string boot = current_boot_id();
  if (!boot.empty() && !leader.boot_id.empty() && boot != leader.boot_id) return true;
  if (boot != leader.boot_id || current_pid_namespace() != leader.pid_namespace || leader.start_time == 0) return false;
  if (grace > milliseconds{0} && ask_to_end(leader, clock::now() + grace)) return true;
  return make_end(leader, clock::now() + kill_patience);
}

}  // namespace cobatch
