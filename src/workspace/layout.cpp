#include "workspace/layout.hpp"

#include <cerrno>
#include <filesystem>
#include <string>
#include <sys/stat.h>
#include <system_error>

#include <fmt/format.h>

namespace cobatch {

namespace {

namespace fs = std::filesystem;

// A name for the state of one `data/` in a folder that many may share. Two paths to one folder are one workspace: the
// real path decides. FNV-1a, 64 bit; the last component stands beside it for people.
std::string state_key(const fs::path& real_data) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : real_data.string()) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return fmt::format("{}-{:016x}", real_data.parent_path().filename().string(), hash);
}

// The folder itself must be a folder, not a link to one that somebody else may own.
result<void> check_own_folder(const fs::path& folder) {
  struct stat info {};
  if (::lstat(folder.c_str(), &info) != 0) return fail(system_error(errno, "look at the folder", folder));
  if (!S_ISDIR(info.st_mode))
    return fail(errc::unsafe_file, fmt::format("{} is not a folder (a link is not followed here); nothing was changed. "
                                               "Move it away and try again",
                                               folder.string()));
  return {};
}

// One that is there says what its owner wants, be it empty.
result<void> keep_out_of_git(const fs::path& folder, std::string_view what) {
  const fs::path ignore = folder / ".gitignore";
  std::error_code ignored;
  if (fs::exists(fs::symlink_status(ignore, ignored))) return {};
  return write_file_atomically(ignore, what, false);
}

// Other files in the folder stay visible.
std::string ignored_in_data() {
  std::string lines = "# What Cobatch writes here.\n";
  for (const auto name : names_in_data) lines += fmt::format("/{}\n", name);
  return lines;
}

result<fs::path> real_root(const fs::path& root) {
  std::error_code problem;
  fs::path real = fs::canonical(root, problem);
  if (problem) return fail(system_error(problem.value(), "find the project folder", root));
  if (!fs::is_directory(real, problem))
    return fail(errc::io_error, fmt::format("{} is not a folder; give the project folder", real.string()));
  return real;
}

}  // namespace

result<workspace_paths> find_paths(const workspace_options& options) {
  auto root = real_root(options.root);
  if (!root) return fail(root.error());

  workspace_paths paths;
  paths.root = std::move(*root);
  std::error_code problem;
  paths.data = fs::weakly_canonical(paths.root / "data", problem);
  if (problem) return fail(system_error(problem.value(), "find", paths.root / "data"));
  paths.state = paths.data / ".cobatch";
  if (!options.state.empty())
    paths.state = fs::weakly_canonical(fs::absolute(options.state, problem), problem) / state_key(paths.data);
  if (problem) return fail(system_error(problem.value(), "find", options.state));
  paths.sessions = paths.state / "sessions";
  paths.marker = paths.data / "execute_queue.lock";
  paths.queue_view = paths.data / "claude_task_queue.json";
  paths.results_view = paths.data / "claude_task_results.json";
  paths.history_view = paths.data / "token_telemetry.json";
  return paths;
}

result<layout> lay_out(const workspace_options& options) {
  auto root = real_root(options.root);
  if (!root) return fail(root.error());
  // A link is looked through only when what it leads to is there.
  if (auto made = make_folder(*root / "data", 0700); !made) return fail(made.error());
  if (!options.state.empty())
    if (auto made = make_folder(options.state, 0700); !made) return fail(made.error());
  auto found = find_paths(options);
  if (!found) return fail(found.error());

  layout where;
  where.paths = std::move(*found);
  const workspace_paths& paths = where.paths;
  if (auto made = make_folder(paths.state, 0700); !made) return fail(made.error());
  if (auto own = check_own_folder(paths.state); !own) return fail(own.error());
  if (auto unlockable = cannot_lock(paths.state); !unlockable) {
    return fail(unlockable.error());
  } else if (*unlockable) {
    return fail(errc::cannot_lock,
                fmt::format("{} is on a file system whose locks cannot be trusted; nothing was stored. Keep store and "
                            "lock on a local disk with --state DIR (the lock file and the JSON files stay in data/)",
                            paths.state.string()));
  }
  if (auto kept = keep_out_of_git(paths.state, "*\n"); !kept) return fail(kept.error());
  // Nothing else needs it: with the state elsewhere, `data/` may be read-only.
  static_cast<void>(keep_out_of_git(paths.data, ignored_in_data()));

  if (auto made = make_folder(paths.sessions, 0700); !made) return fail(made.error());

  const auto data_identity = identity_of(paths.data);
  if (!data_identity) return fail(data_identity.error());
  const auto state_identity = identity_of(paths.state);
  if (!state_identity) return fail(state_identity.error());
  where.data_identity = *data_identity;
  where.state_identity = *state_identity;
  return where;
}

result<void> check_in_place(const layout& where) {
  const auto data = identity_of(where.paths.data);
  const auto state = identity_of(where.paths.state);
  const auto store = identity_of(where.paths.state / "store.db");
  if (data && state && store && *data == where.data_identity && *state == where.state_identity &&
      *store == where.store_identity)
    return {};
  return fail(errc::workspace_replaced,
              fmt::format("{} or its store was replaced or deleted while it was in use; nothing was made anew in its "
                          "place. Start again to work with what is there now",
                          where.paths.data.string()));
}

}  // namespace cobatch
