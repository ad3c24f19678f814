// process_queue, list_batches, health.
#include <optional>

#include <fmt/core.h>

#include <cobatch/core/time.hpp>

#include "api/actions.hpp"
#include "api/shapes.hpp"
#include "api/values.hpp"
#include "store/store.hpp"
#include "views/record_json.hpp"

namespace cobatch {
namespace request {

namespace {

constexpr std::int64_t most_listed = 1000;
constexpr std::int64_t listed_by_default = 50;

json::object pending_task(const task_record& task) {
  return {{"task_id", task.spec.id.str()},       {"description", task.spec.description},
          {"priority", name_of(task.spec.prio)}, {"created_at", to_iso(task.created_at)},
          {"batch_id", task.batch.str()},        {"batch_position", task.position}};
}

}  // namespace

outcome process_queue(const call& request) {
  const auto limit = number_in(request.params, "limit", 1, most_listed, listed_by_default);
  if (!limit) return refuse(limit.error());
  const auto overview = request.place.storage().read_overview();
  if (!overview) return refuse(overview.error());
  task_filter waiting;
  waiting.state = task_state::queued;
  waiting.limit = static_cast<std::size_t>(*limit);
  const auto tasks = request.place.tasks(waiting);
  if (!tasks) return refuse(tasks.error());
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

outcome list_batches(const call& request) {
  const auto limit = number_in(request.params, "limit", 1, most_listed, listed_by_default);
  if (!limit) return refuse(limit.error());
  const auto state =
      word_in(request.params, "state", parse_batch_state, "open, sealed, running, ending, finished or held");
  if (!state) return refuse(state.error());
  const std::string* after_text = request.params.text("after");
  batch_filter wanted{*state, std::nullopt, static_cast<std::size_t>(*limit)};
  if (after_text != nullptr) {
    auto after = batch_id::parse(*after_text);
    if (!after) return refuse(after.error());
    wanted.after = std::move(*after);
  }
  const auto batches = request.place.batches(wanted);
  if (!batches) return refuse(batches.error());
  const auto lock = request.place.lock();
  if (!lock) return refuse(lock.error());
  json::array list;
  for (const auto& batch : *batches) list.emplace_back(batch_json(batch, lock->cut_off));
  answer reply{{{"message", fmt::format("{} batch{}, in the order in which they were made.", batches->size(),
                                        batches->size() == 1 ? "" : "es")},
                {"batches", std::move(list)}}};
  if (batches->size() == wanted.limit) reply.fields.push_back({"next_after", batches->back().id.str()});
  return reply;
}

outcome health(const call& request) {
  if (const auto fine = request.place.check_in_place(); !fine) return refuse(fine.error());
  auto now = request.place.status();
  if (!now) return refuse(now.error());
  json::array engines;
  for (const auto& engine : now->engines) engines.emplace_back(engine);
  const bool has_engine = !now->engines.empty();
  return answer{{{"message", has_engine ? "The store answers, and an engine is attached."
                                        : "The store answers. No engine is attached: tasks are kept, none runs until "
                                          "`cobatch serve`, `cobatch engine` or `cobatch run` is started."},
                 {"version", version()},
                 {"engines", std::move(engines)},
                 {"session_running", now->lock.guard_busy},
                 {"tally", tally_json(now->all.tally)}},
                std::move(now->warnings)};
}

}  // namespace request
}  // namespace cobatch
