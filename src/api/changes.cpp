// reset_task, update_task, delete_task, delete_task_result, retry_batch: what people change by hand.
#include <fmt/core.h>

#include "api/actions.hpp"
#include "api/shapes.hpp"
#include "api/values.hpp"
#include "base/text.hpp"
#include "views/record_json.hpp"

namespace cobatch {
namespace request {

namespace {

answer reply_about(const task_outcome& done, std::string message) {
  return answer{{{"message", std::move(message)},
                 {"task_id", done.task.spec.id.str()},
                 {"previous_status", name_of(done.before)},
                 {"task_status", name_of(done.task.state)},
                 {"batch_id", done.task.batch.str()}}};
}

json::array ids_of(const std::vector<task_id>& tasks) {
  json::array out;
  for (const auto& task : tasks) out.emplace_back(task.str());
  return out;
}

result<task_changes> changes_in(const arguments& params) {
  task_changes to;
  if (const std::string* description = params.text("description")) to.description = *description;
  if (params.any("context") != nullptr) to.context = context_in(params);
  auto prio = priority_in(params);
  if (!prio) return fail(std::move(prio.error()));
  to.prio = *prio;
  return to;
}

json::array fields_of(const task_changes& to) {
  json::array out;
  if (to.description) out.emplace_back("description");
  if (to.context) out.emplace_back("context");
  if (to.prio) out.emplace_back("priority");
  return out;
}

}  // namespace

outcome reset_task(const call& request) {
  const auto id = task_id_in(request.params);
  if (!id) return refuse(id.error());
  auto done = request.place.reset(*id);
  if (!done) return refuse(std::move(done.error()));
  if (done->what == task_outcome::kind::unchanged)
    return reply_about(*done, fmt::format("Task {} is queued already; nothing was changed.", in_quotes(id->str())));
  return reply_about(*done, fmt::format("Task {} is queued again, as if it had never been tried. What it cost so far "
                                        "stays in the accounts.",
                                        in_quotes(id->str())));
}

outcome update_task(const call& request) {
  const auto id = task_id_in(request.params);
  if (!id) return refuse(id.error());
  auto to = changes_in(request.params);
  if (!to) return refuse(std::move(to.error()));
  auto fields = fields_of(*to);
  auto done = request.place.update(*id, std::move(*to));
  if (!done) return refuse(std::move(done.error()));
  const bool changed = done->what == task_outcome::kind::changed;
  answer reply = reply_about(*done, fmt::format("Task {} {}.", in_quotes(id->str()),
                                                changed ? "is updated" : "was so already; nothing was changed"));
  reply.fields.push_back({"updated_fields", changed ? std::move(fields) : json::array{}});
  return reply;
}

outcome delete_task(const call& request) {
  const auto id = task_id_in(request.params);
  if (!id) return refuse(id.error());
  auto done = request.place.remove(*id);
  if (!done) return refuse(std::move(done.error()));
  return answer{{{"message", fmt::format("Task {} and its result are gone; its id is free. What it cost stays in the "
                                         "accounts of its batch.",
                                         in_quotes(id->str()))},
                 {"task_id", id->str()},
                 {"previous_status", name_of(done->before)},
                 {"batch_id", done->task.batch.str()}}};
}

outcome delete_task_result(const call& request) {
  const auto id = task_id_in(request.params);
  if (!id) return refuse(id.error());
  auto done = request.place.remove_result(*id);
  if (!done) return refuse(std::move(done.error()));
  return reply_about(
      *done, fmt::format("The result of task {} is gone; the task itself stays as it is.", in_quotes(id->str())));
}

outcome retry_batch(const call& request) {
  const auto id = required_batch_id_in(request.params);
  if (!id) return refuse(id.error());
  auto done = request.place.retry(*id);
  if (!done) return refuse(std::move(done.error()));
  const auto count = static_cast<std::int64_t>(done->tasks.size());
  const std::string text =
      count == 0 ? fmt::format(
                       "Batch {} has no task that failed or was cancelled and can be tried again; nothing was "
                       "changed.",
                       in_quotes(id->str()))
                 : fmt::format("{} of batch {} {} queued again, and the batch is sealed: an engine runs it.",
                               counted(count, "task"), in_quotes(id->str()), count == 1 ? "is" : "are");
  answer reply{{{"message", text}, {"task_count", count}, {"tasks", ids_of(done->tasks)}}};
  if (!done->left.empty()) reply.fields.push_back({"left", ids_of(done->left)});
  for (auto& field : batch_json(done->batch)) reply.fields.push_back(std::move(field));
  return reply;
}

}  // namespace request
}  // namespace cobatch
