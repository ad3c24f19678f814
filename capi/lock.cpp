// Sections 13 and 14: the lock, and savings.
#include <string>
#include <utility>

#include "layout.hpp"
#include "reply.hpp"
#include "text.hpp"

using namespace cobatch::capi;

cobatch_status cobatch_lock_status(cobatch_workspace* workspace, cobatch_reply** reply, cobatch_error** err) {
  return ask_workspace(workspace, reply, err, [&](cobatch::workspace& here, cobatch_reply& filled) -> verdict {
    auto report = here.lock();
    if (!report) return report.error();
    if (report->session) filled.sessions.put(*report->session);
    filled.lock = std::move(*report);
    return {};
  });
}

cobatch_status cobatch_unlock(cobatch_workspace* workspace, uint32_t flags, cobatch_reply** reply,
                              cobatch_error** err) {
  return ask_workspace(workspace, reply, err, [&](cobatch::workspace& here, cobatch_reply& filled) -> verdict {
    if (auto v = check_flags(flags, COBATCH_UNLOCK_FORCE, "COBATCH_UNLOCK_FORCE"); v.failed()) return v;
    const auto done = here.unlock((flags & COBATCH_UNLOCK_FORCE) != 0);
    if (!done) return done.error();
    if (done->removed_marker) filled.outcome = COBATCH_MARKER_REMOVED;
    if (done->session_cancelled) filled.outcome = COBATCH_END_REQUESTED;
    return {};
  });
}

cobatch_status cobatch_savings(cobatch_workspace* workspace, cobatch_text batch, cobatch_reply** reply,
                               cobatch_error** err) {
  return ask_workspace(workspace, reply, err, [&](cobatch::workspace& here, cobatch_reply& filled) -> verdict {
    cobatch::batch_id id;
    if (auto v = take_id(batch, "batch", id); v.failed()) return v;
    auto report = here.savings(id);
    if (!report) return report.error();
    filled.batches.put(std::move(report->batch));
    const cobatch::account& shared = report->accounts.shared;
    filled.accounts.put({{}, 0, report->accounts.total, shared.turns});
    if (shared.turns > 0) filled.accounts.put({{}, 0, shared, shared.turns});
    for (auto& line : report->accounts.by_task) filled.accounts.put({std::move(line.task), line.position, line.sum, 0});
    filled.compared = report->compared;
    return {};
  });
}
