// How one agent program speaks: what to write to it, and what each line that it writes means. Pure translation, no I/O,
// so that the same code reads a live agent and the files that a dead session left.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <cobatch/agent.hpp>

#include "agents/agent_output.hpp"
#include "agents/turn_outcome.hpp"
#include "base/json.hpp"

namespace cobatch {

/// The turn that is running while lines are read.
struct turn_key {
  turn_no turn;
  task_id task;
};

/// What a line of an agent means: none, one or several of these.
struct line_meaning {
  std::optional<turn_report> end = {};  ///< the turn has ended
  /// An answer to an earlier task. It is passed over, and ends the turn if no other answer comes.
  std::optional<turn_report> late_answer = {};
  std::optional<event> news = {};  ///< something to let know
  std::string reply = {};          ///< to be written to the agent at once, newline included
  bool is_cleared = false;         ///< a new conversation has begun in place, as `clear_line` asked
  /// What the agent said last in the running turn; empty if it said nothing since it used a tool. Good until the next
  /// line is read.
  std::string_view message = {};

  void tell(event::kind kind, std::string text) { news = event{.what = kind, .text = std::move(text)}; }
};

class dialect {
 public:
  dialect() = default;
  dialect(const dialect&) = delete;
  dialect& operator=(const dialect&) = delete;
  virtual ~dialect() = default;

  /// What to write that asks for a turn, newline included.
  [[nodiscard]] virtual std::string ask(const turn_request& request) = 0;

  /// What one line of output means. Lines come in order, each once; cumulative figures of the agent are kept from line
  /// to line, and from process to process of one conversation. A line that is cut, or no JSON, means nothing, unless it
  /// was to end the turn as far as its beginning shows: then the turn has ended without an answer that can be read.
  [[nodiscard]] line_meaning read(const agent_line& line, const turn_key& running);

  /// Another process begins: what `read` gets next is its output.
  virtual void process_begins() {}

  /// The line that asks the agent to abort its turn and still answer; empty if it knows none.
  [[nodiscard]] virtual std::string abort_line(const turn_key&) { return {}; }

  /// The line that makes the agent begin a new conversation in place; empty if it knows none.
  [[nodiscard]] virtual std::string clear_line() { return {}; }

  /// What the turn that began then has used so far, if it comes to no answer; nothing if that is not known.
  [[nodiscard]] virtual std::optional<usage> used_so_far(const std::string& conversation, timestamp began) {
    static_cast<void>(conversation), static_cast<void>(began);
    return std::nullopt;
  }

  /// What it means that the program ended without an answer, by its exit code; nothing: it broke.
  [[nodiscard]] virtual std::optional<provider_error> meaning_of_exit(int) const { return std::nullopt; }

  /// The agent's own id of the conversation; empty until it has named one.
  [[nodiscard]] const std::string& conversation() const noexcept { return conversation_; }

 protected:
  /// True if a line is to end a turn, as far as its beginning shows.
  [[nodiscard]] virtual bool is_answer(std::string_view) const { return false; }
  /// What a line means that is JSON; `to.message` is filled in afterwards.
  virtual void understand(const json::value& line, const turn_key& running, line_meaning& to) = 0;
  /// What to add to the reason why an answer cannot be read.
  [[nodiscard]] virtual std::string_view advice_on_bad_json() const { return {}; }

  std::string conversation_;
  std::string message_;  // see line_meaning
};

/// The first "type" that a line of JSON names, as far as it can be seen without reading it; empty if there is none.
[[nodiscard]] std::string_view first_type(std::string_view line) noexcept;

/// False if bytes of an id were lost (U+FFFD stands for them): it names nothing then.
[[nodiscard]] inline bool is_whole(std::string_view id) noexcept { return id.find("\uFFFD") == std::string_view::npos; }

// ---------------------------------------------------------------------------------------------------- the dialects

/// Claude Code's `stream-json`. `tools`: those that it may use in its folder, for the advice when one is denied.
[[nodiscard]] std::unique_ptr<dialect> make_claude_dialect(std::vector<std::string> tools = {});

/// How a process of Codex was started. Its output can be read without that.
struct codex_start {
  bool app_server = false;
  std::string working_directory = {};
  std::string sandbox = {};
  std::string model = {};   ///< empty: its own choice
  std::string thread = {};  ///< the thread to go on with; empty: a new one
  bool fork = false;        ///< with `thread`: to go on with a copy of it
};
/// Codex's `exec --json` and `app-server`: both are read alike, because both may have had turns in one thread, whose
/// figures add up over them.
[[nodiscard]] std::unique_ptr<dialect> make_codex_dialect(codex_start start = {});

[[nodiscard]] std::unique_ptr<dialect> make_gemini_dialect();

/// The line protocol of the `command` agent (described in <cobatch/agent.hpp>), which `scripted` speaks too. `source`
/// marks the figures: reported, or scripted.
[[nodiscard]] std::unique_ptr<dialect> make_line_protocol(usage_source source);

}  // namespace cobatch
