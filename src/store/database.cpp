#include "store/database.hpp"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include <sqlite3.h>

#include "store/schema.hpp"

namespace cobatch {

namespace {

// Above this the log is moved into the file: 4 MB.
constexpr int long_log_pages = 1000;
// How often a waiter looks for itself, should the bell have been lost.
constexpr std::chrono::seconds slow_tick{1};

constexpr const char* in_full = "PRAGMA synchronous = FULL; PRAGMA fullfsync = 1; PRAGMA checkpoint_fullfsync = 1;";

// Runs `body`; what it throws becomes the error, but for want of memory. `on_failure` sees the database's failures first.
template <class Body, class OnFailure>
result<void> guarded(Body body, OnFailure on_failure) {
  try {
    body();
    return {};
  } catch (const sql_failure& failure) {
    on_failure(failure);
    return fail(failure.what);
  } catch (const store_failure& failure) {
    return fail(failure.what);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& problem) {
    return fail(errc::internal, std::string("the store could not go on: ") + problem.what());
  }
}
constexpr auto ignore = [](const sql_failure&) {};

void try_to_roll_back(sql& db) noexcept {
  if (!db.in_transaction()) return;
  try {
    db.roll_back();
  } catch (...) {
    // It has been rolled back already, or there is no memory: then it is done before the next transaction.
  }
}

result<void> set_up(sqlite& db, const store_files& files, write_lock& lock) {
  const auto made = has_tables(db, files.database());
  if (!made) return fail(made.error());
  if (!*made && lock.poisoned()) return fail(poisoned_error(files.folder()));
  if (db.ask("PRAGMA journal_mode = WAL") != "wal")
    return fail(errc::cannot_lock, files.database().string() +
                                       ": SQLite cannot keep a write-ahead log there; keep the store on a local disk "
                                       "with --state DIR");
  db.execute(std::string(in_full) + "PRAGMA temp_store = MEMORY;");
  if (!*made) make_tables(db);
  return {};
}

}  // namespace

// ------------------------------------------------------------------------------------- opening and closing

database::database(const store_options& options, std::optional<open_store_count> counted, std::optional<on_disk> place,
                   std::unique_ptr<sqlite> writer)
    : clock_(options.clock),
      between_(options.between),
      counted_(std::move(counted)),
      place_(std::move(place)),
      writer_(connect(std::move(writer))),
      others_version_(writer_.own->data_version()),
      group_([this](std::span<job* const> jobs) { commit_group(jobs); }, [this] { checkpoint_if_long(); }) {}

database::connection database::connect(std::unique_ptr<sqlite> own) const {
  connection made{std::move(own), nullptr};
  if (between_) made.before = between_(*made.own);
  return made;
}

result<std::unique_ptr<database>> database::open(const store_options& options) {
  if (sqlite3_threadsafe() == 0)
    return fail(errc::internal, "this SQLite was built without threads; use one that has them");
  return options.directory == ":memory:" ? open_in_memory(options) : open_in_folder(options);
}

result<std::unique_ptr<database>> database::open_in_memory(const store_options& options) {
  std::unique_ptr<sqlite> writer;
  const auto made = guarded(
      [&] {
        writer = std::make_unique<sqlite>(options.directory);
        make_tables(*writer);
      },
      ignore);
  if (!made) return fail(made.error());
  return std::unique_ptr<database>(new database(options, std::nullopt, std::nullopt, std::move(writer)));
}

result<std::unique_ptr<database>> database::open_in_folder(const store_options& options) {
  auto counted = open_store_count::add();
  if (!counted) return fail(counted.error());
  const auto folder = find_lockable_folder(options.directory);
  if (!folder) return fail(folder.error());
  auto lock = write_lock::open(*folder);
  if (!lock) return fail(lock.error());
  const auto held = (*lock)->acquire();
  if (!held) return fail(held.error());
  auto files = store_files::prepare(*folder);
  if (!files) return fail(files.error());
  auto changes = bell::open(*folder);
  if (!changes) return fail(changes.error());

  std::unique_ptr<sqlite> writer;
  result<void> ready;
  std::int64_t change = 0;
  const auto opened = guarded(
      [&] {
        writer = std::make_unique<sqlite>(files->database());
        ready = set_up(*writer, *files, **lock);
        known_batches none;
        if (ready) change = transaction(*writer, none).change_counter();
      },
      [&](const sql_failure& failure) {
        if (failure.is_sync_failure) (*lock)->poison();
      });
  if (!opened) return fail(opened.error());
  if (!ready) return fail(ready.error());
  std::unique_ptr<database> made(new database(options, std::move(*counted),
                                              on_disk{std::move(*lock), std::move(*files), std::move(*changes)},
                                              std::move(writer)));
  made->announce(change);
  return made;
}

database::~database() {
  if (home_.here()) {
    try {
      if (place_) close();
    } catch (...) {
      // There was no memory to empty the log; whoever opens the store next does.
    }
    return;
  }
  // After fork the connections are the parent's: not even closing them is ours to do.
  static_cast<void>(writer_.own.release());
  for (auto& reader : idle_readers_) static_cast<void>(reader.own.release());
}

void database::close() {
  auto at_once = place_->lock->try_acquire();
  const bool idle = at_once && *at_once;
  std::optional<write_lock::hold> waited;
  if (!idle)
    if (auto held = place_->lock->acquire()) waited.emplace(std::move(*held));
  idle_readers_.clear();
  // With nobody in the way the log is emptied, so that an idle store is one plain file.
  if (idle && check_writable())
    static_cast<void>(guarded([&] { writer_.own->checkpoint(sqlite::checkpoint_kind::truncate); },
                              [&](const sql_failure& failure) { note(failure); }));
  writer_ = {};
}

result<void> database::check_process() const {
  if (home_.here()) return {};
  return fail(errc::forked,
              "this store was opened before fork and belongs to the parent process; nothing was done. Fork before a "
              "workspace is opened, or start a new program");
}

result<void> database::check_writable() const {
  if (!place_) return {};
  if (place_->lock->poisoned()) return fail(poisoned_error(place_->files.folder()));
  if (auto same = check_identity(place_->lock->path(), place_->lock->identity()); !same) return same;
  return place_->files.check_in_place();
}

result<std::optional<write_lock::hold>> database::lock_to_write() {
  std::optional<write_lock::hold> none;
  if (!place_) return none;
  auto held = place_->lock->acquire();
  if (!held) return fail(held.error());
  if (auto writable = check_writable(); !writable) return fail(writable.error());
  return std::optional<write_lock::hold>(std::move(*held));
}

void database::note(const sql_failure& failure) noexcept {
  if (failure.is_sync_failure && place_) place_->lock->poison();
}

// ------------------------------------------------------------------------------------------------ writes

result<void> database::write(const work& body) {
  if (auto own = check_process(); !own) return own;
  job j{&body};
  group_.run(j);
  if (j.thrown) std::rethrow_exception(j.thrown);
  return std::move(j.outcome);
}

void database::commit_group(std::span<job* const> jobs) noexcept {
  try {
    commit_or_throw(jobs);
  } catch (...) {
    for (job* const j : jobs)
      if (!j->done) j->thrown = std::current_exception();
  }
}

void database::commit_or_throw(std::span<job* const> jobs) {
  const auto held = lock_to_write();
  if (!held) return settle(jobs, fail(held.error()));
  try {
    if (run_group(jobs)) return;
    for (job* const j : jobs) static_cast<void>(run_group({&j, 1}));
  } catch (...) {
    roll_back();  // as long as the lock is held
    throw;
  }
}

void database::settle(std::span<job* const> jobs, const result<void>& outcome) {
  for (job* const j : jobs) {
    j->outcome = outcome;
    j->done = true;
  }
}

// Runs the commands in one transaction. They share it without savepoints, as a command that refuses has written
// nothing; should one fail after it has written, all is rolled back, and false says that each is to run by itself.
bool database::run_group(std::span<job* const> jobs) {
  sql& db = writer_.use();
  if (db.in_transaction()) roll_back();  // there was no memory to do it in
  transaction t(db, known_);
  std::optional<std::int64_t> change;
  bool torn = false;
  const auto done = guarded(
      [&] {
        db.begin(sql::access::write);
        notice_other_writers();
        for (job* const j : jobs) {
          run_one(t, *j, torn);
          if (torn) return;
        }
        const bool wrote = t.writes() > 0;
        change = t.finish();
        if (!wrote) return db.roll_back();
        db.commit();
        others_version_ = writer_.own->data_version();
      },
      [&](const sql_failure& failure) { note(failure); });
  if (done && !torn) {
    if (change) announce(*change);
    for (job* const j : jobs) j->done = true;
    return true;
  }
  roll_back();
  if (torn) return jobs.front()->done = jobs.size() == 1;
  // A commit that failed may have been done all the same.
  static_cast<void>(guarded([&] { announce(transaction(db, known_).change_counter()); }, ignore));
  const bool poisoned = place_ && place_->lock->poisoned();
  settle(jobs, poisoned ? fail(poisoned_error(place_->files.folder())) : done);
  return true;
}

// `torn` says that the command failed after it had written something.
void database::run_one(transaction& t, job& j, bool& torn) {
  const std::int64_t before = t.writes();
  t.now = clock_();
  j.outcome = {};
  try {
    (*j.body)(t);
  } catch (const sql_failure&) {
    throw;
  } catch (const store_failure& failure) {
    j.outcome = fail(failure.what);
    torn = t.writes() != before;
  }
}

void database::roll_back() noexcept {
  known_ = {};
  try_to_roll_back(writer_.use());
}

// Called at the start of each transaction: what this process knows is void if another one has written, which may even
// be of a later version.
void database::notice_other_writers() {
  if (!place_ || writer_.own->data_version() == others_version_) return;
  known_ = {};
  if (const auto ours = has_tables(*writer_.own, place_->files.database()); !ours) throw store_failure{ours.error()};
}

void database::checkpoint_if_long() noexcept try {
  if (writer_.own->log_pages() <= long_log_pages) return;
  const auto held = lock_to_write();
  if (!held) return;
  static_cast<void>(guarded([&] { writer_.own->checkpoint(sqlite::checkpoint_kind::passive); },
                            [&](const sql_failure& failure) { note(failure); }));
} catch (...) {
  // There was no memory for it; the log is as long at the next chance.
}

// ------------------------------------------------------------------------------------------------- reads

result<void> database::read(const work& body) {
  if (!place_) return write(body);
  if (auto own = check_process(); !own) return own;
  bool busy = false;
  auto done = read_once(body, busy);
  if (done) return done;
  // A connection opens some of its files only when it reads: the reason may be that they are not there any more.
  if (auto same = place_->files.check_in_place(); !same) return same;
  if (!busy) return done;
  // Whoever was in the way is one of ours and holds the write lock, or is gone by the time we hold it.
  const auto held = place_->lock->acquire();
  if (!held) return fail(held.error());
  return read_once(body, busy);
}

result<void> database::read_once(const work& body, bool& busy) {
  std::list<connection> reader;
  const auto done = guarded(
      [&] {
        reader = take_reader();
        sql& db = reader.front().use();
        if (db.in_transaction()) db.roll_back();  // there was no memory to do it in
        db.begin(sql::access::read);
        known_batches none;
        transaction t(db, none);
        t.now = clock_();
        body(t);
        db.commit();
      },
      [&](const sql_failure& failure) { busy = failure.is_busy; });
  if (reader.empty()) return done;
  try_to_roll_back(reader.front().use());
  const std::lock_guard lock(idle_mutex_);
  idle_readers_.splice(idle_readers_.begin(), reader);
  return done;
}

// An idle connection, or a new one.
std::list<database::connection> database::take_reader() {
  std::list<connection> taken;
  {
    const std::lock_guard lock(idle_mutex_);
    if (!idle_readers_.empty()) {
      taken.splice(taken.begin(), idle_readers_, idle_readers_.begin());
      return taken;
    }
  }
  const auto held = place_->lock->acquire();
  if (!held) throw store_failure{held.error()};
  if (auto same = place_->files.check_in_place(); !same) throw store_failure{same.error()};
  auto made = std::make_unique<sqlite>(place_->files.database());
  made->execute("PRAGMA query_only = 1; PRAGMA temp_store = MEMORY;");
  taken.push_back(connect(std::move(made)));
  return taken;
}

// ------------------------------------------------------------------------------------------------ changes

void database::learn(std::int64_t change) noexcept {
  std::int64_t known = known_change_.load(std::memory_order_relaxed);
  while (known < change && !known_change_.compare_exchange_weak(known, change, std::memory_order_relaxed)) continue;
}

// Called with the write lock held.
void database::announce(std::int64_t change) noexcept {
  if (place_) place_->changes.ring(change);
  learn(change);
}

std::int64_t database::version() {
  if (place_) learn(place_->changes.heard());
  return known_change_.load(std::memory_order_relaxed);
}

void database::look_for_change() {
  static_cast<void>(read([&](transaction& t) { learn(t.change_counter()); }));
}

std::list<database::listener> database::take_listener() {
  std::list<listener> taken;
  const std::lock_guard lock(idle_mutex_);
  if (!idle_listeners_.empty()) {
    taken.splice(taken.begin(), idle_listeners_, idle_listeners_.begin());
    return taken;
  }
  auto stopped = wake_signal::make();
  if (stopped) taken.push_back({place_ ? file_watch::of(place_->changes.path()) : file_watch(), std::move(*stopped)});
  return taken;
}

// A database in memory has no bell: whoever waits for it looks every `fallback_tick`.
std::int64_t database::wait_for_change(std::int64_t seen, std::chrono::steady_clock::time_point deadline,
                                       std::stop_token stop) {
  using clock = std::chrono::steady_clock;
  auto taken = take_listener();
  listener* const mine = taken.empty() ? nullptr : &taken.front();
  const int heard = mine != nullptr ? mine->watch.descriptor() : -1;
  const int stopped = mine != nullptr ? mine->stopped.descriptor() : -1;
  {
    const std::stop_callback on_stop(stop, [&] {
      if (mine != nullptr) mine->stopped.notify();
    });
    auto look_at = clock::now() + slow_tick;
    while (version() == seen && !stop.stop_requested()) {
      const auto now = clock::now();
      if (now >= deadline) break;
      if (now >= look_at) {
        look_for_change();
        look_at = now + slow_tick;
        continue;
      }
      auto until = std::min(deadline, look_at);
      if (heard < 0 || stopped < 0) until = std::min(until, now + clock::duration(fallback_tick));
      wait_readable({heard, stopped}, until);
      if (mine != nullptr) mine->watch.clear();
    }
  }
  if (mine != nullptr) {
    mine->stopped.clear();
    const std::lock_guard lock(idle_mutex_);
    idle_listeners_.splice(idle_listeners_.begin(), taken);
  }
  return version();
}

// ------------------------------------------------------------------------------------------------ verify

namespace {

// Damage that stops the check itself is damage found.
std::vector<std::string> find_damage(sqlite& db) {
  std::vector<std::string> damage;
  try {
    auto q = db.query("PRAGMA integrity_check");
    while (q.step())
      if (auto line = q.get<std::string>(0); line != "ok") damage.push_back(std::move(line));
  } catch (const sql_failure& failure) {
    if (failure.what.code != errc::store_damaged) throw;
    damage.push_back(failure.what.message);
  }
  return damage;
}

// What the failed sync left in the system's cache looks clean to it, so syncing the log again proves nothing. Moving
// the log into the database writes and syncs every page of it anew.
result<void> write_anew(sqlite& db, const std::filesystem::path& file) {
  db.execute(in_full);
  if (db.checkpoint(sqlite::checkpoint_kind::truncate)) return {};
  return fail(errc::storage_fault, file.string() +
                                       " is sound, but a reader keeps its log from being written anew; "
                                       "stop the other Cobatch processes and verify again");
}

result<store_check> check(const std::filesystem::path& file, write_lock& lock) {
  sqlite db(file);
  if (const auto ours = has_tables(db, file); !ours) return fail(ours.error());
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
  const auto folder = find_lockable_folder(directory);
  if (!folder) return fail(folder.error());
  auto lock = write_lock::open(*folder);
  if (!lock) return fail(lock.error());
  const auto held = (*lock)->acquire();
  if (!held) return fail(held.error());
  const auto files = store_files::prepare(*folder);
  if (!files) return fail(files.error());
  try {
    return check(files->database(), **lock);
  } catch (const sql_failure& failure) {
    return fail(failure.what);
  }
}

}  // namespace cobatch
