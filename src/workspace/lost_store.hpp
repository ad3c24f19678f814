// A store that is gone: its file is missing or empty, though what lies beside it shows that there was one. What the
// JSON views show is then the last copy of the tasks, and must not be written over.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include <cobatch/core/error.hpp>
#include <cobatch/workspace.hpp>

namespace cobatch {

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
[[nodiscard]] std::optional<warning> told_of_lost_store(const workspace_options& options, const workspace_paths& paths);
/// What was saved has been imported.
void forget_lost_store(const workspace_paths& paths) noexcept;

}  // namespace cobatch
