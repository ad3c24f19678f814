#include "store/sqlite_open.hpp"

#include "store/schema.hpp"

namespace cobatch {

namespace {

result<void> set_up(sqlite_db& db, const sqlite_files& files, write_lock& lock) {
  const auto version = read_schema_version(db, files.database());
  if (!version) return fail(version.error());
  if (*version < schema_version && lock.poisoned()) return fail(poisoned_error(files.folder()));
  if (db.ask("PRAGMA journal_mode = WAL") != "wal")
    return fail(errc::cannot_lock, files.database().string() +
                                       ": SQLite cannot keep a write-ahead log there; keep the store on a local disk "
                                       "with --state DIR");
  db.execute(
      "PRAGMA synchronous = FULL; PRAGMA fullfsync = 1; PRAGMA checkpoint_fullfsync = 1;"
      "PRAGMA temp_store = MEMORY;");
  migrate(db, *version);
  return {};
}

}  // namespace

result<std::unique_ptr<sqlite_db>> open_writer(const sqlite_files& files, write_lock& lock) {
  try {
    auto db = std::make_unique<sqlite_db>(files.database());
    if (auto ready = set_up(*db, files, lock); !ready) return fail(ready.error());
    return db;
  } catch (const sqlite_failure& failure) {
    if (failure.is_sync_failure()) lock.poison();
    return fail(failure.what);
  }
}

std::unique_ptr<sqlite_db> open_reader(const sqlite_files& files) {
  auto db = std::make_unique<sqlite_db>(files.database());
  db->execute("PRAGMA query_only = 1; PRAGMA temp_store = MEMORY;");
  return db;
}

}  // namespace cobatch
