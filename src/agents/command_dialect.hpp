// The line protocol of the `command` agent (described in <cobatch/agent.hpp>), which `scripted` speaks too.
#pragma once

#include <memory>

#include "agents/dialect.hpp"

namespace cobatch {

/// `source` marks the figures: reported, or scripted.
[[nodiscard]] std::unique_ptr<dialect> make_command_dialect(usage_source source);

}  // namespace cobatch
