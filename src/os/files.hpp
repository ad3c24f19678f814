// The few things done with files, each with the errno turned into an error that a person can use.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <cobatch/core/error.hpp>

#include "os/descriptor.hpp"

namespace cobatch {

/// The error for a failed system call: disk_full for ENOSPC and EDQUOT, not_writable for EACCES, EPERM and EROFS,
/// io_error otherwise. `doing` completes "could not …"; the path and strerror are added.
[[nodiscard]] error system_error(int error_number, std::string_view doing, const std::filesystem::path& path);

/// Device and inode: which file it is, whatever its name.
struct file_identity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  friend bool operator==(const file_identity&, const file_identity&) = default;
};
[[nodiscard]] result<file_identity> identity_of(const std::filesystem::path& path);
[[nodiscard]] result<file_identity> identity_of(int fd, const std::filesystem::path& path_for_messages);

/// A file at one moment: with the same stamp nobody has written to it since, nor put another in its place.
struct file_stamp {
  std::int64_t device = 0, inode = 0;
  std::int64_t size = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;  ///< content, name or mode
  friend bool operator==(const file_stamp&, const file_stamp&) = default;
};
/// Of the name itself, not of what a link points to; nothing if there is nothing of that name.
[[nodiscard]] std::optional<file_stamp> stamp_of(const std::filesystem::path& path);
[[nodiscard]] std::optional<file_stamp> stamp_of(int fd);

/// Whole content, at most `limit` bytes (too_large above). io_error if there is no such file.
[[nodiscard]] result<std::string> read_file(const std::filesystem::path& path, std::size_t limit);

/// A new file beside `path`, with a name of its own that begins with a dot. Mode 0600.
struct temporary_file {
  unique_fd fd;
  std::string name;  ///< its path, which ends in six random letters
};
[[nodiscard]] result<temporary_file> make_temporary_file(const std::filesystem::path& path);

/// Writes beside the file and renames over it, so that readers see the old or the new content, never half of one.
/// Mode 0600. With `durable` the file and its folder are synced before it returns.
[[nodiscard]] result<void> write_file_atomically(const std::filesystem::path& path, std::string_view content,
                                                 bool durable);

/// Writes all bytes, continuing after partial writes and EINTR.
[[nodiscard]] result<void> write_all(int fd, std::string_view bytes, const std::filesystem::path& path_for_messages);

/// Gives a file, link or folder another name that nobody has. 0, or the errno (EEXIST: somebody has it).
[[nodiscard]] int move_to_free_name(const std::filesystem::path& from, const std::filesystem::path& to);

/// Waits until what was written to the file is on the disk.
[[nodiscard]] result<void> sync_file(int fd, const std::filesystem::path& path_for_messages);
[[nodiscard]] result<void> sync_folder(const std::filesystem::path& folder);

/// Makes a folder with this mode, and its parents; one that is there keeps its mode. New folders are synced into
/// their parents: without that a power failure takes them.
[[nodiscard]] result<void> make_folder(const std::filesystem::path& folder, unsigned mode);

/// unsafe_file unless `fd` is a regular file with one link, on the same mount as `folder_fd`. Call after opening with
/// O_NOFOLLOW.
[[nodiscard]] result<void> check_plain_file(int fd, int folder_fd, const std::filesystem::path& path_for_messages);
/// The same of a name, without opening the file: closing a descriptor of a database drops the locks that SQLite holds on
/// it in this process. False if there is no such file.
[[nodiscard]] result<bool> check_plain_file(const std::filesystem::path& path, int folder_fd);

/// True for file systems on which flock cannot be trusted between hosts or at all (network, FUSE, virtiofs, 9p).
[[nodiscard]] result<bool> cannot_lock(const std::filesystem::path& folder);
/// The same of a file system's `f_type` (statfs) on Linux.
[[nodiscard]] bool is_unlockable_type(std::uint64_t type) noexcept;

}  // namespace cobatch
