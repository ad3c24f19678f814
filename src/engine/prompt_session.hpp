// Runs a session of an agent that calls back: it gets all tasks in one prompt, and begins and completes each of them by
// calls. What it leaves undone is settled when it has ended.
#pragma once

#include "engine/session_runner.hpp"

namespace cobatch {

/// As `run_session`, for an agent that `calls_back_with` a command.
[[nodiscard]] result<session_outcome> run_prompt_session(const session_context& context);

}  // namespace cobatch
