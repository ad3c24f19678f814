// What lies on the disk: the folders, room and locks, what git tracks, and the JSON views.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "doctor/checks.hpp"
#include "os/files.hpp"
#include "os/programs.hpp"
#include "views/view_files.hpp"
#include "workspace/layout.hpp"
#include "workspace/work_tree.hpp"

namespace cobatch {

namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t bytes_in_mb = 1'000'000;
constexpr std::uintmax_t least_room_mb = 100;

// True if its file system is mounted read-only, so that its modes and owners do not matter.
bool is_mounted_read_only(const fs::path& folder) {
  struct statvfs info {};
  return ::statvfs(folder.c_str(), &info) == 0 && (info.f_flag & ST_RDONLY) != 0;
}

bool is_own(const fs::path& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) != 0 || info.st_uid == ::geteuid();
}

// True if the folder and what stands directly in it are this user's, as far as that can be seen.
bool is_all_own(const fs::path& folder) {
  if (!is_own(folder)) return false;
  std::error_code unseen;
  const fs::directory_iterator entries(folder, unseen);
  return unseen || std::all_of(begin(entries), end(entries), [](const auto& entry) { return is_own(entry.path()); });
}

// False if it is no folder.
bool check_folder(std::string_view check, const fs::path& folder, findings& out) {
  const std::string name = folder.string();
  struct stat info {};
  if (::stat(folder.c_str(), &info) != 0) {
    out.no(check, system_error(errno, "look at", folder).message);
    return false;
  }
  if (!S_ISDIR(info.st_mode)) {
    out.no(check, name + " is not a folder, so nothing can be stored in it. Move it away.",
           fmt::format("mv {0} {0}.old", shell_quoted(name)));
    return false;
  }
  const std::string owner = info.st_uid == ::geteuid() ? "you" : fmt::format("user {}", info.st_uid);
  const std::string there = fmt::format("{} has mode {:04o} and belongs to {}", name, info.st_mode & 07777U, owner);
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
    out.no(check, there + ": anybody on this machine may change what is in it.", "chmod o-w " + shell_quoted(name));
  else
    out.yes(check, there + ".");
  return true;
}

void check_room(const fs::path& folder, findings& out) {
  std::error_code problem;
  const auto room = fs::space(folder, problem);
  if (problem) return out.unknown("disk_space", system_error(problem.value(), "ask for the room in", folder));
  const std::string left = fmt::format("{} MB are left for {}", room.available / bytes_in_mb, folder.string());
  if (room.available >= least_room_mb * bytes_in_mb) return out.yes("disk_space", left + ".");
  out.no("disk_space",
         fmt::format("{}, fewer than {}: a batch may soon be refused with disk_full. What is stored is kept.", left,
                     least_room_mb),
         "df -h " + shell_quoted(folder.string()));
}

void check_can_lock(const fs::path& folder, findings& out) {
  const auto hopeless = cannot_lock(folder);
  if (!hopeless) return out.unknown("file_locks", hopeless.error());
  if (!*hopeless) return out.yes("file_locks", "The file system of " + folder.string() + " can lock files.");
  out.no("file_locks",
         folder.string() +
             " is on a file system whose locks cannot be trusted (network, FUSE, virtiofs or 9p), so no batch can run "
             "there. Keep the store on a local disk: give every command the same --state DIR.");
}

}  // namespace

std::string how_to_make_writable(const fs::path& folder) {
  const std::string name = shell_quoted(folder.string());
  if (is_mounted_read_only(folder))
    return fmt::format("sudo mount -o remount,rw \"$(findmnt -n -o TARGET -T {})\"", name);
  if (!is_all_own(folder)) return fmt::format("sudo chown -R \"$(id -un)\" {}", name);
  return "chmod -R u+rwX " + name;
}

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

void check_views(const workspace_paths& paths, store& storage, findings& out) {
  const std::string renew = out.command("status");
  const std::array files{paths.queue_view, paths.results_view, paths.history_view};
  static_assert(files.size() == view_count);
  const view_note note = glance_at_note(paths.state);
  for (const auto& file : files)
    if (stamp_of(file) && !is_ours(file, note))
      return out.no("views",
                    file.string() +
                        " was written by something other than Cobatch. It is a copy: to edit it changes no task. The "
                        "next command keeps it under another name and writes the file anew.",
                    renew);
  const bool all_there = std::all_of(files.begin(), files.end(), [](const auto& file) { return stamp_of(file); });
  if (all_there && note.version == storage.version())
    return out.yes("views", "The JSON files in data/ show what is stored.");
  out.unknown("views",
              "The JSON files in data/ do not show the latest changes yet. Whoever has the workspace open writes them "
              "in a moment; if nobody has, the next command does.",
              renew);
}

}  // namespace cobatch
