// Sessions, turns and results: what happened, as it stands in the store.
//
// A session is one conversation with one agent that works one batch; a turn is one task's exchange in it; a result
// is what a task came to, and points to the turn that settled it, if one did. Turns are never changed once settled and
// never deleted: they are what the accounts are made of.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <cobatch/core/id.hpp>
#include <cobatch/core/task.hpp>
#include <cobatch/core/time.hpp>
#include <cobatch/core/usage.hpp>

namespace cobatch {
inline namespace v1 {

/// Which process it is. A pid alone proves nothing: it is the same process only if all fields are equal.
struct process_identity {
  std::string boot_id = {};        ///< of the running kernel
  std::int64_t pid_namespace = 0;  ///< inode of the pid namespace
  std::int64_t pid = 0;            ///< 0: no process
  std::int64_t start_time = 0;     ///< in the kernel's unit, since boot

  [[nodiscard]] bool known() const noexcept { return pid != 0; }
  friend bool operator==(const process_identity&, const process_identity&) = default;
};

/// The agent whose one process does many tasks and reports each by a call, from any process.
inline constexpr std::string_view calling_agent = "prompt";

enum class session_phase : std::uint8_t { live, ended };

/// Why a session ended.
enum class session_end : std::uint8_t {
  finished,  ///< no task was left
  full,      ///< `max_tasks_per_session` reached, or all done that its one prompt named; the batch goes on in another
  not_started,    ///< a foreign marker, or the agent could not be started; nothing was charged
  stopped,        ///< a graceful stop; the batch goes on when an engine runs again
  agent_lost,     ///< the agent broke and the session could not go on
  crashed,        ///< its orchestrator died; found and settled by the next holder of the guard
  cancelled,      ///< somebody ended it with `unlock --force`
  blocked,        ///< the agent cannot run until a person has seen to it (log in, another model); the batch is held
  budget,         ///< the batch's budget is spent; the batch is held
  usage_unknown,  ///< the batch has a budget, and nobody knows what a turn of it used; the batch is held
};
inline constexpr std::size_t session_end_count = 10;

[[nodiscard]] constexpr std::string_view name_of(session_end end) noexcept {
  constexpr std::array<std::string_view, session_end_count> names{
      "finished", "full",      "not_started", "stopped", "agent_lost",
      "crashed",  "cancelled", "blocked",     "budget",  "usage_unknown"};
  return names[static_cast<std::size_t>(end)];
}

/// What an agent program says of itself when it starts; what it does not say is empty.
struct agent_facts {
  std::string version = {};  ///< "2.1.331"
  std::string model = {};    ///< that it uses, unless a task names another
  std::string billing = {};  ///< which credential pays: "api key", "subscription", …

  friend bool operator==(const agent_facts&, const agent_facts&) = default;
};

/// What a session waits for, and until when: the end of a limit of the agent's provider, or the agent's next try where
/// the provider does not answer. It may also be the result of an agent that has closed its task and is silent; then
/// `until` is when the turn ends at the latest.
struct session_pause {
  timestamp until = {};
  std::string reason = {};  ///< a sentence for people

  friend bool operator==(const session_pause&, const session_pause&) = default;
};

struct session_record {
  epoch id = {};
  batch_id batch = {};
  std::int64_t round = 1;
  std::string agent = {};  ///< the agent's name, as batches name it
  session_phase phase = session_phase::live;
  process_identity owner = {};  ///< the orchestrator
  timestamp started_at = {};    ///< also the marker's `locked_at`, cut to the second
  std::optional<timestamp> ended_at = {};
  std::optional<session_end> end = {};
  std::string end_detail = {};     ///< a sentence for people; may be empty
  std::int64_t turns_settled = 0;  ///< turns of tasks that ended `done`, `error` or `denied`
  bool end_requested = false;      ///< somebody asked for its end (`unlock --force`); its engine will see to it
  agent_facts about = {};
  std::optional<session_pause> pause = {};  ///< while it waits so

  friend bool operator==(const session_record&, const session_record&) = default;
};

/// What a turn changed in the agent's folder, as its git repository shows it. Ignored files are not seen.
struct work_changes {
  std::vector<std::string> files = {};    ///< changed, made or removed; paths from the top of the repository
  std::vector<std::string> commits = {};  ///< made by the turn, oldest first
  bool complete = true;                   ///< false: there was more than is listed

  friend bool operator==(const work_changes&, const work_changes&) = default;
};

struct turn_record {
  epoch session = {};
  turn_no turn = {};
  task_id task = {};  ///< empty: the batch's preamble, which belongs to no task
  batch_id batch = {};
  std::int64_t position = 0;
  int attempt = 1;
  std::int64_t process = 1;       ///< which agent process of the session, from 1
  std::int64_t process_turn = 1;  ///< which turn of that process, from 1
  bool loaded_context = true;     ///< its conversation began with it: nothing was there from earlier turns
  std::string conversation = {};  ///< the agent's own id of the conversation; empty if it has none
  timestamp started_at = {};
  std::optional<timestamp> ended_at = {};  ///< absent: not settled
  std::optional<turn_end> end = {};
  std::string reason = {};  ///< a code: why it ended so; empty if there is nothing to add to `end`
  std::string detail = {};  ///< a sentence for people
  bool recovered = false;   ///< settled after its orchestrator died, from what the agent had written
  std::optional<usage> used = {};
  std::optional<work_changes> changes = {};  ///< absent: not known (no git repository)

  friend bool operator==(const turn_record&, const turn_record&) = default;
};

/// Who said that a task is done or failed.
enum class status_source : std::uint8_t {
  reported,  ///< the agent, in so many words
  inferred,  ///< the agent's turn ended well and it said nothing about the task
  cobatch,   ///< the rules: attempts exhausted, denied, timed out, …
};

[[nodiscard]] constexpr std::string_view name_of(status_source source) noexcept {
  constexpr std::array<std::string_view, 3> names{"reported", "inferred", "cobatch"};
  return names[static_cast<std::size_t>(source)];
}

/// What an agent's turn came to.
struct settlement {
  turn_end end = turn_end::broke;
  std::string reason = {};
  std::string detail = {};
  status_source source = status_source::reported;
  std::string output = {};          ///< what the agent answered (UTF-8)
  std::string output_summary = {};  ///< a line
  std::string actions_taken = {};   ///< JSON array text, or empty
  std::string errors = {};          ///< JSON text (array or string), or empty
  std::optional<usage> used = {};
  std::optional<bool> loaded_context = {};  ///< see turn_record; absent: it did if it was the first of its process
  std::string conversation = {};            ///< see turn_record
  std::optional<work_changes> changes = {};

  friend bool operator==(const settlement&, const settlement&) = default;
};

/// What a task came to. A task has at most one current result. One that was completed by hand, or adopted, has no turn
/// and no session: then `session` and `turn` are 0, and `what` has neither conversation nor changes.
struct result_record {
  task_id task = {};
  batch_id batch = {};
  std::int64_t position = 0;
  epoch session = {};
  turn_no turn = {};
  task_state status = task_state::done;  ///< `done` or `error`
  settlement what = {};
  timestamp completed_at = {};
  std::int64_t duration_ms = 0;  ///< of the turn that settled it; without one: since the task was started
  bool loaded_context = true;    ///< of the turn
  /// What the preamble used if it was sent right before this turn. It is a turn of its own: not part of `what.used`.
  std::optional<usage> preamble_used = {};
  bool fenced = true;      ///< false: whoever completed it did not show that the session was theirs
  std::string extra = {};  ///< JSON object text of further members it was adopted with; empty: none

  friend bool operator==(const result_record&, const result_record&) = default;
};

}  // namespace v1
}  // namespace cobatch
