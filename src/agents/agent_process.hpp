// Agents that are programs: keeper, pipes and files are driven here; each program's language is in its dialect.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <cobatch/agent.hpp>

#include "agents/dialect.hpp"

namespace cobatch {

/// How a program is started for a session, and how it behaves.
struct agent_program {
  std::vector<std::string> argv = {};
  std::vector<std::string> environment = {};  ///< NAME=value, beside ours
  std::chrono::milliseconds grace{5000};      ///< between SIGTERM and SIGKILL
  std::unique_ptr<cobatch::dialect> dialect = {};
  /// The program reads its prompt until the end of its input, answers and exits: a process is good for one turn.
  bool one_turn_a_process = false;
  std::string turn_end = {};  ///< see keeper_start
  /// A turn that came to no answer has the lines that were read in it as its output; else they are the program's own
  /// language, and no use to people.
  bool lines_are_output = false;
};

/// Appends an option with its value, unless that is empty.
inline void add_option(std::vector<std::string>& argv, const char* name, const std::string& value) {
  if (!value.empty()) argv.insert(argv.end(), {name, value});
}

/// An agent that is a program. It outlives its sessions.
class program_agent : public agent {
 public:
  result<std::unique_ptr<agent_session>> start(const session_start& session) override;
  std::optional<settlement> recover(const std::filesystem::path& folder, const turn_record& turn) final;

 protected:
  /// Asked once a start.
  [[nodiscard]] virtual result<agent_program> program(const session_start& session) = 0;
  /// A dialect for the files that a dead session left.
  [[nodiscard]] virtual std::unique_ptr<dialect> make_dialect() const = 0;
};

/// In a session's folder, the link to that of the session whose conversation it went on with.
[[nodiscard]] std::filesystem::path link_to_earlier_in(const std::filesystem::path& folder);

}  // namespace cobatch
