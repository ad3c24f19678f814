#include "store/sqlite.hpp"

#include <cerrno>
#include <new>
#include <utility>

#include <sqlite3.h>

namespace cobatch {

namespace {

constexpr int primary(int code) { return code & 0xff; }

// Only a write that was refused: a sync that fails for want of room has lost what was written before it.
bool is_no_room(int code, int system_error_number) {
  if (primary(code) == SQLITE_FULL || code == SQLITE_IOERR_SHMSIZE) return true;
  const bool no_room = system_error_number == ENOSPC || system_error_number == EDQUOT || system_error_number == EFBIG;
  return code == SQLITE_IOERR_WRITE && no_room;
}

bool is_sync_failure(int code, int system_error_number) {
  if (is_no_room(code, system_error_number)) return false;
  return code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC || code == SQLITE_IOERR_WRITE ||
         code == SQLITE_IOERR_TRUNCATE;
}

// The errno of the write that failed. SQLite tells the connection's own only after it has rolled back, when errno may
// be another's; the files keep theirs.
int write_errno(sqlite3* db) {
  int of_file = 0;
  sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &of_file);
  sqlite3_file* log = nullptr;
  int of_log = 0;
  sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  if (log != nullptr && log->pMethods != nullptr) log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &of_log);
  return of_log != 0 ? of_log : of_file;
}

errc meaning_of(int code, int system_error_number) {
  if (is_no_room(code, system_error_number)) return errc::disk_full;
  switch (primary(code)) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return errc::store_damaged;
    case SQLITE_READONLY: return code == SQLITE_READONLY_DBMOVED ? errc::workspace_replaced : errc::not_writable;
    case SQLITE_PERM:
    case SQLITE_AUTH: return errc::not_writable;
    case SQLITE_CANTOPEN:
      if (code == SQLITE_CANTOPEN_SYMLINK) return errc::unsafe_file;
      return system_error_number == EACCES || system_error_number == EPERM ? errc::not_writable : errc::io_error;
    case SQLITE_NOLFS:
    case SQLITE_PROTOCOL: return errc::cannot_lock;
    case SQLITE_MISUSE:
    case SQLITE_ERROR:
    case SQLITE_CONSTRAINT:
    case SQLITE_RANGE: return errc::internal;
    default: return code == SQLITE_IOERR_LOCK || code == SQLITE_IOERR_SHMLOCK ? errc::cannot_lock : errc::storage_fault;
  }
}

std::string advice_for(errc code) {
  switch (code) {
    case errc::disk_full:
      return "; nothing of this request was stored, everything stored before is kept; make room and repeat it";
    case errc::store_damaged:
      return "; the file was left as it is. Restore it from a backup, or move it and its -wal and -shm files aside and "
             "start with a new store";
    case errc::not_writable: return "; nothing was stored; check owner and mode of the file and of its folder";
    case errc::cannot_lock: return "; the file system may not support locks: keep the store elsewhere with --state DIR";
    default: return "; nothing of this request was stored";
  }
}

}  // namespace

std::string_view sqlite_version() noexcept { return sqlite3_libversion(); }

class sqlite::statement final : public sql_statement {
 public:
  statement(const sqlite& db, const char* text, unsigned flags) : db_(db) {
    db_.check(sqlite3_prepare_v3(db_.db_, text, -1, flags, &statement_, nullptr));
  }
  statement(const statement&) = delete;
  statement& operator=(const statement&) = delete;
  ~statement() override { sqlite3_finalize(statement_); }

  void bind(int at, std::nullptr_t) override { db_.check(sqlite3_bind_null(statement_, at)); }
  void bind(int at, std::int64_t value) override { db_.check(sqlite3_bind_int64(statement_, at, value)); }
  void bind(int at, std::string_view text) override {
    // A null pointer would bind NULL.
    const char* bytes = text.data() == nullptr ? "" : text.data();
    db_.check(sqlite3_bind_text64(statement_, at, bytes, text.size(), SQLITE_STATIC, SQLITE_UTF8));
  }
  bool step() override {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    throw db_.failure(sqlite3_extended_errcode(db_.db_));
  }
  void reset() noexcept override { sqlite3_reset(statement_); }

  bool is_null(int column) const noexcept override { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  std::int64_t integer(int column) const noexcept override { return sqlite3_column_int64(statement_, column); }
  std::string_view text(int column) const override {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    if (bytes == nullptr && !is_null(column)) throw std::bad_alloc();
    if (bytes == nullptr) return {};
    return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }

 private:
  const sqlite& db_;
  sqlite3_stmt* statement_ = nullptr;
};

sqlite::sqlite(const std::filesystem::path& file) : file_(file) {
  const int create = file == ":memory:" ? SQLITE_OPEN_CREATE : 0;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOFOLLOW | create;
  if (const int code = sqlite3_open_v2(file.c_str(), &db_, flags, nullptr); code != SQLITE_OK) {
    const std::unique_ptr<sqlite3, int (*)(sqlite3*)> closed(db_, sqlite3_close_v2);
    throw failure(code);
  }
  // Under our write lock only a program that is none of ours can be in the way, a database browser for instance.
  constexpr int patience_ms = 5000;
  sqlite3_busy_timeout(db_, patience_ms);
  // Closing the last connection would checkpoint outside our write lock.
  sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_wal_hook(
      db_,
      [](void* pages, sqlite3*, const char*, int count) {
        *static_cast<int*>(pages) = count;
        return SQLITE_OK;
      },
      &log_pages_);
}

sqlite::~sqlite() {
  statements_.clear();
  sqlite3_close_v2(db_);
}

void sqlite::begin(access wanted) {
  if (wanted == access::write)
    run("BEGIN IMMEDIATE");
  else
    run("BEGIN");
}

void sqlite::commit() { run("COMMIT"); }

void sqlite::roll_back() { run("ROLLBACK"); }

bool sqlite::in_transaction() const noexcept { return sqlite3_get_autocommit(db_) == 0; }

sql_statement& sqlite::prepared(const char* text) {
  auto& kept = statements_[text];
  if (!kept) kept = std::make_unique<statement>(*this, text, SQLITE_PREPARE_PERSISTENT);
  return *kept;
}

std::int64_t sqlite::rows_changed() const noexcept { return sqlite3_changes64(db_); }

std::int64_t sqlite::last_insert_key() const noexcept { return sqlite3_last_insert_rowid(db_); }

void sqlite::execute(const std::string& statements) {
  check(sqlite3_exec(db_, statements.c_str(), nullptr, nullptr, nullptr));
}

std::string sqlite::ask(const std::string& text) {
  statement once(*this, text.c_str(), 0);
  return once.step() ? std::string(once.text(0)) : std::string();
}

std::uint32_t sqlite::data_version() const noexcept {
  std::uint32_t version = 0;
  sqlite3_file_control(db_, "main", SQLITE_FCNTL_DATA_VERSION, &version);
  return version;
}

bool sqlite::checkpoint(checkpoint_kind kind) {
  const int mode = kind == checkpoint_kind::passive ? SQLITE_CHECKPOINT_PASSIVE : SQLITE_CHECKPOINT_TRUNCATE;
  int in_log = 0;
  int moved = 0;
  const int code = sqlite3_wal_checkpoint_v2(db_, "main", mode, &in_log, &moved);
  if (code == SQLITE_OK) return in_log == moved;
  auto problem = failure(code);
  if (problem.is_busy) return false;
  throw problem;
}

void sqlite::check(int code) const {
  if (code != SQLITE_OK) throw failure(code);
}

sql_failure sqlite::failure(int code) const {
  if (primary(code) == SQLITE_NOMEM || code == SQLITE_IOERR_NOMEM) throw std::bad_alloc();
  int system_error_number = 0;
  if (db_ != nullptr) system_error_number = code == SQLITE_IOERR_WRITE ? write_errno(db_) : sqlite3_system_errno(db_);
  const errc meaning = meaning_of(code, system_error_number);
  const std::string said = db_ != nullptr ? sqlite3_errmsg(db_) : sqlite3_errstr(code);
  sql_failure out;
  out.what = {meaning, file_.string() + ": " + said + " (SQLite " + std::to_string(code) + ")" + advice_for(meaning)};
  out.is_busy = primary(code) == SQLITE_BUSY || primary(code) == SQLITE_LOCKED;
  out.is_sync_failure = is_sync_failure(code, system_error_number);
  return out;
}

}  // namespace cobatch
