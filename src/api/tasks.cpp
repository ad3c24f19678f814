// check_task_status, get_task_result, cancel_task.
#include <algorithm>

#include <fmt/core.h>

#include <cobatch/core/time.hpp>

#include "api/actions.hpp"
#include "api/values.hpp"
#include "store/store.hpp"
#include "views/record_json.hpp"

namespace cobatch {
namespace request {

namespace {

// Why a task was cancelled if nobody cancelled it.
std::string_view why_cancelled(const task_record& task) {
  if (task.reason == "need_failed") return " It was cancelled because a task that it needs was not done.";
  if (task.reason == "batch_stopped") return " It was cancelled because another task of the batch ended in error.";
  return "";
}

std::string where_it_stands(const task_record& task) {
  return fmt::format("Task {} is {}: number {} of batch {}.", in_quotes(task.spec.id.str()), name_of(task.state),
                     task.position, in_quotes(task.batch.str())) +
         std::string(why_cancelled(task));
}

// How the task is to be run: what was said of it, and of its batch.
json::object how_it_runs(const task_spec& task, const batch_record& batch) {
  json::object out;
  if (!batch.agent.empty()) out.push_back({"agent", batch.agent});
  for (auto& said : condition_members(task)) out.push_back(std::move(said));
  for (auto& said : setting_members(batch))
    if (said.name != "model" || task.model.empty()) out.push_back(std::move(said));
  return out;
}

void add_result(answer& reply, const result_record& came_to) {
  if (knows_duration(came_to)) reply.fields.push_back({"execution_time_seconds", seconds_json(came_to.duration_ms)});
  for (auto& figure : token_members(came_to)) reply.fields.push_back(std::move(figure));
  reply.fields.push_back({"output", came_to.what.output});
  if (!came_to.what.output_summary.empty()) reply.fields.push_back({"output_summary", came_to.what.output_summary});
  if (!came_to.what.reason.empty()) reply.fields.push_back({"reason", came_to.what.reason});
}

// What the queue view shows of an imported task beyond what is known of tasks; the reply's own members stay.
void add_extra(answer& reply, const task_status& status) {
  const auto is_ours = [&](std::string_view name) {
    return name == "status" || name == "warnings" ||
           std::any_of(reply.fields.begin(), reply.fields.end(), [&](const auto& field) { return field.name == name; });
  };
  for (auto& kept : extra_members(status.task, status.result ? &*status.result : nullptr))
    if (!is_ours(kept.name)) reply.fields.push_back(std::move(kept));
}

refusal no_result(const task_record& task) {
  json::object more{{"task_id", task.spec.id.str()},
                    {"task_status", name_of(task.state)},
                    {"batch_id", task.batch.str()},
                    {"batch_position", task.position}};
  if (task.state == task_state::cancelled)
    return {errc::task_ended,
            fmt::format("{} It has no result. To run the work after all, assign it under another task_id.",
                        where_it_stands(task)),
            std::move(more)};
  if (has_ended(task.state))
    return {
        errc::task_ended,
        fmt::format("{} It has no result, and none will come: it was deleted, or the task was imported without one. "
                    "To run the work again, reset the task (reset_task).",
                    where_it_stands(task)),
        std::move(more)};
  return {task.state == task_state::in_progress ? errc::task_in_progress : errc::task_queued,
          where_it_stands(task) + " It has no result yet; wait_batch waits for its batch.", std::move(more)};
}

}  // namespace

outcome check_task_status(const call& request) {
  const auto id = task_id_in(request.params);
  if (!id) return refuse(id.error());
  auto status = request.place.task(*id);
  if (!status) return refuse(std::move(status.error()));
  const task_record& task = status->task;
  const auto batch = request.place.storage().find_batch(task.batch);
  if (!batch) return refuse(batch.error());
  answer reply{{{"message", where_it_stands(task)},
                {"task_id", id->str()},
                {"task_status", name_of(task.state)},
                {"batch_id", task.batch.str()},
                {"batch_position", task.position},
                {"created_at", to_iso(task.created_at)}}};
  if (task.started_at) reply.fields.push_back({"started_at", to_iso(*task.started_at)});
  if (task.ended_at) reply.fields.push_back({"completed_at", to_iso(*task.ended_at)});
  reply.fields.push_back({"description", task.spec.description});
  if (*batch)
    for (auto& said : how_it_runs(task.spec, **batch)) reply.fields.push_back(std::move(said));
  if (!task.reason.empty()) reply.fields.push_back({"reason", task.reason});
  if (task.counts.attempts > 0) reply.fields.push_back({"attempts", task.counts.attempts});
  if (task.counts.interruptions > 0) reply.fields.push_back({"interruptions", task.counts.interruptions});
  if (status->result) add_result(reply, *status->result);
  add_extra(reply, *status);
  return reply;
}

outcome get_task_result(const call& request) {
  const auto id = task_id_in(request.params);
  if (!id) return refuse(id.error());
  auto status = request.place.task(*id);
  if (!status) return refuse(std::move(status.error()));
  if (!status->result) return refuse(no_result(status->task));
  return answer{{{"message", where_it_stands(status->task)},
                 {"task_id", id->str()},
                 {"task_status", name_of(status->task.state)},
                 {"result", result_json(*status->result, &status->task)}}};
}

outcome cancel_task(const call& request) {
  const auto id = task_id_in(request.params);
  if (!id) return refuse(id.error());
  const auto before = request.place.task(*id);
  auto done = request.place.cancel(*id);
  if (!done) return refuse(std::move(done.error()));
  const bool changed = done->what == task_outcome::kind::changed;
  std::string text = changed ? fmt::format("Task {} is cancelled.", in_quotes(id->str()))
                             : fmt::format("Task {} was cancelled already; nothing was changed.", in_quotes(id->str()));
  if (changed && done->before == task_state::in_progress)
    text += before && before->task.owner == task_owner::manual
                ? " Somebody had it in progress by hand: tell them to stop. What they changed in files so far stays."
                : " Its running turn is ended; what it cost is kept, and what it changed in files so far stays.";
  return answer{{{"message", std::move(text)},
                 {"task_id", id->str()},
                 {"previous_status", name_of(done->before)},
                 {"task_status", name_of(done->task.state)},
                 {"batch_id", done->task.batch.str()}}};
}

}  // namespace request
}  // namespace cobatch
