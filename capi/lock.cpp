// Section 13: the lock.
#include <utility>

#include "layout.hpp"
#include "reply.hpp"

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
