// How long after its owner was killed the guard can be had: from kill(2) to a true try_acquire, of a rival that waits
// as a standby engine does. Prints every sample in nanoseconds, then the percentiles.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "os/guard.hpp"
#include "os/keeper.hpp"
#include "os/process.hpp"
#include "os/programs.hpp"

namespace {

using namespace cobatch;
using clock_type = std::chrono::steady_clock;

constexpr int rounds = 500;

// In the child: takes the guard, starts an agent if there is to be one, says so, and waits for its end.
[[noreturn]] void own(const std::filesystem::path& folder, bool with_agent, int ready) {
  auto lock = guard::open(folder);
  if (!lock || !lock->try_acquire().value_or(false)) ::_exit(1);
  guard_record record;
  record.session = {1};
  record.owner = identity_of_self();
  if (!lock->write_record(record)) ::_exit(1);
  auto agent = tl::expected<keeper, error>(tl::unexpect, error{});
  if (with_agent) {
    agent = keeper::start({.argv = {"/bin/cat"},
                           .environment = agent_environment(),
                           .folder = folder,
                           .guard = lock->descriptor(),
                           .record = [&](const process_identity& k, const process_identity& a) {
                             record.keeper = k;
                             record.agent = a;
                             return lock->write_record(record);
                           }});
    if (!agent) ::_exit(1);
  }
  if (::write(ready, "", 1) != 1) ::_exit(1);
  for (;;) ::pause();
}

long long one_round(const std::filesystem::path& folder, guard& rival, bool with_agent) {
  int ready[2];
  char byte = 0;
  if (::pipe(ready) != 0) ::abort();
  const pid_t owner = ::fork();
  if (owner == 0) own(folder, with_agent, ready[1]);
  ::close(ready[1]);
  if (::read(ready[0], &byte, 1) != 1) ::abort();
  ::close(ready[0]);
  const auto start = clock_type::now();
  ::kill(owner, SIGKILL);
  while (!rival.try_acquire().value()) {
    const auto record = rival.read_record().value().value();
    wait_for_guard(record, start + std::chrono::seconds(10), {}, -1);
  }
  const auto taken = std::chrono::duration_cast<std::chrono::nanoseconds>(clock_type::now() - start).count();
  if (!rival.release()) ::abort();
  ::waitpid(owner, nullptr, 0);
  return taken;
}

void measure(const char* what, bool with_agent) {
  std::string name = (std::filesystem::temp_directory_path() / "cobatch-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) ::abort();
  auto rival = guard::open(name);
  if (!rival) ::abort();
  std::vector<long long> samples;
  for (int i = 0; i < rounds; ++i) samples.push_back(one_round(name, *rival, with_agent));
  for (const long long ns : samples) std::printf("%s %lld\n", what, ns);
  std::sort(samples.begin(), samples.end());
  std::printf("%s: p50 %.1f us, p99 %.1f us, worst %.1f us of %d\n", what,
              static_cast<double>(samples[rounds / 2]) / 1e3, static_cast<double>(samples[rounds * 99 / 100]) / 1e3,
              static_cast<double>(samples.back()) / 1e3, rounds);
  std::filesystem::remove_all(name);
}

}  // namespace

int main() {
  measure("owner_killed", false);
  measure("owner_of_idle_agent_killed", true);
}
