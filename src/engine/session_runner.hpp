// Runs one session: marker, agent, turn after turn, results, end.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include <cobatch/agent.hpp>
#include <cobatch/engine.hpp>
#include <cobatch/workspace.hpp>

#include "engine/turn_monitor.hpp"
#include "os/guard.hpp"

namespace cobatch {

/// What a session needs; all of it outlives the runner.
struct session_context {
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

/// Runs it to its end; the guard stays held. An error means that the end could not be stored: the session row is still
/// live, and the next holder of the guard recovers it.
[[nodiscard]] result<session_outcome> run_session(const session_context& context);

}  // namespace cobatch
