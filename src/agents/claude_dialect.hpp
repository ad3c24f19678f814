// Claude Code's `stream-json` in both directions, one message at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agents/dialect.hpp"

namespace cobatch {

/// `tools`: those that it may use in its folder without being allowed more; for what is said when one is denied.
[[nodiscard]] std::unique_ptr<dialect> make_claude_dialect(std::vector<std::string> tools = {});

}  // namespace cobatch
