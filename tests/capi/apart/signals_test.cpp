// Hosts that treat signals in their own way: the library neither needs nor minds it, and changes nothing of it.
#include <algorithm>
#include <atomic>
#include <clocale>
#include <csignal>
#include <functional>
#include <sys/stat.h>
#include <sys/time.h>
#include <thread>

#include "capi/host.hpp"

using namespace cobatch_test;

namespace {

// What the host has set for a signal; put back at the end.
class disposition {
 public:
  disposition(int signal, void (*handler)(int), int flags = 0) : signal_(signal) {
    struct sigaction wanted {};
    wanted.sa_handler = handler;
    wanted.sa_flags = flags;
    REQUIRE(::sigaction(signal, &wanted, &before_) == 0);
  }
  disposition(const disposition&) = delete;
  disposition& operator=(const disposition&) = delete;
  ~disposition() { ::sigaction(signal_, &before_, nullptr); }

 private:
  int signal_;
  struct sigaction before_ {};
};

// How every signal is handled, and which are blocked in this thread.
list signal_settings() {
  list settings;
  sigset_t blocked;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction now {};
    if (::sigaction(signal, nullptr, &now) != 0) continue;
    settings.push_back(std::to_string(signal) + " " + std::to_string(reinterpret_cast<std::uintptr_t>(now.sa_handler)) +
                       " " + std::to_string(now.sa_flags) + " " + std::to_string(::sigismember(&blocked, signal)));
  }
  return settings;
}

// Runs two tasks with a program, in a keeper; one of its answers is an error.
void run_a_batch(std::string_view batch = "b1") {
  const scratch_workspace place;
  assign_all(place, {"a", "b"}, batch);
  const auto agent = scripted(place.folder.path(), R"({"turns":[{"output":"said"},{"status":"error"}]})");
  const auto ran = run_all(place, agent);
  CHECK(ran.sessions == 1);
  CHECK(ran.turns == 2);
  CHECK(copy_of(result_of(place, "a")->output) == "said");
  CHECK(task_of(place, "b")->state == COBATCH_TASK_ERROR);
  CHECK(session_ends(place) == std::vector<std::int32_t>{COBATCH_SESSION_FINISHED});
}

// Runs an agent that closes its input before it has read the task: the library writes where nobody reads.
void run_a_deaf_agent() {
  const scratch_workspace place;
  const std::string more_than_a_pipe_holds(256 * 1024, 'x');
  auto task = spec("a", more_than_a_pipe_holds);
  must(cobatch_assign_task, place.handle.get(), &task, nullptr, nullptr);
  const cobatch_text argv[]{cobatch_str("/bin/sh"), cobatch_str("-c"), cobatch_str("exec 0<&-; exec sleep 0.3")};
  const auto agent = make<cobatch_agent>(cobatch_agent_command, cobatch_str("deaf"), argv, size_t{3});
  run_all(place, agent);
  CHECK(result_of(place, "a")->end == COBATCH_TURN_BROKE);
}

// The threads of this process but for the one that calls, by the signals that they block.
std::vector<std::uint64_t> blocked_in_other_threads() {
  std::vector<std::uint64_t> masks;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    if (thread.path().filename() == std::to_string(::gettid())) continue;
    const std::string status = content_of(thread.path() / "status");
    const auto at = status.find("SigBlk:\t");
    // It has ended meanwhile: then the kernel counts no threads there, and shows no mask or an empty one.
    if (at == std::string::npos || status.find("Threads:\t0\n") != std::string::npos) continue;
    masks.push_back(std::stoull(status.substr(at + 8, 16), nullptr, 16));
  }
  return masks;
}

void check_that_threads_leave_signals_to_the_host(std::size_t least) {
  const auto masks = blocked_in_other_threads();
  CHECK(masks.size() >= least);
  for (const std::uint64_t blocked : masks)
    for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM, SIGCHLD, SIGWINCH}) {
      INFO(signal);
      CHECK((blocked >> (signal - 1) & 1) == 1);
    }
}

}  // namespace

TEST_CASE("a batch is run whatever the host does with SIGCHLD, and its settings are left alone") {
  const disposition pipes(SIGPIPE, SIG_DFL);
  const auto run_with_this = [] {
    const list before = signal_settings();
    run_a_batch();
    CHECK(signal_settings() == before);
  };
  SUBCASE("nothing") { run_with_this(); }
  SUBCASE("ignores it") {
    const disposition children(SIGCHLD, SIG_IGN);
    run_with_this();
  }
  SUBCASE("wants no zombies") {
    const disposition children(SIGCHLD, SIG_DFL, SA_NOCLDWAIT);
    run_with_this();
  }
  SUBCASE("handles it") {
    const disposition children(SIGCHLD, [](int) {});
    run_with_this();
  }
  SUBCASE("takes every child's end, also those of others") {
    std::atomic<bool> over = false;
    std::thread reaper([&] {
      while (!over)
        if (::waitpid(-1, nullptr, 0) < 0) std::this_thread::yield();
    });
    run_with_this();
    over = true;
    reaper.join();
  }
}

TEST_CASE("an agent that does not read kills no host by SIGPIPE, and leaves none pending") {
  const disposition pipes(SIGPIPE, SIG_DFL);
  const list before = signal_settings();
  run_a_deaf_agent();
  CHECK(signal_settings() == before);
  sigset_t pending;
  REQUIRE(::sigpending(&pending) == 0);
  CHECK(::sigismember(&pending, SIGPIPE) == 0);
}

TEST_CASE("a host whose signals interrupt every system call is served as any other") {
  static std::atomic<int> ticks;
  ticks = 0;
  const disposition alarms(SIGALRM, [](int) { ++ticks; });
  const itimerval every_millisecond{{0, 1000}, {0, 1000}}, never{};
  ::setitimer(ITIMER_REAL, &every_millisecond, nullptr);
  run_a_batch();
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  const auto feed = make<cobatch_events>(cobatch_events_open, place.handle.get(), nullptr);
  const int before = ticks;
  CHECK(call(cobatch_wait, place.handle.get(), cobatch_str("b1"), std::int64_t{50}, nullptr) == COBATCH_E_TIMED_OUT);
  CHECK(ticks > before);
  auto event = fresh<cobatch_event_info>();
  while (call(cobatch_events_next, feed.get(), &event) == COBATCH_OK) continue;
  CHECK(call(cobatch_events_wait, feed.get(), std::int64_t{50}, &event) == COBATCH_E_TIMED_OUT);
  ::setitimer(ITIMER_REAL, &never, nullptr);
}

TEST_CASE("the library's threads leave all signals to those of the host") {
  const scratch_workspace place, driven;
  assign_all(place, {"a"}, "b1");
  assign_all(driven, {"b"}, "b2");
  const auto feed = make<cobatch_events>(cobatch_events_open, place.handle.get(), nullptr);
  const auto session = make<cobatch_session>(cobatch_session_begin, driven.handle.get(), nullptr);
  host works([&](const cobatch_turn_request&, cobatch_turn* turn) {
    // Of each workspace what keeps its files up to date; one that follows events; the session's watchdog; of the run
    // what watches store and turn.
    check_that_threads_leave_signals_to_the_host(6);
    return complete(turn).status;
  });
  run_all(place, works.agent());
  // What the engine works once the session has ended is worked in a thread of ours, from where the host's is another.
  host completes([&](const cobatch_turn_request&, cobatch_turn* turn) { return complete(turn).status; });
  const auto agent = completes.agent();
  const run_with with(agent);
  const auto engine = make<cobatch_engine>(cobatch_engine_start, driven.handle.get(), &with.options);
  check_that_threads_leave_signals_to_the_host(5);
  must(cobatch_session_end, session.get());
  must(cobatch_engine_stop, engine.get(), 1, nullptr);
}

TEST_CASE("the library prints nothing, and changes neither folder nor locale nor umask") {
  const scratch_folder folder;
  const auto printed = folder.path() / "printed";
  const std::filesystem::path before = std::filesystem::current_path();
  const std::string locale = std::setlocale(LC_ALL, nullptr);
  const mode_t mask = ::umask(0);
  ::umask(mask);
  std::fflush(nullptr);
  const int file = ::open(printed.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  const int out = ::dup(STDOUT_FILENO), err = ::dup(STDERR_FILENO);
  REQUIRE(::dup2(file, STDOUT_FILENO) >= 0);
  REQUIRE(::dup2(file, STDERR_FILENO) >= 0);
  run_a_batch();
  run_a_deaf_agent();
  std::fflush(nullptr);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  for (const int copy : {file, out, err}) ::close(copy);
  CHECK(content_of(printed).empty());
  CHECK(std::filesystem::current_path() == before);
  CHECK(std::setlocale(LC_ALL, nullptr) == locale);
  CHECK(::umask(mask) == mask);
}

TEST_CASE("the library's descriptors are not for programs that the host starts, and all are closed at the end") {
  const auto open_now = [] {
    list open;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code gone;
      const auto to = std::filesystem::read_symlink(entry.path(), gone);
      // The one with which this is read is gone by now.
      if (!gone) open.push_back(entry.path().filename().native() + " " + to.native());
    }
    std::sort(open.begin(), open.end());
    return open;
  };
  run_a_batch();  // what is opened once and for all is open now
  const list before = open_now();
  {
    const scratch_workspace place;
    assign_all(place, {"a"}, "b1");
    const auto feed = make<cobatch_events>(cobatch_events_open, place.handle.get(), nullptr);
    host works([&](const cobatch_turn_request&, cobatch_turn* turn) {
      for (const auto& open : open_now()) {
        INFO(open);
        const int descriptor = std::stoi(open);
        const bool was_there = std::find(before.begin(), before.end(), open) != before.end();
        CHECK((was_there || (::fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0));
      }
      return complete(turn).status;
    });
    run_all(place, works.agent());
  }
  CHECK(open_now() == before);
}
