// How one agent program speaks: what to write to it for a task, and what its lines mean. Pure translation, no I/O, so
// that the same code reads a live agent and the file that a dead session left.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <cobatch/agent.hpp>

namespace cobatch {
inline namespace v1 {

/// Which turn an answer should be for.
struct turn_key {
  turn_no turn;
  task_id task;
};

class dialect {
 public:
  dialect() = default;
  dialect(const dialect&) = delete;
  dialect& operator=(const dialect&) = delete;
  virtual ~dialect() = default;

  /// The line, newline included, that asks for a turn.
  [[nodiscard]] virtual std::string ask(const turn_request& request) = 0;

  /// What one line of output means: the end of a turn, or nothing (progress, noise). Lines come in order, each once;
  /// cumulative figures of the agent are kept from line to line.
  [[nodiscard]] virtual std::optional<turn_report> read(std::string_view line, const turn_key& expected) = 0;

  /// The line that asks the agent to abort its turn and still answer; empty if it knows none.
  [[nodiscard]] virtual std::string abort_line(const turn_key& running) = 0;
};

/// A settlement for a turn that did not come to an answer.
[[nodiscard]] settlement failed_turn(turn_end end, std::string reason, std::string detail);

}  // namespace v1
}  // namespace cobatch
