#include "store/verify.hpp"

#include <string_view>

#include "store/schema.hpp"
#include "store/sqlite_db.hpp"
#include "store/sqlite_files.hpp"
#include "store/write_lock.hpp"

namespace cobatch {

namespace {

// Damage that stops the check itself is damage found.
std::vector<std::string> find_damage(sqlite_db& db) {
  std::vector<std::string> damage;
  try {
    auto q = db.query("PRAGMA integrity_check");
    while (q.step())
      if (const auto line = q.text(0); line != "ok") damage.emplace_back(line);
  } catch (const sqlite_failure& failure) {
    if (failure.what.code != errc::store_damaged) throw;
    damage.push_back(failure.what.message);
  }
  return damage;
}

// What the failed sync left in the system's cache looks clean to it, so syncing the log again proves nothing. Moving
// the log into the database writes and syncs every page of it anew.
result<void> write_anew(sqlite_db& db, const std::filesystem::path& file) {
  db.execute("PRAGMA synchronous = FULL; PRAGMA fullfsync = 1; PRAGMA checkpoint_fullfsync = 1;");
  if (db.checkpoint(sqlite_db::checkpoint_kind::truncate)) return {};
  return fail(errc::storage_fault, file.string() +
                                       " is sound, but a reader keeps its log from being written anew; "
                                       "stop the other Cobatch processes and verify again");
}

result<store_check> check(const std::filesystem::path& file, write_lock& lock) {
  sqlite_db db(file);
  if (const auto version = read_schema_version(db, file); !version) return fail(version.error());
  store_check out;
  out.was_poisoned = lock.poisoned();
  out.damage = find_damage(db);
  if (!out.was_poisoned || !out.sound()) return out;
  if (auto written = write_anew(db, file); !written) return fail(written.error());
  if (auto cleared = lock.clear_poison(); !cleared) return fail(cleared.error());
  return out;
}

}  // namespace

result<store_check> verify_and_clear_poison(const std::filesystem::path& directory) {
  const auto folder = resolve_folder(directory);
  if (!folder) return fail(folder.error());
  if (auto can = check_can_lock(*folder); !can) return fail(can.error());
  auto lock = write_lock::open(*folder);
  if (!lock) return fail(lock.error());
  const auto held = (*lock)->acquire();
  if (!held) return fail(held.error());
  const auto files = sqlite_files::prepare(*folder);
  if (!files) return fail(files.error());
  try {
    return check(files->database(), **lock);
  } catch (const sqlite_failure& failure) {
    return fail(failure.what);
  }
}

}  // namespace cobatch
