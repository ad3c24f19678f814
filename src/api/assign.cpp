// assign_task, assign_batch, seal_batch.
#include <algorithm>
#include <iterator>

#include <fmt/core.h>

#include "api/actions.hpp"
#include "api/values.hpp"
#include "api/what_comes_next.hpp"
#include "base/text.hpp"
#include "views/record_json.hpp"

namespace cobatch {
namespace request {

namespace {

// What a reply lists at most, so that it stays below the 100,000 characters that GPT actions take.
constexpr std::size_t tasks_in_reply = 200;

result<assign_request> request_for(const call& request) {
  const arguments& params = request.params;
  assign_request wanted;
  auto batch = batch_id_in(params);
  if (!batch) return fail(std::move(batch.error()));
  auto agent = name_in(params, "agent");
  if (!agent) return fail(std::move(agent.error()));
  auto settings = settings_in(params, request.unknown);
  if (!settings) return fail(std::move(settings.error()));
  wanted.batch = std::move(*batch);
  wanted.agent = std::move(*agent);
  wanted.seal = params.boolean("auto_execute").value_or(true);
  wanted.settings = std::move(*settings);
  wanted.shared = preamble_in(params);
  return wanted;
}

// Of a request whose tasks were all there: what it said of their batch holds all the same.
bool says_of_batch(const assign_request& wanted) {
  return wanted.settings != batch_settings{} || !wanted.shared.empty();
}

std::string message_for_one(const assigned_task& task, const assign_outcome& done, bool says_of_batch) {
  const auto id = in_quotes(task.id.str());
  const auto batch = in_quotes(done.batch.id.str());
  if (task.duplicate)
    return fmt::format("Task {} was assigned before with the same content; it is {} in batch {}. {}{}.", id,
                       name_of(task.state), batch,
                       says_of_batch ? "Only the batch's settings were stored" : "Nothing was stored",
                       done.sealed_now ? ", the batch was sealed" : "");
  return fmt::format("Task {} is number {} of batch {}.", id, task.position, batch);
}

std::string message_for_many(const assign_outcome& done, std::size_t duplicates, bool says_of_batch) {
  const std::size_t fresh = done.tasks.size() - duplicates;
  std::string text = fmt::format("{} stored in batch {}.", counted(static_cast<std::int64_t>(fresh), "task"),
                                 in_quotes(done.batch.id.str()));
  if (duplicates > 0)
    text += fmt::format(" {} there before with the same content and left as {}.",
                        duplicates == 1 ? "1 was" : fmt::format("{} were", duplicates),
                        duplicates == 1 ? "it is" : "they are");
  if (fresh == 0 && says_of_batch) text += " The batch's settings were stored.";
  return text;
}

json::object listed(const assigned_task& task) {
  json::object entry{{"task_id", task.id.str()}, {"batch_position", task.position}, {"status", name_of(task.state)}};
  if (task.duplicate) entry.push_back({"duplicate", true});
  return entry;
}

void append_list(json::object& fields, const assign_outcome& done) {
  const std::size_t shown = std::min(done.tasks.size(), tasks_in_reply);
  json::array list;
  list.reserve(shown);
  for (std::size_t i = 0; i < shown; ++i) list.emplace_back(listed(done.tasks[i]));
  fields.push_back({"tasks", std::move(list)});
  fields.push_back({"tasks_listed", static_cast<std::int64_t>(shown)});
  if (shown == done.tasks.size()) return;
  fields.push_back({"more_tasks", fmt::format("Only the first {} are listed. All were stored; batch_status with "
                                              "batch_id and after_position lists the rest.",
                                              shown)});
}

// The tasks of assign_batch, each checked; `assigned_by` of the call is that of every task that names none.
result<std::vector<task_spec>> specs_of(const call& request) {
  auto assigned_by = name_in(request.params, "assigned_by");
  if (!assigned_by) return fail(std::move(assigned_by.error()));
  const json::array& given = *request.params.objects("tasks");
  std::vector<task_spec> specs;
  specs.reserve(given.size());
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto fields = arguments::check(given[i], batch_task_fields(), fmt::format("tasks[{}].", i), request.unknown);
    if (!fields) return fail(fields.error());
    auto spec = task_spec_in(*fields);
    if (!spec) return fail(std::move(spec.error()));
    if (spec->assigned_by.empty()) spec->assigned_by = *assigned_by;
    specs.push_back(std::move(*spec));
  }
  return specs;
}

}  // namespace

outcome assign_task(const call& request) {
  auto wanted = request_for(request);
  if (!wanted) return refuse(std::move(wanted.error()));
  auto spec = task_spec_in(request.params);
  if (!spec) return refuse(std::move(spec.error()));
  wanted->tasks.push_back(std::move(*spec));
  auto done = request.place.assign(*wanted);
  if (!done) return refuse(std::move(done.error()));
  const assigned_task& task = done->outcome.tasks.front();
  answer reply{{{"message", message_for_one(task, done->outcome, says_of_batch(*wanted))},
                {"task_id", task.id.str()},
                {"batch_id", done->outcome.batch.id.str()},
                {"task_status", name_of(task.state)},
                {"batch_position", task.position},
                {"batch_status", name_of(done->outcome.batch.state)}}};
  if (task.duplicate) reply.fields.push_back({"duplicate", true});
  append_what_comes_next(reply.fields, request.place, done->outcome.batch, done->outcome.next_round);
  reply.warnings = std::move(done->warnings);
  return reply;
}

outcome assign_batch(const call& request) {
  auto wanted = request_for(request);
  if (!wanted) return refuse(std::move(wanted.error()));
  auto model = name_in(request.params, "model");
  if (!model) return refuse(std::move(model.error()));
  auto specs = specs_of(request);
  if (!specs) return refuse(std::move(specs.error()));
  wanted->settings.model = std::move(*model);
  wanted->tasks = std::move(*specs);
  wanted->whole_batch = true;
  auto done = request.place.assign(*wanted);
  if (!done) return refuse(std::move(done.error()));
  const auto& tasks = done->outcome.tasks;
  const auto duplicates =
      static_cast<std::size_t>(std::count_if(tasks.begin(), tasks.end(), [](const auto& t) { return t.duplicate; }));
  answer reply{{{"message", message_for_many(done->outcome, duplicates, says_of_batch(*wanted))},
                {"batch_id", done->outcome.batch.id.str()},
                {"batch_status", name_of(done->outcome.batch.state)},
                {"task_count", static_cast<std::int64_t>(tasks.size())},
                {"duplicates", static_cast<std::int64_t>(duplicates)}}};
  if (duplicates == tasks.size()) reply.fields.push_back({"duplicate", true});
  append_list(reply.fields, done->outcome);
  append_what_comes_next(reply.fields, request.place, done->outcome.batch, done->outcome.next_round);
  reply.warnings = std::move(done->warnings);
  return reply;
}

outcome seal_batch(const call& request) {
  const auto batch = required_batch_id_in(request.params);
  if (!batch) return refuse(batch.error());
  auto done = request.place.seal(*batch);
  if (!done) return refuse(std::move(done.error()));
  const std::int64_t waiting = done->batch.tally[task_state::queued];
  const std::string text = done->sealed_now
                               ? fmt::format("Batch {} is sealed: an engine runs its {} in one session, in order.",
                                             in_quotes(batch->str()), counted(waiting, "queued task"))
                               : fmt::format("Batch {} is {} already; nothing was changed.", in_quotes(batch->str()),
                                             name_of(done->batch.state));
  return answer{{{"message", text},
                 {"batch_id", batch->str()},
                 {"batch_status", name_of(done->batch.state)},
                 {"sealed_now", done->sealed_now},
                 {"tally", tally_json(done->batch.tally)}},
                std::move(done->warnings)};
}

}  // namespace request
}  // namespace cobatch
