// The marker, `data/execute_queue.lock`: tells people that a session runs. The guard decides, not the marker.
//
// It holds exactly {"locked_at","batch_id"}. A marker that we did not write is never removed or overwritten.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include <cobatch/core/error.hpp>
#include <cobatch/core/id.hpp>
#include <cobatch/core/time.hpp>

namespace cobatch {

/// A marker file as it was seen. An inode number alone proves nothing (it is used again), and a rewrite in place keeps
/// inode and birth time: so the bytes count too.
struct marker_identity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t birth_ns = 0;  ///< 0: the file system does not tell
  std::int64_t size = 0;
  std::string bytes;  ///< at most `max_marker_bytes`; a larger file keeps its first bytes

  friend bool operator==(const marker_identity&, const marker_identity&) = default;
};
inline constexpr std::size_t max_marker_bytes = 4096;

/// The exact bytes of our marker, a line: {"locked_at":"2025-11-07T21:45:00Z","batch_id":"…"}.
[[nodiscard]] std::string marker_bytes(const batch_id& batch, timestamp locked_at);

/// What a marker in our (or the guide's) form says; nothing for any other content.
struct marker_content {
  batch_id batch;
  timestamp locked_at;
};
[[nodiscard]] std::optional<marker_content> parse_marker(std::string_view bytes);

/// The marker that is there now; nothing if there is none. What is not a regular file is reported with its identity
/// and no bytes.
[[nodiscard]] result<std::optional<marker_identity>> look_at_marker(const std::filesystem::path& path);

/// Makes the marker: a temporary file, then link, so that it is never seen half-written and never replaces another.
/// foreign_marker if one is there.
[[nodiscard]] result<marker_identity> write_marker(const std::filesystem::path& path, const batch_id& batch,
                                                   timestamp locked_at);

/// Removes the marker, a file or an empty folder, if it is still the one that was seen: renames it to a private name,
/// looks again, and gives it its name back if it is another. False if it was gone or another. If it cannot be removed
/// it has its name as before: unsafe_file (a folder with something in it), not_writable, io_error.
[[nodiscard]] result<bool> remove_marker(const std::filesystem::path& path, const marker_identity& seen);

}  // namespace cobatch
