// Drives any agent that is a program: keeper, pipes and files here, the program's language in its dialect.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <cobatch/agent.hpp>

#include "agents/dialect.hpp"
#include "agents/provider_error.hpp"

namespace cobatch {

struct process_agent_options {
  std::string name;
  std::function<result<std::vector<std::string>>(const session_start&)> argv;  ///< asked at each start
  /// A fresh one for each start; with nothing but defaults, for the files that a dead session left.
  std::function<std::unique_ptr<dialect>(const session_start&)> make_dialect;
  std::chrono::milliseconds grace{5000};      ///< between SIGTERM and SIGKILL
  std::vector<std::string> environment = {};  ///< NAME=value, beside ours
  /// The program reads its prompt until the end of its input, answers and exits: a process is good for one turn.
  bool one_turn_a_process = false;
  /// See keeper_start.
  std::string turn_end = {};
  /// A turn that came to no answer has the lines that were read in it as its output; else they are the program's own
  /// language, and no use to people.
  bool lines_are_output = false;
  /// What it means that the program ended without an answer, by its exit code; absent or nothing: it broke.
  std::function<std::optional<provider_error>(int exit_code)> exit_means;
  std::string calls_back_with = {};  ///< see agent::calls_back_with
  bool takes_preamble = false;
  bool can_fork = false;
  bool takes_model = false;  ///< tasks may ask for one
  /// See agent::objection; absent: tasks that ask for tools are objected to, and those for a model unless it takes one.
  std::function<std::string(const task_spec&)> objection;
  /// What a turn that came to no answer used, as the program's own files show it. `since`: when the turn began.
  std::function<std::optional<usage>(const std::string& conversation, timestamp since)> used_since;
};

/// In a session's folder, the link to that of the session whose conversation it went on with.
[[nodiscard]] std::filesystem::path link_to_earlier_in(const std::filesystem::path& folder);

[[nodiscard]] std::shared_ptr<agent> make_process_agent(process_agent_options options);

}  // namespace cobatch
