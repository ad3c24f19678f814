// Whether anything runs: the store and the engines, the lock, and how to remove a lock file that is left over.
#include "api/actions.hpp"
#include "views/record_json.hpp"

namespace cobatch {
namespace request {

namespace {

std::string_view name_of_marker(marker_state marker) {
  switch (marker) {
    case marker_state::absent: return "absent";
    case marker_state::ours: return "ours";
    case marker_state::foreign: break;
  }
  return "foreign";
}

}  // namespace

outcome health(const call& request) {
  if (const auto fine = request.place.check_in_place(); !fine) return fail(fine.error());
  auto now = request.place.status();
  if (!now) return fail(now.error());
  json::array engines;
  for (const auto& engine : now->engines) engines.emplace_back(engine);
  return answer{
      {{"message", engines.empty() ? "The store answers. No engine is attached: tasks are kept, none runs until "
                                     "`cobatch serve`, `cobatch engine` or `cobatch run` is started."
                                   : "The store answers, and an engine is attached."},
       {"version", version()},
       {"engines", std::move(engines)},
       {"session_running", now->lock.guard_busy},
       {"tally", tally_json(now->all.tally)}},
      std::move(now->warnings)};
}

outcome lock_status(const call& request) {
  const auto lock = request.place.lock();
  if (!lock) return fail(lock.error());
  answer reply{{{"message", lock->advice},
                {"locked", lock->guard_busy},
                {"lock_file", request.place.paths().marker.string()},
                {"marker", name_of_marker(lock->marker)}}};
  if (!lock->marker_content.empty()) reply.add("marker_content", lock->marker_content);
  if (lock->session) {
    reply.add("batch_id", lock->session->batch.str());
    reply.add("session", session_json(*lock->session));
  }
  if (lock->orchestrator_lost) reply.add("orchestrator_lost", true);
  if (lock->cut_off) reply.add("cut_off", true);
  return reply;
}

outcome unlock(const call& request) {
  const auto done = request.place.unlock(request.params.boolean("force").value_or(false));
  if (!done) return fail(done.error());
  return answer{{{"message", done->message},
                 {"removed_marker", done->removed_marker},
                 {"session_cancelled", done->session_cancelled}}};
}

}  // namespace request
}  // namespace cobatch
