// An agent whose running turn can be ended at once: for the second Ctrl-C, when the first one's grace is too long.
#pragma once

#include <memory>
#include <stop_token>

#include <cobatch/agent.hpp>

namespace cobatch::program {

/// Does what `inner` does, but a turn is also interrupted when `hurry` is requested.
[[nodiscard]] std::shared_ptr<agent> hurried(std::shared_ptr<agent> inner, std::stop_token hurry);

}  // namespace cobatch::program
