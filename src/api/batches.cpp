// Batches: run them, look at them, wait for them, try them again.
#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include <cobatch/core/time.hpp>
#include <cobatch/protocol.hpp>

#include "api/actions.hpp"
#include "base/text.hpp"
#include "store/store.hpp"
#include "views/record_json.hpp"
#include "workspace/workspace.hpp"

namespace cobatch {
namespace request {

namespace {

constexpr std::array all_states{task_state::queued, task_state::in_progress, task_state::done, task_state::error,
                                task_state::cancelled};

// ------------------------------------------------------------------------------------------- parts of replies

// The fields of a batch under the names of replies, which are others than the views' where a reply has its own.
// `cut_off`: the session that works a batch, if one does, has died.
json::object batch_fields(const batch_record& batch, bool cut_off = false) {
  json::object out;
  for (auto& member : batch_json(batch)) {
    if (member.name == "lingers" || member.name == "fruitless_sessions") continue;
    if (member.name == "state") member.name = "batch_status";
    if (member.name == "tasks") member.name = "tally";
    out.push_back(std::move(member));
  }
  if (cut_off && is_worked(batch.state)) out.push_back({"cut_off", true});
  return out;
}

// "is running", "was cut off": for messages.
std::string standing_text(const batch_record& batch, bool cut_off) {
  if (cut_off && is_worked(batch.state)) return "was cut off, and goes on with the next engine that runs";
  return fmt::format("is {}", name_of(batch.state));
}

// "3 of 5 tasks ended (2 done, 1 error, 2 queued)": for messages.
std::string progress_text(const task_tally& tally) {
  const std::int64_t ended = tally[task_state::done] + tally[task_state::error] + tally[task_state::cancelled];
  std::string parts;
  for (const task_state state : all_states)
    if (tally[state] > 0) parts += fmt::format("{}{} {}", parts.empty() ? "" : ", ", tally[state], name_of(state));
  const std::string text = fmt::format("{} of {} ended", ended, counted(tally.total(), "task"));
  return parts.empty() ? text : fmt::format("{} ({})", text, parts);
}

// A task in a list: short, without description and output.
json::object task_line(const task_record& task) {
  json::object out{{"task_id", task.spec.id.str()},
                   {"batch_position", task.position},
                   {"status", name_of(task.state)},
                   {"round", task.round},
                   {"created_at", to_iso(task.created_at)}};
  if (task.started_at) out.push_back({"started_at", to_iso(*task.started_at)});
  if (task.ended_at) out.push_back({"completed_at", to_iso(*task.ended_at)});
  if (task.counts.attempts > 0) out.push_back({"attempts", task.counts.attempts});
  if (task.counts.interruptions > 0) out.push_back({"interruptions", task.counts.interruptions});
  if (!task.reason.empty()) out.push_back({"reason", task.reason});
  return out;
}

json::array short_batches(const std::vector<batch_record>& batches) {
  json::array out;
  for (const auto& batch : batches)
    out.emplace_back(json::object{{"batch_id", batch.id.str()},
                                  {"task_count", batch.tally[task_state::queued]},
                                  {"batch_status", name_of(batch.state)}});
  return out;
}

json::array ids_of(const std::vector<task_id>& tasks) {
  json::array out;
  for (const auto& task : tasks) out.emplace_back(task.str());
  return out;
}

std::string plural(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "es");
}

// --------------------------------------------------------------------------------------------- execute_queue

void add_left_open(answer& reply, const std::vector<batch_record>& left_open) {
  if (left_open.empty()) return;
  reply.add("left_open", short_batches(left_open));
  reply.add(
      "next_step",
      "The batches in left_open were assigned to less than 30 seconds ago and were left open. Call seal_batch, or "
      "execute_queue with the batch_id, to run one now.");
}

answer already_running(const execute_reply& done) {
  const auto& live = done.outcome.live;
  answer reply{
      {{"message", live ? "A session is running; nothing was changed. What is sealed runs after it by itself."
                        : "Somebody holds the lock; nothing was changed. What is sealed runs by itself once it "
                          "is free. lock_status tells more."}}};
  reply.status = "already_running";
  if (live) {
    reply.add("batch_id", live->batch.str());
    reply.add("session", session_json(*live));
  }
  return reply;
}

// The warnings name the batches that no engine takes, and say how to start one.
std::string_view what_they_wait_for(const execute_reply& done) {
  const auto is_no_engine = [](const warning& one) { return one.code == "no_engine"; };
  if (std::none_of(done.warnings.begin(), done.warnings.end(), is_no_engine)) return "";
  return done.outcome.runnable.size() == 1 ? " No engine takes it now, so it waits; the warning says how to run it."
                                           : " Those that the warnings name wait, as no engine takes them now.";
}

answer task_started(const execute_reply& done) {
  std::int64_t tasks = 0;
  for (const auto& batch : done.outcome.runnable) tasks += batch.tally[task_state::queued];
  const std::size_t batches = done.outcome.runnable.size();
  answer reply{
      {{"message",
        fmt::format("{} of {} will run, {}.{}", counted(tasks, "queued task"), plural(batches, "batch"),
                    batches == 1 ? "in one session" : "each batch in a session of its own", what_they_wait_for(done))},
       {"task_count", tasks},
       {"batches", short_batches(done.outcome.runnable)}}};
  reply.status = "task_started";
  return reply;
}

}  // namespace

outcome execute_queue(const call& request) {
  auto done = request.place.execute_queue(request.params.batch());
  if (!done) return fail(std::move(done.error()));
  using kind = execute_outcome::kind;
  answer reply;
  switch (done->outcome.what) {
    case kind::already_running: reply = already_running(*done); break;
    case kind::started:
      reply = task_started(*done);
      add_left_open(reply, done->outcome.left_open);
      break;
    default:
      reply.fields = {{"message", "No sealed batch has a queued task: there is nothing to run."}, {"task_count", 0}};
      add_left_open(reply, done->outcome.left_open);
  }
  reply.warnings = std::move(done->warnings);
  return reply;
}

// --------------------------------------------------------------------------------------- looking and waiting

std::string_view how_to_let_go(const batch_record& held) {
  if (held.held_until) return "execute_queue with its batch_id lets it go.";
  return "Once its budget allows more, execute_queue with its batch_id lets it go; to change the budget, assign the "
         "batch again with another one.";
}

outcome batch_status_of(const call& request) {
  const batch_id batch = *request.params.batch();
  auto status = request.place.batch(batch);
  if (!status) return fail(std::move(status.error()));
  const batch_record& record = status->batch;
  task_filter wanted;
  wanted.batch = batch;
  wanted.after_position = request.params.integer("after_position").value_or(0);
  wanted.limit = static_cast<std::size_t>(request.params.integer("limit").value_or(100));
  const auto tasks = wanted.limit == 0 ? result<std::vector<task_record>>() : request.place.tasks(wanted);
  if (!tasks) return fail(tasks.error());

  std::string text = fmt::format("Batch {} {}: {}.", quoted_text(batch.str()), standing_text(record, status->cut_off),
                                 progress_text(record.tally));
  if (record.state == batch_state::held)
    text += fmt::format(" It is held because {}. {}", record.hold_reason, how_to_let_go(record));
  answer reply{{{"message", std::move(text)}}, std::move(status->warnings)};
  reply.add_all(batch_fields(record, status->cut_off));
  if (status->session) reply.add("session", session_json(*status->session));
  json::array list;
  for (const auto& task : *tasks) list.emplace_back(task_line(task));
  reply.add("tasks", std::move(list));
  reply.add("tasks_listed", static_cast<std::int64_t>(tasks->size()));
  if (!tasks->empty() && tasks->size() == wanted.limit && tasks->back().position < record.tally.total())
    reply.add("next_after_position", tasks->back().position);
  return reply;
}

outcome wait_batch(const call& request) {
  const batch_id batch = *request.params.batch();
  const std::chrono::seconds patience(request.params.integer("timeout_seconds").value_or(30));
  const auto now = batch_there(request.place.storage(), batch);
  if (!now) return fail(now.error());
  answer later{};
  later.wait = batch_wait{batch, now->round, std::chrono::steady_clock::now() + patience};
  return later;
}

outcome answer_wait(workspace& place, const batch_wait& wait, bool stopping) {
  // Who waited looks at the files next.
  static_cast<void>(place.refresh_views_soon());
  auto status = place.batch(wait.batch);
  if (!status) return fail(std::move(status.error()));
  const batch_record& now = status->batch;
  const bool ended = has_ended(now, wait.round);
  std::string text =
      fmt::format("Batch {} {}: {}.", quoted_text(wait.batch.str()),
                  ended ? "has ended its round" : standing_text(now, status->cut_off), progress_text(now.tally));
  if (!ended && stopping)
    text +=
        " The wait was broken off, because the program that answers it is stopping. Call wait_batch again when it "
        "runs again.";
  else if (now.state == batch_state::open)
    text += " It is open and runs nothing until it is sealed: call seal_batch, or assign its last task.";
  else if (!ended)
    text += " Call wait_batch again to go on waiting.";
  answer reply{{{"message", std::move(text)}, {"ended", ended}}, std::move(status->warnings)};
  reply.add_all(batch_fields(now, status->cut_off));
  if (status->session) reply.add("session", session_json(*status->session));
  return reply;
}

outcome list_batches(const call& request) {
  batch_filter wanted;
  wanted.state = request.params.word("state", parse_batch_state);
  if (const std::string* after = request.params.text("after")) wanted.after = batch_id(*after);
  wanted.limit = static_cast<std::size_t>(request.params.integer("limit").value_or(50));
  const auto batches = request.place.batches(wanted);
  if (!batches) return fail(batches.error());
  const auto lock = request.place.lock();
  if (!lock) return fail(lock.error());
  json::array list;
  for (const auto& batch : *batches) list.emplace_back(batch_fields(batch, lock->cut_off));
  answer reply{{{"message", plural(batches->size(), "batch") + ", in the order in which they were made."},
                {"batches", std::move(list)}}};
  if (batches->size() == wanted.limit) reply.add("next_after", batches->back().id.str());
  return reply;
}

outcome retry_batch(const call& request) {
  const batch_id batch = *request.params.batch();
  const auto done = request.place.retry(batch);
  if (!done) return fail(done.error());
  const auto count = static_cast<std::int64_t>(done->tasks.size());
  const std::string name = quoted_text(batch.str());
  const std::string text =
      count == 0 ? fmt::format(
                       "Batch {} has no task that failed or was cancelled and can be tried again; nothing was "
                       "changed.",
                       name)
                 : fmt::format("{} of batch {} {} queued again, and the batch is sealed: an engine runs it.",
                               counted(count, "task"), name, count == 1 ? "is" : "are");
  answer reply{{{"message", text}, {"task_count", count}, {"tasks", ids_of(done->tasks)}}};
  if (!done->left.empty()) reply.add("left", ids_of(done->left));
  reply.add_all(batch_fields(done->batch));
  return reply;
}

}  // namespace request
}  // namespace cobatch
