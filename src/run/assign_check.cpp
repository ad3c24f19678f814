#include "run/assign_check.hpp"

#include <string_view>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include <cobatch/core/text.hpp>

#include "json/json.hpp"

namespace cobatch {
inline namespace v1 {

namespace {

result<void> check_text(const task_spec& task, std::string_view what, std::string_view text, std::size_t limit) {
  if (text.size() > limit)
    return fail(errc::too_large, fmt::format("the {} of task \"{}\" has {} bytes; the limit is {}. Nothing was stored; "
                                             "put long material in a file and name the file",
                                             what, task.id.str(), text.size(), limit));
  if (!is_utf8(text))
    return fail(errc::bad_encoding,
                fmt::format("the {} of task \"{}\" is not valid UTF-8. Nothing was stored", what, task.id.str()));
  return {};
}

result<void> check_task(task_spec& task) {
  if (task.id.empty()) return fail(errc::bad_value, "a task has no task_id. Nothing was stored");
  if (auto ok = check_text(task, "description", task.description, max_description_bytes); !ok) return ok;
  if (auto ok = check_text(task, "context", task.context, max_context_bytes); !ok) return ok;
  if (auto ok = check_text(task, "assigned_by", task.assigned_by, max_id_bytes); !ok) return ok;
  if (!is_printable(task.assigned_by))
    return fail(errc::bad_value, fmt::format("the assigned_by of task \"{}\" holds a control character. Nothing was "
                                             "stored",
                                             task.id.str()));
  if (task.max_attempts < 1 || task.max_attempts > most_attempts)
    return fail(errc::bad_value,
                fmt::format("max_attempts of task \"{}\" is {}; it is to be 1 to {}. Nothing was stored", task.id.str(),
                            task.max_attempts, most_attempts));
  if (task.context.empty()) return {};
  const auto parsed = json::parse(task.context);
  if (!parsed)
    return fail(errc::bad_json, fmt::format("the context of task \"{}\" is not JSON: {}. Nothing was stored",
                                            task.id.str(), parsed.error().message));
  task.context = json::write(*parsed);
  return {};
}

}  // namespace

result<assign_request> check_assign(assign_request request) {
  if (request.tasks.empty()) return fail(errc::bad_value, "no task was given. Nothing was stored");
  if (request.tasks.size() > max_batch_tasks)
    return fail(errc::too_large, fmt::format("{} tasks were given; a batch holds at most {}. Nothing was stored",
                                             request.tasks.size(), max_batch_tasks));
  if (!request.agent.empty())
    if (const auto named = agent_name::parse(request.agent); !named)
      return fail(named.error().code, named.error().message + ". Nothing was stored");
  std::unordered_set<std::string_view> ids;
  for (auto& task : request.tasks) {
    if (auto ok = check_task(task); !ok) return fail(ok.error());
    if (!ids.insert(task.id.str()).second)
      return fail(errc::duplicate_in_batch,
                  fmt::format("task_id \"{}\" stands twice in this call. Nothing was stored; give each task an id of "
                              "its own",
                              task.id.str()));
  }
  return request;
}

}  // namespace v1
}  // namespace cobatch
