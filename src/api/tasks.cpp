// Single tasks: how they stand and what they came to, and what people change of them by hand.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include <cobatch/core/time.hpp>

#include "api/actions.hpp"
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
  return fmt::format("Task {} is {}: number {} of batch {}.{}", quoted_text(task.spec.id.str()), name_of(task.state),
                     task.position, quoted_text(task.batch.str()), why_cancelled(task));
}

// How the task is to be run: what was said of it, and of its batch.
void add_conditions(answer& reply, const task_spec& task, const batch_record& batch) {
  if (!batch.agent.empty()) reply.add("agent", batch.agent);
  reply.add_all(condition_members(task));
  for (auto& said : setting_members(batch))
    if (said.name != "model" || task.model.empty()) reply.fields.push_back(std::move(said));
}

void add_result(answer& reply, const result_record& came_to) {
  if (knows_duration(came_to)) reply.add("execution_time_seconds", seconds_json(came_to.duration_ms));
  reply.add_all(token_members(came_to));
  reply.add("output", came_to.what.output);
  if (!came_to.what.output_summary.empty()) reply.add("output_summary", came_to.what.output_summary);
  if (!came_to.what.reason.empty()) reply.add("reason", came_to.what.reason);
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
  if (!has_ended(task.state))
    return {task.state == task_state::in_progress ? errc::task_in_progress : errc::task_queued,
            where_it_stands(task) + " It has no result yet; wait_batch waits for its batch.", std::move(more)};
  return {errc::task_ended,
          where_it_stands(task) +
              (task.state == task_state::cancelled
                   ? " It has no result. To run the work after all, assign it under another task_id."
                   : " It has no result, and none will come: it was deleted, or the task was imported without one. To "
                     "run the work again, reset the task (reset_task)."),
          std::move(more)};
}

answer reply_about(const task_outcome& done, std::string message) {
  return answer{{{"message", std::move(message)},
                 {"task_id", done.task.spec.id.str()},
                 {"previous_status", name_of(done.before)},
                 {"task_status", name_of(done.task.state)},
                 {"batch_id", done.task.batch.str()}}};
}

json::object pending_task(const task_record& task) {
  return {{"task_id", task.spec.id.str()},       {"description", task.spec.description},
          {"priority", name_of(task.spec.prio)}, {"created_at", to_iso(task.created_at)},
          {"batch_id", task.batch.str()},        {"batch_position", task.position}};
}

}  // namespace

outcome check_task_status(const call& request) {
  const auto status = request.place.task(request.params.task());
  if (!status) return fail(status.error());
  const task_record& task = status->task;
  const auto batch = request.place.storage().find_batch(task.batch);
  if (!batch) return fail(batch.error());
  answer reply{{{"message", where_it_stands(task)},
                {"task_id", task.spec.id.str()},
                {"task_status", name_of(task.state)},
                {"batch_id", task.batch.str()},
                {"batch_position", task.position},
                {"created_at", to_iso(task.created_at)}}};
  if (task.started_at) reply.add("started_at", to_iso(*task.started_at));
  if (task.ended_at) reply.add("completed_at", to_iso(*task.ended_at));
  reply.add("description", task.spec.description);
  if (*batch) add_conditions(reply, task.spec, **batch);
  if (!task.reason.empty()) reply.add("reason", task.reason);
  if (task.counts.attempts > 0) reply.add("attempts", task.counts.attempts);
  if (task.counts.interruptions > 0) reply.add("interruptions", task.counts.interruptions);
  if (status->result) add_result(reply, *status->result);
  add_extra(reply, *status);
  return reply;
}

outcome get_task_result(const call& request) {
  const auto status = request.place.task(request.params.task());
  if (!status) return fail(status.error());
  if (!status->result) return tl::unexpected(no_result(status->task));
  return answer{{{"message", where_it_stands(status->task)},
                 {"task_id", status->task.spec.id.str()},
                 {"task_status", name_of(status->task.state)},
                 {"result", result_json(*status->result, &status->task)}}};
}

outcome cancel_task(const call& request) {
  const task_id id = request.params.task();
  const auto before = request.place.task(id);
  const auto done = request.place.cancel(id);
  if (!done) return fail(done.error());
  const std::string name = quoted_text(id.str());
  if (done->what != task_outcome::kind::changed)
    return reply_about(*done, fmt::format("Task {} was cancelled already; nothing was changed.", name));
  std::string text = fmt::format("Task {} is cancelled.", name);
  if (done->before == task_state::in_progress)
    text += before && before->task.owner == task_owner::manual
                ? " Somebody had it in progress by hand: tell them to stop. What they changed in files so far stays."
                : " Its running turn is ended; what it cost is kept, and what it changed in files so far stays.";
  return reply_about(*done, std::move(text));
}

outcome reset_task(const call& request) {
  const task_id id = request.params.task();
  const auto done = request.place.reset(id);
  if (!done) return fail(done.error());
  const std::string name = quoted_text(id.str());
  if (done->what == task_outcome::kind::unchanged)
    return reply_about(*done, fmt::format("Task {} is queued already; nothing was changed.", name));
  return reply_about(*done, fmt::format("Task {} is queued again, as if it had never been tried. What it cost so far "
                                        "stays in the accounts.",
                                        name));
}

outcome update_task(const call& request) {
  task_changes to;
  json::array fields;
  if (const std::string* description = request.params.text("description")) {
    to.description = *description;
    fields.emplace_back("description");
  }
  if (request.params.any("context") != nullptr) {
    to.context = request.params.context();
    fields.emplace_back("context");
  }
  to.prio = request.params.word("priority", parse_priority);
  if (to.prio) fields.emplace_back("priority");
  const task_id id = request.params.task();
  const auto done = request.place.update(id, std::move(to));
  if (!done) return fail(done.error());
  const bool changed = done->what == task_outcome::kind::changed;
  answer reply = reply_about(*done, fmt::format("Task {} {}.", quoted_text(id.str()),
                                                changed ? "is updated" : "was so already; nothing was changed"));
  reply.add("updated_fields", changed ? std::move(fields) : json::array{});
  return reply;
}

outcome delete_task(const call& request) {
  const task_id id = request.params.task();
  const auto done = request.place.remove(id);
  if (!done) return fail(done.error());
  return answer{{{"message", fmt::format("Task {} and its result are gone; its id is free. What it cost stays in the "
                                         "accounts of its batch.",
                                         quoted_text(id.str()))},
                 {"task_id", id.str()},
                 {"previous_status", name_of(done->before)},
                 {"batch_id", done->task.batch.str()}}};
}

outcome delete_task_result(const call& request) {
  const task_id id = request.params.task();
  const auto done = request.place.remove_result(id);
  if (!done) return fail(done.error());
  return reply_about(
      *done, fmt::format("The result of task {} is gone; the task itself stays as it is.", quoted_text(id.str())));
}

outcome process_queue(const call& request) {
  const auto overview = request.place.storage().read_overview();
  if (!overview) return fail(overview.error());
  task_filter waiting;
  waiting.state = task_state::queued;
  waiting.limit = static_cast<std::size_t>(request.params.integer("limit").value_or(50));
  const auto tasks = request.place.tasks(waiting);
  if (!tasks) return fail(tasks.error());
  json::array pending;
  for (const auto& task : *tasks) pending.emplace_back(pending_task(task));
  const std::int64_t count = overview->tally[task_state::queued];
  return answer{
      {{"message", fmt::format("{} task{} queued. Nothing was marked or started: what is sealed runs by itself, "
                               "and execute_queue runs it now.",
                               count, count == 1 ? " is" : "s are")},
       {"task_count", count},
       {"pending_tasks", std::move(pending)},
       {"tasks_listed", static_cast<std::int64_t>(tasks->size())}}};
}

}  // namespace request
}  // namespace cobatch
