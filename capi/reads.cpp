// Section 8: reading.
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "layout.hpp"
#include "pages.hpp"
#include "reply.hpp"
#include "text.hpp"
#include "time_limit.hpp"

namespace cobatch::capi {
namespace {

// What a filter says, and which of its members a list may have been given.
struct filter {
  std::int32_t state = 0;
  std::optional<batch_id> batch;
  std::optional<task_id> task;
  epoch session;
};

struct allowed {
  std::int32_t states = 0;  // the highest number of a state
  bool batch = true, task = false, session = false;
};

verdict take_filter(const cobatch_filter* given, const allowed& may, filter& own) {
  cobatch_filter c;
  if (auto v = take(given, "cobatch_filter", c); v.failed()) return v;
  if (c.state < 0 || c.state > may.states)
    return bad_value("state of cobatch_filter is " + std::to_string(c.state) + "; this list takes 0 to " +
                     std::to_string(may.states));
  if (!may.batch && !is_absent(c.batch)) return bad_value("this list cannot be restricted to a batch");
  if (!may.task && !is_absent(c.task)) return bad_value("this list cannot be restricted to a task");
  if (c.session < 0 || (!may.session && c.session != 0))
    return bad_value("this list cannot be restricted to session " + std::to_string(c.session));
  own.state = c.state;
  own.session.value = c.session;
  if (auto v = take_id(c.batch, "batch", own.batch); v.failed()) return v;
  return take_id(c.task, "task", own.task);
}

// The body of a list: `fill(at, filter, reply)`.
template <class Fill>
cobatch_status list(cobatch_workspace* workspace, const cobatch_filter* given, const allowed& may,
                    cobatch_reply** reply, cobatch_error** err, const Fill& fill) {
  return ask_workspace(workspace, reply, err, [&](cobatch::workspace&, cobatch_reply& filled) -> verdict {
    if (reply == nullptr) return null_argument("reply");
    filter own;
    if (auto v = take_filter(given, may, own); v.failed()) return v;
    fill(workspace->at, own, filled);
    return {};
  });
}

task_filter tasks_of(const filter& own) {
  task_filter wanted;
  wanted.batch = own.batch;
  if (own.state != 0) wanted.state = static_cast<task_state>(own.state - 1);
  return wanted;
}

void put_batch(batch_status&& status, cobatch_reply& reply) {
  reply.batches.put(std::move(status.batch));
  if (status.session) reply.sessions.put(std::move(*status.session));
  reply.warnings.put_all(std::move(status.warnings));
}

// Why a wait came back before the end.
verdict cut_short(const batch_id& batch, std::int64_t timeout_ms, bool interrupted) {
  if (interrupted) return {COBATCH_E_INTERRUPTED, "the wait was interrupted; the batch goes on"};
  return {COBATCH_E_TIMED_OUT, "batch \"" + batch.str() + "\" had not ended after " + std::to_string(timeout_ms) +
                                   " ms; it goes on, wait again"};
}

}  // namespace
}  // namespace cobatch::capi

using namespace cobatch::capi;

cobatch_status cobatch_find_task(cobatch_workspace* workspace, cobatch_text task, cobatch_reply** reply,
                                 cobatch_error** err) {
  return ask_workspace(workspace, reply, err, [&](cobatch::workspace& here, cobatch_reply& filled) -> verdict {
    cobatch::task_id id;
    if (auto v = take_id(task, "task", id); v.failed()) return v;
    auto status = here.task(id);
    if (!status) return status.error();
    filled.tasks.put({std::move(status->task), false});
    if (status->result) filled.results.put(std::move(*status->result));
    return {};
  });
}

cobatch_status cobatch_find_batch(cobatch_workspace* workspace, cobatch_text batch, cobatch_reply** reply,
                                  cobatch_error** err) {
  return ask_workspace(workspace, reply, err, [&](cobatch::workspace& here, cobatch_reply& filled) -> verdict {
    cobatch::batch_id id;
    if (auto v = take_id(batch, "batch", id); v.failed()) return v;
    auto status = here.batch(id);
    if (!status) return status.error();
    put_batch(std::move(*status), filled);
    return {};
  });
}

cobatch_status cobatch_wait(cobatch_workspace* workspace, cobatch_text batch, int64_t timeout_ms, cobatch_reply** reply,
                            cobatch_error** err) {
  if (reply != nullptr) *reply = nullptr;
  return on_handle(workspace, "workspace", err, [&]() -> verdict {
    cobatch::batch_id id;
    if (auto v = take_id(batch, "batch", id); v.failed()) return v;
    auto filled = std::make_unique<cobatch_reply>();
    const auto at = workspace->at;
    const interrupts::call blocked(at->blocked);
    auto waited = at->here.wait(id, deadline_in(timeout_ms), blocked.stop());
    if (!waited) return waited.error();
    put_batch(std::move(waited->now), *filled);
    verdict v = waited->ended ? verdict{} : cut_short(id, timeout_ms, blocked.interrupted());
    if (reply != nullptr) *reply = filled.release();
    return v;
  });
}

cobatch_status cobatch_overview(cobatch_workspace* workspace, cobatch_reply** reply, cobatch_error** err) {
  return ask_workspace(workspace, reply, err, [&](cobatch::workspace& here, cobatch_reply& filled) -> verdict {
    auto status = here.status();
    if (!status) return status.error();
    filled.batches.put_all(std::move(status->all.unfinished));
    if (status->all.live) filled.sessions.put(std::move(*status->all.live));
    filled.engines.put_all(std::move(status->engines));
    filled.warnings.put_all(std::move(status->warnings));
    filled.lock = std::move(status->lock);
    return {};
  });
}

cobatch_status cobatch_list_batches(cobatch_workspace* workspace, const cobatch_filter* filter, cobatch_reply** reply,
                                    cobatch_error** err) {
  const allowed may{.states = COBATCH_BATCH_HELD, .batch = false};
  return list(workspace, filter, may, reply, err, [](auto at, const auto& own, cobatch_reply& filled) {
    cobatch::batch_filter wanted;
    if (own.state != 0) wanted.state = static_cast<cobatch::batch_state>(own.state - 1);
    filled.batches.read_with(batch_pages(std::move(at), wanted));
  });
}

cobatch_status cobatch_list_tasks(cobatch_workspace* workspace, const cobatch_filter* filter, cobatch_reply** reply,
                                  cobatch_error** err) {
  const allowed may{.states = COBATCH_TASK_CANCELLED};
  return list(workspace, filter, may, reply, err, [](auto at, const auto& own, cobatch_reply& filled) {
    filled.tasks.read_with(
        [next = task_pages(std::move(at), tasks_of(own))]() -> cobatch::result<std::vector<listed_task>> {
          auto page = next();
          if (!page) return cobatch::fail(page.error());
          std::vector<listed_task> listed;
          for (auto& task : *page) listed.push_back({std::move(task), false});
          return listed;
        });
  });
}

cobatch_status cobatch_list_results(cobatch_workspace* workspace, const cobatch_filter* filter, cobatch_reply** reply,
                                    cobatch_error** err) {
  const allowed may{.states = COBATCH_TASK_CANCELLED};
  return list(workspace, filter, may, reply, err, [](auto at, const auto& own, cobatch_reply& filled) {
    filled.results.read_with(result_pages(std::move(at), tasks_of(own)));
  });
}

cobatch_status cobatch_list_turns(cobatch_workspace* workspace, const cobatch_filter* filter, cobatch_reply** reply,
                                  cobatch_error** err) {
  const allowed may{.task = true, .session = true};
  return list(workspace, filter, may, reply, err, [](auto at, const auto& own, cobatch_reply& filled) {
    cobatch::turn_filter wanted;
    wanted.batch = own.batch;
    wanted.task = own.task;
    if (own.session.value != 0) wanted.session = own.session;
    filled.turns.read_with(turn_pages(std::move(at), wanted));
  });
}

cobatch_status cobatch_list_sessions(cobatch_workspace* workspace, const cobatch_filter* filter, cobatch_reply** reply,
                                     cobatch_error** err) {
  return list(workspace, filter, {}, reply, err, [](auto at, const auto& own, cobatch_reply& filled) {
    cobatch::session_filter wanted;
    wanted.batch = own.batch;
    filled.sessions.read_with(session_pages(std::move(at), wanted));
  });
}
