// What every session of an engine has, however its agent works: limits, budget, events, and the way from its lock file
// to its end.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include <cobatch/agent.hpp>
#include <cobatch/engine.hpp>
#include <cobatch/workspace.hpp>

#include "engine/live_session.hpp"
#include "engine/persist.hpp"
#include "engine/turn_monitor.hpp"
#include "os/guard.hpp"

namespace cobatch {

/// What a session begins with; what is referred to outlives it.
struct session_claim {
  workspace& place;
  const engine_options& options;
  guard& lock;  ///< held
  agent& runs;
  session_record session;
  batch_record batch;
  std::stop_token stop;
  std::string nonce;  ///< of the claim
};

/// How a session ended.
struct session_outcome {
  session_record session;
  std::int64_t turns = 0;
  std::optional<error> start_error = {};  ///< why its agent could not be started
};

/// Runs a session to its end; the guard stays held. An error means that the end could not be stored: the session row is
/// still live, and the next holder of the guard recovers it.
[[nodiscard]] result<session_outcome> run_session(const session_claim& claim);

/// An agent that takes one task after another in one conversation, a turn each.
[[nodiscard]] result<session_outcome> run_conversation_session(const session_claim& claim);
/// An agent that gets all tasks in one prompt, and begins and completes each of them by calls
/// (`agent::calls_back_with`).
[[nodiscard]] result<session_outcome> run_prompt_session(const session_claim& claim);

class engine_session {
 public:
  explicit engine_session(const session_claim& claim);
  engine_session(const engine_session&) = delete;
  engine_session& operator=(const engine_session&) = delete;
  virtual ~engine_session() = default;

  /// The session from its lock file to its end.
  [[nodiscard]] result<session_outcome> run();

 protected:
  /// Why the session is over; nothing of both: it goes on.
  struct ending {
    std::optional<session_end> reason;
    std::string detail;
    std::optional<error> lost;  ///< the store could not be told
  };
  [[nodiscard]] static ending over(session_end reason, std::string detail = {}) {
    return {reason, std::move(detail), std::nullopt};
  }
  [[nodiscard]] static ending lost(error e) { return {std::nullopt, {}, std::move(e)}; }
  [[nodiscard]] static ending lost_to_another();
  [[nodiscard]] ending start_failed(const error& e);
  [[nodiscard]] static bool is_over(const ending& e) { return e.reason || e.lost; }

  /// Called before the session is said to have started.
  [[nodiscard]] virtual ending prepare() { return {}; }
  /// The next step; called again and again until the session is over.
  [[nodiscard]] virtual ending step() = 0;
  virtual void end_agent() = 0;
  /// Takes what the agent lets know on the way.
  virtual void on_agent_event(const event& happened) = 0;

  /// `model`: the one that the next turn asks for; empty: the agent's own choice.
  [[nodiscard]] ending check_budget(std::string_view model);
  /// True if a signal ended the agent in the moment in which the engine is asked to stop: it went to both, as when a
  /// terminal is closed or a service is stopped. `report` says so then, and charges nothing.
  [[nodiscard]] bool was_stopped_with_agent(turn_report& report) const;
  [[nodiscard]] std::chrono::milliseconds limit_of(const task_spec& task) const;
  /// What is alike in all starts of an agent in this session.
  [[nodiscard]] session_start common_start();

  [[nodiscard]] const session_record& session() const { return live_.session(); }
  [[nodiscard]] store& storage() const { return place_.storage(); }

  /// Tells the listener; session, and the running turn with its task, are filled in if they are absent. Any thread may
  /// call it; the listener hears one event at a time.
  void emit(event happened);
  /// See `cobatch::persist`; each failure is told as an event.
  template <class Command>
  [[nodiscard]] auto persist(const Command& command) {
    return cobatch::persist(command, stop_,
                            [this](const error& e) { emit({.what = event::kind::trouble, .text = e.message}); });
  }

  workspace& place_;
  const engine_options& options_;
  agent& runs_;
  const batch_record batch_;
  const std::stop_token stop_;
  live_session live_;
  turn_monitor monitor_;
  const std::filesystem::path folder_, working_directory_;
  std::string preamble_;             ///< its text, if the batch has one
  std::optional<turn_record> turn_;  ///< the running one
  std::optional<task_record> task_;  ///< its task

 private:
  [[nodiscard]] ending begin();
  [[nodiscard]] result<session_outcome> finish(session_end reason, const std::string& detail);

  const int guard_;  // the descriptor of the lock
  std::mutex telling_;
  std::optional<error> start_error_;  // of the latest start of its agent
};

}  // namespace cobatch
