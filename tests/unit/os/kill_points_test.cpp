// Orchestrator, keeper, or both are killed at each system call that they make, at its entry and at its exit. Whatever
// the point: the guard becomes free, nothing runs that its record does not name, and nothing is left at the end.
#include <algorithm>
#include <map>
#include <optional>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/guard.hpp"
#include "os/keeper.hpp"
#include "os/process.hpp"
#include "scratch.hpp"

using namespace cobatch;
using namespace cobatch_test;
using namespace std::chrono_literals;

namespace {

// The first calls start things and are all tried; later ones mostly look through /proc, and are sampled, unless
// COBATCH_ALL_KILL_POINTS is set. A sanitizer's runtime makes many calls of its own, and everything is slow.
int next_point(int point) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr int all_of_first = 0, step = 43;
#else
  constexpr int all_of_first = 300, step = 17;
#endif
  return point + (point < all_of_first || ::getenv("COBATCH_ALL_KILL_POINTS") != nullptr ? 1 : step);
}

enum class victim { orchestrator, keeper, both };

// One session: guard, record, agent, a line to it, its end.
int run_session(const std::filesystem::path& folder, const std::string& tag) {
  ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
  ::raise(SIGSTOP);
  auto lock = guard::open(folder);
  if (!lock || !lock->try_acquire().value_or(false)) return 1;
  guard_record record{.session = {1}, .owner = identity_of_self(), .keeper = {}, .agent = {}, .marker = {}};
  if (!lock->write_record(record)) return 2;
  auto agent = keeper::start({.argv = {"/bin/sh", "-c", "echo $$ >ran; sleep 1000 & read line; echo \"$line\""},
                              .environment = {"PATH=/usr/bin:/bin", tag},
                              .working_directory = folder,
                              .folder = folder,
                              .guard = lock->descriptor(),
                              .grace = 60s,
                              .record = [&](const process_identity& k, const process_identity& a) {
                                record.keeper = k;
                                record.agent = a;
                                return lock->write_record(record);
                              }});
  if (!agent) return 0;  // its keeper was killed
  static_cast<void>(agent->turn_begins(60s));
  static_cast<void>(agent->send("done\n", failsafe(), -1));
  static_cast<void>(agent->turn_ended());
  agent->finish(60s);
  return 0;
}

// Lets orchestrator and keeper run from system call to system call, and kills at the `point`-th of the victim's stops.
// The agent is not traced. Returns false if the session was over before.
class tracer {
 public:
  tracer(pid_t orchestrator, victim who, int point) : orchestrator_(orchestrator), who_(who), left_(point) {}

  bool run() {
    int status = 0;
    if (::waitpid(orchestrator_, &status, 0) < 0) return false;
    constexpr long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEVFORK;
    ::ptrace(PTRACE_SETOPTIONS, orchestrator_, nullptr, options);
    resume(orchestrator_, 0);
    pid_t stopped = 0;
    while ((stopped = ::waitpid(-1, &status, __WALL)) > 0) {
      if (!WIFSTOPPED(status)) continue;
      meet(stopped);
      if (stopped == agent_)
        ::ptrace(PTRACE_DETACH, stopped, nullptr, 0L);
      else
        on_stop(stopped, WSTOPSIG(status), status >> 16);
    }
    return killed_;
  }

 private:
  // The first that the orchestrator forks is the keeper, the first that the keeper forks is the agent.
  void meet(pid_t pid) {
    if (pid == orchestrator_ || pid == keeper_ || pid == agent_) return;
    (keeper_ == 0 ? keeper_ : agent_) = pid;
  }
  void on_stop(pid_t pid, int signal_number, int event) {
    if (signal_number == (SIGTRAP | 0x80)) {
      const bool counts = who_ == victim::orchestrator ? pid == orchestrator_ : pid == keeper_;
      if (counts && !killed_ && --left_ == 0) {
        killed_ = true;
        if (who_ != victim::keeper) ::kill(orchestrator_, SIGKILL);
        if (who_ != victim::orchestrator) ::kill(keeper_, SIGKILL);
      }
      signal_number = 0;
    } else if (event != 0 || signal_number == SIGSTOP || signal_number == SIGTRAP) {
      signal_number = 0;
    }
    resume(pid, signal_number);
  }
  static void resume(pid_t pid, int signal_number) {
    ::ptrace(PTRACE_SYSCALL, pid, nullptr, static_cast<long>(signal_number));
  }

  pid_t orchestrator_, keeper_ = 0, agent_ = 0;
  victim who_;
  int left_;
  bool killed_ = false;
};

// All processes with the tag in their environment: keeper, agent and what that started.
std::vector<std::int64_t> tagged(const std::string& tag) {
  std::vector<std::int64_t> pids;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", none)) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (content_of(entry.path() / "environ").find(tag) != std::string::npos) pids.push_back(std::stoll(name));
  }
  return pids;
}

struct outcome {
  bool killed = false;
  bool agent_ran = false;
};

outcome kill_at(victim who, int point) {
  const scratch_folder folder;
  const std::string tag = "COBATCH_KILL_POINT=" + folder.path().filename().string();
  outcome seen;
  // The tracer is a process of its own, so that the test's other children are not its business.
  forked tracing([&] {
#ifdef COBATCH_PORTABLE  // nothing is left for the record to name: the tracer takes the ends of all, at once
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
#endif
    const pid_t orchestrator = ::fork();
    if (orchestrator == 0) ::_exit(run_session(folder.path(), tag));
    return tracer(orchestrator, who, point).run() ? 1 : 0;
  });
  seen.killed = tracing.wait() == 1;
  auto next = guard::open(folder.path());
  REQUIRE(next);
  CHECK(eventually([&] { return next->try_acquire().value(); }));
  const auto record = next->read_record().value();
  seen.agent_ran = std::filesystem::exists(folder.path() / "ran");
  if (seen.agent_ran) {
    REQUIRE(record);
    CHECK(record->keeper.known());
    CHECK(record->agent.known());
    const std::string pid = content_of(folder.path() / "ran");
    if (!pid.empty()) CHECK(std::stoll(pid) == record->agent.pid);
  }
  if (record) end_process_session(record->agent, 0ms);
  CHECK(eventually([&] { return tagged(tag).empty(); }));
  return seen;
}

void kill_at_every_point(victim who) {
  int points = 0, with_agent = 0;
  for (int point = 1;; point = next_point(point), ++points) {
    CAPTURE(point);
    const auto seen = kill_at(who, point);
    with_agent += seen.agent_ran ? 1 : 0;
    if (!seen.killed) break;
  }
  MESSAGE(points << " kill points, the agent had run at " << with_agent);
  CHECK(points > 0);
  CHECK(with_agent > 0);
}

}  // namespace

TEST_CASE("wherever the orchestrator is killed the guard becomes free and nothing is left") {
  kill_at_every_point(victim::orchestrator);
}

TEST_CASE("wherever the keeper is killed nothing is left") { kill_at_every_point(victim::keeper); }

TEST_CASE("wherever both are killed the record names all that is left") { kill_at_every_point(victim::both); }
