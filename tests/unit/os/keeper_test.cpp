#include "os/keeper.hpp"

#include <algorithm>
#include <dirent.h>
#include <fcntl.h>
#include <set>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/files.hpp"
#include "os/guard.hpp"
#include "os/process.hpp"
#include "os/programs.hpp"
#include "os/watch.hpp"
#include "scratch.hpp"

using namespace cobatch;
using namespace cobatch_test;
using namespace std::chrono_literals;

namespace {

keeper_start shell(const scratch_folder& folder, const std::string& script) {
  return {.argv = {"/bin/sh", "-c", script},
          .environment = agent_environment(),
          .working_directory = folder.path(),
          .folder = folder.path(),
          .grace = 60s};
}

keeper started(const keeper_start& how) {
  auto agent = keeper::start(how);
  REQUIRE_MESSAGE(agent, agent.error().message);
  return std::move(*agent);
}

bool wait_for_end(keeper& agent) {
  while (!agent.ended())
    if (!wait_readable({agent.end_descriptor()}, failsafe())) return false;
  return true;
}

std::string link_target(const std::filesystem::path& link) {
  std::error_code none;
  return std::filesystem::read_symlink(link, none).string();
}

std::set<std::string> open_files_of(const process_identity& process) {
  std::set<std::string> files;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(process.pid) + "/fd", none))
    files.insert(link_target(entry.path()));
  return files;
}

volatile sig_atomic_t sigpipes = 0;
void count_sigpipe(int) { sigpipes = sigpipes + 1; }

}  // namespace

TEST_CASE("what an agent writes ends in its files, and its exit is recorded") {
  const scratch_folder folder;
  auto agent = started(shell(folder, "echo out; echo err >&2; read line; echo \"got $line\"; exit 7"));
  REQUIRE(agent.send("hello\n", failsafe(), -1));
  const auto end = agent.finish(60s);
  CHECK(end.exit_code == 7);
  CHECK_FALSE(end.signal);
  CHECK_FALSE(end.keeper_lost);
  CHECK(content_of(agent.output_file()) == "out\ngot hello\n");
  CHECK(content_of(agent.error_file()) == "err\n");
  CHECK(content_of(folder.path() / "1.exit") == "exit 7\n");
  CHECK(is_dead(agent.keeper_process()));
  CHECK(is_dead(agent.agent_process()));
}

TEST_CASE("an agent that ends by itself is known to have ended") {
  const scratch_folder folder;
  auto agent = started(shell(folder, "kill -9 $$"));
  REQUIRE(wait_for_end(agent));
  CHECK(agent.ended()->signal == SIGKILL);
  CHECK(content_of(folder.path() / "1.exit") == "signal 9\n");
  CHECK(agent.finish(0ms).signal == SIGKILL);
}

TEST_CASE("an agent that ignores SIGTERM is killed after the grace") {
  const scratch_folder folder;
  auto how = shell(folder, "trap '' TERM; echo ready; while :; do sleep 1000; done");
  how.grace = 20ms;
  auto agent = started(how);
  REQUIRE(eventually([&] { return content_of(agent.output_file()) == "ready\n"; }));
  CHECK(agent.finish(0ms).signal == SIGKILL);
  CHECK(is_dead(agent.agent_process()));
}

TEST_CASE("an agent that answers SIGTERM may say its last words") {
  const scratch_folder folder;
  auto agent = started(shell(folder, "trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.01; done"));
  REQUIRE(eventually([&] { return content_of(agent.output_file()) == "ready\n"; }));
  CHECK(agent.finish(0ms).exit_code == 3);
  CHECK(content_of(agent.output_file()) == "ready\nbye\n");
}

TEST_CASE("a stopped agent can be ended") {
  const scratch_folder folder;
  auto agent = started(shell(folder, "kill -STOP $$; echo on; sleep 1000"));
  CHECK(agent.finish(0ms).signal == SIGTERM);
}

TEST_CASE("nothing that an agent left in its process group outlives finish") {
  const scratch_folder folder;
  auto how = shell(folder,
                   "sleep 1000 & echo $! >child; "
                   "sh -c 'trap \"\" TERM; echo $$ >stubborn; while :; do sleep 1000; done' & cat");
  how.grace = 20ms;
  auto agent = started(how);
  const auto left = {process_from(folder.path() / "child"), process_from(folder.path() / "stubborn")};
  CHECK(agent.finish(60s).exit_code == 0);
  for (const auto& process : left) CHECK(is_dead(process));
}

#ifndef COBATCH_PORTABLE  // what has left the process group can only be found where processes are told
TEST_CASE("nothing that an agent left behind outlives finish") {
  const scratch_folder folder;
  const auto child = folder.path() / "child";
  const auto daemon = folder.path() / "daemon";
  const auto stubborn = folder.path() / "stubborn";
  auto how = shell(folder,
                   "sleep 1000 & echo $! >child; "
                   "(setsid sh -c 'echo $$ >daemon; exec sleep 1000' &) ; "
                   "(setsid sh -c 'trap \"\" TERM; echo $$ >stubborn; while :; do sleep 1000; done' &) ; cat");
  how.grace = 20ms;
  auto agent = started(how);
  const auto left = {process_from(child), process_from(daemon), process_from(stubborn)};
  CHECK(agent.finish(60s).exit_code == 0);
  for (const auto& process : left) CHECK(is_dead(process));
}
#endif

TEST_CASE("an agent does not see that we run inside another agent's session") {
  const scratch_folder folder;
  ::setenv("CLAUDECODE", "1", 1);
  ::setenv("CLAUDE_CODE_OAUTH_TOKEN", "kept", 1);
  auto agent = started(shell(folder, "env"));
  ::unsetenv("CLAUDECODE");
  ::unsetenv("CLAUDE_CODE_OAUTH_TOKEN");
  agent.finish(60s);
  const std::string seen = "\n" + content_of(agent.output_file());
  CHECK(seen.find("\nCLAUDECODE=") == std::string::npos);
  CHECK(seen.find("\nCLAUDE_CODE_OAUTH_TOKEN=kept\n") != std::string::npos);
}

TEST_CASE("an agent has its three descriptors and no signal blocked or ignored, whatever the host has") {
  const scratch_folder folder;
  const int leak = ::dup(0);  // not close-on-exec, as a careless host's
  const auto before = ::signal(SIGPIPE, SIG_IGN);
  auto agent = started(shell(folder, "ls /proc/$$/fd; exec grep -E 'Sig(Blk|Ign)' /proc/self/status"));
  ::signal(SIGPIPE, before);
  ::close(leak);
  agent.finish(60s);
  CHECK(content_of(agent.output_file()) == "0\n1\n2\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST_CASE("the keeper holds the guard and the agent does not") {
  const scratch_folder folder;
  auto lock = guard::open(folder.path());
  REQUIRE(lock);
  REQUIRE(lock->try_acquire().value());
  auto how = shell(folder, "cat");
  how.guard = lock->descriptor();
  auto agent = started(how);
  const std::string file = (folder.path() / "guard").string();
  CHECK(open_files_of(agent.keeper_process()).count(file) == 1);
  CHECK(open_files_of(agent.agent_process()).count(file) == 0);
  REQUIRE(lock->release());
  CHECK_FALSE(lock->try_acquire().value());
  agent.finish(60s);
  CHECK(lock->try_acquire().value());
}

TEST_CASE("where there is no such program nothing is started") {
  const scratch_folder folder;
  auto how = shell(folder, "");
  process_identity recorded;
  how.record = [&](const process_identity& k, const process_identity&) {
    recorded = k;
    return result<void>{};
  };
  how.argv = {"cobatch-no-such-program"};
  const auto missing = keeper::start(how).error();
  CHECK(missing.code == errc::agent_missing);
  CHECK(missing.message.find("or give its path, such as ./cobatch-no-such-program") != std::string::npos);
  how.argv = {(folder.path() / "nothing").string()};
  CHECK(keeper::start(how).error().code == errc::agent_missing);
  CHECK_FALSE(recorded.known());
  how.keeper = folder.path() / "nothing";
  how.argv = {"/bin/sh"};
  CHECK(keeper::start(how).error().code == errc::keeper_missing);
  CHECK(is_dead(recorded));
}

TEST_CASE("a program that is no keeper is recognised, and so is one that was killed") {
  const scratch_folder folder;
  auto how = shell(folder, "");
  how.keeper = "/bin/true";
  const auto refused = keeper::start(how).error();
  CHECK(refused.code == errc::keeper_missing);
  CHECK(refused.message.find("/bin/true is not this version's cobatch-keeper") != std::string::npos);
  how.keeper.clear();
  how.record = [&](const process_identity& k, const process_identity& a) {
    if (!a.known()) ::kill(static_cast<pid_t>(k.pid), SIGKILL);
    return result<void>{};
  };
  CHECK(keeper::start(how).error().code == errc::agent_failed);
}

TEST_CASE("a program that cannot be executed is told with its reason, and nothing is left") {
  const scratch_folder folder;
  auto how = shell(folder, "");
  std::vector<process_identity> seen;
  how.record = [&](const process_identity& k, const process_identity& a) {
    seen = {k, a};
    return result<void>{};
  };
  const auto program = folder.path() / "program";
  put(program, "#!/no/such/interpreter\n");
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  how.argv = {program.string()};
  CHECK(keeper::start(how).error().code == errc::agent_missing);
  for (const auto& process : seen) CHECK(is_dead(process));

  how.argv = {"/bin/sh"};
  how.working_directory = folder.path() / "nowhere";
  const auto failed = keeper::start(how);
  CHECK(failed.error().code == errc::agent_failed);
  CHECK(failed.error().message.find("nowhere") != std::string::npos);
  for (const auto& process : seen) CHECK(is_dead(process));
  CHECK_FALSE(std::filesystem::exists(folder.path() / "1.exit"));
}

TEST_CASE("keeper and agent are recorded before either runs") {
  const scratch_folder folder;
  auto how = shell(folder, "cat");
  std::vector<std::string> seen;
  how.record = [&](const process_identity& k, const process_identity& a) {
    CHECK(k.known());
    const auto program_of = [](const process_identity& p) {
      return std::filesystem::path(link_target("/proc/" + std::to_string(p.pid) + "/exe")).filename().string();
    };
    seen.push_back(program_of(k));
    seen.push_back(a.known() ? program_of(a) : "");
    return result<void>{};
  };
  auto agent = started(how);
  const std::string own = std::filesystem::path(link_target("/proc/self/exe")).filename().string();
  CHECK(seen == std::vector<std::string>{own, "", "cobatch-keeper", "cobatch-keeper"});
}

TEST_CASE("if a record cannot be written everything is ended") {
  const scratch_folder folder;
  auto how = shell(folder, "echo ran");
  process_identity seen_keeper, seen_agent;
  bool after_agent = false;
  SUBCASE("the keeper's") {}
  SUBCASE("the agent's") { after_agent = true; }
  how.record = [&](const process_identity& k, const process_identity& a) -> result<void> {
    seen_keeper = k;
    seen_agent = a;
    if (a.known() == after_agent) return fail(errc::disk_full, "no room");
    return {};
  };
  CHECK(keeper::start(how).error().code == errc::disk_full);
  CHECK(seen_agent.known() == after_agent);
  CHECK(is_dead(seen_keeper));
  CHECK(is_dead(seen_agent));
  CHECK(content_of(folder.path() / "1.out").empty());
}

TEST_CASE("a host may ignore SIGCHLD, or take the ends of all its children") {
  const scratch_folder folder;
  forked host([&] {
    ::signal(SIGCHLD, SIG_IGN);
    auto agent = keeper::start(shell(folder, "exit 5"));
    return agent && agent->finish(60s).exit_code == 5 ? 0 : 1;
  });
  CHECK(host.wait() == 0);
  forked taker([&] {
    ::signal(SIGCHLD, [](int) {
      const int saved = errno;
      while (::waitpid(-1, nullptr, WNOHANG) > 0) continue;
      errno = saved;
    });
    auto agent = keeper::start(shell(folder, "exit 5"));
    return agent && agent->finish(60s).exit_code == 5 ? 0 : 1;
  });
  CHECK(taker.wait() == 0);
}

TEST_CASE("writing to an agent that reads no more is an error and never SIGPIPE") {
  const scratch_folder folder;
  auto agent = started(shell(folder, "exec <&-; echo closed; exec sleep 1000"));
  REQUIRE(eventually([&] { return content_of(agent.output_file()) == "closed\n"; }));
  const auto before = ::signal(SIGPIPE, count_sigpipe);
  sigpipes = 0;
  CHECK(agent.send("hello\n", failsafe(), -1).error().code == errc::agent_failed);
  agent.finish(0ms);
  CHECK(agent.send("hello\n", failsafe(), -1).error().code == errc::agent_failed);
  CHECK_FALSE(agent.turn_ended());
  ::signal(SIGPIPE, before);
  CHECK(sigpipes == 0);
}

TEST_CASE("a send to an agent that does not read ends at its deadline, by a wake, or with the agent") {
  const scratch_folder folder;
  auto agent = started(shell(folder, "exec sleep 1000"));
  const std::string much(1 << 20, 'x');
  CHECK(agent.send(much, std::chrono::steady_clock::now() + 20ms, -1).error().code == errc::timed_out);
  auto wake = wake_signal::make();
  REQUIRE(wake);
  wake->notify();
  CHECK(agent.send(much, failsafe(), wake->descriptor()).error().code == errc::interrupted);
  std::thread killer([&] { ::kill(static_cast<pid_t>(agent.agent_process().pid), SIGKILL); });
  CHECK(agent.send(much, failsafe(), -1).error().code == errc::agent_failed);
  killer.join();
}

TEST_CASE("a large message goes through whole to an agent that reads slowly") {
  const scratch_folder folder;
  auto agent = started(shell(folder, "wc -c"));
  REQUIRE(agent.send(std::string(3 << 20, 'x'), failsafe(), -1));
  CHECK(agent.finish(60s).exit_code == 0);
  CHECK(std::stoi(content_of(agent.output_file())) == 3 << 20);
}

TEST_CASE("the keeper leaves the terminal's and the system's signals to the orchestrator") {
  const scratch_folder folder;
  auto agent = started(shell(folder, "cat"));
  for (const int s : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1})
    ::kill(static_cast<pid_t>(agent.keeper_process().pid), s);
  REQUIRE(agent.send("still here\n", failsafe(), -1));
  CHECK(agent.finish(60s).exit_code == 0);
  CHECK(content_of(agent.output_file()) == "still here\n");
}

TEST_CASE("if the keeper is killed the agent is ended, what it left too, and the guard stays ours") {
  const scratch_folder folder;
  auto lock = guard::open(folder.path());
  REQUIRE(lock);
  REQUIRE(lock->try_acquire().value());
  auto how = shell(folder, "sleep 1000 & echo $! >child; cat");
  how.guard = lock->descriptor();
  auto agent = started(how);
  const auto child = process_from(folder.path() / "child");
  ::kill(static_cast<pid_t>(agent.keeper_process().pid), SIGKILL);
  REQUIRE(wait_for_end(agent));
  CHECK(agent.ended()->keeper_lost);
  CHECK(is_dead(agent.agent_process()));
  CHECK(is_dead(child));
  CHECK(glance_at_guard(folder.path())->busy);
  CHECK(agent.finish(60s).keeper_lost);
  CHECK(lock->held());
}

TEST_CASE("a moved keeper is finished once, by its last owner") {
  const scratch_folder folder;
  auto first = started(shell(folder, "cat"));
  auto how = shell(folder, "exec sleep 1000");
  how.number = 2;
  auto second = started(how);
  const auto replaced = second.agent_process();
  second = std::move(first);
  CHECK(is_dead(replaced));
  CHECK(second.finish(60s).exit_code == 0);
}
