// execute_queue, batch_status, wait_batch.
#include <algorithm>
#include <chrono>
#include <iterator>

#include <fmt/core.h>

#include <cobatch/protocol.hpp>

#include "api/actions.hpp"
#include "api/shapes.hpp"
#include "api/values.hpp"
#include "api/what_comes_next.hpp"
#include "store/store.hpp"
#include "views/record_json.hpp"
#include "workspace/workspace.hpp"

namespace cobatch {
namespace request {

namespace {

constexpr std::int64_t most_tasks_listed = 1000;
constexpr std::int64_t tasks_listed_by_default = 100;
constexpr std::int64_t seconds_waited_by_default = 30;

json::object short_batch(const batch_record& batch) {
  return {{"batch_id", batch.id.str()},
          {"task_count", batch.tally[task_state::queued]},
          {"batch_status", name_of(batch.state)}};
}

json::array short_batches(const std::vector<batch_record>& batches) {
  json::array out;
  for (const auto& batch : batches) out.emplace_back(short_batch(batch));
  return out;
}

void append_left_open(answer& reply, const std::vector<batch_record>& left_open) {
  if (left_open.empty()) return;
  reply.fields.push_back({"left_open", short_batches(left_open)});
  reply.fields.push_back({"next_step",
                          "The batches in left_open were assigned to less than 30 seconds ago and were left open. Call "
                          "seal_batch, or execute_queue with the batch_id, to run one now."});
}

answer already_running(const execute_reply& done) {
  const auto& live = done.outcome.live;
  answer reply{
      {{"message", live ? "A session is running; nothing was changed. What is sealed runs after it by itself."
                        : "Somebody holds the lock; nothing was changed. What is sealed runs by itself once it "
                          "is free. lock_status tells more."}}};
  reply.status = "already_running";
  if (live) {
    reply.fields.push_back({"batch_id", live->batch.str()});
    reply.fields.push_back({"session", session_json(*live)});
  }
  return reply;
}

// The warnings name the batches that no engine takes, and say how to start one.
std::string_view what_they_wait_for(const execute_reply& done) {
  const auto& warnings = done.warnings;
  const auto is_no_engine = [](const warning& one) { return one.code == "no_engine"; };
  if (std::none_of(warnings.begin(), warnings.end(), is_no_engine)) return "";
  return done.outcome.runnable.size() == 1 ? " No engine takes it now, so it waits; the warning says how to run it."
                                           : " Those that the warnings name wait, as no engine takes them now.";
}

answer task_started(const execute_reply& done) {
  std::int64_t tasks = 0;
  for (const auto& batch : done.outcome.runnable) tasks += batch.tally[task_state::queued];
  const std::size_t batches = done.outcome.runnable.size();
  answer reply{{{"message", fmt::format("{} queued task{} of {} batch{} will run, {}.{}", tasks, tasks == 1 ? "" : "s",
                                        batches, batches == 1 ? "" : "es",
                                        batches == 1 ? "in one session" : "each batch in a session of its own",
                                        what_they_wait_for(done))},
                {"task_count", tasks},
                {"batches", short_batches(done.outcome.runnable)}}};
  reply.status = "task_started";
  append_left_open(reply, done.outcome.left_open);
  return reply;
}

answer nothing_to_do(const execute_reply& done) {
  answer reply{{{"message", "No sealed batch has a queued task: there is nothing to run."}, {"task_count", 0}}};
  append_left_open(reply, done.outcome.left_open);
  return reply;
}

}  // namespace

outcome execute_queue(const call& request) {
  const auto batch = batch_id_in(request.params);
  if (!batch) return refuse(batch.error());
  auto done = request.place.execute_queue(*batch);
  if (!done) return refuse(std::move(done.error()));
  using kind = execute_outcome::kind;
  const kind what = done->outcome.what;
  answer reply = what == kind::already_running ? already_running(*done)
                 : what == kind::started       ? task_started(*done)
                                               : nothing_to_do(*done);
  reply.warnings = std::move(done->warnings);
  return reply;
}

namespace {

std::string status_sentence(const cobatch::batch_status& status) {
  const batch_record& batch = status.batch;
  std::string text = fmt::format("Batch {} {}: {}.", in_quotes(batch.id.str()), standing_text(batch, status.cut_off),
                                 progress_text(batch.tally));
  if (batch.state == batch_state::held)
    text += fmt::format(" It is held because {}. {}", batch.hold_reason, how_to_let_go(batch));
  return text;
}

}  // namespace

outcome batch_status_of(const call& request) {
  const auto batch = required_batch_id_in(request.params);
  if (!batch) return refuse(batch.error());
  const auto limit = number_in(request.params, "limit", 0, most_tasks_listed, tasks_listed_by_default);
  if (!limit) return refuse(limit.error());
  const auto after = number_in(request.params, "after_position", 0, INT64_MAX, 0);
  if (!after) return refuse(after.error());
  auto status = request.place.batch(*batch);
  if (!status) return refuse(std::move(status.error()));
  task_filter wanted;
  wanted.batch = *batch;
  wanted.after_position = *after;
  wanted.limit = static_cast<std::size_t>(*limit);
  auto tasks = *limit == 0 ? result<std::vector<task_record>>() : request.place.tasks(wanted);
  if (!tasks) return refuse(std::move(tasks.error()));

  json::array list;
  for (const auto& task : *tasks) list.emplace_back(task_line(task));
  answer reply{{{"message", status_sentence(*status)}}};
  for (auto& field : batch_json(status->batch, status->cut_off)) reply.fields.push_back(std::move(field));
  if (status->session) reply.fields.push_back({"session", session_json(*status->session)});
  reply.fields.push_back({"tasks", std::move(list)});
  reply.fields.push_back({"tasks_listed", static_cast<std::int64_t>(tasks->size())});
  if (!tasks->empty() && tasks->size() == wanted.limit && tasks->back().position < status->batch.tally.total())
    reply.fields.push_back({"next_after_position", tasks->back().position});
  reply.warnings = std::move(status->warnings);
  return reply;
}

outcome wait_batch(const call& request) {
  const auto batch = required_batch_id_in(request.params);
  if (!batch) return refuse(batch.error());
  const auto seconds =
      number_in(request.params, "timeout_seconds", 0, std::int64_t{max_wait.count()}, seconds_waited_by_default);
  if (!seconds) return refuse(seconds.error());
  const auto now = batch_there(request.place.storage(), *batch);
  if (!now) return refuse(now.error());
  answer later{};
  later.wait = batch_wait{*batch, now->round, std::chrono::steady_clock::now() + std::chrono::seconds(*seconds)};
  return later;
}

outcome answer_wait(workspace& place, const batch_wait& wait, bool stopping) {
  // Who waited looks at the files next.
  static_cast<void>(place.refresh_views_soon());
  auto status = place.batch(wait.batch);
  if (!status) return refuse(std::move(status.error()));
  const batch_record& now = status->batch;
  const bool ended = has_ended(now, wait.round);
  std::string text =
      fmt::format("Batch {} {}: {}.", in_quotes(wait.batch.str()),
                  ended ? "has ended its round" : standing_text(now, status->cut_off), progress_text(now.tally));
  if (!ended && stopping)
    text +=
        " The wait was broken off, because the program that answers it is stopping. Call wait_batch again when it "
        "runs again.";
  else if (now.state == batch_state::open)
    text += " It is open and runs nothing until it is sealed: call seal_batch, or assign its last task.";
  else if (!ended)
    text += " Call wait_batch again to go on waiting.";
  answer reply{{{"message", std::move(text)}, {"ended", ended}}};
  for (auto& field : batch_json(now, status->cut_off)) reply.fields.push_back(std::move(field));
  if (status->session) reply.fields.push_back({"session", session_json(*status->session)});
  reply.warnings = std::move(status->warnings);
  return reply;
}

}  // namespace request
}  // namespace cobatch
