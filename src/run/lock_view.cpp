#include "run/lock_view.hpp"

#include <utility>

namespace cobatch {
inline namespace v1 {

result<marker_state> standing_of(const std::optional<marker_identity>& marker,
                                 const std::optional<guard_record>& record, store& storage) {
  marker_evidence evidence;
  evidence.present = marker.has_value();
  if (marker && record && record->marker) {
    const marker_identity& ours = *record->marker;
    evidence.same_file = marker->device == ours.device && marker->inode == ours.inode;
    evidence.same_birth = marker->birth_ns == ours.birth_ns || marker->birth_ns == 0 || ours.birth_ns == 0;
    evidence.same_bytes = marker->size == ours.size && marker->bytes == ours.bytes;
  }
  if (marker) {
    if (const auto content = parse_marker(marker->bytes)) {
      const auto session = storage.find_session_of_marker(content->batch, content->locked_at);
      if (!session) return fail(session.error());
      evidence.names_session = session->has_value();
    }
  }
  return marker_standing(evidence);
}

result<lock_view> look_at_lock(const workspace_paths& paths, store& storage) {
  lock_view seen;
  auto glance = glance_at_guard(paths.state);
  if (!glance) return fail(glance.error());
  seen.facts.guard = glance->busy ? guard_state::busy : guard_state::free;
  seen.record = std::move(glance->record);
  auto marker = look_at_marker(paths.marker);
  if (!marker) return fail(marker.error());
  seen.marker = std::move(*marker);
  const auto standing = standing_of(seen.marker, seen.record, storage);
  if (!standing) return fail(standing.error());
  seen.facts.marker = *standing;
  auto all = storage.read_overview();
  if (!all) return fail(all.error());
  seen.live = std::move(all->live);
  seen.facts.session_row_live = seen.live.has_value();
  return seen;
}

}  // namespace v1
}  // namespace cobatch
