// Times as the original wrote them: mostly local ones without a zone, with microseconds.
#pragma once

#include <optional>
#include <string_view>

#include <cobatch/core/id.hpp>
#include <cobatch/core/time.hpp>

namespace cobatch {

struct told_time {
  timestamp at = {};
  bool local = false;  ///< no zone stood there; it was taken as this machine's
};

/// Reads `YYYY-MM-DDTHH:MM:SS[.fraction][Z or ±HH:MM]`, also with a space for the T; cut to milliseconds. Nothing for
/// any other text.
[[nodiscard]] std::optional<told_time> read_told_time(std::string_view text);

/// The original's default, `batch_YYYYMMDD_HHMMSS_<first 8 characters of the task's id>`, in local time.
[[nodiscard]] batch_id default_batch_id(timestamp created, const task_id& task);

}  // namespace cobatch
