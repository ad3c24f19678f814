// A connection to an SQLite database. A failed call throws `sql_failure` with an error that people can use.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "store/sql.hpp"

struct sqlite3;

namespace cobatch {

/// Of the SQLite that runs, "3.40.1".
[[nodiscard]] std::string_view sqlite_version() noexcept;

class sqlite final : public sql {
 public:
  /// Opens an existing file, or a new database in memory (":memory:"). Nothing is written.
  explicit sqlite(const std::filesystem::path& file);
  ~sqlite() override;

  void begin(access wanted) override;
  void commit() override;
  void roll_back() override;
  [[nodiscard]] bool in_transaction() const noexcept override;
  [[nodiscard]] sql_statement& prepared(const char* text) override;
  [[nodiscard]] std::int64_t rows_changed() const noexcept override;
  [[nodiscard]] std::int64_t last_insert_key() const noexcept override;

  /// Runs one or several statements that are not kept.
  void execute(const std::string& statements);
  /// The first column of the first row of a statement that is not kept.
  [[nodiscard]] std::string ask(const std::string& statement);

  /// Differs from an earlier value if another connection has changed the file meanwhile.
  [[nodiscard]] std::uint32_t data_version() const noexcept;
  /// Pages in the write-ahead log after the latest commit of this connection.
  [[nodiscard]] int log_pages() const noexcept { return log_pages_; }
  enum class checkpoint_kind { passive, truncate };
  /// Moves the log into the file, as far as readers allow. False if somebody was in the way.
  bool checkpoint(checkpoint_kind kind);

 private:
  class statement;

  void check(int code) const;
  [[nodiscard]] sql_failure failure(int code) const;

  sqlite3* db_ = nullptr;
  std::filesystem::path file_;
  std::unordered_map<const char*, std::unique_ptr<statement>> statements_;
  int log_pages_ = 0;
};

}  // namespace cobatch
