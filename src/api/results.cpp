// The latest results, in the shapes that the original had.
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include <cobatch/core/text.hpp>
#include <cobatch/core/time.hpp>

#include "api/actions.hpp"
#include "base/text.hpp"
#include "store/store.hpp"
#include "views/record_json.hpp"

namespace cobatch {
namespace request {

namespace {

// Of each output in a list, so that a reply stays below the 100,000 characters that GPT actions take.
constexpr std::size_t longest_output = 600;

struct result_and_task {
  result_record came_to;
  task_record task;
};

result<std::vector<result_and_task>> latest(const call& request) {
  const auto limit = static_cast<std::size_t>(request.params.integer("limit").value_or(10));
  auto found = request.place.results({request.params.batch(), true, limit});
  if (!found) return fail(found.error());
  std::vector<result_and_task> all;
  for (auto& one : *found) {
    auto task = request.place.storage().find_task(one.task);
    if (!task) return fail(task.error());
    if (*task) all.push_back({std::move(one), std::move(**task)});
  }
  return all;
}

// A list holds the beginning of a long output; get_task_result has all of it.
json::object short_result(result_and_task one) {
  std::string& output = one.came_to.what.output;
  const bool cut = output.size() > longest_output;
  if (cut) output = to_utf8(output.substr(0, longest_output));
  json::object out = result_json(one.came_to, &one.task);
  if (cut) out.push_back({"output_cut", true});
  return out;
}

std::string as_text(const result_and_task& one, bool detailed) {
  const settlement& what = one.came_to.what;
  std::string text = fmt::format("{} ({}, {}): {}\n", one.task.spec.id.str(), name_of(one.came_to.status),
                                 to_iso(one.came_to.completed_at),
                                 what.output_summary.empty() ? one.task.spec.description : what.output_summary);
  if (detailed && !what.output.empty()) text += to_utf8(what.output.substr(0, longest_output)) + "\n";
  return text;
}

answer reply_with(std::int64_t count) {
  return answer{{{"message", counted(count, "result") + ", the latest first. get_task_result has the whole of one."},
                 {"task_count", count}}};
}

}  // namespace

outcome get_all_results(const call& request) {
  auto all = latest(request);
  if (!all) return fail(std::move(all.error()));
  answer reply = reply_with(std::ssize(*all));
  json::object results;
  for (auto& one : *all) results.push_back({one.task.spec.id.str(), short_result(std::move(one))});
  reply.add("results", std::move(results));
  return reply;
}

outcome get_recent_tasks(const call& request) {
  const auto all = latest(request);
  if (!all) return fail(all.error());
  answer reply = reply_with(std::ssize(*all));
  json::array tasks;
  for (const auto& one : *all) tasks.emplace_back(task_json(one.task, &one.came_to));
  reply.add("tasks", std::move(tasks));
  return reply;
}

outcome get_task_results(const call& request) {
  const auto all = latest(request);
  if (!all) return fail(all.error());
  const bool detailed = request.params.text_or_empty("format") == "detailed";
  answer reply = reply_with(std::ssize(*all));
  std::string text;
  for (const auto& one : *all) text += as_text(one, detailed);
  reply.add("formatted_output", std::move(text));
  return reply;
}

}  // namespace request
}  // namespace cobatch
