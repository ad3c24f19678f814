// What stands in the views.
#pragma once

#include <string>

#include <cobatch/store.hpp>

namespace cobatch {

/// The text of `claude_task_queue.json`: pretty-printed, a line feed at the end.
[[nodiscard]] std::string queue_view_text(const view_snapshot& snapshot);
/// The text of `claude_task_results.json`.
[[nodiscard]] std::string results_view_text(const view_snapshot& snapshot);
/// The text of `token_telemetry.json`: what each ended task used, in the original's shape. Those of which nothing is
/// known are left out.
[[nodiscard]] std::string history_view_text(const view_snapshot& snapshot);

}  // namespace cobatch
