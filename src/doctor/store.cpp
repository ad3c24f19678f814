// The store: whether it is there, sound and of this version; and the clock against what is in it.
#include "store/store.hpp"

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>

#include <fmt/format.h>

#include "doctor/checks.hpp"
#include "os/programs.hpp"
#include "store/schema.hpp"
#include "workspace/layout.hpp"

namespace cobatch {

namespace {

namespace fs = std::filesystem;

std::string how_to_move_aside(const fs::path& state) {
  const std::string name = shell_quoted(state.string());
  return fmt::format("mkdir {0}/damaged && mv {0}/store.db* {0}/damaged/", name);
}

void say_unusable(const error& why, const fs::path& state, findings& out) {
  const auto fix = [&]() -> std::string {
    if (why.code == errc::store_damaged) return how_to_move_aside(state);
    return why.code == errc::not_writable ? how_to_make_writable(state) : std::string();
  };
  out.no("store", why.message, fix());
}

// What the JSON files show is then all that is left, and the next command that opens the workspace takes care of it.
void say_lost(const workspace_paths& paths, findings& out) {
  const fs::path store = paths.state / "store.db";
  std::error_code unseen;
  const bool shown = fs::exists(paths.queue_view, unseen) || fs::exists(paths.results_view, unseen);
  out.no("store",
         fmt::format("{} {}, though there was a store here: its tasks and results are not seen any more. If there is a "
                     "backup, put it back before anything else. {}",
                     store.string(), fs::exists(store, unseen) ? "is empty" : "is gone",
                     shown ? "If not, this makes a new store, keeps the JSON files, which show what was last in it, "
                             "under other names, and puts in what they show."
                           : "If not, the next command makes a new one, without tasks."),
         out.command(shown ? "import " + shell_quoted(paths.data.string()) : "status"));
}

void say_damaged(const store_check& checked, const fs::path& state, findings& out) {
  const auto more = checked.damage.size() - 1;
  out.no("store",
         fmt::format("{}/store.db is damaged: {}{}. Nothing was changed. Restore it from a backup, or move it away: a "
                     "new one is made then, and what the JSON files show can be imported.",
                     state.string(), checked.damage.front(), more == 0 ? "" : fmt::format(" (and {} more)", more)),
         how_to_move_aside(state));
}

}  // namespace

std::unique_ptr<store> check_store(const workspace_paths& paths, const workspace_options& options, findings& out) {
  // Where there is no store, to verify one would make it.
  const store_standing standing = standing_of_store(paths.state);
  if (standing == store_standing::none) out.yes("store", "Nothing is stored here yet.");
  if (standing == store_standing::lost) say_lost(paths, out);
  if (standing != store_standing::there) return nullptr;
  const auto checked = verify_and_clear_poison(paths.state);
  if (!checked) {
    say_unusable(checked.error(), paths.state, out);
    return nullptr;
  }
  if (!checked->sound()) {
    say_damaged(*checked, paths.state, out);
    return nullptr;
  }
  auto opened = store::open({paths.state.string(), options.clock});
  if (!opened) {
    say_unusable(opened.error(), paths.state, out);
    return nullptr;
  }
  out.yes("store", fmt::format("{}/store.db is sound (version {}).{}", paths.state.string(), schema_version,
                               checked->was_poisoned ? " The disk had failed to write it, so all writing had stopped; "
                                                       "it was verified and written anew, and goes on."
                                                     : ""));
  if (const auto lost = lost_store_warning(options, paths))
    out.no("store", lost->message, out.command("import " + shell_quoted(paths.data.string())));
  return std::move(*opened);
}

void check_clock(store& storage, timestamp now, findings& out) {
  const auto last = storage.find_last_session();
  const auto all = storage.read_overview();
  if (!last || !all) return out.unknown("clock", last ? all.error() : last.error());
  timestamp newest;
  if (*last) newest = (*last)->ended_at.value_or((*last)->started_at);
  for (const auto& batch : all->unfinished) newest = std::max(newest, batch.last_assign_at);
  if (newest <= now) return out.yes("clock", "The clock is not behind what is stored: " + to_iso_seconds(now) + ".");
  out.no("clock",
         fmt::format("The clock says {}, and something was stored at {}: it was set back. Times and waits are wrong "
                     "until it has caught up.",
                     to_iso_seconds(now), to_iso_seconds(newest)),
         "timedatectl status");
}

}  // namespace cobatch
