// The agent of a running session: its process, and the conversation it is in.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include <cobatch/agent.hpp>

#include "engine/conversation.hpp"

namespace cobatch {

class session_agent {
 public:
  /// `runs` and `batch` outlive it. `common`: what all its starts are alike in.
  session_agent(agent& runs, const batch_record& batch, session_start common);

  /// An earlier session that broke off: the conversation goes on, if the agent can.
  void go_on_from(conversation earlier, std::filesystem::path folder);

  /// Brings a process to where the task can be sent. True if the conversation begins with it, and it has to be told the
  /// preamble. Errors: the agent's start.
  [[nodiscard]] result<bool> get_ready(const task_record& task);
  /// True if `get_ready` was called for this very task, and its turn has not run since; or if it has nothing to do.
  [[nodiscard]] bool is_ready_for(const task_record& task) const;
  /// What the task wants of the agent, by itself or by its batch.
  [[nodiscard]] conversation_wish wish_of(const task_record& task) const;

  [[nodiscard]] turn_report run_turn(const turn_request& request, std::chrono::milliseconds limit,
                                     std::stop_token interrupt);
  void finish();

  [[nodiscard]] conversation& talk() noexcept { return talk_; }
  [[nodiscard]] std::int64_t process() const noexcept { return processes_; }
  /// The number of the next turn in its process, from 1.
  [[nodiscard]] std::int64_t next_turn() const noexcept { return turns_ + 1; }

 private:
  [[nodiscard]] result<void> take(conversation_step step, const conversation_wish& wish);
  [[nodiscard]] result<void> start(conversation_step step, const conversation_wish& wish);
  void tell_reload(const conversation_wish& wish) const;

  agent& runs_;
  const batch_record& batch_;
  const session_start common_;
  conversation talk_;
  std::optional<task_id> ready_for_;
  std::filesystem::path earlier_folder_;  // of the session that had the conversation before
  std::unique_ptr<agent_session> session_;
  std::int64_t processes_ = 0;
  std::int64_t turns_ = 0;  // of the process
};

}  // namespace cobatch
