#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "doctor/checks.hpp"
#include "doctor/permissions.hpp"
#include "os/files.hpp"
#include "os/programs.hpp"
#include "workspace/layout.hpp"
#include "workspace/work_tree.hpp"

namespace cobatch {

namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t bytes_in_mb = 1'000'000;
constexpr std::uintmax_t least_room_mb = 100;

// False if it is no folder.
bool check_folder(std::string_view check, const fs::path& folder, findings& out) {
  struct stat info {};
  if (::stat(folder.c_str(), &info) != 0) {
    out.no(check, system_error(errno, "look at", folder).message);
    return false;
  }
  if (!S_ISDIR(info.st_mode)) {
    const std::string name = shell_quoted(folder.string());
    out.no(check, folder.string() + " is not a folder, so nothing can be stored in it. Move it away.",
           fmt::format("mv {0} {0}.old", name));
    return false;
  }
  const std::string owner = info.st_uid == ::geteuid() ? "you" : fmt::format("user {}", info.st_uid);
  const std::string there =
      fmt::format("{} has mode {:04o} and belongs to {}", folder.string(), info.st_mode & 07777U, owner);
  if (::access(folder.c_str(), R_OK | W_OK | X_OK) != 0)
    out.no(
        check,
        there + (is_mounted_read_only(folder)
                     ? ", and its file system is mounted read-only, so nothing can be stored or changed there. Where "
                       "that is meant to be so, look at a copy of the project's folder elsewhere; if the system did "
                       "it because the disk failed, see to that first (dmesg)."
                     : ", and you may not write in it, so nothing can be stored or changed there."),
        how_to_make_writable(folder));
  else if ((info.st_mode & S_IWOTH) != 0)
    out.no(check, there + ": anybody on this machine may change what is in it.",
           "chmod o-w " + shell_quoted(folder.string()));
  else
    out.yes(check, there + ".");
  return true;
}

void check_room(const fs::path& folder, findings& out) {
  std::error_code problem;
  const auto room = fs::space(folder, problem);
  if (problem) return out.unknown("disk_space", system_error(problem.value(), "ask for the room in", folder).message);
  const std::string left = fmt::format("{} MB are left for {}", room.available / bytes_in_mb, folder.string());
  if (room.available >= least_room_mb * bytes_in_mb) return out.yes("disk_space", left + ".");
  out.no("disk_space",
         fmt::format("{}, fewer than {}: a batch may soon be refused with disk_full. What is stored is kept.", left,
                     least_room_mb),
         "df -h " + shell_quoted(folder.string()));
}

void check_can_lock(const fs::path& folder, findings& out) {
  const auto hopeless = cannot_lock(folder);
  if (!hopeless) return out.unknown("file_locks", hopeless.error().message);
  if (!*hopeless) return out.yes("file_locks", "The file system of " + folder.string() + " can lock files.");
  out.no("file_locks",
         folder.string() +
             " is on a file system whose locks cannot be trusted (network, FUSE, virtiofs or 9p), so no batch can run "
             "there. Keep the store on a local disk: give every command the same --state DIR.");
}

}  // namespace

bool check_folders(const workspace_paths& paths, findings& out) {
  fs::path innermost = paths.root;
  bool all_there = true;
  for (const auto& [check, folder] : {std::pair("root", paths.root), {"data", paths.data}, {"state", paths.state}}) {
    std::error_code unseen;
    all_there = fs::exists(folder, unseen) || unseen;
    if (!all_there) {
      out.yes(check, folder.string() + " is not there yet; the first task makes it.");
      break;
    }
    if (!check_folder(check, folder, out)) return false;
    innermost = folder;
  }
  check_room(innermost, out);
  check_can_lock(innermost, out);
  return all_there;
}

void check_git(const workspace_paths& paths, findings& out) {
  std::set<std::string> tracked;
  for (const auto& file : tracked_files(paths.data, names_in_data))
    if (file != ".gitignore") tracked.insert(file.starts_with(".cobatch/") ? ".cobatch" : shell_quoted(file));
  if (tracked.empty()) return;
  const std::string names = fmt::format("{}", fmt::join(tracked, " "));
  out.no("git",
         fmt::format("Git tracks files of Cobatch in {}: {}. Whoever clones the repository, or adds a worktree, gets "
                     "this workspace's lock file and copies of its tasks for theirs. Take them out of git and commit "
                     "that; the files themselves stay.",
                     paths.data.string(), names),
         fmt::format("git -C {} rm -r --cached -- {}", shell_quoted(paths.data.string()), names));
}

}  // namespace cobatch
