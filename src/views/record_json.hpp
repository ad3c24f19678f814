// Records as JSON, under the guide's names: the one place that knows them. Views and replies are made of these.
//
// A figure or a time that is not known is absent, never 0 and never null. Times are ISO 8601 with `Z`. Only `errors` of
// a result is null if there are none: readers of the guide's files expect the key. Members that a task or a result was
// adopted with follow last (`extra`), unless a member of ours has the name.
#pragma once

#include <cstdint>
#include <span>

#include <cobatch/core/batch.hpp>
#include <cobatch/core/error.hpp>
#include <cobatch/core/session.hpp>
#include <cobatch/core/task.hpp>
#include <cobatch/core/usage.hpp>

#include "base/json.hpp"

namespace cobatch {

/// A task as it stands in the queue view. `batch_id` comes first, so that `grep -A 10 "batch_…"` shows task_id, status
/// and times. With a result: also `completed_at`, `execution_time_seconds`, the token figures and `output_summary`.
[[nodiscard]] json::object task_json(const task_record& task, const result_record* its_result = nullptr);

/// What `task_json` shows of a task that was adopted beyond what we know of tasks.
[[nodiscard]] json::object extra_members(const task_record& task, const result_record* its_result = nullptr);

/// A result as it stands in the results view. The guide's five telemetry fields lead, in the guide's order, so that
/// `grep -B 5 -A 15 "batch_id"` shows them together. `task` adds the description, which a result does not hold.
[[nodiscard]] json::object result_json(const result_record& r, const task_record* task = nullptr);
/// False for a result that was adopted and did not say how long its task took.
[[nodiscard]] bool knows_duration(const result_record& r);
/// True for what `result_json` made, as against the results of the original.
[[nodiscard]] bool is_own_result(const json::value& told);

/// The token figures of a result, as members to be added to another object; empty if no usage is known:
/// `tokens_input` (uncached input + cache writes), `tokens_output`, `tokens_cache_read`, `tokens_input_guide` (0 for a
/// task after the first that re-used the context, as the guide counts), `context_reloaded` (a task after the first
/// had to load it anew), `tokens_source`, `tokens` {input, output, total, cache_read}, and `tokens_complete` false if
/// the figures are a lower bound: then one that is 0 is left out, as it says nothing, and a total with it. What a
/// preamble used that was sent right before is part of all of them; `tokens_preamble_input` says how much of
/// `tokens_input` that is. If they are known: `tokens_cache_read`, `tokens_requests` and `tokens_inherited` (the part
/// of `tokens_cache_read` that was there before).
[[nodiscard]] json::object token_members(const result_record& r);

/// What was said of how a task is to be run, as members to be added to another object: `needs`, `check`, `model`,
/// `tools`, `time_limit_seconds`.
[[nodiscard]] json::object condition_members(const task_spec& task);
/// What was said of a batch beside its tasks: `model`, `way`, `on_error`, `budget` {usd, tokens, minutes}, and
/// `preamble` true if it has one.
[[nodiscard]] json::object setting_members(const batch_record& batch);
/// `files_changed`, `commits`, and `changes_complete` false if there was more than is listed.
[[nodiscard]] json::object change_members(const work_changes& changes);

/// With `cut_off`, which is of the session that works it, it says so.
[[nodiscard]] json::object batch_json(const batch_record& batch, bool cut_off = false);
[[nodiscard]] json::object session_json(const session_record& session);
/// Token counts without a 0 that says nothing: any, if the counts are a lower bound (not `complete`); one of the cache,
/// if they are silent about it.
[[nodiscard]] json::object known_tokens_json(const tokens& count, bool complete, bool knows_cache);
[[nodiscard]] json::object tally_json(const task_tally& tally);
[[nodiscard]] json::array warnings_json(std::span<const warning> warnings);

/// JSON text that a record keeps (context, actions_taken, errors) as a value; text that is no JSON as a string;
/// `if_empty` for an empty text.
[[nodiscard]] json::value kept_json(const std::string& text, json::value if_empty = {});

/// Milliseconds as seconds with three decimals (12.345), a JSON number; negative ones count as 0.
[[nodiscard]] json::value seconds_json(std::int64_t milliseconds);

}  // namespace cobatch
