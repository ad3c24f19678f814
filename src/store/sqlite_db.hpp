// A thin cover over one SQLite connection: prepared statements that are kept, binding, and errors that people can
// use. A failed call throws `sqlite_failure`. One thread at a time.
#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>

#include <cobatch/core/error.hpp>
#include <cobatch/core/time.hpp>

struct sqlite3;
struct sqlite3_stmt;

namespace cobatch {

/// Of the SQLite that runs, "3.40.1".
[[nodiscard]] std::string_view sqlite_version() noexcept;

/// What SQLite said, and the error it means for us.
struct sqlite_failure {
  int code = 0;                 ///< SQLite's extended result code
  int system_error_number = 0;  ///< errno, where a system call failed
  error what;

  /// Somebody else holds a lock that is needed: try again.
  [[nodiscard]] bool is_busy() const noexcept;
  /// Written data may be lost although later syncs will seem to work: nothing more may be written.
  [[nodiscard]] bool is_sync_failure() const noexcept;
};

class sqlite_db;

/// A statement in use. It is reset when it goes out of scope, and its texts are valid until the next `step`.
class sqlite_query {
 public:
  sqlite_query(sqlite_db& db, sqlite3_stmt* statement) noexcept : db_(&db), statement_(statement) {}
  sqlite_query(sqlite_query&& other) noexcept : db_(other.db_), statement_(std::exchange(other.statement_, nullptr)) {}
  sqlite_query& operator=(sqlite_query&&) = delete;
  sqlite_query(const sqlite_query&) = delete;
  sqlite_query& operator=(const sqlite_query&) = delete;
  ~sqlite_query();

  /// True if there is a row.
  bool step();

  [[nodiscard]] bool is_null(int column) const noexcept;
  [[nodiscard]] std::int64_t integer(int column) const noexcept;
  [[nodiscard]] std::string_view text(int column) const;  ///< also throws std::bad_alloc
  [[nodiscard]] std::optional<timestamp> moment(int column) const noexcept;

 private:
  friend class sqlite_db;
  void bind(int at, std::nullptr_t);
  void bind(int at, std::int64_t value);
  void bind(int at, std::string_view text);
  void bind(int at, timestamp value) { bind(at, value.ms); }
  template <std::integral T>
  void bind(int at, T value) {
    bind(at, static_cast<std::int64_t>(value));
  }
  template <class T>
  void bind(int at, const std::optional<T>& value) {
    if (value)
      bind(at, *value);
    else
      bind(at, nullptr);
  }

  sqlite_db* db_;
  sqlite3_stmt* statement_;
};

class sqlite_db {
 public:
  /// Opens an existing file. Errors as for the store; nothing is written.
  explicit sqlite_db(const std::filesystem::path& file);
  sqlite_db(const sqlite_db&) = delete;
  sqlite_db& operator=(const sqlite_db&) = delete;
  ~sqlite_db();

  /// Prepares (once for each `sql`, which must be a literal: statements are kept by its address), binds, in order.
  /// Texts that are bound must live until the query is done.
  template <class... Args>
  [[nodiscard]] sqlite_query query(const char* sql, const Args&... args) {
    sqlite_query q(*this, prepared(sql));
    int at = 0;
    (q.bind(++at, args), ...);
    return q;
  }

  /// The same, for a statement without rows.
  template <class... Args>
  void run(const char* sql, const Args&... args) {
    query(sql, args...).step();
  }

  /// Runs one or several statements that are not kept.
  void execute(const std::string& sql);
  /// The first column of the first row of a statement that is not kept.
  [[nodiscard]] std::string ask(const std::string& sql);

  [[nodiscard]] std::int64_t last_insert_key() const noexcept;
  /// False once SQLite has ended the transaction by itself, as it does after some errors.
  [[nodiscard]] bool in_transaction() const noexcept;
  /// Differs from an earlier value if another connection has changed the file meanwhile.
  [[nodiscard]] std::uint32_t data_version() const noexcept;

  /// Pages in the write-ahead log after the latest commit of this connection.
  [[nodiscard]] int log_pages() const noexcept { return log_pages_; }
  enum class checkpoint_kind { passive, truncate };
  /// Moves the log into the file, as far as readers allow. False if somebody was in the way.
  bool checkpoint(checkpoint_kind kind);

  [[nodiscard]] sqlite_failure failure(int code) const;

 private:
  friend class sqlite_query;
  [[nodiscard]] sqlite3_stmt* prepared(const char* sql);

  sqlite3* db_ = nullptr;
  std::filesystem::path file_;
  std::unordered_map<const char*, sqlite3_stmt*> statements_;
  int log_pages_ = 0;
};

}  // namespace cobatch
