// Where the files of a workspace lie, and making sure that the folders are there and safe.
#pragma once

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

}  // namespace cobatch
