#include <algorithm>
#include <cerrno>
#include <chrono>
#include <dirent.h>
#include <memory>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

#include "os/files.hpp"
#include "os/programs.hpp"
#include "views/view_files.hpp"
#include "workspace/layout.hpp"

namespace cobatch {

namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds longest_wait_for_turn{5};
constexpr std::size_t largest_record = 65536;

bool is_missing_or_empty(const fs::path& file) {
  struct stat info {};
  if (::lstat(file.c_str(), &info) != 0) return errno == ENOENT;
  return S_ISREG(info.st_mode) && info.st_size == 0;
}

bool has_no_store(const fs::path& state) {
  return is_missing_or_empty(state / "store.db") && is_missing_or_empty(state / "store.db-wal");
}

// A directory_iterator ends the process where there is no memory.
bool has_entries(const fs::path& folder) {
  const std::unique_ptr<DIR, int (*)(DIR*)> opened(::opendir(folder.c_str()), ::closedir);
  if (opened == nullptr) return false;
  while (const dirent* entry = ::readdir(opened.get()))
    if (entry->d_name[0] != '.') return true;
  return false;
}

// A store is made before its views and before the first session's folder: so whoever looks for these first, and for the
// store afterwards, does not take for lost what somebody else makes meanwhile.
bool is_lost(const fs::path& state, const view_note& note) {
  return (note != view_note{} || has_entries(state / "sessions")) && has_no_store(state);
}

// The names of the files in data/ that views were saved as, a line each.
fs::path record_in(const fs::path& state) { return state / "saved_views"; }

// Those that are still there.
std::vector<std::string> saved_views(const workspace_paths& paths) {
  std::vector<std::string> names;
  const auto text = read_file(record_in(paths.state), largest_record);
  if (!text) return names;
  std::string_view rest = *text;
  for (std::size_t end; (end = rest.find('\n')) != rest.npos; rest.remove_prefix(end + 1)) {
    std::string name(rest.substr(0, end));
    if (stamp_of(paths.data / name)) names.push_back(std::move(name));
  }
  return names;
}

std::string import_command(const workspace_options& options, const workspace_paths& paths) {
  std::string command = "cobatch import " + shell_quoted(paths.data.string());
  if (options.root != ".") command += " --root " + shell_quoted(options.root.string());
  if (!options.state.empty()) command += " --state " + shell_quoted(options.state.string());
  return command;
}

}  // namespace

store_standing standing_of_store(const fs::path& state_folder) {
  if (is_lost(state_folder, glance_at_note(state_folder))) return store_standing::lost;
  return has_no_store(state_folder) ? store_standing::none : store_standing::there;
}

result<void> save_views_of_lost_store(const workspace_paths& paths, timestamp now) {
  if (!has_no_store(paths.state)) return {};
  auto turn = view_turn::take(paths.state, std::chrono::steady_clock::now() + longest_wait_for_turn);
  if (!turn) return fail(turn.error());
  if (!is_lost(paths.state, turn->read())) return {};

  std::vector<std::string> names = saved_views(paths);
  for (const auto& view : {paths.queue_view, paths.results_view, paths.history_view}) {
    if (is_missing_or_empty(view)) continue;
    const auto kept = set_aside(view, now);
    if (!kept) return fail(kept.error());
    names.push_back(kept->filename().string());
  }
  const std::string record = names.empty() ? "" : fmt::format("{}\n", fmt::join(names, "\n"));
  if (auto done = write_file_atomically(record_in(paths.state), record, true); !done) return done;
  // Last, so that a process that ends before it leaves this to the next one.
  return turn->write({});
}

std::optional<warning> lost_store_warning(const workspace_options& options, const workspace_paths& paths) {
  const auto names = saved_views(paths);
  if (names.empty()) return std::nullopt;
  return warning{
      "store_lost",
      fmt::format("{} was missing or empty, though there was a store before, so a new one was made, without its tasks. "
                  "What the JSON files showed of them is kept in {} as {}: `{}` puts it in. Or, if there is a backup, "
                  "stop Cobatch, put store.db back, and remove these files.",
                  (paths.state / "store.db").string(), paths.data.string(), fmt::join(names, ", "),
                  import_command(options, paths))};
}

void forget_lost_store(const workspace_paths& paths) noexcept { ::unlink(record_in(paths.state).c_str()); }

}  // namespace cobatch
