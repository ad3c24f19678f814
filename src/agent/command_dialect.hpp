// The line protocol of the `command` agent (described in <cobatch/agent.hpp>), which `scripted` speaks too.
#pragma once

#include <memory>

#include "agent/dialect.hpp"

namespace cobatch {
inline namespace v1 {

/// `source` marks the figures: reported, or scripted.
[[nodiscard]] std::unique_ptr<dialect> make_command_dialect(usage_source source);

}  // namespace v1
}  // namespace cobatch
