// The orchestrator's side of the keeper: the small process that starts an agent, holds the guard with us, and outlives
// us if we die. (Its own side is keeper.c.)
//
// The agent's standard output and error go to append-only files in `folder`, `<number>.out` and `<number>.err`; we
// follow the first. So what an agent wrote is never lost with a reader. The keeper writes `<number>.exit` when the
// agent has ended: a line, "exit N" or "signal N".
//
// What the keeper does: it is in a process session of its own, subreaper, and alone inherits the guard. It starts the
// agent in a process session of the agent's own, with the guard closed and the death-of-parent signal set (or, where
// the system has neither, with another process that ends the agent's process group should the keeper die). It sees our
// death (the control pipe's end): then it lets the running turn go on until its deadline, at most, ends the agent and
// all that is left of it, writes the exit and exits. If we tell it, it ends the agent at once.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <cobatch/core/error.hpp>
#include <cobatch/core/session.hpp>

#include "os/descriptor.hpp"

namespace cobatch {

struct keeper_start {
  std::filesystem::path keeper{};          ///< the keeper program; empty: `find_keeper()`
  std::vector<std::string> argv{};         ///< the agent program (looked up in PATH if it has no slash) and arguments
  std::vector<std::string> environment{};  ///< NAME=value, all of it
  std::filesystem::path working_directory{};  ///< the agent's
  std::filesystem::path folder{};             ///< an existing folder for the output files
  std::int64_t number = 1;                    ///< of the agent process in its session, from 1
  int guard = -1;                             ///< descriptor of the held guard; -1: none (tests)
  std::chrono::milliseconds grace{5000};      ///< between SIGTERM and SIGKILL
  /// For an agent that ends at once when its input does: the bytes that its output has at the end of each turn, and
  /// nowhere else. Should we die in a turn, its input then stays open until they come. Empty: it ends after its turn.
  std::string turn_end{};
  /// Called with the keeper's identity before the keeper may run, and with the agent's before the agent may run.
  std::function<result<void>(const process_identity& keeper, const process_identity& agent)> record{};
};

class keeper {
 public:
  /// Starts keeper and agent. Errors: keeper_missing, agent_missing (no such program; nothing was started),
  /// agent_failed, io_error, disk_full. Between fork and exec only async-signal-safe calls are made, so hosts with
  /// threads are safe; a host's SIGCHLD and SIGPIPE settings do not matter.
  [[nodiscard]] static result<keeper> start(const keeper_start& how);

  keeper(keeper&&) noexcept;
  keeper& operator=(keeper&&) noexcept;
  ~keeper();  ///< `finish` with no grace, if still running

  /// Sends bytes to the agent's standard input; waits while the pipe is full, until the deadline, or until `also`
  /// (-1: none) becomes readable (interrupted). agent_failed if the agent has closed it or ended; never SIGPIPE.
  /// After timed_out or interrupted a part may have been taken: the agent can then only be ended.
  [[nodiscard]] result<void> send(std::string_view bytes, std::chrono::steady_clock::time_point deadline, int also);

  /// Ends the agent's standard input: it will read nothing more.
  void close_input();

  /// Tells the keeper that a turn runs, and for how long it may go on should we die; or that none runs.
  [[nodiscard]] result<void> turn_begins(std::chrono::milliseconds limit);
  [[nodiscard]] result<void> turn_ended();

  [[nodiscard]] const std::filesystem::path& output_file() const noexcept { return output_; }
  [[nodiscard]] const std::filesystem::path& error_file() const noexcept { return errors_; }

  /// Readable when the agent has ended or the keeper has died.
  [[nodiscard]] int end_descriptor() const noexcept { return status_.get(); }

  struct ending {
    bool keeper_lost = false;        ///< the keeper died (killed); the agent has been ended
    std::optional<int> exit_code{};  ///< of the agent
    std::optional<int> signal{};
  };
  /// The ending, if the agent or the keeper has ended; does not wait.
  [[nodiscard]] std::optional<ending> ended();

  /// Closes the agent's standard input and waits up to `patience` for it to end by itself; then SIGTERM, after the
  /// grace SIGKILL, to all of it. Returns when agent, its leftovers and the keeper are gone.
  ending finish(std::chrono::milliseconds patience);

  [[nodiscard]] const process_identity& keeper_process() const noexcept { return keeper_; }
  [[nodiscard]] const process_identity& agent_process() const noexcept { return agent_; }

 private:
  keeper() = default;
  [[nodiscard]] std::optional<std::string> take_line();
  [[nodiscard]] result<std::string> await_line(char kind, const keeper_start& how);
  [[nodiscard]] result<unique_fd> spawn(const keeper_start& how, const result<std::filesystem::path>& program);
  [[nodiscard]] result<void> launch(const keeper_start& how, int gate);
  [[nodiscard]] result<void> command(std::string_view line);
  bool wait_for_end(std::chrono::steady_clock::time_point deadline);
  // As waitpid tells how the keeper ended, if it does.
  std::optional<int> wait_until_gone(std::chrono::milliseconds patience);

  process_identity keeper_, agent_;
  private_fd input_, control_, status_;
  std::string status_lines_;    // read from the keeper and not taken yet
  bool status_at_end_ = false;  // the keeper is gone
  std::filesystem::path output_, errors_;
  std::chrono::milliseconds grace_{5000};
  std::optional<ending> ending_;
};

/// Whether a program is a keeper that speaks as this library does: it is asked for its version. Errors: keeper_missing.
[[nodiscard]] result<void> check_keeper(const std::filesystem::path& program);

}  // namespace cobatch
