// The store's files in the state folder: what they are called, whether they may be used, and whether they are still
// the ones that were opened.
#pragma once

#include <filesystem>

#include <cobatch/core/error.hpp>

#include "os/descriptor.hpp"
#include "os/files.hpp"

namespace cobatch {

class sqlite_files {
 public:
  /// Checks the folder, and creates an empty database file (0600) if there is none. Call with the write lock held.
  /// Errors: cannot_lock, unsafe_file, store_damaged (the file is gone but its log is there), not_writable, disk_full,
  /// io_error.
  [[nodiscard]] static result<sqlite_files> prepare(const std::filesystem::path& folder);

  [[nodiscard]] std::filesystem::path database() const { return folder_ / "store.db"; }
  [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_; }

  /// workspace_replaced unless the paths still name the folder and the file that were opened.
  [[nodiscard]] result<void> check_in_place() const;

 private:
  std::filesystem::path folder_;
  file_identity folder_identity_;
  file_identity database_identity_;
};

/// workspace_replaced unless `path` names the file with this identity.
[[nodiscard]] result<void> check_identity(const std::filesystem::path& path, const file_identity& expected);

/// Opens, or creates (0600), one of our own files in the folder; not the database, whose locks a second descriptor
/// would drop. Errors: unsafe_file, not_writable, disk_full, io_error.
[[nodiscard]] result<unique_fd> open_own_file(const std::filesystem::path& folder, const char* name);

/// `cannot_lock` if the folder's file system cannot lock; also fails if there is no such folder.
[[nodiscard]] result<void> check_can_lock(const std::filesystem::path& folder);

/// The folder's absolute path without symbolic links, so that it stays the same folder if the process changes its own.
[[nodiscard]] result<std::filesystem::path> resolve_folder(const std::filesystem::path& folder);

}  // namespace cobatch
