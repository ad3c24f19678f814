// An agent: what drives a coding-agent program, or a model of the host's own, through the tasks of a session.
//
// The engine calls an agent from one thread at a time: `start` once a session (and again after the agent broke),
// then `run_turn` for one task after another, then `finish`.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <cobatch/core/error.hpp>
#include <cobatch/core/id.hpp>
#include <cobatch/core/session.hpp>
#include <cobatch/core/task.hpp>

namespace cobatch {
inline namespace v1 {

/// One task's turn, as the agent is asked for it.
struct turn_request {
  epoch session = {};
  turn_no turn = {};
  task_id task = {};
  batch_id batch = {};
  std::int64_t position = 0;
  std::string description = {};
  std::string context = {};  ///< JSON text, or empty
  int attempt = 1;           ///< above 1: an earlier turn of the task broke or was interrupted
  std::string prompt = {};   ///< all of it in one text, from the documented template (`make_prompt`)
};

/// What an agent's turn came to, and whether the conversation can go on.
struct turn_report {
  settlement what = {};
  bool usable = true;  ///< false: the agent must be started anew before the next turn
  /// With `turn_end::stopped` that nobody asked for: true if a new start is likely to do better (the agent ended
  /// between two tasks); false if it is not (nobody is logged in), so the session ends.
  bool again = false;
};

/// What an agent needs to know to start.
struct session_start {
  epoch session = {};
  batch_id batch = {};
  std::int64_t process = 1;                      ///< the how-manieth start in this session
  std::filesystem::path working_directory = {};  ///< absolute
  std::filesystem::path folder = {};             ///< exists; for what the agent writes
  int guard = -1;                                ///< for agents that are processes: inherited by their keeper
  /// For agents that are processes: to be called before keeper and agent may run, so that a later holder of the guard
  /// can find them.
  std::function<result<void>(const process_identity& keeper, const process_identity& agent)> record = {};
  /// Takes what the agent says on the way; may be empty. Called from the thread that runs the turn.
  std::function<void(std::string_view line)> on_progress = {};
};

/// A started agent.
class agent_session {
 public:
  agent_session() = default;
  agent_session(const agent_session&) = delete;
  agent_session& operator=(const agent_session&) = delete;
  virtual ~agent_session() = default;

  /// Runs one turn and returns when it has ended, at the latest soon after `limit` or after `interrupt` was requested:
  /// then `turn_end::timed_out` or `turn_end::stopped`. Never throws: whatever goes wrong is a settlement.
  [[nodiscard]] virtual turn_report run_turn(const turn_request& request, std::chrono::milliseconds limit,
                                             std::stop_token interrupt) = 0;

  /// Ends the conversation; nothing of it is left running when it returns.
  virtual void finish() = 0;
};

class agent {
 public:
  agent() = default;
  agent(const agent&) = delete;
  agent& operator=(const agent&) = delete;
  virtual ~agent() = default;

  /// The name by which batches name it: `claude`, `command`, `scripted`, or a host's own.
  [[nodiscard]] virtual std::string_view name() const = 0;

  /// Errors: agent_missing, agent_failed, keeper_missing: nothing was charged to any task.
  [[nodiscard]] virtual result<std::unique_ptr<agent_session>> start(const session_start& how) = 0;

  /// After the orchestrator's death: how this turn ended, if what the agent left in `folder` shows it.
  [[nodiscard]] virtual std::optional<settlement> recover(const std::filesystem::path& folder,
                                                          const turn_record& turn) = 0;
};

// ------------------------------------------------------------------------------------------------ the agents

/// True for the names of Cobatch's own agents, those to come included; a host's agent has a name of its own.
[[nodiscard]] constexpr bool is_built_in_agent(std::string_view name) noexcept {
  for (const std::string_view own : {"claude", "codex", "gemini", "command", "prompt", "scripted"})
    if (name == own) return true;
  return false;
}

/// A program of yours that speaks Cobatch's line protocol: for each task one JSON line in, one out.
///
/// It is started once a session. On its standard input comes, for each task, one line
/// `{"type":"task","turn","task_id","batch_id","position","description","context","attempt","prompt"}`; it answers on
/// its standard output with one line `{"type":"result","task_id","status":"done"|"error"[,"turn","output",
/// "output_summary","actions_taken","errors","model","usage":{"input_tokens","cache_creation_input_tokens",
/// "cache_read_input_tokens","output_tokens"}]}`. Other JSON lines are progress; anything else is only logged. When its
/// standard input ends, the session is over. A result for another task or turn, an early exit, a line over 8 MiB or not
/// in UTF-8, and no result within the limit end the turn with that reason.
struct command_agent_options {
  std::string name = "command";
  std::vector<std::string> argv =
      {};  ///< the program (looked up in PATH if it has no slash) and its arguments; no shell
  std::chrono::milliseconds grace{5000};  ///< between SIGTERM and SIGKILL
};
[[nodiscard]] std::shared_ptr<agent> make_command_agent(command_agent_options options);

/// Plays a script of answers, delays and failures: for demos and tests. No model is asked, and every figure that it
/// gives is marked as scripted.
struct scripted_agent_options {
  std::filesystem::path script = {};  ///< a JSON file; empty: every task is done at once with no usage
};
[[nodiscard]] std::shared_ptr<agent> make_scripted_agent(scripted_agent_options options);

/// Claude Code, headless, one process a session, one message at a time.
struct claude_agent_options {
  std::string program = "claude";
  std::string model = {};  ///< empty: the program's own choice
  std::string permission_mode = "acceptEdits";
  std::vector<std::string> allowed_tools{"Read", "Glob", "Grep", "Edit", "Write"};
  std::vector<std::string> extra_arguments = {};
  std::chrono::milliseconds grace{5000};
};
[[nodiscard]] std::shared_ptr<agent> make_claude_agent(claude_agent_options options);

/// The prompt of a turn. `previous` is the task's latest earlier turn, if it had one.
struct prompt_parts {
  const task_record* task = nullptr;
  int attempt = 1;
  std::int64_t batch_total = 0;  ///< tasks of the batch so far
  const turn_record* previous = nullptr;
};
[[nodiscard]] std::string make_prompt(const prompt_parts& parts);

}  // namespace v1
}  // namespace cobatch
