#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "os/process.hpp"
#include "os/programs.hpp"
#include "scratch.hpp"

using namespace cobatch;
using namespace cobatch_test;
using namespace std::chrono_literals;

namespace {

program_call shell(const std::string& script) {
  program_call call;
  call.argv = {"/bin/sh", "-c", script};
  return call;
}

program_end ended(const program_call& call) {
  auto end = run_program(call);
  REQUIRE_MESSAGE(end, end.error().message);
  return std::move(*end);
}

// How a program that does not end by itself was ended; its deadline is put off until it has come far enough.
template <class FarEnough>
program_end ended_at_deadline(program_call call, FarEnough far_enough) {
  for (auto patience = 50ms;; patience *= 2) {
    REQUIRE(patience < 60s);
    call.deadline = std::chrono::steady_clock::now() + patience;
    auto end = ended(call);
    REQUIRE(end.timed_out);
    if (far_enough(end)) return end;
  }
}

// The host's answer to a signal, for a while.
class host_handles {
 public:
  host_handles(int signal_number, void (*handler)(int))
      : number_(signal_number), before_(::signal(signal_number, handler)) {}
  ~host_handles() { ::signal(number_, before_); }

 private:
  int number_;
  void (*before_)(int);
};

void take_every_childs_end(int) {
  const int kept = errno;
  while (::waitpid(-1, nullptr, WNOHANG) > 0) continue;
  errno = kept;
}

}  // namespace

TEST_CASE("what a program writes and how it ends is known") {
  const auto end = ended(shell("echo out; echo err >&2; exit 7"));
  CHECK(end.exit_code == 7);
  CHECK_FALSE(end.signal);
  CHECK_FALSE(end.timed_out);
  CHECK_FALSE(end.stopped);
  CHECK(end.output == "out\n");
  CHECK_FALSE(end.output_cut);
  CHECK(end.errors == "err\n");
}

TEST_CASE("a program that a signal ends is known to have been ended by it") {
  const auto end = ended(shell("kill -TERM $$"));
  CHECK(end.signal == SIGTERM);
  CHECK_FALSE(end.exit_code);
}

TEST_CASE("a program that kills its whole process group has been killed") {
  const auto end = ended(shell("kill -KILL 0"));
  CHECK(end.signal == SIGKILL);
  CHECK_FALSE(end.exit_code);
}

TEST_CASE("a program that ends its whole process group gently is waited for") {
  CHECK(ended(shell("trap '' TERM; kill -TERM 0; exit 4")).exit_code == 4);
}

TEST_CASE("how a program ends is known whatever the host does with its children's ends") {
  SUBCASE("it ignores them") {
    const host_handles ignored(SIGCHLD, SIG_IGN);
    CHECK(ended(shell("exit 5")).exit_code == 5);
  }
  SUBCASE("it takes them all") {
    const host_handles taken(SIGCHLD, take_every_childs_end);
    CHECK(ended(shell("exit 5")).exit_code == 5);
  }
}

TEST_CASE("a program's standard input is empty") { CHECK(ended(shell("cat; echo read")).output == "read\n"); }

TEST_CASE("arguments reach a program as they are") {
  program_call call;
  call.argv = {"printf", "%s|", "a b", "", "$HOME; exit 3", "*"};
  CHECK(ended(call).output == "a b||$HOME; exit 3|*|");
}

TEST_CASE("a program gets the environment and the folder it was given, and nothing else") {
  const scratch_folder folder;
  auto call = shell("pwd -P; env | grep -v -e ^PWD= -e ^SHLVL= -e ^_= -e ^OLDPWD=");
  call.working_directory = folder.path();
  call.environment = {"ONE=1", "PATH=/usr/bin:/bin"};
  CHECK(ended(call).output == std::filesystem::canonical(folder.path()).string() + "\nONE=1\nPATH=/usr/bin:/bin\n");
}

TEST_CASE("a relative path to a program is taken from its working directory") {
  const scratch_folder folder;
  put(folder.path() / "run", "#!/bin/sh\nexit 6\n");
  std::filesystem::permissions(folder.path() / "run", std::filesystem::perms::owner_all);
  program_call call;
  call.argv = {"./run"};
  call.working_directory = folder.path();
  CHECK(ended(call).exit_code == 6);
}

TEST_CASE("of much output the beginning is kept, and of many errors the end") {
  auto call = shell("i=0; while [ $i -lt 100000 ]; do echo line $i; echo error $i >&2; i=$((i+1)); done");
  call.output_limit = 12;
  call.error_limit = 12;
  const auto end = ended(call);
  CHECK(end.exit_code == 0);
  CHECK(end.output == "line 0\nline ");
  CHECK(end.output_cut);
  CHECK(end.errors == "error 99999\n");
}

TEST_CASE("output that just fits is not cut") {
  auto call = shell("printf 12345");
  call.output_limit = 5;
  const auto end = ended(call);
  CHECK(end.output == "12345");
  CHECK_FALSE(end.output_cut);
}

TEST_CASE("output and errors can be kept together, in order") {
  auto call = shell("echo 1; echo 2 >&2; echo 3");
  call.output_as_errors = true;
  const auto end = ended(call);
  CHECK(end.output.empty());
  CHECK(end.errors == "1\n2\n3\n");
}

TEST_CASE("at the deadline all of a program is ended, and what it wrote is kept") {
  const scratch_folder folder;
  const auto child = folder.path() / "child";
  auto call = shell("trap '' TERM; echo begun; sh -c 'trap \"\" TERM; echo $$ >child; while :; do sleep 1000; done'");
  call.working_directory = folder.path();
  const auto end = ended_at_deadline(call, [&](const program_end&) { return content_of(child).ends_with('\n'); });
  CHECK_FALSE(end.exit_code);
  CHECK_FALSE(end.signal);
  CHECK_FALSE(end.stopped);
  CHECK(end.output == "begun\n");
  CHECK(is_dead(process_from(child)));
}

TEST_CASE("a program that writes without end is ended at its deadline") {
  program_call call;
  call.argv = {"yes"};
  call.output_limit = 4;
  const auto end = ended_at_deadline(call, [](const program_end& e) { return e.output_cut; });
  CHECK(end.output == "y\ny\n");
}

TEST_CASE("a stop ends all of a program") {
  const scratch_folder folder;
  std::stop_source stop;
  auto call = shell("sh -c 'echo $$ >child; exec sleep 1000' & wait");
  call.working_directory = folder.path();
  call.stop = stop.get_token();
  std::optional<program_end> end;
  std::thread runner([&] { end = ended(call); });
  const auto child = process_from(folder.path() / "child");
  stop.request_stop();
  runner.join();
  CHECK(end->stopped);
  CHECK_FALSE(end->timed_out);
  CHECK(is_dead(child));
}

TEST_CASE("after a stop nothing is started") {
  const scratch_folder folder;
  std::stop_source stop;
  stop.request_stop();
  auto call = shell("echo >begun");
  call.working_directory = folder.path();
  call.stop = stop.get_token();
  CHECK(ended(call).stopped);
  CHECK_FALSE(std::filesystem::exists(folder.path() / "begun"));
}

TEST_CASE("what a program leaves behind is ended with it, and is not waited for") {
  const scratch_folder folder;
  auto call = shell("sh -c 'echo $$ >child; exec sleep 1000' & while [ ! -s child ]; do sleep 0.01; done; echo done");
  call.working_directory = folder.path();
  const auto end = ended(call);
  CHECK(end.exit_code == 0);
  CHECK(end.output == "done\n");
  CHECK(is_dead(process_from(folder.path() / "child")));
}

TEST_CASE("a program is in a process session of its own") {
  const auto end = ended(shell("cut -d' ' -f6 /proc/$$/stat"));
  CHECK(std::stoll(end.output) != ::getsid(0));
}

TEST_CASE("a program has three descriptors and no signal blocked or ignored, whatever the host has") {
  const int leak = ::dup(0);  // not close-on-exec, as a careless host's
  const host_handles pipes(SIGPIPE, SIG_IGN);
  const host_handles children(SIGCHLD, SIG_IGN);
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const auto end = ended(shell("ls /proc/$$/fd; exec grep -E 'Sig(Blk|Ign)' /proc/self/status"));
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::close(leak);
  CHECK(end.output == "0\n1\n2\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST_CASE("a program can be run by a host whose standard descriptors are closed") {
  const scratch_folder folder;
  forked host([&] {
    for (int fd = 0; fd < 3; ++fd) ::close(fd);
    const auto end = run_program(shell("echo out; echo err >&2; cat"));
    return end && end->output == "out\n" && end->errors == "err\n" ? 0 : 1;
  });
  CHECK(host.wait() == 0);
}

TEST_CASE("nothing of a program outlives a host that is killed") {
  const scratch_folder folder;
  auto call = shell("sh -c 'echo $$ >child; exec sleep 1000' & echo $$ >program; wait");
  call.working_directory = folder.path();
  forked host([&] {
    static_cast<void>(run_program(call));
    return 0;
  });
  const auto program = process_from(folder.path() / "program");
  const auto child = process_from(folder.path() / "child");
  host.kill();
  CHECK(eventually([&] { return is_dead(program) && is_dead(child); }));
}

TEST_CASE("a run leaves no child and no descriptor behind in the host") {
  const auto open_files = [] {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
  };
  const auto before = open_files();
  ended(shell("exit 0"));
  ended(shell("kill -KILL 0"));
  CHECK(open_files() == before);
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
  CHECK(errno == ECHILD);
}

TEST_CASE("many threads may run programs at once") {
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) {
        const int code = t * 10 + i;
        const auto end = run_program(shell("echo " + std::to_string(code) + "; exit " + std::to_string(code)));
        if (end && end->exit_code == code && end->output == std::to_string(code) + "\n") ++right;
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(right == 80);
}

TEST_CASE("a program that is missing or cannot be started is told, with what to do") {
  const scratch_folder folder;
  program_call call;
  const auto failed = [&] {
    const auto end = run_program(call);
    REQUIRE_FALSE(end);
    return end.error();
  };
  SUBCASE("none") { CHECK(failed().code == errc::agent_missing); }
  SUBCASE("not in PATH") {
    call.argv = {"no-such-program-anywhere"};
    CHECK(failed().code == errc::agent_missing);
    CHECK(failed().message.find("no-such-program-anywhere") != std::string::npos);
    CHECK(failed().message.find("Install it") != std::string::npos);
    CHECK(failed().message.find("or give its path") != std::string::npos);
  }
  SUBCASE("no interpreter") {
    put(folder.path() / "script", "#!/no/such/interpreter\n");
    std::filesystem::permissions(folder.path() / "script", std::filesystem::perms::owner_all);
    call.argv = {(folder.path() / "script").string()};
    CHECK(failed().code == errc::agent_missing);
    CHECK(failed().message.find("interpreter") != std::string::npos);
  }
  SUBCASE("no program in it") {
    put(folder.path() / "text", "no program\n");
    std::filesystem::permissions(folder.path() / "text", std::filesystem::perms::owner_all);
    call.argv = {(folder.path() / "text").string()};
    CHECK(failed().code == errc::io_error);
  }
  SUBCASE("no folder to run in") {
    call.argv = {"true"};
    call.working_directory = folder.path() / "gone";
    CHECK(failed().code == errc::io_error);
    CHECK(failed().message.find("gone") != std::string::npos);
  }
}
