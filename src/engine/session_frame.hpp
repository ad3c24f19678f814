// What every session of an engine has, however its agent works: marker, folder, preamble, budget, end, and the events
// of all that.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <cobatch/agent.hpp>

#include "engine/held_session.hpp"
#include "engine/session_runner.hpp"
#include "engine/turn_monitor.hpp"

namespace cobatch {

class session_frame {
 public:
  explicit session_frame(const session_context& context);
  session_frame(const session_frame&) = delete;
  session_frame& operator=(const session_frame&) = delete;
  virtual ~session_frame() = default;

  /// The session from its marker to its end.
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

  /// Before the session is said to have started.
  [[nodiscard]] virtual ending prepare() { return {}; }
  /// The next step; again and again until the session is over.
  [[nodiscard]] virtual ending step() = 0;
  virtual void end_agent() = 0;

  /// `model`: the one that the next turn asks for; empty: the agent's own choice.
  [[nodiscard]] ending check_budget(std::string_view model);
  /// True if a signal ended the agent in the moment in which the engine is asked to stop: it went to all of them, as
  /// that of a terminal that is closed, or of a service that is stopped. `report` says so then, and charges nothing.
  [[nodiscard]] bool was_stopped_with_agent(turn_report& report) const;
  [[nodiscard]] std::chrono::milliseconds limit_of(const task_spec& task) const;
  /// What all starts of an agent in this session are alike in.
  [[nodiscard]] session_start common_start(std::function<void(const agent_news&)> on_news);
  [[nodiscard]] const session_record* session() const { return &held_.session(); }

  /// Any thread may tell; one at a time does.
  void emit(const engine_event& event);
  [[nodiscard]] std::function<void(const error&)> tell();

  const session_context& c_;
  held_session held_;
  turn_monitor monitor_;
  const std::filesystem::path folder_, working_directory_;
  std::string shared_;  ///< the preamble's text, if the batch has one

 private:
  [[nodiscard]] ending begin();
  [[nodiscard]] result<session_outcome> finish(session_end reason, const std::string& detail);

  std::mutex telling_;
  std::optional<error> start_error_;  // of the latest start of its agent
};

}  // namespace cobatch
