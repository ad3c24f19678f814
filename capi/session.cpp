// Section 11: a session that the host drives.
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <cobatch/agent.hpp>
#include <cobatch/host_session.hpp>

#include "agents.hpp"
#include "layout.hpp"
#include "place.hpp"
#include "records.hpp"
#include "reply.hpp"
#include "text.hpp"
#include "time_limit.hpp"

using namespace cobatch::capi;

struct cobatch_session {
  cobatch::birthplace home;
  std::shared_ptr<place> at;
  cobatch::host_session drives;
  std::optional<cobatch::host_turn> turn = {};         // lent by cobatch_session_next
  std::optional<cobatch::session_record> record = {};  // lent by cobatch_session_read
};

namespace {

using clock_type = std::chrono::steady_clock;

std::int64_t ms_from_now(clock_type::time_point deadline) {
  return std::chrono::ceil<std::chrono::milliseconds>(deadline - clock_type::now()).count();
}

verdict take_options(const cobatch_session_options* given, cobatch::host_session_options& own) {
  cobatch_session_options c;
  if (auto v = take(given, "cobatch_session_options", c); v.failed()) return v;
  std::optional<cobatch::agent_name> agent;
  if (auto v = take_id(c.agent, "agent", agent); v.failed()) return v;
  if (agent) own.agent = agent->str();
  if (auto v = check_host_name(own.agent); v.failed()) return v;
  if (auto v = take_id(c.batch, "batch", own.only); v.failed()) return v;
  own.takes_unnamed = c.only_named == 0;
  if (c.max_tasks != 0) own.max_tasks_per_session = c.max_tasks;
  if (c.turn_limit_ms != 0) own.turn_limit = std::chrono::milliseconds{c.turn_limit_ms};
  if (c.session_limit_ms != 0) own.session_limit = std::chrono::milliseconds{c.session_limit_ms};
  return {};
}

}  // namespace

cobatch_status cobatch_session_begin(cobatch_workspace* workspace, const cobatch_session_options* options,
                                     cobatch_session** session, cobatch_error** err) {
  if (session != nullptr) *session = nullptr;
  return on_handle(workspace, "workspace", err, [&]() -> verdict {
    if (session == nullptr) return null_argument("session");
    cobatch::host_session_options own;
    if (auto v = take_options(options, own); v.failed()) return v;
    auto begun = cobatch::host_session::begin(workspace->at->here, own);
    if (!begun) return begun.error();
    switch (begun->what) {
      case cobatch::host_begin_outcome::kind::started:
        *session = new cobatch_session{{}, workspace->at, std::move(*begun->session)};
        return {};
      case cobatch::host_begin_outcome::kind::nothing: return the_end();
      case cobatch::host_begin_outcome::kind::busy: return {COBATCH_E_SESSION_LIVE, std::move(begun->advice)};
      case cobatch::host_begin_outcome::kind::foreign_marker: break;
    }
    return {COBATCH_E_FOREIGN_MARKER, std::move(begun->advice)};
  });
}

cobatch_status cobatch_session_read(cobatch_session* session, cobatch_session_info* record, cobatch_error** err) {
  return on_handle(session, "session", err, [&]() -> verdict {
    if (record == nullptr) return null_argument("record");
    auto now = session->drives.session();
    if (!now) return now.error();
    session->record = std::move(*now);
    return give(info_of(*session->record), "cobatch_session_info", record);
  });
}

cobatch_status cobatch_session_next(cobatch_session* session, cobatch_turn_request* request, cobatch_error** err) {
  return on_handle(session, "session", err, [&]() -> verdict {
    // Looked at before a turn is begun: one that nobody could be told of would be lost until its limit.
    if (auto v = give_blank("cobatch_turn_request", request); v.failed()) return v;
    auto next = session->drives.next();
    if (!next) return next.error();
    session->turn = std::move(*next);
    if (!session->turn) return the_end();
    cobatch_turn_request shown = info_of(session->turn->request);
    shown.limit_ms = ms_from_now(session->turn->deadline);
    return give(shown, "cobatch_turn_request", request);
  });
}

cobatch_status cobatch_session_complete(cobatch_session* session, int64_t turn, const cobatch_completion* completion,
                                        cobatch_reply** reply, cobatch_error** err) {
  if (reply != nullptr) *reply = nullptr;
  return on_handle(session, "session", err, [&]() -> verdict {
    cobatch::settlement what;
    if (auto v = take_completion(completion, what); v.failed()) return v;
    auto filled = std::make_unique<cobatch_reply>();
    auto done = session->drives.complete({turn}, what);
    if (!done) return done.error();
    filled->tasks.put({std::move(done->task), false});
    if (reply != nullptr) *reply = filled.release();
    return {};
  });
}

cobatch_status cobatch_session_extend(cobatch_session* session, int64_t turn, int64_t more_ms, int64_t* deadline,
                                      cobatch_error** err) {
  if (deadline != nullptr) *deadline = 0;
  return on_handle(session, "session", err, [&]() -> verdict {
    const auto until = session->drives.extend({turn}, std::chrono::milliseconds{more_ms});
    if (!until) return until.error();
    if (deadline != nullptr) *deadline = session->at->here.now().ms + ms_from_now(*until);
    return {};
  });
}

cobatch_status cobatch_session_end(cobatch_session* session, cobatch_error** err) {
  return on_handle(session, "session", err, [&]() -> verdict {
    const auto ended = session->drives.end();
    return ended ? verdict{} : verdict{ended.error()};
  });
}

void cobatch_session_free(cobatch_session* session) { free_handle(session); }
