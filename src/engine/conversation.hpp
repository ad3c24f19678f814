// What the agent's conversation of a session holds, and what has to be done with it before the next task: a pure
// decision, so that the rules stand in one place.
//
// A task goes on in the conversation that is there, so that what was loaded serves it too. It is begun anew only before
// another task than one whose turn broke (its prompt and half an answer stand there), for another model, or by the
// batch's way to run. A task that is tried again goes on where it broke.
#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <cobatch/agent.hpp>
#include <cobatch/core/batch.hpp>
#include <cobatch/workspace.hpp>

namespace cobatch {

/// What a task wants of the process it runs in.
struct conversation_wish {
  task_id task = {};
  std::string model = {};
  std::vector<std::string> tools = {};
};

enum class conversation_step : std::uint8_t {
  go_on,   ///< in the process that runs
  clear,   ///< begin anew in the process that runs; if it cannot: `begin`
  begin,   ///< a new process, a new conversation
  resume,  ///< a new process that goes on with the conversation
  fork,    ///< a new process that goes on with a copy of the checkpoint
};

class conversation {
 public:
  explicit conversation(running_way way) : way_(way) {}

  [[nodiscard]] conversation_step before(const conversation_wish& wish, bool process_runs) const;

  /// The step was taken.
  void taken(conversation_step step, const conversation_wish& wish);
  /// A turn has ended in it; `id` is the agent's own for it.
  void turn_ended(const task_id& task, const turn_report& report, std::string id);
  /// It was told the batch's preamble.
  void hold_preamble() { holds_preamble_ = true; }
  /// The following forks go on from here.
  void set_checkpoint() { checkpoint_ = id_; }
  /// An earlier session had it: tasks that it holds, and the one whose turn was its last and broke.
  void go_on_from(std::string id, std::string model, bool holds_preamble, std::set<task_id> holds,
                  std::optional<task_id> broken);

  [[nodiscard]] const std::string& id() const noexcept { return id_; }
  [[nodiscard]] const std::string& checkpoint() const noexcept { return checkpoint_; }
  [[nodiscard]] bool holds_preamble() const noexcept { return holds_preamble_; }
  [[nodiscard]] bool holds(const task_id& task) const { return holds_.contains(task); }
  /// Its latest turn came to nothing.
  [[nodiscard]] bool is_broken() const noexcept { return broken_.has_value(); }
  /// The task whose turn was the latest and came to nothing: it stands above.
  [[nodiscard]] bool goes_on_with(const task_id& task) const { return broken_ == task; }

 private:
  [[nodiscard]] bool fits(const conversation_wish& wish) const { return wish.model == model_ && wish.tools == tools_; }

  running_way way_;
  std::string id_;
  std::string checkpoint_;
  std::string model_;
  std::vector<std::string> tools_;
  bool holds_preamble_ = false;
  std::set<task_id> holds_;
  std::optional<task_id> broken_;
};

/// The conversation of an earlier session that broke off.
struct resumable {
  conversation talk;
  std::filesystem::path folder;  ///< of the session that had it
};

/// The conversation in which the session before this one of the same batch, round and agent was, if that session
/// crashed or was stopped: then what was loaded can serve on. Nothing otherwise, and if the store cannot tell.
[[nodiscard]] std::optional<resumable> find_resumable(workspace& place, const session_record& now);

}  // namespace cobatch
