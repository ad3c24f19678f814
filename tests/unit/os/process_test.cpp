#include "os/process.hpp"

#include <charconv>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/watch.hpp"
#include "scratch.hpp"

using namespace cobatch;
using namespace cobatch_test;
using namespace std::chrono_literals;

namespace {

forked sleeper() {
  return forked([] {
    ::setsid();
    for (;;) ::pause();
    return 0;
  });
}

}  // namespace

#ifndef COBATCH_PORTABLE

TEST_CASE("a process is itself only by boot, namespace, pid and start time") {
  const auto self = identity_of_self();
  CHECK(self.pid == ::getpid());
  CHECK(self.start_time > 0);
  CHECK_FALSE(self.boot_id.empty());
  CHECK(self.pid_namespace != 0);
  CHECK(self == identity_of_self());
  CHECK(liveness_of(self) == liveness::alive);

  auto other = self;
  other.start_time += 1;
  CHECK(liveness_of(other) == liveness::dead);
  other = self;
  other.boot_id = "another";
  CHECK(liveness_of(other) == liveness::dead);
  other = self;
  other.pid_namespace += 1;
  CHECK(liveness_of(other) == liveness::unknown);
  CHECK(liveness_of(process_identity{}) == liveness::dead);
}

TEST_CASE("a name with blanks and brackets does not hide a process's start time") {
  forked child([] {
    ::prctl(PR_SET_NAME, ") R 1 1 (x");
    for (;;) ::pause();
    return 0;
  });
  const auto before = identity_of_process(child.pid());
  REQUIRE(eventually([&] { return content_of("/proc/" + std::to_string(child.pid()) + "/comm") == ") R 1 1 (x\n"; }));
  CHECK(identity_of_process(child.pid()) == before);
  CHECK(liveness_of(before) == liveness::alive);
}

TEST_CASE("a zombie is dead, and one whose other threads go on is not") {
  forked plain([] { return 0; });
  const auto zombie = identity_of_process(plain.pid());
  REQUIRE(zombie.known());
  CHECK(eventually([&] { return liveness_of(zombie) == liveness::dead; }));

  const scratch_folder folder;
  forked threaded([&] {
    std::thread([&] {
      while (!std::filesystem::exists(folder.path() / "go")) std::this_thread::sleep_for(1ms);
      ::_exit(0);
    }).detach();
    ::syscall(SYS_exit, 0);  // the leading thread alone
    return 0;
  });
  const auto leader = identity_of_process(threaded.pid());
  const std::string stat = "/proc/" + std::to_string(threaded.pid()) + "/stat";
  REQUIRE(eventually([&] { return content_of(stat).find(") Z ") != std::string::npos; }));
  CHECK(liveness_of(leader) == liveness::alive);
  put(folder.path() / "go", "");
  CHECK(eventually([&] { return liveness_of(leader) == liveness::dead; }));
}

TEST_CASE("a death can be waited for") {
  auto child = sleeper();
  const auto watch = watch_death(identity_of_process(child.pid()));
  REQUIRE(watch.open());
  CHECK_FALSE(wait_readable({watch.get()}, std::chrono::steady_clock::now()));
  ::kill(child.pid(), SIGKILL);
  CHECK(wait_readable({watch.get()}, failsafe()));
}

TEST_CASE("a death watch never watches a stranger") {
  auto child = sleeper();
  auto identity = identity_of_process(child.pid());
  identity.start_time += 1;
  CHECK_FALSE(watch_death(identity).open());
  child.kill();
  CHECK_FALSE(watch_death(identity_of_process(child.pid())).open());
  CHECK_FALSE(watch_death(process_identity{}).open());
}

TEST_CASE("ending a process session ends its leader and all that is in it") {
  const scratch_folder folder;
  const auto scene = [&](std::chrono::milliseconds grace) {
    forked leader([&] {
      ::setsid();
      for (int i = 0; i < 3; ++i)
        if (::fork() == 0) {
          ::signal(SIGTERM, SIG_IGN);
          put(folder.path() / std::to_string(i), std::to_string(::getpid()) + "\n");
          for (;;) ::pause();
        }
      for (;;) ::pause();
      return 0;
    });
    const auto identity = identity_of_process(leader.pid());
    std::vector<process_identity> members;
    for (int i = 0; i < 3; ++i) {
      const auto file = folder.path() / std::to_string(i);
      REQUIRE(eventually([&] { return content_of(file).ends_with('\n'); }));
      members.push_back(identity_of_process(std::stoll(content_of(file))));
      std::filesystem::remove(file);
    }
    CHECK(end_process_session(identity, grace));
    CHECK(liveness_of(identity) == liveness::dead);
    for (const auto& member : members) CHECK(liveness_of(member) == liveness::dead);
  };
  SUBCASE("at once") { scene(0ms); }
  SUBCASE("after a grace") { scene(20ms); }
}

TEST_CASE("the session of a leader that has ended is ended too") {
  const scratch_folder folder;
  const auto file = folder.path() / "child";
  forked leader([&] {
    ::setsid();
    if (::fork() == 0) {
      put(file, std::to_string(::getpid()) + "\n");
      for (;;) ::pause();
    }
    while (!content_of(file).ends_with('\n')) std::this_thread::sleep_for(1ms);
    return 0;
  });
  const auto identity = identity_of_process(leader.pid());
  REQUIRE(leader.wait() == 0);
  const auto child = identity_of_process(std::stoll(content_of(file)));
  REQUIRE(liveness_of(child) == liveness::alive);
  CHECK(end_process_session(identity, 60s));
  CHECK(liveness_of(child) == liveness::dead);
}

TEST_CASE("ending a process session never touches a stranger") {
  auto child = sleeper();
  const auto alive = identity_of_process(child.pid());
  auto stranger = alive;
  stranger.start_time -= 1;
  CHECK(end_process_session(stranger, 0ms));
  stranger = alive;
  stranger.boot_id = "another";
  CHECK(end_process_session(stranger, 0ms));
  stranger = alive;
  stranger.pid_namespace += 1;
  CHECK_FALSE(end_process_session(stranger, 0ms));
  CHECK(end_process_session(process_identity{}, 0ms));
  CHECK(liveness_of(alive) == liveness::alive);
}

#else  // POSIX alone tells whether there is a process of that number, and no more

TEST_CASE("a process is not known to be dead while its number is taken, and is when it is not") {
  CHECK(liveness_of(identity_of_self()) == liveness::unknown);
  auto child = sleeper();
  const auto identity = identity_of_process(child.pid());
  CHECK(identity.pid == child.pid());
  CHECK(liveness_of(identity) == liveness::unknown);
  child.kill();
  CHECK(liveness_of(identity) == liveness::dead);
  CHECK_FALSE(identity_of_process(identity.pid).known());
  auto foreign = identity_of_self();
  foreign.boot_id = "another system's";
  CHECK(liveness_of(foreign) == liveness::unknown);
}

TEST_CASE("a death that cannot be watched is not watched, and what may be a stranger is not ended") {
  auto child = sleeper();
  const auto identity = identity_of_process(child.pid());
  CHECK_FALSE(watch_death(identity).open());
  CHECK_FALSE(end_process_session(identity, 0ms));
  CHECK(::kill(child.pid(), 0) == 0);
  CHECK(end_process_session(process_identity{}, 0ms));
}

#endif
