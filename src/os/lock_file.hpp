// The lock file, `data/execute_queue.lock`: tells people that a session runs. The guard decides, not the lock file.
//
// It holds exactly {"locked_at","batch_id"}. A lock file that we did not write is never removed or overwritten.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include <cobatch/core/error.hpp>
#include <cobatch/core/id.hpp>
#include <cobatch/core/time.hpp>

namespace cobatch {

/// A lock file as it was seen. An inode number alone proves nothing (it is used again), and a rewrite in place keeps
/// inode and birth time: so the bytes count too.
struct lock_file_identity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t birth_ns = 0;  ///< 0: the file system does not tell
  std::int64_t size = 0;
  std::string bytes;  ///< at most `max_lock_file_bytes`; a larger file keeps its first bytes

  friend bool operator==(const lock_file_identity&, const lock_file_identity&) = default;
};
inline constexpr std::size_t max_lock_file_bytes = 4096;

/// The exact bytes of our lock file, a line: {"locked_at":"2025-11-07T21:45:00Z","batch_id":"…"}.
[[nodiscard]] std::string lock_file_bytes(const batch_id& batch, timestamp locked_at);

/// What a lock file in our (or the guide's) form says; nothing for any other content.
struct lock_file_content {
  batch_id batch;
  timestamp locked_at;
};
[[nodiscard]] std::optional<lock_file_content> parse_lock_file(std::string_view bytes);

/// The lock file that is there now; nothing if there is none. What is not a regular file is reported with its identity
/// and no bytes.
[[nodiscard]] result<std::optional<lock_file_identity>> look_at_lock_file(const std::filesystem::path& path);

/// Makes the lock file: a temporary file, then link, so that it is never seen half-written and never replaces another.
/// foreign_marker if one is there.
[[nodiscard]] result<lock_file_identity> write_lock_file(const std::filesystem::path& path, const batch_id& batch,
                                                         timestamp locked_at);

/// Removes the lock file, a file or an empty folder, if it is still the one that was seen: renames it to a private name,
/// looks again, and gives it its name back if it is another. False if it was gone or another. If it cannot be removed
/// it has its name as before: unsafe_file (a folder with something in it), not_writable, io_error.
[[nodiscard]] result<bool> remove_lock_file(const std::filesystem::path& path, const lock_file_identity& seen);

}  // namespace cobatch
