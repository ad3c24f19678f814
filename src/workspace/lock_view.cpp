#include <utility>

#include "store/store.hpp"
#include "workspace/lock.hpp"

namespace cobatch {

namespace {

// Whose marker it is: compared with the guard's record and the store's sessions.
result<marker_state> standing_of(const lock_view& seen, store& storage) {
  marker_evidence evidence;
  evidence.present = seen.marker.has_value();
  if (seen.marker && seen.record && seen.record->marker) {
    const marker_identity& there = *seen.marker;
    const marker_identity& ours = *seen.record->marker;
    evidence.same_file = there.device == ours.device && there.inode == ours.inode;
    evidence.same_birth = there.birth_ns == ours.birth_ns || there.birth_ns == 0 || ours.birth_ns == 0;
    evidence.same_bytes = there.size == ours.size && there.bytes == ours.bytes;
  }
  if (seen.marker) {
    if (const auto content = parse_marker(seen.marker->bytes)) {
      const auto session = storage.find_session_of_marker(content->batch, content->locked_at);
      if (!session) return fail(session.error());
      evidence.names_session = session->has_value();
    }
  }
  return marker_standing(evidence);
}

result<lock_view> look(const workspace_paths& paths, store& storage, guard_state state,
                       std::optional<guard_record> record) {
  lock_view seen;
  seen.facts.guard = state;
  seen.record = std::move(record);
  auto marker = look_at_marker(paths.marker);
  if (!marker) return fail(marker.error());
  seen.marker = std::move(*marker);
  const auto standing = standing_of(seen, storage);
  if (!standing) return fail(standing.error());
  seen.facts.marker = *standing;
  auto live = storage.find_live_session();
  if (!live) return fail(live.error());
  seen.live = std::move(*live);
  seen.facts.session_row_live = seen.live.has_value();
  return seen;
}

}  // namespace

bool is_cut_off(const lock_view& seen) noexcept {
  return seen.live && seen.facts.guard == guard_state::free;
}

result<lock_view> look_at_lock(const workspace_paths& paths, store& storage) {
  const auto once = [&]() -> result<lock_view> {
    auto glance = glance_at_guard(paths.state);
    if (!glance) return fail(glance.error());
    return look(paths, storage, glance->busy ? guard_state::busy : guard_state::free, std::move(glance->record));
  };
  auto seen = once();
  // A session that began between the look at the guard and that at its row was not cut off.
  return seen && is_cut_off(*seen) ? once() : std::move(seen);
}

result<lock_view> look_at_lock(const workspace_paths& paths, store& storage, const guard& held) {
  auto record = held.read_record();
  if (!record) return fail(record.error());
  return look(paths, storage, guard_state::free, std::move(*record));
}

}  // namespace cobatch
