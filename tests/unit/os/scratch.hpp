// What the tests of this room share: a folder that goes away, waiting for what will happen, and the processes that
// scripts start.
#pragma once

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <signal.h>
#include <stdlib.h>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include <doctest/doctest.h>

#include "os/process.hpp"
#include "unit/is_dead.hpp"
#include "unit/scratch_folder.hpp"

namespace cobatch_test {

inline void put(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

/// Only against a test that hangs: no test's outcome depends on how long something takes.
inline std::chrono::steady_clock::time_point failsafe() {
  return std::chrono::steady_clock::now() + std::chrono::seconds(60);
}

/// For what the kernel or another process does without telling us.
template <class Condition>
bool eventually(Condition condition) {
  for (const auto deadline = failsafe(); std::chrono::steady_clock::now() < deadline;) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return false;
}

/// The pid that a script writes into a file; 0 while the line is not there.
inline std::int64_t pid_from(const std::filesystem::path& file) {
  const std::string text = content_of(file);
  std::int64_t pid = 0;
  if (text.empty() || text.back() != '\n') return 0;
  std::from_chars(text.data(), text.data() + text.size(), pid);
  return pid;
}

/// The process whose pid a script writes into a file.
inline cobatch::process_identity process_from(const std::filesystem::path& file) {
  REQUIRE(eventually([&] { return pid_from(file) != 0; }));
  return cobatch::identity_of_process(pid_from(file));
}

/// A copy of the test process that does one thing: an orchestrator that is to be killed, a rival. Its exit code is what
/// the function returns.
class forked {
 public:
  template <class Function>
  explicit forked(Function what) {
    std::fflush(stdout);  // what the tests have said is not said twice
    pid_ = ::fork();
    if (pid_ == 0) {
      for (const int s : {SIGTERM, SIGINT, SIGABRT, SIGSEGV}) ::signal(s, SIG_DFL);  // doctest's are the parent's
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // should the tests themselves be killed
      ::_exit(what());
    }
    REQUIRE(pid_ > 0);
  }
  forked(forked&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  forked& operator=(forked&& other) noexcept {
    if (this != &other) {
      kill();
      pid_ = std::exchange(other.pid_, -1);
    }
    return *this;
  }
  ~forked() { kill(); }

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Its exit code; -1: a signal ended it.
  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  void kill() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    wait();
  }

 private:
  pid_t pid_ = -1;
};

}  // namespace cobatch_test
