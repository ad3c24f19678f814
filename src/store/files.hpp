// The store's files in the state folder: whether they may be used, whether they are still the ones that were opened,
// and the bell.
#pragma once

#include <cstdint>
#include <filesystem>
#include <utility>

#include <cobatch/core/error.hpp>

#include "os/descriptor.hpp"
#include "os/files.hpp"

namespace cobatch {

class store_files {
 public:
  /// Checks the folder, and creates an empty database file (0600) if there is none. Call with the write lock held.
  /// Errors: cannot_lock, unsafe_file, store_damaged (the file is gone but its log is there), not_writable, disk_full,
  /// io_error.
  [[nodiscard]] static result<store_files> prepare(const std::filesystem::path& folder);

  [[nodiscard]] std::filesystem::path database() const { return folder_ / "store.db"; }
  [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_; }

  /// workspace_replaced unless the paths still name the folder and the file that were opened.
  [[nodiscard]] result<void> check_in_place() const;

 private:
  std::filesystem::path folder_;
  file_identity folder_identity_;
  file_identity database_identity_;
};

/// A file that every commit writes the change counter to, so that those who wait for a change, in any process, are woken
/// by the kernel instead of asking the database. It is a hint that can be lost (a crash between commit and bell); the
/// counter in the database is the truth.
class bell {
 public:
  /// Opens (and creates) the file in an existing folder. Errors: unsafe_file, not_writable, disk_full, io_error.
  [[nodiscard]] static result<bell> open(const std::filesystem::path& folder);

  /// Call with the write lock held, so that the counter never goes back.
  void ring(std::int64_t change) noexcept;
  /// The counter that was rung last; 0 if none was.
  [[nodiscard]] std::int64_t heard() const noexcept;
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  bell(unique_fd fd, std::filesystem::path path) : fd_(std::move(fd)), path_(std::move(path)) {}

  unique_fd fd_;
  std::filesystem::path path_;
};

/// workspace_replaced unless `path` names the file with this identity.
[[nodiscard]] result<void> check_identity(const std::filesystem::path& path, const file_identity& expected);

/// Opens, or creates (0600), one of our own files in the folder; not the database, whose locks a second descriptor
/// would drop. Errors: unsafe_file, not_writable, disk_full, io_error.
[[nodiscard]] result<unique_fd> open_own_file(const std::filesystem::path& folder, const char* name);

/// The folder's absolute path without symbolic links, so that it stays the same folder if the process changes its own.
/// Errors: `cannot_lock` if its file system cannot lock; io_error if there is no such folder.
[[nodiscard]] result<std::filesystem::path> find_lockable_folder(const std::filesystem::path& folder);

}  // namespace cobatch
