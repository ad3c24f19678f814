// The files of the views: whose turn it is to write them, which of them are ours, and how they are replaced.
//
// The file `views` in the state folder is never removed. Its lock is the turn to write; its content is the note of what
// was written last. By the stamps in it a file that somebody else wrote is known, also after a restart.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <cobatch/core/error.hpp>
#include <cobatch/core/time.hpp>

#include "os/descriptor.hpp"
#include "os/files.hpp"

namespace cobatch {

/// Queue, results, history: the order of all that is of each view.
inline constexpr std::size_t view_count = 3;
inline constexpr std::array<const char*, view_count> view_names{"claude_task_queue.json", "claude_task_results.json",
                                                                "token_telemetry.json"};

/// By what the file of a view is known as ours.
struct view_stamps {
  file_stamp shown;  ///< it stands there; all 0: none does
  file_stamp next;   ///< it is about to take that place: a process that ends then leaves either
  friend bool operator==(const view_stamps&, const view_stamps&) = default;
};

struct view_note {
  std::int64_t version = -1;    ///< of the store that the views show; -1: not known
  std::int64_t written_ms = 0;  ///< when, on the steady clock, which all processes share until the machine restarts
  std::int64_t cost_ms = 0;     ///< how long that took
  std::array<view_stamps, view_count> files;

  /// How long the views are to be left alone after the last write, by whichever process; `now_ms` on the steady clock.
  /// They are rewritten every 50 ms at most, or ten times what the last write took, at most 10 s: so no more than a
  /// tenth of the time goes into them.
  [[nodiscard]] std::chrono::milliseconds pause_left(std::int64_t now_ms) const noexcept;

  friend bool operator==(const view_note&, const view_note&) = default;
};

[[nodiscard]] std::string note_text(const view_note& note);
/// An empty note for a text that is none, as one torn by a crash.
[[nodiscard]] view_note parse_note(std::string_view text);

/// The note of the latest write, without waiting for a turn. One that is being written may look like none.
[[nodiscard]] view_note glance_at_note(const std::filesystem::path& state_folder);

/// True if the file is one of the views that are noted.
[[nodiscard]] bool is_ours(const std::filesystem::path& path, const view_note& note);

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

using view_texts = std::array<std::string, view_count>;

/// Replaces the views in `folder`: readers see the old or the new text, never half of one. Mode 0600; not synced.
///
/// A file in the place of a view that is not ours is set aside and told of in `warnings` (`view_edited`), unless it is
/// empty or holds what is to be written anyway. (What somebody writes there in the microseconds between that look and
/// the renaming is lost.)
///
/// `note` is as `turn` read it, and then as it is to be written, but for `version` and the times: `version` is -1. A
/// crash or an error at any moment leaves only files that the next call knows what to do with.
[[nodiscard]] result<void> replace_views(view_turn& turn, view_note& note, const std::filesystem::path& folder,
                                         const view_texts& texts, timestamp now, std::vector<warning>& warnings);

/// Stands in the name of a file that was set aside: `<name>.outside-<moment>`.
inline constexpr std::string_view set_aside_mark = ".outside-";

/// "20251107_214500", in UTC: a moment in the name of a file.
[[nodiscard]] std::string moment_text(timestamp moment);

/// Gives the file of a view the name `<view>.outside-YYYYMMDD_HHMMSS`, or one like it if that is taken; the new name.
/// Errors: not_writable, io_error; then it has its old one.
[[nodiscard]] result<std::filesystem::path> set_aside(const std::filesystem::path& view, timestamp now);

}  // namespace cobatch
