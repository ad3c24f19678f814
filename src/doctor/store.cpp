#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>

#include <fmt/format.h>

#include "doctor/checks.hpp"
#include "store/schema.hpp"
#include "store/verify.hpp"
#include "system/shell.hpp"

namespace cobatch {
inline namespace v1 {

namespace {

namespace fs = std::filesystem;

// Without its file and its log there is no store, and to verify one would make it. One that cannot be seen may be
// there.
bool has_store(const fs::path& state) {
  std::error_code unseen;
  const auto may_be = [&](const char* name) { return fs::exists(state / name, unseen) || unseen; };
  return may_be("store.db") || may_be("store.db-wal");
}

std::string how_to_move_aside(const fs::path& state) {
  const std::string name = shell_quoted(state.string());
  return fmt::format("mkdir {0}/damaged && mv {0}/store.db* {0}/damaged/", name);
}

void say_unusable(const error& why, const fs::path& state, findings& out) {
  out.no("store", why.message + ".", why.code == errc::store_damaged ? how_to_move_aside(state) : "");
}

void say_damaged(const store_check& checked, const fs::path& state, findings& out) {
  const auto more = checked.damage.size() - 1;
  out.no("store",
         fmt::format("{}/store.db is damaged: {}{}. Nothing was changed. Restore it from a backup, or move it away, "
                     "which begins with an empty store.",
                     state.string(), checked.damage.front(), more == 0 ? "" : fmt::format(" (and {} more)", more)),
         how_to_move_aside(state));
}

}  // namespace

std::unique_ptr<store> check_store(const workspace_paths& paths, const clock_fn& clock, findings& out) {
  if (!has_store(paths.state)) {
    out.yes("store", "Nothing is stored here yet.");
    return nullptr;
  }
  const auto checked = verify_and_clear_poison(paths.state);
  if (!checked) {
    say_unusable(checked.error(), paths.state, out);
    return nullptr;
  }
  if (!checked->sound()) {
    say_damaged(*checked, paths.state, out);
    return nullptr;
  }
  auto opened = open_sqlite_store({paths.state.string(), clock});
  if (!opened) {
    say_unusable(opened.error(), paths.state, out);
    return nullptr;
  }
  out.yes("store", fmt::format("{}/store.db is sound (version {}).{}", paths.state.string(), schema_version,
                               checked->was_poisoned ? " The disk had failed to write it, so all writing had stopped; "
                                                       "it was verified and written anew, and goes on."
                                                     : ""));
  return std::move(*opened);
}

void check_clock(store& storage, timestamp now, findings& out) {
  const auto last = storage.find_last_session();
  const auto all = storage.read_overview();
  if (!last || !all) return out.unknown("clock", (last ? all.error() : last.error()).message + ".");
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

}  // namespace v1
}  // namespace cobatch
