#include "api/shapes.hpp"

#include <array>
#include <optional>
#include <string_view>

#include <fmt/core.h>

#include <cobatch/core/time.hpp>

#include "views/record_json.hpp"

namespace cobatch {
namespace request {

namespace {

constexpr std::array all_states{task_state::queued, task_state::in_progress, task_state::done, task_state::error,
                                task_state::cancelled};

void append_time(json::object& to, std::string_view name, const std::optional<timestamp>& when) {
  if (when) to.push_back({std::string(name), to_iso(*when)});
}

}  // namespace

std::string standing_text(const batch_record& batch, bool cut_off) {
  if (cut_off && is_worked(batch.state)) return "was cut off, and goes on with the next engine that runs";
  return fmt::format("is {}", name_of(batch.state));
}

json::object task_line(const task_record& task) {
  json::object out{{"task_id", task.spec.id.str()},
                   {"batch_position", task.position},
                   {"status", name_of(task.state)},
                   {"round", task.round}};
  out.push_back({"created_at", to_iso(task.created_at)});
  append_time(out, "started_at", task.started_at);
  append_time(out, "completed_at", task.ended_at);
  if (task.counts.attempts > 0) out.push_back({"attempts", task.counts.attempts});
  if (task.counts.interruptions > 0) out.push_back({"interruptions", task.counts.interruptions});
  if (!task.reason.empty()) out.push_back({"reason", task.reason});
  return out;
}

std::string progress_text(const task_tally& tally) {
  const std::int64_t ended = tally[task_state::done] + tally[task_state::error] + tally[task_state::cancelled];
  std::string text = fmt::format("{} of {} task{} ended", ended, tally.total(), tally.total() == 1 ? "" : "s");
  std::string parts;
  for (const task_state state : all_states)
    if (tally[state] > 0) parts += fmt::format("{}{} {}", parts.empty() ? "" : ", ", tally[state], name_of(state));
  return parts.empty() ? text : fmt::format("{} ({})", text, parts);
}

}  // namespace request
}  // namespace cobatch
