// Who may run: the decision, as a pure table.
//
// Three facts are looked at. The guard is the kernel lock that decides; the marker, `data/execute_queue.lock`, is the
// file that tells people; a session row in the store that was never ended says that its session lives or died. The
// guard outranks both: while it is busy somebody is responsible, whatever the marker and the store say; while it is
// free nobody is, so a session row that looks live is dead. No age, no pid and no clock enters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include <cobatch/core/error.hpp>

namespace cobatch {
inline namespace v1 {

enum class guard_state : std::uint8_t {
  free,     ///< the asker holds it, or could have
  busy,     ///< an orchestrator or a keeper holds it
  unknown,  ///< it could not be asked
};
inline constexpr std::size_t guard_state_count = 3;

enum class marker_state : std::uint8_t {
  absent,
  ours,     ///< this workspace wrote it
  foreign,  ///< anything else, whatever it says
};
inline constexpr std::size_t marker_state_count = 3;

/// What an asker has seen.
struct lock_facts {
  guard_state guard = guard_state::unknown;
  marker_state marker = marker_state::absent;
  bool session_row_live = false;  ///< the store holds a session that was not ended

  friend constexpr bool operator==(const lock_facts&, const lock_facts&) = default;
};

/// How the marker that is there compares with what we know.
struct marker_evidence {
  bool present = false;
  bool same_file = false;      ///< device and inode are those of the guard's record
  bool same_birth = false;     ///< so is the birth time; also true where the file system does not tell it
  bool same_bytes = false;     ///< so are size and bytes
  bool names_session = false;  ///< its (locked_at, batch_id) are those of a session row of this store
};

/// An inode alone proves nothing (it is used again), and a rewrite in place keeps inode and birth time: only all three
/// together make the marker ours. So does naming a session of this store: a copied or restored file is ours too.
[[nodiscard]] constexpr marker_state marker_standing(const marker_evidence& e) noexcept {
  if (!e.present) return marker_state::absent;
  const bool as_recorded = e.same_file && e.same_birth && e.same_bytes;
  return as_recorded || e.names_session ? marker_state::ours : marker_state::foreign;
}

/// The next step of an engine that wants to start a session. After `recover` and `remove_marker` it asks again.
enum class engine_step : std::uint8_t {
  start,          ///< session row, marker, agent
  recover,        ///< end what is left of the dead session and settle it
  remove_marker,  ///< our own marker of a session that has been settled
  wait_guard,     ///< until the holder has gone
  wait_marker,    ///< until somebody removes the foreign marker: it is never broken automatically
  ask_again,      ///< the guard could not be asked
};

/// | guard   | session row | marker absent | ours            | foreign       |
/// |---------|-------------|---------------|-----------------|---------------|
/// | free    | none live   | start         | remove_marker   | wait_marker   |
/// | free    | live        | recover       | recover         | recover       |
/// | busy    | any         | wait_guard    | wait_guard      | wait_guard    |
/// | unknown | any         | ask_again     | ask_again       | ask_again     |
[[nodiscard]] constexpr engine_step next_engine_step(const lock_facts& facts) noexcept {
  if (facts.guard == guard_state::busy) return engine_step::wait_guard;
  if (facts.guard == guard_state::unknown) return engine_step::ask_again;
  if (facts.session_row_live) return engine_step::recover;
  switch (facts.marker) {
    case marker_state::absent: return engine_step::start;
    case marker_state::ours: return engine_step::remove_marker;
    case marker_state::foreign: break;
  }
  return engine_step::wait_marker;
}

/// What `execute_queue` does.
enum class execute_answer : std::uint8_t {
  go_on,            ///< seal and list what will run
  already_running,  ///< a session lives; nothing changes
  /// A marker that we did not write: the guide's `already_running` too, with a word on what to do. Nothing changes.
  already_running_elsewhere,
  ask_again,  ///< the guard could not be asked
};

/// | guard   | marker absent   | ours            | foreign                   |
/// |---------|-----------------|-----------------|---------------------------|
/// | free    | go_on           | go_on           | already_running_elsewhere |
/// | busy    | already_running | already_running | already_running           |
/// | unknown | ask_again       | ask_again       | ask_again                 |
/// The session row does not matter: with the guard free it is a dead session's, and hinders nothing.
[[nodiscard]] constexpr execute_answer on_execute(const lock_facts& facts) noexcept {
  if (facts.guard == guard_state::busy) return execute_answer::already_running;
  if (facts.guard == guard_state::unknown) return execute_answer::ask_again;
  return facts.marker == marker_state::foreign ? execute_answer::already_running_elsewhere : execute_answer::go_on;
}

/// What `unlock` does.
enum class unlock_answer : std::uint8_t {
  remove,          ///< remove the marker, if it is still the one that was shown
  cancel_session,  ///< ask the live session to end; it removes its marker itself
  refuse_live,     ///< somebody holds the guard
  refuse_absent,   ///< there is no marker
  ask_again,       ///< the guard could not be asked
};

/// | guard   | force | session row | marker absent  | ours           | foreign        |
/// |---------|-------|-------------|----------------|----------------|----------------|
/// | free    | any   | any         | refuse_absent  | remove         | remove         |
/// | busy    | no    | any         | refuse_live    | refuse_live    | refuse_live    |
/// | busy    | yes   | live        | cancel_session | cancel_session | cancel_session |
/// | busy    | yes   | none live   | refuse_live    | refuse_live    | refuse_live    |
/// | unknown | any   | any         | ask_again      | ask_again      | ask_again      |
/// A foreign marker may go without force: a person asks, and it is the one that the person was shown. Nothing bypasses
/// the guard. Busy without a live session row is a session about to begin or just ended: there is nothing to cancel.
[[nodiscard]] constexpr unlock_answer on_unlock(const lock_facts& facts, bool force) noexcept {
  if (facts.guard == guard_state::unknown) return unlock_answer::ask_again;
  if (facts.guard == guard_state::busy)
    return force && facts.session_row_live ? unlock_answer::cancel_session : unlock_answer::refuse_live;
  return facts.marker == marker_state::absent ? unlock_answer::refuse_absent : unlock_answer::remove;
}

/// The error code of a refused `unlock`; nothing for the answers that act.
[[nodiscard]] constexpr std::optional<errc> refusal_of(unlock_answer answer) noexcept {
  switch (answer) {
    case unlock_answer::refuse_live: return errc::session_live;
    case unlock_answer::refuse_absent: return errc::no_marker;
    case unlock_answer::ask_again: return errc::cannot_lock;
    default: return std::nullopt;
  }
}

static_assert(next_engine_step({guard_state::busy, marker_state::absent, false}) == engine_step::wait_guard,
              "a removed marker never admits a second session");
static_assert(on_unlock({guard_state::busy, marker_state::ours, true}, false) == unlock_answer::refuse_live);

}  // namespace v1
}  // namespace cobatch
