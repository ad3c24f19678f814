// The guard: the kernel lock that decides who may run a session.
//
// It is an flock on `guard` in the state folder, a file that is never removed. The lock belongs to the open file
// description, which the keeper inherits: it is free only when orchestrator and keeper have both closed it or died.
// While held it is never unlocked, only closed: LOCK_UN on an inherited description would drop it for everybody.
//
// The file's content is a record of the latest holder, in two checksummed slots written in turn, so that one is
// always whole. The record is for recovery; it decides nothing about who holds the guard.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include <cobatch/core/error.hpp>
#include <cobatch/core/id.hpp>
#include <cobatch/core/session.hpp>

#include "os/descriptor.hpp"
#include "os/lock_file.hpp"

namespace cobatch {

/// What the guard's file says of its latest holder.
struct guard_record {
  epoch session;
  process_identity owner;   ///< the orchestrator
  process_identity keeper;  ///< not known: no agent was started yet
  process_identity agent;   ///< leader of its process session; not known: not started yet
  std::optional<lock_file_identity> marker;

  friend bool operator==(const guard_record&, const guard_record&) = default;
};

class guard {
 public:
  /// Opens (and creates) the guard's file in an existing state folder. It is not held yet.
  /// Errors: cannot_lock, unsafe_file, not_writable, disk_full, io_error.
  [[nodiscard]] static result<guard> open(const std::filesystem::path& state_folder);

  /// Tries to get the lock; false if it is busy. workspace_replaced if the path now names another file.
  [[nodiscard]] result<bool> try_acquire();
  [[nodiscard]] bool held() const noexcept { return held_ && fd_.open(); }

  /// Closes the description and opens the file anew, unheld. The lock is free once the keeper has closed it too.
  [[nodiscard]] result<void> release();

  /// The latest whole record; nothing if there is none, or if it names another file's inode (a copied folder).
  [[nodiscard]] result<std::optional<guard_record>> read_record() const;
  /// Only while held. Not synced: it must survive the process, not the power.
  [[nodiscard]] result<void> write_record(const guard_record& record);

  /// To be inherited by the keeper.
  [[nodiscard]] int descriptor() const noexcept { return fd_.get(); }

 private:
  guard(private_fd fd, std::filesystem::path path);
  [[nodiscard]] result<bool> confirm_held();

  private_fd fd_;
  std::filesystem::path path_;
  bool held_ = false;
};

/// Whether somebody holds the guard right now, without keeping it: the record tells who. Asking takes and drops a
/// shared lock on a description of its own, so two who ask at once do not see each other as holders.
struct guard_glance {
  bool busy = false;
  std::optional<guard_record> record;
};
[[nodiscard]] result<guard_glance> glance_at_guard(const std::filesystem::path& state_folder);

/// Waits until it is worth trying to acquire again: a holder named in the record has died, or a slow tick (at most
/// 250 ms), or the deadline, or a stop. Any descriptor in `also` that becomes readable ends the wait too (-1: none).
void wait_for_guard(const guard_record& holder, std::chrono::steady_clock::time_point deadline, std::stop_token stop,
                    int also);

// ---- The record as bytes: two slots in the guard's file, written in turn
//
// A slot is in the machine's byte order (the record never leaves its machine), and has a sequence number and a checksum.
// The whole slot with the higher number is the latest; a write that a kill cut short spoils only the older one.

/// Bytes of a slot; the second begins where the first ends.
inline constexpr std::size_t guard_slot_bytes = 8192;

struct guard_slot {
  std::uint64_t sequence = 0;
  /// What ties a record to its file: a copy of the file has another inode, or the same one and another birth time.
  std::uint64_t inode = 0;
  std::int64_t birth_ns = 0;  ///< 0: the file system does not tell
  guard_record record;
};

/// Nothing if the record does not fit.
[[nodiscard]] std::optional<std::string> to_slot_bytes(const guard_slot& slot);

/// Nothing if the bytes are not a whole slot.
[[nodiscard]] std::optional<guard_slot> from_slot_bytes(std::string_view bytes);

}  // namespace cobatch
