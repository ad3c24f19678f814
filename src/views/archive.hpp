// data/task_archive/results_YYYY-MM.jsonl: the results that no longer stand among the latest in
// claude_task_results.json, a line each, in the month in which they were completed (UTC).
//
// Lines are added and never changed: a task that is run again has another line, and one that is deleted keeps its own.
// The store knows what has been archived; it is told after the lines have been synced. What a crash left half done is
// completed: the file `archive` of the state folder says which files were being added to, and from where on, so that no
// line comes twice and none stays half.
#pragma once

#include <cstddef>
#include <filesystem>

#include <cobatch/core/error.hpp>
#include <cobatch/store.hpp>

#include "store/store.hpp"

namespace cobatch {

inline constexpr const char* archive_folder = "task_archive";

/// Results go to the archive once more than `kept` have ended since, and then this many earlier than they would have
/// to, so that it is not written anew for each.
inline constexpr std::size_t archived_ahead = 100;

/// Adds what has left the latest `kept`. What is there already, also of somebody else, stays as it is. Nothing is made
/// before there is something to add. One caller at a time for a state folder: whoever has the turn to write the views.
/// not_writable, disk_full, io_error, unsafe_file (what is there is no plain file), and the store's.
[[nodiscard]] result<void> archive_results(store& from, std::size_t kept, const std::filesystem::path& data_folder,
                                           const std::filesystem::path& state_folder);

}  // namespace cobatch
