// An agent: what drives a coding-agent program, or a model of the host's own, through the tasks of a session.
//
// The engine calls an agent from one thread at a time: `start` once a session (and again after the agent broke),
// then `run_turn` for one task after another, then `finish`.
#pragma once

#include <array>
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
#include <cobatch/core/event.hpp>
#include <cobatch/core/id.hpp>
#include <cobatch/core/session.hpp>
#include <cobatch/core/task.hpp>

namespace cobatch {
inline namespace v1 {

/// One turn, as the agent is asked for it.
struct turn_request {
  epoch session = {};
  turn_no turn = {};
  task_id task = {};  ///< empty: the batch's preamble; `prompt` is all there is
  batch_id batch = {};
  std::int64_t position = 0;
  std::string description = {};
  std::string context = {};  ///< JSON text, or empty
  int attempt = 1;           ///< above 1: an earlier turn of the task broke or was interrupted
  std::string prompt = {};   ///< all of it in one text, from the documented template (`make_prompt`)
};

/// A limit of the agent's provider: the turn can be tried again when it is over.
struct provider_limit {
  std::optional<timestamp> until = {};  ///< as the provider says; absent: it does not say
  std::string reason = {};              ///< a sentence for people
};

/// What an agent's turn came to, and whether the conversation can go on.
struct turn_report {
  settlement what = {};
  bool usable = true;  ///< false: the agent must be started anew before the next turn
  /// With `turn_end::stopped` that nobody asked for: true if a new start is likely to do better (the agent ended
  /// between two tasks); false if it is not (nobody is logged in), so the session ends.
  bool again = false;
  bool forget = false;  ///< the conversation is lost or full: the next turn begins a new one
  /// With `turn_end::stopped`: the session rests until then, and the task is tried again in it, without a charge.
  std::optional<provider_limit> limited = {};
  /// With `turn_end::broke`: the agent itself says that it failed, as for an answer of its provider that it can do
  /// nothing with. If nothing was answered either, the engine tries once more, without a charge, and then holds the
  /// batch.
  bool agent_error = false;
  /// With `turn_end::broke`: a signal ended the agent, or its exit code says so. If the engine is asked to stop in the
  /// same moment, the signal was for all of them, and the turn counts as stopped: nothing is charged.
  bool killed = false;
  /// With `turn_end::stopped`: no task can be done until a person has seen to it (nobody is logged in, there is no such
  /// model); `what.detail` says what to do. The batch is held.
  bool blocked = false;
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
  /// Takes what the agent lets know on the way: `progress`, `tool`, `agent_known`, `notice`, and `paused` while its
  /// provider does not answer and it tries again by itself. May be empty. Called from the thread that runs the turn.
  std::function<void(const event&)> on_event = {};
  std::chrono::milliseconds quiet_after{0};  ///< of silence in a turn, news of it; 0: never
  std::chrono::milliseconds idle_limit{0};   ///< see `engine_options`

  std::string model = {};               ///< empty: the agent's own choice
  std::vector<std::string> tools = {};  ///< the only tools; empty: all that the agent was made with
  /// The agent's own id of an earlier conversation that this one goes on with; empty: a new one. One that the agent no
  /// longer knows is no failure: the first turn is then `stopped` with `again` and `forget`.
  std::string conversation = {};
  /// For agents that are processes: NAME=value, beside their own.
  std::vector<std::string> environment = {};
  bool fork = false;                       ///< with `conversation`: go on with a copy of it, and leave it as it is
  std::filesystem::path earlier_folder{};  ///< with `conversation`: the folder of the session that it was last in
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

  /// Forgets the conversation so far and begins a new one in place; false if it cannot: start the agent anew.
  [[nodiscard]] virtual bool clear() { return false; }

  /// The agent's own id of the conversation, with which a later start can go on; empty if there is none (yet).
  [[nodiscard]] virtual std::string conversation() const { return {}; }

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

  /// Why it will not do a task as it is asked for, such as with a tool that it was not allowed: a sentence that says
  /// what to do; empty if it will. Asked before a turn; the task ends in `error` then, and costs nothing.
  [[nodiscard]] virtual std::string objection(const task_spec& task) const;

  /// True if it takes a batch's preamble as a turn of its own; else the preamble stands in the prompt of the first task
  /// of each conversation.
  [[nodiscard]] virtual bool takes_preamble() const { return false; }

  /// Not empty: it gets all tasks of a session in one prompt (`make_batch_prompt`), in one turn, and tells of each by a
  /// call, from any process, with the session's token: by this command, say "cobatch call".
  [[nodiscard]] virtual std::string_view calls_back_with() const { return {}; }

  /// True if `session_start::fork` works.
  [[nodiscard]] virtual bool can_fork() const { return false; }

  /// After the orchestrator's death: how this turn ended, if what the agent left in `folder` shows it. One that did not
  /// end is `interrupted`, with what it is known to have used.
  [[nodiscard]] virtual std::optional<settlement> recover(const std::filesystem::path& folder,
                                                          const turn_record& turn) = 0;
};

// ------------------------------------------------------------------------------------------------ the agents

/// The names of Cobatch's own agents; a host's agent has a name of its own.
inline constexpr std::array<std::string_view, 6> built_in_agents{"claude",  "codex",  "gemini",
                                                                 "command", "prompt", "scripted"};

/// True for the names of Cobatch's own agents.
[[nodiscard]] constexpr bool is_built_in_agent(std::string_view name) noexcept {
  for (const std::string_view own : built_in_agents)
    if (name == own) return true;
  return false;
}

/// A program of yours that speaks Cobatch's line protocol: for each task one JSON line in, one out.
///
/// It is started once a session. On its standard input comes, for each task, one line
/// `{"type":"task","turn","task_id","batch_id","position","description","context","attempt","prompt"}`; it answers on
/// its standard output with one line `{"type":"result","task_id","status":"done"|"error"[,"turn","output",
/// "output_summary","actions_taken","errors","model","usage":{"input_tokens","cache_creation_input_tokens",
/// "cache_read_input_tokens","output_tokens"}]}`. Other JSON lines are progress; anything else is only logged, but a
/// line that begins with `{`, or that holds a result, has to be JSON, and whole. When its standard input ends, the
/// session is over. A result for another task or turn, or one that cannot be read, an early exit, and no result within
/// the limit end the turn with that reason. Half a surrogate pair and invalid UTF-8 are read as U+FFFD, NaN as null.
struct command_agent_options {
  std::string name = "command";
  std::vector<std::string> argv =
      {};  ///< the program (looked up in PATH if it has no slash) and its arguments; no shell
  std::chrono::milliseconds grace{5000};  ///< between SIGTERM and SIGKILL
};
[[nodiscard]] std::shared_ptr<agent> make_command_agent(command_agent_options options);

/// The guide's own way: a program that gets one prompt on its standard input, with all tasks of a session, and tells by
/// calls how each stands: `mark_task_in_progress` before it, `log_task_completion` after it. A shell script will do, or
/// `claude -p`. The calls carry the session's token, which is in its environment as COBATCH_SESSION (`cobatch call`
/// takes it from there). When it ends, a task that it has begun and not logged counts as broken, and what it has not
/// begun is left to a new session.
struct prompt_agent_options {
  std::vector<std::string> argv = {};     ///< the program (looked up in PATH if it has no slash) and its arguments
  std::string call = {};                  ///< how the prompt says to call; empty: "cobatch call"
  std::chrono::milliseconds grace{5000};  ///< between SIGTERM and SIGKILL
};
[[nodiscard]] std::shared_ptr<agent> make_prompt_agent(prompt_agent_options options);

/// Plays a script of answers, delays and failures: for demos and tests. No model is asked, and every figure that it
/// gives is marked as scripted.
struct scripted_agent_options {
  std::filesystem::path script = {};  ///< a JSON file; empty: every task is done at once with no usage
};
[[nodiscard]] std::shared_ptr<agent> make_scripted_agent(scripted_agent_options options);

/// Claude Code, headless: one process a session, one message at a time.
struct claude_agent_options {
  std::string program = "claude";
  std::string model = {};  ///< for batches and tasks that name none; empty: the program's own choice
  std::string permission_mode = "acceptEdits";
  /// The tools it has. These, with that mode, read and change files in its folder and nowhere else.
  std::vector<std::string> tools{"Read", "Glob", "Grep", "Edit", "Write"};
  /// Further ones, used without asking: "Bash", a rule as "Bash(git *)", "mcp__server__tool".
  std::vector<std::string> allowed_tools = {};
  std::string system_prompt = {};         ///< added to the program's own
  std::filesystem::path mcp_config = {};  ///< a file of MCP servers; only these are used. Empty: the user's own
  int max_turns = 0;                      ///< requests to the model a task; 0: no limit
  std::int64_t max_nano_dollars = 0;      ///< by the program's own count, for each process; 0: no limit
  std::vector<std::string> extra_arguments = {};
  std::chrono::milliseconds grace{5000};
};
[[nodiscard]] std::shared_ptr<agent> make_claude_agent(claude_agent_options options);

/// OpenAI's Codex, headless: one process a session, by its app-server. A Codex without one (or with `app_server` false)
/// is a process a task, which goes on with the thread of the one before; it tells no figures of turns that failed.
struct codex_agent_options {
  std::string program = "codex";
  std::string model = {};
  bool app_server = true;
  std::string sandbox = "workspace-write";  ///< or "read-only", "danger-full-access"; it never asks
  std::vector<std::string> extra_arguments = {};
  std::chrono::milliseconds grace{5000};
};
[[nodiscard]] std::shared_ptr<agent> make_codex_agent(codex_agent_options options);

/// Google's Gemini CLI, headless: a process a task, and a conversation a task. Every task loads its context anew, so a
/// batch saves nothing here but the order and the accounts.
struct gemini_agent_options {
  std::string program = "gemini";
  std::string model = {};
  std::string approval_mode = "auto_edit";
  std::vector<std::string> extra_arguments = {};
  std::chrono::milliseconds grace{5000};
};
[[nodiscard]] std::shared_ptr<agent> make_gemini_agent(gemini_agent_options options);

/// The prompt of a task's turn.
struct prompt_parts {
  const task_record* task = nullptr;
  int attempt = 1;
  std::int64_t batch_total = 0;           ///< tasks of the batch so far
  const turn_record* previous = nullptr;  ///< the task's latest earlier turn, if it had one
  /// True if that turn is the conversation's latest: the task stands above, and is not told again.
  bool goes_on = false;
  std::string shared = {};                 ///< the batch's preamble, if the conversation has not been told it
  std::vector<result_record> needed = {};  ///< what the task needs and the conversation does not hold
};
[[nodiscard]] std::string make_prompt(const prompt_parts& parts);

/// The prompt of an agent that calls back.
struct batch_prompt_parts {
  batch_id batch = {};
  std::vector<task_record> tasks = {};
  std::string shared = {};  ///< the batch's preamble
  std::string call = {};    ///< the command that it calls back with
};
[[nodiscard]] std::string make_batch_prompt(const batch_prompt_parts& parts);

/// The prompt of a preamble's turn. `shared`: its text, with the content of its files.
[[nodiscard]] std::string make_preamble_prompt(const batch_id& batch, std::string_view shared);

}  // namespace v1
}  // namespace cobatch
