// Where the files of a workspace lie; that the folders are there and safe; and what is done if its store is lost.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include <cobatch/core/error.hpp>
#include <cobatch/workspace.hpp>

#include "os/files.hpp"

namespace cobatch {

struct layout {
  workspace_paths paths;
  file_identity data_identity;   ///< of `data/` when it was opened
  file_identity state_identity;  ///< of the state folder
  file_identity store_identity;  ///< of the store's file, once it is open
};

/// What Cobatch writes in `data/`, named from there as git names paths: `*` stands for any text.
inline constexpr std::string_view names_in_data[] = {
    ".gitignore",
    ".cobatch",
    "execute_queue.lock",
    ".execute_queue.lock.*",
    "claude_task_queue.json",
    ".claude_task_queue.json.*",
    "claude_task_results.json",
    ".claude_task_results.json.*",
    "token_telemetry.json",
    ".token_telemetry.json.*",
    "last_execution_telemetry.json",
    ".last_execution_telemetry*",
    "task_archive/results_*.jsonl",
    // What others wrote in the place of these, set aside.
    "*.json.outside-*",
    "*.json*.unreadable-*",
    "last_execution_telemetry.json.left-over-*",
};

/// Where the files of a workspace lie, or would lie, without making any. Errors: io_error (no such project folder).
[[nodiscard]] result<workspace_paths> find_paths(const workspace_options& options);

/// Finds or makes `data/` (0700; one that is there keeps its mode; with a .gitignore of `names_in_data`, unless there
/// is one) and the state folder (0700, with a .gitignore of everything). Errors: not_writable, disk_full, cannot_lock
/// (names --state), unsafe_file (a link where a folder should be), io_error (no such project folder).
[[nodiscard]] result<layout> lay_out(const workspace_options& options);

/// workspace_replaced unless `data/`, the state folder and the store's file are still the ones that were opened.
[[nodiscard]] result<void> check_in_place(const layout& where);

// A store is lost if its file is missing or empty, though what lies beside it shows that there was one. What the JSON
// views show is then the last copy of the tasks, and must not be written over.

enum class store_standing : std::uint8_t {
  none,   ///< nothing has been stored yet: there is no file, or an empty one
  lost,   ///< the same, but there was a store
  there,  ///< there is a file with something in it, or a log of one, or it cannot be looked at
};

/// Looks, and opens and makes nothing.
[[nodiscard]] store_standing standing_of_store(const std::filesystem::path& state_folder);

/// Call before the store is opened, which makes it anew. If it is lost, the views get another, lasting name, under
/// which an import finds them, and that is remembered in the state folder. Errors: those of `view_turn::take`,
/// not_writable, disk_full, io_error; then no view is lost. Several processes may call it at once.
[[nodiscard]] result<void> save_views_of_lost_store(const workspace_paths& paths, timestamp now);

/// The warning `store_lost`, as long as views that were saved are there and `forget_lost_store` was not called.
[[nodiscard]] std::optional<warning> lost_store_warning(const workspace_options& options, const workspace_paths& paths);
/// What was saved has been imported.
void forget_lost_store(const workspace_paths& paths) noexcept;

}  // namespace cobatch
