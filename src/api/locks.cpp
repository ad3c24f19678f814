// lock_status, unlock.
#include "api/actions.hpp"
#include "views/record_json.hpp"

namespace cobatch {
namespace request {

namespace {

std::string_view name_of_marker(marker_state marker) {
  switch (marker) {
    case marker_state::absent:
      return "absent";
    case marker_state::ours:
      return "ours";
    case marker_state::foreign:
      break;
  }
  return "foreign";
}

}  // namespace

outcome lock_status(const call& request) {
  auto lock = request.place.lock();
  if (!lock) return refuse(std::move(lock.error()));
  answer reply{{{"message", lock->advice},
                {"locked", lock->guard_busy},
                {"lock_file", request.place.paths().marker.string()},
                {"marker", name_of_marker(lock->marker)}}};
  if (!lock->marker_content.empty()) reply.fields.push_back({"marker_content", lock->marker_content});
  if (lock->session) {
    reply.fields.push_back({"batch_id", lock->session->batch.str()});
    reply.fields.push_back({"session", session_json(*lock->session)});
  }
  if (lock->orchestrator_lost) reply.fields.push_back({"orchestrator_lost", true});
  if (lock->cut_off) reply.fields.push_back({"cut_off", true});
  return reply;
}

outcome unlock(const call& request) {
  auto done = request.place.unlock(request.params.boolean("force").value_or(false));
  if (!done) return refuse(std::move(done.error()));
  return answer{{{"message", done->message},
                 {"removed_marker", done->removed_marker},
                 {"session_cancelled", done->session_cancelled}}};
}

}  // namespace request
}  // namespace cobatch
