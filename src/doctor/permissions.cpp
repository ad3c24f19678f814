#include "doctor/permissions.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <string_view>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <fmt/core.h>

#include "os/programs.hpp"

namespace cobatch {

namespace {

// True if the folder and what stands directly in it are this user's, as far as that can be seen.
bool is_all_own(const std::filesystem::path& folder) {
  const std::unique_ptr<DIR, int (*)(DIR*)> opened(::opendir(folder.c_str()), ::closedir);
  struct stat info {};
  if (opened == nullptr) return ::stat(folder.c_str(), &info) != 0 || info.st_uid == ::geteuid();
  while (const dirent* entry = ::readdir(opened.get())) {
    const std::string_view name = entry->d_name;
    if (name == "..") continue;
    if (::fstatat(::dirfd(opened.get()), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 && info.st_uid != ::geteuid())
      return false;
  }
  return true;
}

}  // namespace

bool is_mounted_read_only(const std::filesystem::path& folder) {
  struct statvfs info {};
  return ::statvfs(folder.c_str(), &info) == 0 && (info.f_flag & ST_RDONLY) != 0;
}

std::string how_to_make_writable(const std::filesystem::path& folder) {
  const std::string name = shell_quoted(folder.string());
  if (is_mounted_read_only(folder))
    return fmt::format("sudo mount -o remount,rw \"$(findmnt -n -o TARGET -T {})\"", name);
  if (!is_all_own(folder)) return fmt::format("sudo chown -R \"$(id -un)\" {}", name);
  return "chmod -R u+rwX " + name;
}

}  // namespace cobatch
