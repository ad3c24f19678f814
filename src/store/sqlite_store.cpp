#include "store/sqlite_store.hpp"

#include <algorithm>
#include <exception>
#include <optional>
#include <string>
#include <utility>

#include <sqlite3.h>

#include "store/schema.hpp"
#include "store/sqlite_open.hpp"
#include "store/store.hpp"

namespace cobatch {

namespace {

// Above this the log is moved into the file: 4 MB.
constexpr int long_log_pages = 1000;
// How often a waiter looks for itself, should the bell have been lost.
constexpr std::chrono::seconds slow_tick{1};

result<void> failed(error e) {
  return fail(std::move(e));
}

// Runs `body`; what it throws becomes the error, but for want of memory. `on_sqlite` sees SQLite's failures first.
template <class Body, class OnSqlite>
result<void> guarded(Body body, OnSqlite on_sqlite) {
  try {
    body();
    return {};
  } catch (const store_failure& failure) {
    return failed(failure.what);
  } catch (const sqlite_failure& failure) {
    on_sqlite(failure);
    return failed(failure.what);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& problem) {
    return failed({errc::internal, std::string("the store could not go on: ") + problem.what()});
  }
}

void try_to_roll_back(sqlite_db& db) noexcept {
  if (!db.in_transaction()) return;
  try {
    db.run("ROLLBACK");
  } catch (...) {
    // SQLite has rolled back by itself, or there is no memory: then it is done before the next transaction.
  }
}

}  // namespace

sqlite_store::sqlite_store(clock_fn clock, open_store_count counted, std::unique_ptr<write_lock> lock,
                           sqlite_files files, bell b, std::unique_ptr<sqlite_db> writer)
    : command_store(std::move(clock)),
      counted_(std::move(counted)),
      lock_(std::move(lock)),
      files_(std::move(files)),
      bell_(std::move(b)),
      writer_(std::move(writer)),
      others_version_(writer_->data_version()),
      group_([this](std::span<job* const> jobs) { commit_group(jobs); }, [this] { checkpoint_if_long(); }) {}

result<std::unique_ptr<store>> sqlite_store::open(const sqlite_store_options& options) {
  if (sqlite3_threadsafe() == 0)
    return fail(errc::internal, "this SQLite was built without threads; use one that has them");
  auto counted = open_store_count::add();
  if (!counted) return fail(counted.error());
  auto folder = resolve_folder(options.directory);
  if (!folder) return fail(folder.error());
  if (auto can = check_can_lock(*folder); !can) return fail(can.error());
  auto lock = write_lock::open(*folder);
  if (!lock) return fail(lock.error());
  auto held = (*lock)->acquire();
  if (!held) return fail(held.error());
  auto files = sqlite_files::prepare(*folder);
  if (!files) return fail(files.error());
  auto bell = bell::open(*folder);
  if (!bell) return fail(bell.error());
  auto writer = open_writer(*files, **lock);
  if (!writer) return fail(writer.error());

  std::int64_t change = 0;
  const auto done = guarded([&] { change = sqlite_rows(**writer).change_counter(); }, [](const sqlite_failure&) {});
  if (!done) return fail(done.error());
  if (bell->heard() != change) bell->ring(change);
  std::unique_ptr<sqlite_store> made(new sqlite_store(options.clock, std::move(*counted), std::move(*lock),
                                                      std::move(*files), std::move(*bell), std::move(*writer)));
  made->learn(change);
  return made;
}

sqlite_store::~sqlite_store() {
  if (home_.here()) {
    try {
      close();
    } catch (...) {
      // There was no memory to empty the log; whoever opens the store next does.
    }
    return;
  }
  // After fork the connections are the parent's: not even closing them is ours to do.
  static_cast<void>(writer_.release());
  for (auto& reader : readers_) static_cast<void>(reader.release());
}

void sqlite_store::close() {
  auto at_once = lock_->try_acquire();
  const bool idle = at_once && *at_once;
  std::optional<write_lock::hold> waited;
  if (!idle)
    if (auto held = lock_->acquire()) waited.emplace(std::move(*held));
  readers_.clear();
  // With nobody in the way the log is emptied, so that an idle store is one plain file.
  if (idle && check_writable())
    static_cast<void>(guarded([&] { writer_->checkpoint(sqlite_db::checkpoint_kind::truncate); },
                              [&](const sqlite_failure& failure) { note(failure); }));
  writer_.reset();
}

result<void> sqlite_store::check_process() const {
  if (home_.here()) return {};
  return fail(errc::forked,
              "this store was opened before fork and belongs to the parent process; nothing was done. Fork before a "
              "workspace is opened, or start a new program");
}

result<void> sqlite_store::check_writable() const {
  if (lock_->poisoned()) return fail(poisoned_error(files_.folder()));
  if (auto same = check_identity(lock_->path(), lock_->identity()); !same) return same;
  return files_.check_in_place();
}

void sqlite_store::note(const sqlite_failure& failure) noexcept {
  if (failure.is_sync_failure()) lock_->poison();
}

// ------------------------------------------------------------------------------------------------ writes

result<void> sqlite_store::write(const transaction& body) {
  if (auto own = check_process(); !own) return own;
  job j{&body};
  group_.run(j);
  if (j.thrown) std::rethrow_exception(j.thrown);
  return std::move(j.outcome);
}

void sqlite_store::commit_group(std::span<job* const> jobs) noexcept {
  try {
    commit_or_throw(jobs);
  } catch (...) {
    for (job* const j : jobs)
      if (!j->done) j->thrown = std::current_exception();
  }
}

void sqlite_store::commit_or_throw(std::span<job* const> jobs) {
  const auto held = lock_->acquire();
  const auto writable = held ? check_writable() : failed(held.error());
  if (!writable) {
    settle(jobs, writable);
    return;
  }
  try {
    if (run_group(jobs)) return;
    for (job* const j : jobs) static_cast<void>(run_group({&j, 1}));
  } catch (...) {
    roll_back();  // as long as the lock is held
    throw;
  }
}

void sqlite_store::settle(std::span<job* const> jobs, const result<void>& outcome) {
  for (job* const j : jobs) {
    j->outcome = outcome;
    j->done = true;
  }
}

// Runs the commands in one transaction. They share it without savepoints, as a command that refuses has written
// nothing; should one fail after it has written, all is rolled back, and false says that each is to run by itself.
bool sqlite_store::run_group(std::span<job* const> jobs) {
  if (writer_->in_transaction()) roll_back();  // there was no memory to do it in
  sqlite_rows rows(*writer_, &batches_);
  std::optional<std::int64_t> change;
  bool torn = false;
  const auto done = guarded(
      [&] {
        writer_->run("BEGIN IMMEDIATE");
        notice_other_writers();
        for (job* const j : jobs) {
          j->outcome = {};
          run_one(rows, *j, torn);
          if (torn) return;
        }
        change = rows.save();
        writer_->run("COMMIT");
        others_version_ = writer_->data_version();
      },
      [&](const sqlite_failure& failure) { note(failure); });
  if (done && !torn) {
    if (change) {
      bell_.ring(*change);
      learn(*change);
    }
    for (job* const j : jobs) j->done = true;
    return true;
  }
  roll_back();
  if (torn) return jobs.front()->done = jobs.size() == 1;
  const auto why = lock_->poisoned() ? failed(poisoned_error(files_.folder())) : done;
  settle(jobs, why);
  return true;
}

// `torn` says that the command failed after it had written something.
void sqlite_store::run_one(sqlite_rows& rows, job& j, bool& torn) {
  const std::int64_t before = rows.writes();
  try {
    (*j.body)(rows);
  } catch (const store_failure& failure) {
    j.outcome = failed(failure.what);
    torn = rows.writes() != before;
  }
}

void sqlite_store::roll_back() noexcept {
  batches_.clear();
  try_to_roll_back(*writer_);
}

// Called at the start of each transaction: what this process knows is void if another one has written, which may even
// be of a later version.
void sqlite_store::notice_other_writers() {
  if (writer_->data_version() == others_version_) return;
  batches_.clear();
  if (const auto version = read_schema_version(*writer_, files_.database()); !version)
    throw store_failure{version.error()};
}

void sqlite_store::checkpoint_if_long() noexcept try {
  if (writer_->log_pages() <= long_log_pages) return;
  const auto held = lock_->acquire();
  if (!held || !check_writable()) return;
  static_cast<void>(guarded([&] { writer_->checkpoint(sqlite_db::checkpoint_kind::passive); },
                            [&](const sqlite_failure& failure) { note(failure); }));
} catch (...) {
  // There was no memory for it; the log is as long at the next chance.
}

// ------------------------------------------------------------------------------------------------- reads

result<void> sqlite_store::read(const transaction& body) {
  if (auto own = check_process(); !own) return own;
  bool busy = false;
  auto done = read_once(body, busy);
  if (done) return done;
  // A connection opens some of its files only when it reads: the reason may be that they are not there any more.
  if (auto same = files_.check_in_place(); !same) return same;
  if (!busy) return done;
  // Whoever was in the way is one of ours and holds the write lock, or is gone by the time we hold it.
  const auto held = lock_->acquire();
  if (!held) return fail(held.error());
  return read_once(body, busy);
}

result<void> sqlite_store::read_once(const transaction& body, bool& busy) {
  return guarded(
      [&] {
        const auto back = [this](sqlite_db* reader) { give_back(std::unique_ptr<sqlite_db>(reader)); };
        const std::unique_ptr<sqlite_db, decltype(back)> reader(take_reader().release(), back);
        sqlite_rows rows(*reader);
        if (reader->in_transaction()) reader->run("ROLLBACK");  // there was no memory to do it in
        reader->run("BEGIN");
        body(rows);
        reader->run("COMMIT");
      },
      [&](const sqlite_failure& failure) { busy = failure.is_busy(); });
}

std::unique_ptr<sqlite_db> sqlite_store::take_reader() {
  {
    const std::lock_guard lock(pool_mutex_);
    if (!readers_.empty()) {
      auto reader = std::move(readers_.back());
      readers_.pop_back();
      return reader;
    }
  }
  const auto held = lock_->acquire();
  if (!held) throw store_failure{held.error()};
  if (auto same = files_.check_in_place(); !same) throw store_failure{same.error()};
  auto made = open_reader(files_);
  // Closing it outside the write lock is not ours to do, so there has to be room to keep it.
  const std::lock_guard lock(pool_mutex_);
  readers_.reserve(readers_made_ + 1);
  ++readers_made_;
  return made;
}

void sqlite_store::give_back(std::unique_ptr<sqlite_db> reader) noexcept {
  try_to_roll_back(*reader);
  const std::lock_guard lock(pool_mutex_);
  readers_.push_back(std::move(reader));
}

// ------------------------------------------------------------------------------------------------ changes

void sqlite_store::learn(std::int64_t change) noexcept {
  std::int64_t known = known_change_.load(std::memory_order_relaxed);
  while (known < change && !known_change_.compare_exchange_weak(known, change, std::memory_order_relaxed)) continue;
}

std::int64_t sqlite_store::version() {
  learn(bell_.heard());
  return known_change_.load(std::memory_order_relaxed);
}

void sqlite_store::look_for_change() {
  static_cast<void>(read([&](rows& t) { learn(static_cast<sqlite_rows&>(t).change_counter()); }));
}

std::optional<sqlite_store::listener> sqlite_store::take_listener() {
  const std::lock_guard lock(pool_mutex_);
  if (!listeners_.empty()) {
    auto found = std::move(listeners_.back());
    listeners_.pop_back();
    return found;
  }
  auto stopped = wake_signal::make();
  if (!stopped) return std::nullopt;
  return listener{file_watch::of(bell_.path()), std::move(*stopped)};
}

std::int64_t sqlite_store::wait_for_change(std::int64_t seen, std::chrono::steady_clock::time_point deadline,
                                           std::stop_token stop) {
  using clock = std::chrono::steady_clock;
  auto ears = take_listener();
  const int heard = ears ? ears->watch.descriptor() : -1;
  const int stopped = ears ? ears->stopped.descriptor() : -1;
  {
    const std::stop_callback on_stop(stop, [&] {
      if (ears) ears->stopped.notify();
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
      if (ears) ears->watch.clear();
    }
  }
  if (ears) {
    ears->stopped.clear();
    const std::lock_guard lock(pool_mutex_);
    listeners_.push_back(std::move(*ears));
  }
  return version();
}

result<std::unique_ptr<store>> open_sqlite_store(const sqlite_store_options& options) {
  return sqlite_store::open(options);
}

}  // namespace cobatch
