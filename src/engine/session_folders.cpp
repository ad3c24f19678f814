#include "engine/session_folders.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <dirent.h>
#include <exception>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <vector>

#include "agents/agent_process.hpp"
#include "store/store.hpp"

namespace cobatch {

namespace {

namespace fs = std::filesystem;

// So that a session's end does not take long where there are very many.
constexpr std::size_t most_at_once = 100;

std::optional<epoch> session_named(const std::string& name) {
  std::int64_t number = 0;
  const auto read = std::from_chars(name.data(), name.data() + name.size(), number);
  if (read.ec != std::errc{} || number <= 0 || std::to_string(number) != name) return std::nullopt;
  return epoch{number};
}

// In the order of their sessions. A directory_iterator ends the process where there is no memory.
std::vector<epoch> sessions_with_folders(const fs::path& sessions) {
  std::vector<epoch> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(sessions.c_str()), ::closedir);
  if (!folder) return found;
  while (const dirent* entry = ::readdir(folder.get())) {
    const auto session = session_named(entry->d_name);
    struct stat info {};
    const bool is_folder =
        ::fstatat(::dirfd(folder.get()), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode);
    if (session && is_folder) found.push_back(*session);
  }
  std::sort(found.begin(), found.end());
  return found;
}

// Those that the folder of any of these leads to.
std::set<epoch> led_to(const workspace_paths& paths, const std::vector<epoch>& sessions) {
  std::set<epoch> found;
  for (const epoch session : sessions) {
    std::error_code none;
    const auto earlier = fs::read_symlink(link_to_earlier_in(session_folder(paths, session)), none);
    if (const auto named = session_named(earlier.filename().string()); !none && named) found.insert(*named);
  }
  return found;
}

// Those that ended before this moment; of sessions in their order, so that one that ended later ends the search. What
// the store does not know as ended is passed over.
std::vector<epoch> ended_before(store& storage, std::span<const epoch> sessions, timestamp moment) {
  std::vector<epoch> found;
  for (const epoch session : sessions) {
    const auto record = storage.find_session(session);
    if (!record || !*record || !(*record)->ended_at) continue;
    if (*(*record)->ended_at >= moment) break;
    found.push_back(session);
  }
  return found;
}

void remove_old(workspace& place) {
  const auto sessions = sessions_with_folders(place.paths().sessions);
  if (sessions.size() <= session_folders_kept) return;
  const auto beyond = std::span(sessions).first(sessions.size() - session_folders_kept);
  const auto old = ended_before(place.storage(), beyond, place.now() + -session_folder_age);
  if (old.empty()) return;
  const auto needed = led_to(place.paths(), sessions);
  std::size_t removed = 0;
  for (const epoch session : old) {
    if (removed == most_at_once) return;
    if (needed.contains(session)) continue;
    std::error_code left;
    fs::remove_all(session_folder(place.paths(), session), left);
    ++removed;
  }
}

}  // namespace

fs::path agent_folder(const engine_options& options, const workspace_paths& paths) {
  if (options.working_directory.empty()) return paths.root;
  std::error_code no_current_folder;
  auto folder = fs::absolute(options.working_directory, no_current_folder);
  return no_current_folder ? options.working_directory : folder;
}

fs::path session_folder(const workspace_paths& paths, epoch session) {
  return paths.sessions / std::to_string(session.value);
}

void remove_old_session_folders(workspace& place) {
  try {
    remove_old(place);
  } catch (const std::exception&) {
    // The session has ended well without it.
  }
}

}  // namespace cobatch
