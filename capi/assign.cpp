// Section 7: assigning, sealing, executing, cancelling, queueing again.
#include <chrono>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "layout.hpp"
#include "reply.hpp"
#include "text.hpp"

namespace cobatch::capi {
namespace {

verdict take_conditions(const cobatch_task_spec& c, task_spec& own) {
  const auto id = [](cobatch_text given, const char* name, task_id& one) { return take_id(given, name, one); };
  if (auto v = take_texts(c.needs, "needs", own.needs, id); v.failed()) return v;
  if (auto v = take_texts(c.check, "check", own.check, take_text); v.failed()) return v;
  if (auto v = take_texts(c.tools, "tools", own.tools, take_text); v.failed()) return v;
  own.limit = std::chrono::milliseconds{c.limit_ms};
  return take_text(c.model, "model", own.model);
}

verdict take_task(const cobatch_task_spec* given, task_spec& own) {
  cobatch_task_spec c;
  if (auto v = take(given, "cobatch_task_spec", c); v.failed()) return v;
  if (c.priority < COBATCH_PRIORITY_DEFAULT || c.priority > COBATCH_PRIORITY_HIGH)
    return bad_value("priority is " + std::to_string(c.priority) + "; see COBATCH_PRIORITY_...");
  if (c.priority != COBATCH_PRIORITY_DEFAULT) own.prio = static_cast<priority>(c.priority - 1);
  if (c.max_attempts != 0) own.max_attempts = c.max_attempts;
  if (auto v = take_id(c.id, "id", own.id); v.failed()) return v;
  if (auto v = take_text(c.description, "description", own.description); v.failed()) return v;
  if (auto v = take_text(c.context, "context", own.context); v.failed()) return v;
  if (auto v = take_text(c.assigned_by, "assigned_by", own.assigned_by); v.failed()) return v;
  return take_conditions(c, own);
}

verdict take_tasks(const cobatch_task_spec* given, std::size_t count, std::vector<task_spec>& own) {
  if (count == 0) return {};  // for the workspace to refuse
  if (given == nullptr) return null_argument("tasks");
  if (count > max_batch_tasks)
    return {COBATCH_E_TOO_LARGE, std::to_string(count) + " tasks were given; a batch holds at most " +
                                     std::to_string(max_batch_tasks) + ". Nothing was stored"};
  // The caller's struct may be of another version: its own size is the step from one to the next.
  const std::uint32_t step = given->struct_size;
  const auto* at = reinterpret_cast<const char*>(given);
  own.resize(count);
  for (std::size_t i = 0; i < count; ++i, at += step) {
    const auto* one = reinterpret_cast<const cobatch_task_spec*>(at);
    if (one->struct_size != step) return wrong_size("cobatch_task_spec", one->struct_size, "the first one's differs");
    if (auto v = take_task(one, own[i]); v.failed()) return v;
  }
  return {};
}

// One of an enumeration that leaves 0 for what was not said.
template <class Word>
verdict take_word(std::int32_t given, std::int32_t last, const char* name, std::optional<Word>& own) {
  if (given < 0 || given > last)
    return bad_value(std::string(name) + " is " + std::to_string(given) + "; it is to be 0 to " + std::to_string(last));
  if (given > 0) own = static_cast<Word>(given - 1);
  return {};
}

verdict take_settings(const cobatch_assign_options& c, batch_settings& own) {
  if (auto v = take_word(c.way, COBATCH_WAY_SEPARATE, "way", own.way); v.failed()) return v;
  if (auto v = take_word(c.on_error, COBATCH_ON_ERROR_STOP, "on_error", own.on_error); v.failed()) return v;
  if (auto v = take_budget(c.budget, own.budget); v.failed()) return v;
  return take_text(c.model, "model", own.model);
}

verdict take_options(const cobatch_assign_options* given, assign_request& own) {
  cobatch_assign_options c;
  if (auto v = take(given, "cobatch_assign_options", c); v.failed()) return v;
  if (auto v = check_flags(c.flags, COBATCH_ASSIGN_KEEP_OPEN, "COBATCH_ASSIGN_KEEP_OPEN"); v.failed()) return v;
  own.seal = (c.flags & COBATCH_ASSIGN_KEEP_OPEN) == 0;
  if (auto v = take_id(c.batch, "batch", own.batch); v.failed()) return v;
  if (auto v = take_text(c.agent, "agent", own.agent); v.failed()) return v;
  if (auto v = take_settings(c, own.settings); v.failed()) return v;
  if (auto v = take_text(c.preamble, "preamble", own.shared.text); v.failed()) return v;
  return take_texts(c.context_files, "context_files", own.shared.files, take_text);
}

void put_assigned(assign_reply&& done, const std::vector<task_spec>& given, cobatch_reply& reply) {
  using kind = assign_outcome::kind;
  reply.outcome = done.outcome.what == kind::duplicate ? COBATCH_DUPLICATE : COBATCH_STORED;
  for (std::size_t i = 0; i < done.outcome.tasks.size(); ++i) {
    const assigned_task& assigned = done.outcome.tasks[i];
    listed_task listed;
    listed.duplicate = assigned.duplicate;
    listed.task.spec = given[i];
    listed.task.batch = done.outcome.batch.id;
    listed.task.position = assigned.position;
    listed.task.state = assigned.state;
    reply.tasks.put(std::move(listed));
  }
  reply.batches.put(std::move(done.outcome.batch));
  reply.warnings.put_all(std::move(done.warnings));
}

cobatch_status assign(cobatch_workspace* workspace, const cobatch_task_spec* tasks, std::size_t count, bool whole_batch,
                      const cobatch_assign_options* options, cobatch_reply** reply, cobatch_error** err) {
  return ask_workspace(workspace, reply, err, [&](cobatch::workspace& here, cobatch_reply& filled) -> verdict {
    assign_request request;
    if (auto v = take_tasks(tasks, count, request.tasks); v.failed()) return v;
    if (auto v = take_options(options, request); v.failed()) return v;
    request.whole_batch = whole_batch && request.seal;
    auto done = here.assign(request);
    if (!done) return done.error();
    if (reply != nullptr) put_assigned(std::move(*done), request.tasks, filled);
    return {};
  });
}

std::int32_t outcome_of(execute_outcome::kind what) {
  using kind = execute_outcome::kind;
  if (what == kind::already_running) return COBATCH_ALREADY_RUNNING;
  return what == kind::started ? COBATCH_STARTED : COBATCH_NOTHING_TO_DO;
}

}  // namespace
}  // namespace cobatch::capi

using namespace cobatch::capi;

cobatch_status cobatch_assign_task(cobatch_workspace* workspace, const cobatch_task_spec* task,
                                   const cobatch_assign_options* options, cobatch_reply** reply, cobatch_error** err) {
  return assign(workspace, task, 1, false, options, reply, err);
}

cobatch_status cobatch_assign_batch(cobatch_workspace* workspace, const cobatch_task_spec* tasks, size_t count,
                                    const cobatch_assign_options* options, cobatch_reply** reply, cobatch_error** err) {
  return assign(workspace, tasks, count, true, options, reply, err);
}

cobatch_status cobatch_seal(cobatch_workspace* workspace, cobatch_text batch, cobatch_reply** reply,
                            cobatch_error** err) {
  return ask_workspace(workspace, reply, err, [&](cobatch::workspace& here, cobatch_reply& filled) -> verdict {
    cobatch::batch_id id;
    if (auto v = take_id(batch, "batch", id); v.failed()) return v;
    auto done = here.seal(id);
    if (!done) return done.error();
    filled.outcome = done->sealed_now ? COBATCH_SEALED : COBATCH_UNCHANGED;
    filled.batches.put(std::move(done->batch));
    filled.warnings.put_all(std::move(done->warnings));
    return {};
  });
}

cobatch_status cobatch_execute_queue(cobatch_workspace* workspace, cobatch_text batch, cobatch_reply** reply,
                                     cobatch_error** err) {
  return ask_workspace(workspace, reply, err, [&](cobatch::workspace& here, cobatch_reply& filled) -> verdict {
    std::optional<cobatch::batch_id> id;
    if (auto v = take_id(batch, "batch", id); v.failed()) return v;
    auto done = here.execute_queue(id);
    if (!done) return done.error();
    auto& outcome = done->outcome;
    filled.outcome = outcome_of(outcome.what);
    for (auto& runnable : outcome.runnable) filled.batches.put(std::move(runnable));
    for (auto& left : outcome.left_open) filled.batches.put(std::move(left));
    if (outcome.live) filled.sessions.put(std::move(*outcome.live));
    filled.warnings.put_all(std::move(done->warnings));
    return {};
  });
}

cobatch_status cobatch_cancel(cobatch_workspace* workspace, cobatch_text task, cobatch_reply** reply,
                              cobatch_error** err) {
  return ask_workspace(workspace, reply, err, [&](cobatch::workspace& here, cobatch_reply& filled) -> verdict {
    cobatch::task_id id;
    if (auto v = take_id(task, "task", id); v.failed()) return v;
    auto done = here.cancel(id);
    if (!done) return done.error();
    filled.outcome = done->what == cobatch::task_outcome::kind::changed ? COBATCH_CANCELLED : COBATCH_UNCHANGED;
    filled.tasks.put({std::move(done->task), false});
    return {};
  });
}

cobatch_status cobatch_reset(cobatch_workspace* workspace, cobatch_text task, cobatch_reply** reply,
                             cobatch_error** err) {
  return ask_workspace(workspace, reply, err, [&](cobatch::workspace& here, cobatch_reply& filled) -> verdict {
    cobatch::task_id id;
    if (auto v = take_id(task, "task", id); v.failed()) return v;
    auto done = here.reset(id);
    if (!done) return done.error();
    filled.outcome = done->what == cobatch::task_outcome::kind::changed ? COBATCH_QUEUED_AGAIN : COBATCH_UNCHANGED;
    filled.tasks.put({std::move(done->task), false});
    return {};
  });
}

cobatch_status cobatch_retry(cobatch_workspace* workspace, cobatch_text batch, cobatch_reply** reply,
                             cobatch_error** err) {
  return ask_workspace(workspace, reply, err, [&](cobatch::workspace& here, cobatch_reply& filled) -> verdict {
    cobatch::batch_id id;
    if (auto v = take_id(batch, "batch", id); v.failed()) return v;
    auto done = here.retry(id);
    if (!done) return done.error();
    const bool retried = done->what == cobatch::retry_outcome::kind::retried;
    filled.outcome = retried ? COBATCH_QUEUED_AGAIN : COBATCH_NOTHING_TO_DO;
    filled.batches.put(std::move(done->batch));
    return {};
  });
}
