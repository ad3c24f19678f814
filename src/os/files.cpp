#include "os/files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <iterator>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#include "os/system.h"

#ifdef __APPLE__
#include <sys/mount.h>
#else
#include <sys/vfs.h>
#endif

namespace cobatch {

namespace fs = std::filesystem;

namespace {

file_identity identity_from(const struct stat& info) {
  return {static_cast<std::uint64_t>(info.st_dev), static_cast<std::uint64_t>(info.st_ino)};
}

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

// unsafe_file unless `file` is regular, has one link and lies on the mount of `folder_fd`.
result<void> check_plain(const cobatch_file& file, int folder_fd, const fs::path& path) {
  const std::string name = path.string();
  if (!S_ISREG(file.mode))
    return fail(errc::unsafe_file, name + " is not a regular file; it was not touched. Move it away and try again");
  if (file.links != 1)
    return fail(errc::unsafe_file, name + " has " + std::to_string(file.links) +
                                       " names (hard links), so others may change it; it was not touched. Put a plain "
                                       "copy in its place, or move it away, and try again");
  cobatch_file folder{};
  if (::cobatch_look_at_file(folder_fd, nullptr, &folder) != 0)
    return fail(system_error(errno, "find the mount of", path));
  if (file.mount != folder.mount)
    return fail(errc::unsafe_file, name +
                                       " lies on another mount than its folder (a mount of a single file?); it was "
                                       "not touched. Mount the whole folder instead");
  return {};
}

}  // namespace

error system_error(int error_number, std::string_view doing, const fs::path& path) {
  std::string message =
      "could not " + std::string(doing) + " " + path.string() + ": " + std::generic_category().message(error_number);
  switch (error_number) {
    case ENOSPC:
    case EDQUOT: return {errc::disk_full, message + "; make room there and try again"};
    case EROFS:
      return {errc::not_writable, message +
                                      "; Cobatch works only where it can write, also to look at what is there. Make "
                                      "that file system writable, or name a copy elsewhere with --root"};
    case EACCES:
    case EPERM: return {errc::not_writable, message + "; check owner and mode of the file and of its folder"};
    default: return {errc::io_error, std::move(message)};
  }
}

result<file_identity> identity_of(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return fail(system_error(errno, "look at", path));
  return identity_from(info);
}

result<file_identity> identity_of(int fd, const fs::path& path_for_messages) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return fail(system_error(errno, "look at", path_for_messages));
  return identity_from(info);
}

namespace {

std::optional<file_stamp> stamp_at(int fd, const char* name) {
  cobatch_file file{};
  if (::cobatch_look_at_file(fd, name, &file) != 0) return std::nullopt;
  return file_stamp{static_cast<std::int64_t>(file.device), static_cast<std::int64_t>(file.inode), file.size,
                    file.modified_ns, file.changed_ns};
}

}  // namespace

std::optional<file_stamp> stamp_of(const fs::path& path) { return stamp_at(-1, path.c_str()); }

std::optional<file_stamp> stamp_of(int fd) { return stamp_at(fd, nullptr); }

int move_to_free_name(const fs::path& from, const fs::path& to) {
  if (::linkat(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), 0) == 0) {
    ::unlink(from.c_str());
    return 0;
  }
  if (errno == EEXIST) return EEXIST;
  // A folder has no links, nor has any file on FAT and some FUSE file systems.
  if (::cobatch_rename_to_free_name(from.c_str(), to.c_str()) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  if (stamp_of(to)) return EEXIST;
  return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

result<temporary_file> make_temporary_file(const fs::path& path) {
  temporary_file made;
  made.name = (folder_of(path) / ("." + path.filename().string() + ".XXXXXX")).string();
  made.fd.reset(::mkostemp(made.name.data(), O_CLOEXEC));
  if (!made.fd.open()) return fail(system_error(errno, "make a file beside", path));
  return made;
}

result<std::string> read_file(const fs::path& path, std::size_t limit) {
  // A pipe that nobody writes to is not waited for.
  const unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.open()) return fail(system_error(errno, "open", path));
  std::string content;
  std::vector<char> block(64 * 1024);
  for (;;) {
    const ssize_t n = ::read(fd.get(), block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(system_error(errno, "read", path));
    if (n == 0) return content;
    content.append(block.data(), static_cast<std::size_t>(n));
    if (content.size() > limit)
      return fail(errc::too_large, path.string() + " has more than " + std::to_string(limit) + " bytes");
  }
}

result<void> write_file_atomically(const fs::path& path, std::string_view content, bool durable) {
  const auto temporary = make_temporary_file(path);
  if (!temporary) return fail(temporary.error());
  const auto& [fd, name] = *temporary;
  const auto give_up = [&](error e) {
    ::unlink(temporary->name.c_str());
    return fail(std::move(e));
  };
  if (auto written = write_all(fd.get(), content, path); !written) return give_up(written.error());
  if (durable)
    if (auto synced = sync_file(fd.get(), path); !synced) return give_up(synced.error());
  if (::rename(name.c_str(), path.c_str()) != 0) return give_up(system_error(errno, "replace", path));
  return durable ? sync_folder(folder_of(path)) : result<void>{};
}

result<void> write_all(int fd, std::string_view bytes, const fs::path& path_for_messages) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(system_error(errno, "write", path_for_messages));
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

// macOS's fsync stops at the drive's cache; F_FULLFSYNC goes through it, where the file system knows it.
result<void> sync_file(int fd, const fs::path& path_for_messages) {
#ifdef F_FULLFSYNC
  if (::fcntl(fd, F_FULLFSYNC) == 0) return {};
#endif
  if (::fsync(fd) == 0) return {};
  return fail(system_error(errno, "sync", path_for_messages));
}

result<void> sync_folder(const fs::path& folder) {
  const unique_fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.open()) return fail(system_error(errno, "open", folder));
  if (::fsync(fd.get()) != 0) return fail(system_error(errno, "sync", folder));
  return {};
}

result<void> make_folder(const fs::path& folder, unsigned mode) {
  struct stat info {};
  if (::stat(folder.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) return {};
    return fail(system_error(ENOTDIR, "make the folder", folder));
  }
  const fs::path parent = folder_of(folder);
  if (parent != folder)
    if (auto made = make_folder(parent, mode); !made) return made;
  if (::mkdir(folder.c_str(), static_cast<mode_t>(mode)) == 0) return sync_folder(parent);
  const int why = errno;
  // Another process may have made it since; the name may also end in a slash, whose parent is itself.
  if (why == EEXIST && ::stat(folder.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return {};
  return fail(system_error(why, "make the folder", folder));
}

result<void> check_plain_file(int fd, int folder_fd, const fs::path& path_for_messages) {
  cobatch_file file{};
  if (::cobatch_look_at_file(fd, nullptr, &file) != 0) return fail(system_error(errno, "look at", path_for_messages));
  return check_plain(file, folder_fd, path_for_messages);
}

result<bool> check_plain_file(const fs::path& path, int folder_fd) {
  cobatch_file file{};
  if (::cobatch_look_at_file(-1, path.c_str(), &file) != 0) {
    if (errno == ENOENT) return false;
    return fail(system_error(errno, "look at", path));
  }
  if (auto plain = check_plain(file, folder_fd, path); !plain) return fail(plain.error());
  return true;
}

bool is_unlockable_type(std::uint64_t type) noexcept {
  // From linux/magic.h and the file systems' own headers; that header lacks those kept outside the kernel.
  constexpr std::uint64_t unlockable[] = {
      0x6969,      // NFS
      0x517B,      // SMB
      0xFF534D42,  // CIFS
      0xFE534D42,  // SMB 2 and 3
      0x65735546,  // FUSE; also virtiofs and Docker Desktop's shares
      0x01021997,  // 9p; WSL shows Windows drives through it
      0x5346414F,  // AFS
      0x6B414653,  // AFS, kAFS
      0x73757245,  // Coda
      0x00C36400,  // Ceph
      0x564C,      // NCP
      0x0BD00BD0,  // Lustre
      0x47504653,  // GPFS
      0x01161970,  // GFS2
      0x7461636F,  // OCFS2
      0x19830326,  // BeeGFS
      0xAAD7AAEA,  // PanFS
      0x20030528,  // OrangeFS
      0x786F4256,  // VirtualBox shared folders
      0xBACBACBC,  // VMware shared folders
      0x7C7C6673,  // Parallels shared folders
  };
  return std::find(std::begin(unlockable), std::end(unlockable), type) != std::end(unlockable);
}

result<bool> cannot_lock(const fs::path& folder) {
  const unique_fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.open()) return fail(system_error(errno, "open", folder));
  struct statfs info {};
  if (::fstatfs(fd.get(), &info) != 0) return fail(system_error(errno, "find the file system of", folder));
#ifdef __APPLE__
  return (info.f_flags & MNT_LOCAL) == 0;
#else
  // f_type is signed and, on some systems, 32 bits wide: sign extension must not hide a type above 2^31.
  return is_unlockable_type(static_cast<std::uint32_t>(info.f_type));
#endif
}

}  // namespace cobatch
