// What it means that a turn of Claude Code failed: whose doing it is, and what can follow.
#pragma once

#include <optional>
#include <string>

#include <cobatch/agent.hpp>

#include "base/json.hpp"

namespace cobatch {

/// What the turn's earlier lines said that its `result` does not repeat.
struct claude_trouble {
  std::string error = {};                     ///< of the last `assistant` line: "rate_limit", "model_not_found", …
  bool is_synthetic = false;                  ///< that line is the program's own, not the model's
  std::optional<timestamp> limit_until = {};  ///< of a `rate_limit_event` that refused
};

/// `what`: with output and usage; its end, reason and detail are filled in here.
[[nodiscard]] turn_report read_claude_failure(const json::value& result, const claude_trouble& trouble,
                                              settlement what);

}  // namespace cobatch
