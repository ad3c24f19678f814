#include <unordered_map>
#include <utility>

#include "base/json.hpp"
#include "views/record_json.hpp"
#include "views/views.hpp"

namespace cobatch {
namespace {

std::string as_file(const char* name, json::object entries) {
  return json::write_pretty(json::object{{name, std::move(entries)}}) + "\n";
}

}  // namespace

std::string queue_view_text(const view_snapshot& snapshot) {
  std::unordered_map<task_id, const result_record*> result_of;
  for (const auto& r : snapshot.results) result_of.emplace(r.task, &r);
  json::object tasks;
  tasks.reserve(snapshot.tasks.size());
  for (const auto& task : snapshot.tasks) {
    const auto found = result_of.find(task.spec.id);
    const bool shows_result = found != result_of.end() && has_ended(task.state);
    tasks.push_back({task.spec.id.str(), task_json(task, shows_result ? found->second : nullptr)});
  }
  return as_file("tasks", std::move(tasks));
}

std::string results_view_text(const view_snapshot& snapshot) {
  std::unordered_map<task_id, const task_record*> task_of;
  for (const auto& task : snapshot.tasks) task_of.emplace(task.spec.id, &task);
  json::object results;
  results.reserve(snapshot.results.size());
  for (const auto& r : snapshot.results) {
    const auto found = task_of.find(r.task);
    results.push_back({r.task.str(), result_json(r, found == task_of.end() ? nullptr : found->second)});
  }
  return as_file("results", std::move(results));
}

}  // namespace cobatch
