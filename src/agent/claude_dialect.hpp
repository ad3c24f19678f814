// Claude Code's `stream-json` in both directions, one message at a time.
#pragma once

#include <memory>

#include "agent/dialect.hpp"

namespace cobatch {
inline namespace v1 {

[[nodiscard]] std::unique_ptr<dialect> make_claude_dialect();

}  // namespace v1
}  // namespace cobatch
