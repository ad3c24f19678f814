// The file `views` in the state folder: whose turn it is to write the views, and what was written last.
//
// Its lock is the turn; its content remembers the files that we wrote, so that one that we did not write is noticed.
// It is never removed. A note that cannot be read (torn by a crash) counts as empty.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <cobatch/core/error.hpp>
#include <cobatch/core/time.hpp>

#include "os/descriptor.hpp"

namespace cobatch {

/// A file as it was written: the same device, inode, size and modification time mean that nobody has changed it since.
struct file_stamp {
  std::int64_t device = 0;
  std::int64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t modified_ns = 0;
  friend bool operator==(const file_stamp&, const file_stamp&) = default;
};

/// Of the name itself, not of what a link points to; nothing if there is nothing of that name.
[[nodiscard]] std::optional<file_stamp> stamp_of(const std::filesystem::path& path);
[[nodiscard]] std::optional<file_stamp> stamp_of(int fd);

/// A file that we wrote. The digest tells it where stamps do not last (a copied folder, some network file systems).
struct written_file {
  file_stamp stamp;
  std::int64_t digest = 0;
  friend bool operator==(const written_file&, const written_file&) = default;
};

/// Tells texts apart; no protection against somebody who wants two texts to look the same.
[[nodiscard]] std::int64_t digest_of(std::string_view text) noexcept;

inline constexpr std::size_t view_count = 3;

struct view_note {
  std::int64_t version = -1;    ///< of the store that the views show; -1: not known
  std::int64_t written_ms = 0;  ///< when, on the steady clock, which all processes share until the machine restarts
  std::int64_t cost_ms = 0;     ///< what the write took
  /// For each view the file that we wrote last, and before it the one it was about to replace: a crash may have come
  /// before or after the replacing.
  std::array<std::vector<written_file>, view_count> files;
  friend bool operator==(const view_note&, const view_note&) = default;
};

/// The views are rewritten at most this often, and at most every `view_pause_factor` times what the last write took,
/// whichever is longer: no more than a tenth of the time goes into them.
inline constexpr std::chrono::milliseconds shortest_view_pause{50};
inline constexpr int view_pause_factor = 10;
inline constexpr std::chrono::seconds longest_view_pause{10};  ///< whatever a note says that a write took

/// How long the views are to be left alone after the last write, by whichever process; `now_ms` on the steady clock.
[[nodiscard]] std::chrono::milliseconds pause_left(const view_note& note, std::int64_t now_ms) noexcept;

[[nodiscard]] std::string note_text(const view_note& note);
/// An empty note for a text that is none.
[[nodiscard]] view_note parse_note(std::string_view text);

/// The note of the latest write, without waiting for a turn. One that is being written may look like none.
[[nodiscard]] view_note glance_at_note(const std::filesystem::path& state_folder);

/// The turn to write the views, held from `take` to destruction.
class view_turn {
 public:
  /// timed_out if another writer has not finished by the deadline; not_writable, disk_full, io_error.
  [[nodiscard]] static result<view_turn> take(const std::filesystem::path& state_folder,
                                              std::chrono::steady_clock::time_point deadline);

  [[nodiscard]] view_note read() const;
  [[nodiscard]] result<void> write(const view_note& note);

 private:
  view_turn(unique_fd fd, std::filesystem::path path);
  unique_fd fd_;
  std::filesystem::path path_;
};

/// Stands in the name of a file that was set aside: `<name>.outside-<moment>`.
inline constexpr std::string_view set_aside_mark = ".outside-";

/// "20251107_214500", in UTC: a moment in the name of a file.
[[nodiscard]] std::string moment_text(timestamp moment);

/// Gives a file the name `<view>.outside-YYYYMMDD_HHMMSS`, or one like it if that is taken; the new name. Errors:
/// not_writable, io_error; then it has its old one.
[[nodiscard]] result<std::filesystem::path> keep_aside(const std::filesystem::path& file,
                                                       const std::filesystem::path& view, timestamp now);

/// True if the file at `path` is one of `ours`, by its stamp or by its content.
[[nodiscard]] bool is_ours(const std::filesystem::path& path, const std::vector<written_file>& ours);

/// Replaces a view: readers see the old or the new text, never half of one. Mode 0600; not synced.
///
/// A file in its place that is not one of `ours` and not empty is kept as `<name>.outside-YYYYMMDD_HHMMSS` and told of
/// in `warnings` (`view_edited`). That holds whenever it is put there: new and old change places in one step, and what
/// came out is looked at afterwards. (Where the file system cannot do that, an edit in the last microseconds is lost.)
///
/// `remember` is called before the new file gets its name, with `ours` as it has to be kept: a crash at any moment
/// leaves only files that the next call knows what to do with. Afterwards `ours` names the new file only.
[[nodiscard]] result<void> replace_view(const std::filesystem::path& path, std::string_view text,
                                        std::vector<written_file>& ours, const std::function<result<void>()>& remember,
                                        timestamp now, std::vector<warning>& warnings);

}  // namespace cobatch
