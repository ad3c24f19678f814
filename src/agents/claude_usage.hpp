// What the turns of Claude Code used: from the lines that it writes, or from its transcript files.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <cobatch/core/time.hpp>
#include <cobatch/core/usage.hpp>

#include "agents/reported.hpp"
#include "base/json.hpp"

namespace cobatch {

/// The model of what the program writes itself in the place of an answer.
inline constexpr std::string_view no_model = "<synthetic>";

/// Reads the figures of one process after another; lines in order, each once.
///
/// `model_usage_since_last_result` (since 2.1) is a turn's own, subagents and compaction included, whatever a resume or
/// a kill did before. Versions without it have `modelUsage`, which is cumulative: in the process, over a resume after a
/// clean exit, and from 0 after /clear. `usage` leaves subagents out; it serves where nothing better is there.
class claude_usage {
 public:
  void process_begins() {
    first_result_ = true;
    carried_.clear();
    turn_begins();
  }
  void turn_begins() { turn_ = {}; }
  void cleared() { baseline_.clear(); }
  /// A request's connection broke and it was sent again: what the first one used is counted nowhere.
  void note_broken_connection() { turn_.unsure = true; }
  /// An `assistant` line: requests are counted by the message's id, and show what was inherited, and how large they
  /// were.
  void note_request(const json::value& line);
  /// The usage of the turn that ends with this `result` line. An aborted one is not complete: what was streamed of its
  /// last answer is an estimate.
  [[nodiscard]] std::optional<usage> of_turn(const json::value& result, bool aborted);
  /// A `result` line that ends no turn: what was counted with it is counted with the next turn.
  void carry_over(const json::value& result);

 private:
  [[nodiscard]] std::optional<usage> figures(const json::value& result);
  [[nodiscard]] std::vector<model_tokens> since_baseline(const std::vector<model_tokens>& total) const;

  bool first_result_ = true;  // of its process
  std::string conversation_;  // that `baseline_` is of
  std::vector<model_tokens> baseline_;
  std::vector<model_tokens> carried_;

  struct turn_state {
    std::set<std::string> seen;  // messages, by id
    shown_requests requests;
    bool unsure = false;
  };
  turn_state turn_;
};

/// What the requests of a conversation, its subagents' included, used from `since` on. Each is counted once, by its
/// message's id; the answer that was under way when the process ended is in no file, so the usage is never complete.
/// Nothing if no file of that conversation is found (in $CLAUDE_CONFIG_DIR, or ~/.claude) or it has no such request.
[[nodiscard]] std::optional<usage> read_claude_transcript(const std::string& conversation, timestamp since);

}  // namespace cobatch
