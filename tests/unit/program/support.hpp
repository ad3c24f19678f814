// Folders, child processes and waiting, for tests that start the program.
#pragma once

#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <poll.h>
#include <stdlib.h>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

#include "base/json.hpp"
#include "os/descriptor.hpp"
#include "os/spawn.hpp"
#include "paths.hpp"
#include "unit/scratch_folder.hpp"

namespace cobatch_test {

using namespace cobatch;

class folder : public scratch_folder {
 public:
  [[nodiscard]] std::string str() const { return path().string(); }

  std::string write(const std::string& name, const std::string& content, mode_t mode = 0600) const {
    const auto file = path() / name;
    std::ofstream(file) << content;
    REQUIRE(::chmod(file.c_str(), mode) == 0);
    return file.string();
  }
};

/// A started program whose output is read through pipes.
class child {
 public:
  explicit child(const std::vector<std::string>& argv, const std::map<std::string, std::string>& environment = {}) {
    int in[2], out[2], err[2];
    REQUIRE(::pipe2(in, O_CLOEXEC) == 0);
    REQUIRE(::pipe2(out, O_CLOEXEC) == 0);
    REQUIRE(::pipe2(err, O_CLOEXEC) == 0);
    auto words = argv;
    auto variables = our_environment_with(environment);
    const auto arguments = pointers_to(words), environ_of_child = pointers_to(variables);
    pid_ = ::fork();
    // Other threads may be about: nothing is allocated here, or a lock taken that one of them had.
    if (pid_ == 0) {
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      ::dup2(err[1], 2);
      ::execve(arguments[0], arguments.data(), environ_of_child.data());
      ::_exit(127);
    }
    REQUIRE(pid_ > 0);
    ::close(in[0]);
    ::close(out[1]);
    ::close(err[1]);
    in_.reset(in[1]);
    out_.reset(out[0]);
    err_.reset(err[0]);
  }
  child(const child&) = delete;
  child& operator=(const child&) = delete;
  ~child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  void signal(int number) const { ::kill(pid_, number); }

  void say(std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = ::write(in_.get(), text.data(), text.size());
      if (n <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  void end_input() { in_.reset(); }
  /// As `| head` does when it has what it wants.
  void stop_reading() { out_.reset(); }

  /// The next line of standard output; what is left of it at its end.
  std::string line() {
    for (;;) {
      const auto end = said_.find('\n');
      if (end != std::string::npos) {
        std::string found = said_.substr(0, end);
        said_.erase(0, end + 1);
        return found;
      }
      if (!more(out_, said_)) return std::exchange(said_, {});
    }
  }
  /// Reads lines of standard output until one holds `part`; that line, or nothing if the output ends before.
  std::string line_with(std::string_view part) {
    while (out_.open() || !said_.empty())
      if (std::string found = line(); found.find(part) != std::string::npos) return found;
    return {};
  }

  /// Waits for the end and takes all output. -signal if a signal ended it.
  int wait() {
    end_input();
    while (out_.open() || err_.open()) {
      pollfd polled[2]{{out_.open() ? out_.get() : -1, POLLIN, 0}, {err_.open() ? err_.get() : -1, POLLIN, 0}};
      ::poll(polled, 2, -1);
      if (polled[0].revents != 0) more(out_, said_);
      if (polled[1].revents != 0) more(err_, complained_);
    }
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  [[nodiscard]] const std::string& out() const { return said_; }
  [[nodiscard]] const std::string& err() const { return complained_; }

 private:
  static std::vector<std::string> our_environment_with(const std::map<std::string, std::string>& more) {
    std::vector<std::string> all;
    for (char** one = environ; *one != nullptr; ++one) {
      const std::string_view variable = *one;
      if (!more.contains(std::string(variable.substr(0, variable.find('='))))) all.emplace_back(variable);
    }
    for (const auto& [name, value] : more) all.push_back(name + "=" + value);
    return all;
  }

  static bool more(unique_fd& from, std::string& to) {
    if (!from.open()) return false;
    char part[65536];
    const ssize_t n = ::read(from.get(), part, sizeof part);
    if (n > 0) to.append(part, static_cast<std::size_t>(n));
    if (n <= 0) from.reset();
    return n > 0;
  }

  pid_t pid_ = -1;
  unique_fd in_, out_, err_;
  std::string said_, complained_;
};

struct ran {
  int code;
  std::string out, err;

  /// The output as the one JSON value that it must be.
  [[nodiscard]] json::value json() const {
    auto parsed = json::parse(out);
    REQUIRE_MESSAGE(parsed, out);
    return std::move(*parsed);
  }
};

/// Until a file is there that another process makes; the test's own time limit bounds the wait.
inline void await_file(const std::filesystem::path& file) {
  while (!std::filesystem::exists(file)) ::usleep(1000);
}

/// Runs `cobatch` with these arguments to its end.
inline ran cobatch_run(std::vector<std::string> arguments, std::string_view input = {},
                       const std::map<std::string, std::string>& environment = {}) {
  arguments.insert(arguments.begin(), paths::program);
  child program(arguments, environment);
  program.say(input);
  const int code = program.wait();
  return {code, program.out(), program.err()};
}

inline std::string text_in(const json::value& object, std::string_view name) {
  const json::value* found = object.find(name);
  return found != nullptr && found->as_string() != nullptr ? *found->as_string() : std::string();
}

}  // namespace cobatch_test
