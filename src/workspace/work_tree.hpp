// What a turn changed in the agent's folder, as its git repository shows it.
//
// It is looked at before and after, and never written to: not even the index is refreshed, no hook, no monitor and no
// filter is run, and nothing is fetched. Where git cannot tell (there is no repository or no git, or it takes too long)
// nothing is known, which is not the same as no changes.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <cobatch/core/error.hpp>
#include <cobatch/core/session.hpp>
#include <cobatch/workspace.hpp>

namespace cobatch {

/// How long git may take for a look, or for the changes between two; it is ended then, and nothing is known.
inline constexpr std::chrono::seconds git_patience{20};
/// More than these are not listed of a turn.
inline constexpr std::size_t most_changed_files = 1000;
inline constexpr std::size_t most_commits = 100;

/// A repository's working tree at one moment.
struct work_snapshot {
  std::filesystem::path top = {};  ///< its folder
  std::string head = {};           ///< the commit; empty: there is none yet
  /// The files that differ from it or from the index, and the untracked ones: path from `top` (UTF-8), and a text that
  /// changes when the file is written.
  std::map<std::string, std::string> files = {};

  friend bool operator==(const work_snapshot&, const work_snapshot&) = default;
};

/// True if something is not committed.
[[nodiscard]] bool is_dirty(const work_snapshot& snapshot);

/// The working tree that a folder is in. May be used from any thread at once.
class work_tree {
 public:
  /// `own`: files and folders that are not the work's, and never listed; nor are the files beside them which are made
  /// when they are replaced (`own_files`).
  work_tree(std::filesystem::path folder, std::vector<std::filesystem::path> own,
            std::chrono::milliseconds patience = git_patience);

  /// Nothing if the folder is in no working tree, or git cannot be run, fails, does not answer in time or has more than
  /// 16 MiB to say.
  [[nodiscard]] std::optional<work_snapshot> look() const;

  /// The files whose entry came, went or changed, and with another HEAD also those in which the two commits differ, and
  /// the commits made: those that are in the later one and not in the earlier, the latest `most_commits` of them.
  /// Nothing if the snapshots are of different repositories.
  [[nodiscard]] std::optional<work_changes> changes_between(const work_snapshot& before,
                                                            const work_snapshot& after) const;

 private:
  std::filesystem::path folder_;
  std::vector<std::filesystem::path> own_;
  std::chrono::milliseconds patience_;
};

/// Of the files in a folder that these patterns of git name, those that git tracks, as paths from there. Empty also
/// where git cannot tell.
[[nodiscard]] std::vector<std::string> tracked_files(const std::filesystem::path& folder,
                                                     std::span<const std::string_view> patterns);

/// What Cobatch itself writes in a workspace.
[[nodiscard]] std::vector<std::filesystem::path> own_files(const workspace_paths& paths);

/// Keeps a snapshot for who comes after a crash of this process. Not synced. Errors: as for files.
[[nodiscard]] result<void> write_snapshot(const work_snapshot& snapshot, const std::filesystem::path& file);
/// Nothing if the file is not there, or is none of `write_snapshot`'s.
[[nodiscard]] std::optional<work_snapshot> read_snapshot(const std::filesystem::path& file);

}  // namespace cobatch
