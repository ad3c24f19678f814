// How one agent program speaks: what to write to it for a turn, and what its lines mean. Pure translation, no I/O, so
// that the same code reads a live agent and the files that a dead session left.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <cobatch/agent.hpp>

namespace cobatch {

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

  /// What to write that asks for a turn, newline included.
  [[nodiscard]] virtual std::string ask(const turn_request& request) = 0;

  /// What one line of output means: the end of a turn, or nothing (progress, noise). Lines come in order, each once;
  /// cumulative figures of the agent are kept from line to line, and from process to process of one conversation.
  [[nodiscard]] virtual std::optional<turn_report> read(std::string_view line, const turn_key& expected) = 0;

  /// True if a line that cannot be read was meant to end a turn, as far as its beginning shows.
  [[nodiscard]] virtual bool is_answer(std::string_view beginning) const;

  /// The end of the turn, if an answer was passed over since it began as one to an earlier task, and no other comes.
  [[nodiscard]] virtual const turn_report* passed_over() const { return nullptr; }

  /// What the agent said last in the running turn; empty if it said nothing since it used a tool, or cannot be told.
  [[nodiscard]] virtual std::string_view last_message() const { return {}; }

  /// What the latest line calls for to be written at once, newline included; taken once, empty if nothing.
  [[nodiscard]] virtual std::string take_reply() { return {}; }

  /// What the latest line lets know on the way, taken once.
  [[nodiscard]] virtual std::optional<event> take_news() { return std::nullopt; }

  /// Another process begins: what `read` gets next is its output.
  virtual void process_begins() {}

  /// The line that asks the agent to abort its turn and still answer; empty if it knows none.
  [[nodiscard]] virtual std::string abort_line(const turn_key& running);

  /// The line that makes the agent begin a new conversation in place; empty if it knows none.
  [[nodiscard]] virtual std::string clear_line() { return {}; }
  /// How often it has done so.
  [[nodiscard]] virtual std::int64_t times_cleared() const { return 0; }

  /// What the turn has used until now, which will come to no answer; nothing if no line has told.
  [[nodiscard]] virtual std::optional<usage> used_so_far() { return std::nullopt; }

  /// The agent's own id of the conversation; empty as long as it has told none.
  [[nodiscard]] virtual std::string conversation() const { return {}; }
};

/// A conversation that should have gone on is not there any more: a new one is to be begun.
[[nodiscard]] turn_report conversation_lost();

/// False if bytes of an id were lost (U+FFFD stands for them): it names nothing then.
[[nodiscard]] inline bool is_whole(std::string_view id) noexcept {
  return id.find("\uFFFD") == std::string_view::npos;
}

/// The first "type" that a line of JSON names, as far as it can be seen without reading it; empty if there is none.
[[nodiscard]] std::string_view first_type(std::string_view line) noexcept;

/// The end of a turn whose answer cannot be read. `why` says what is wrong with the line.
[[nodiscard]] turn_report unreadable_answer(std::string_view line, std::string_view why);

/// A settlement for a turn that did not come to an answer.
[[nodiscard]] settlement failed_turn(turn_end end, std::string reason, std::string detail);

}  // namespace cobatch
