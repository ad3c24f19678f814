// What can be seen of the lock, what a workspace says about it, and `unlock`.
#include "workspace/lock.hpp"

#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <cobatch/core/text.hpp>
#include <cobatch/core/time.hpp>

#include "os/process.hpp"
#include "os/programs.hpp"
#include "workspace/work_tree.hpp"
#include "workspace/workspace.hpp"

namespace cobatch {

namespace {

// Whose marker it is: compared with the guard's record and the store's sessions.
result<marker_state> standing_of(const lock_view& seen, store& storage) {
  marker_evidence evidence;
  evidence.present = seen.marker.has_value();
  if (seen.marker && seen.record && seen.record->marker) {
    const lock_file_identity& there = *seen.marker;
    const lock_file_identity& ours = *seen.record->marker;
    evidence.same_file = there.device == ours.device && there.inode == ours.inode;
    evidence.same_birth = there.birth_ns == ours.birth_ns || there.birth_ns == 0 || ours.birth_ns == 0;
    evidence.same_bytes = there.size == ours.size && there.bytes == ours.bytes;
  }
  if (const auto content = seen.marker ? parse_lock_file(seen.marker->bytes) : std::nullopt) {
    const auto session = storage.find_session_of_marker(content->batch, content->locked_at);
    if (!session) return fail(session.error());
    evidence.names_session = session->has_value();
  }
  return marker_standing(evidence);
}

result<lock_view> look(const workspace_paths& paths, store& storage, guard_state state,
                       std::optional<guard_record> record) {
  lock_view seen;
  seen.facts.guard = state;
  seen.record = std::move(record);
  auto marker = look_at_lock_file(paths.marker);
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

constexpr std::size_t shown_marker_bytes = 400;

bool owner_is_lost(const lock_view& seen) {
  return seen.facts.guard == guard_state::busy && seen.record && seen.record->owner.known() &&
         liveness_of(seen.record->owner) == liveness::dead;
}

// Of a marker that no session of this workspace wrote. Whatever it is, it is honoured: an agent commits the marker of a
// session that runs, and whose folder is copied or whose store is removed may run one, too.
std::string about_foreign(const std::optional<lock_file_identity>& marker, const workspace_paths& paths) {
  const std::string name = paths.marker.filename().string();
  const std::string_view tracked[] = {name};
  if (!tracked_files(paths.data, tracked).empty())
    return fmt::format(
        "A lock file is there that this workspace did not write, and git tracks it, so it may have come with a clone, "
        "a "
        "checkout or a worktree. Batches wait until it goes. Take it out of git (git -C {} rm --cached {}) and, if "
        "nobody runs a session here, remove it with cobatch unlock.",
        shell_quoted(paths.data.string()), name);
  const auto content = marker ? parse_lock_file(marker->bytes) : std::nullopt;
  if (content && marker->bytes == lock_file_bytes(content->batch, content->locked_at))
    return fmt::format(
        "A lock file is there of a Cobatch session that this workspace does not know (batch \"{}\", {}): it came with "
        "a "
        "copy of the folder, or its store was removed. Batches wait until it goes. If nobody runs a session here, "
        "cobatch unlock removes it.",
        content->batch.str(), to_iso_seconds(content->locked_at));
  return "A lock file is there that this workspace did not write, so somebody else may be running a session. Batches "
         "wait until it goes. If nobody is, cobatch unlock removes it.";
}

}  // namespace

bool is_cut_off(const lock_view& seen) noexcept { return seen.live && seen.facts.guard == guard_state::free; }

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

std::string advice_on(const lock_view& seen, const workspace_paths& paths) {
  if (seen.facts.guard == guard_state::busy) {
    if (owner_is_lost(seen))
      return "The orchestrator of this session has died. Its keeper lets the running turn finish and then ends the "
             "agent; the next engine goes on from there. Nothing needs to be done.";
    if (seen.live)
      return fmt::format(
          "A session works batch \"{}\". The lock goes when the batch ends; removing the lock file by hand "
          "does not start a second one.",
          seen.live->batch.str());
    return "A session is about to begin or has just ended.";
  }
  if (seen.facts.marker == marker_state::foreign) return about_foreign(seen.marker, paths);
  if (is_cut_off(seen))
    return "The last session was cut off. The next engine that runs settles it; its lock file needs no hand.";
  if (seen.facts.marker == marker_state::ours)
    return "Nobody holds the lock; the lock file is left over from an earlier session and the next engine removes it.";
  return "Nobody holds the lock; the next sealed batch can start.";
}

result<lock_report> workspace::lock() {
  auto seen = look_at_lock(paths(), *state_->storage);
  if (!seen) return fail(seen.error());
  lock_report report;
  report.guard_busy = seen->facts.guard == guard_state::busy;
  report.orchestrator_lost = owner_is_lost(*seen);
  report.cut_off = is_cut_off(*seen);
  report.marker = seen->facts.marker;
  if (seen->marker) report.marker_content = to_line(seen->marker->bytes, shown_marker_bytes);
  report.advice = advice_on(*seen, paths());
  report.session = std::move(seen->live);
  return report;
}

result<unlock_reply> workspace::unlock(bool force) {
  const auto seen = look_at_lock(paths(), *state_->storage);
  if (!seen) return fail(seen.error());
  const unlock_answer answer = on_unlock(seen->facts, force);
  if (answer == unlock_answer::refuse_absent)
    return fail(errc::no_marker, "there is no data/execute_queue.lock to remove, and nobody holds the lock");
  if (answer == unlock_answer::refuse_live)
    return fail(errc::session_live,
                advice_on(*seen, paths()) + " To end the session, use force (cobatch unlock --force).");
  if (answer == unlock_answer::ask_again)
    return fail(errc::cannot_lock, "the lock could not be asked; nothing was removed. Try again");

  unlock_reply reply;
  if (answer == unlock_answer::cancel_session) {
    const auto asked = state_->storage->request_end(seen->live->id);
    if (!asked) return fail(asked.error());
    reply.session_cancelled = *asked;
    reply.message = *asked ? fmt::format(
                                 "The session of batch \"{}\" is asked to end; its running turn is cancelled "
                                 "and its other tasks stay queued.",
                                 seen->live->batch.str())
                           : "The session has just ended by itself.";
    return reply;
  }
  // The guard is held while the marker goes, so that no session can begin between the look and the removal.
  auto held = guard::open(paths().state);
  if (!held) return fail(held.error());
  const auto got = held->try_acquire();
  if (!got) return fail(got.error());
  if (!*got) return fail(errc::session_live, "a session has just begun; nothing was removed");
  const auto removed = remove_lock_file(paths().marker, *seen->marker);
  if (!removed) return fail(removed.error());
  reply.removed_marker = *removed;
  reply.message = *removed ? "The lock file is removed; the next sealed batch can start."
                           : "The lock file changed or went while it was looked at; nothing was removed.";
  return reply;
}

}  // namespace cobatch
