// Records as JSON, under the guide's names: the one place that knows them. Views and replies are made of these.
//
// A figure or a time that is not known is absent, never 0 and never null. Times are ISO 8601 with `Z`. Only `errors` of
// a result is null if there are none: readers of the guide's files expect the key.
#pragma once

#include <span>

#include <cobatch/core/batch.hpp>
#include <cobatch/core/error.hpp>
#include <cobatch/core/session.hpp>
#include <cobatch/core/task.hpp>
#include <cobatch/core/usage.hpp>

#include "json/json.hpp"

namespace cobatch {
inline namespace v1 {

/// A task as it stands in the queue view. `batch_id` comes first, so that `grep -A 10 "batch_…"` shows task_id, status
/// and times. With a result: also `completed_at`, `execution_time_seconds`, the token figures and `output_summary`.
[[nodiscard]] json::object task_json(const task_record& task, const result_record* its_result = nullptr);

/// A result as it stands in the results view. The guide's five telemetry fields lead, in the guide's order, so that
/// `grep -B 5 -A 15 "batch_id"` shows them together. `task` adds the description, which a result does not hold.
[[nodiscard]] json::object result_json(const result_record& r, const task_record* task = nullptr);

/// The token figures of a result, as members to be added to another object; empty if no usage is known:
/// `tokens_input` (uncached input + cache writes), `tokens_output`, `tokens_cache_read`, `tokens_input_guide` (0 for a
/// task after the first that re-used the context, as the guide counts), `context_reloaded` (a task after the first
/// had to load it anew), `tokens_source`, `tokens` {input, output, total, cache_read}, and `tokens_complete` false if
/// the figures are a lower bound.
[[nodiscard]] json::object token_members(const result_record& r);

/// `state`, not `status`: a batch has states of its own.
[[nodiscard]] json::object batch_json(const batch_record& batch);
[[nodiscard]] json::object session_json(const session_record& session);
[[nodiscard]] json::object turn_json(const turn_record& turn);
[[nodiscard]] json::object usage_json(const usage& used);
[[nodiscard]] json::object tokens_json(const tokens& count);
[[nodiscard]] json::object tally_json(const task_tally& tally);
[[nodiscard]] json::array warnings_json(std::span<const warning> warnings);

/// JSON text that a record keeps (context, actions_taken, errors) as a value; text that is no JSON as a string;
/// `if_empty` for an empty text.
[[nodiscard]] json::value kept_json(const std::string& text, json::value if_empty = {});

/// Milliseconds as seconds with three decimals (12.345), a JSON number; negative ones count as 0.
[[nodiscard]] json::value seconds_json(std::int64_t milliseconds);

}  // namespace v1
}  // namespace cobatch
