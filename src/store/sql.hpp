// The seam between the store and its database: statements, transactions, and nothing that only SQLite has.
//
// SQLite implements it (sqlite.hpp), and a database server can. The store's tests put a connection in between that
// loses answers and fails commits. A call that fails throws `sql_failure`. One thread at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <cobatch/core/error.hpp>

namespace cobatch {

/// Ends a command. It is thrown inside the store's room only, and becomes the command's error.
struct store_failure {
  error what;
};

/// The database itself failed, and whatever shares the transaction with the command.
struct sql_failure : store_failure {
  bool is_busy = false;  ///< somebody else holds a lock that is needed: try again
  /// Written data may be lost although later syncs will seem to work: nothing more may be written.
  bool is_sync_failure = false;
};

/// SQL put together when it is compiled. A statement lives as long as the program does: a store may be used at its first
/// statement or its last, before `main` and while the process exits.
template <std::size_t Size>
struct sql_text {
  char bytes[Size + 1] = {};

  constexpr sql_text() = default;
  constexpr sql_text(const char (&text)[Size + 1]) { std::copy_n(text, Size, bytes); }  // NOLINT: stands for the text
};
template <std::size_t Bytes>
sql_text(const char (&)[Bytes]) -> sql_text<Bytes - 1>;

template <std::size_t A, std::size_t B>
[[nodiscard]] constexpr sql_text<A + B> operator+(const sql_text<A>& a, const sql_text<B>& b) {
  sql_text<A + B> both;
  std::copy_n(a.bytes, A, both.bytes);
  std::copy_n(b.bytes, B, both.bytes + A);
  return both;
}
template <std::size_t A, std::size_t Bytes>
[[nodiscard]] constexpr auto operator+(const sql_text<A>& a, const char (&b)[Bytes]) {
  return a + sql_text(b);
}
template <std::size_t Bytes, std::size_t B>
[[nodiscard]] constexpr auto operator+(const char (&a)[Bytes], const sql_text<B>& b) {
  return sql_text(a) + b;
}

/// A statement's text, which is known when it is compiled: connections keep prepared statements by its address.
class sql_literal {
 public:
  template <std::size_t Bytes>
  consteval sql_literal(const char (&text)[Bytes]) : text_(text) {}  // NOLINT: stands for the text
  template <std::size_t Size>
  consteval sql_literal(const sql_text<Size>& text) : text_(text.bytes) {}  // NOLINT: the same

  [[nodiscard]] constexpr const char* text() const noexcept { return text_; }

 private:
  const char* text_;
};

class sql_statement {
 public:
  virtual ~sql_statement() = default;

  virtual void bind(int at, std::nullptr_t) = 0;
  virtual void bind(int at, std::int64_t value) = 0;
  virtual void bind(int at, std::string_view text) = 0;  ///< must live until the statement is reset
  virtual bool step() = 0;                               ///< true if there is a row
  virtual void reset() noexcept = 0;

  [[nodiscard]] virtual bool is_null(int column) const noexcept = 0;
  [[nodiscard]] virtual std::int64_t integer(int column) const noexcept = 0;
  /// Valid until the next step. Throws std::bad_alloc.
  [[nodiscard]] virtual std::string_view text(int column) const = 0;
};

/// How a type stands in a column; specialised in values.hpp.
/// `static void bind(sql_statement&, int at, const T&)` and `static T read(const sql_statement&, int column)`.
template <class T, class = void>
struct sql_value;

/// A statement in use, reset when this goes out of scope.
class sql_query {
 public:
  explicit sql_query(sql_statement& statement) noexcept : statement_(&statement) {}
  sql_query(sql_query&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
  sql_query& operator=(sql_query&&) = delete;
  ~sql_query() {
    if (statement_ != nullptr) statement_->reset();
  }

  bool step() { return statement_->step(); }
  [[nodiscard]] bool is_null(int column) const noexcept { return statement_->is_null(column); }
  template <class T>
  [[nodiscard]] T get(int column) const {
    return sql_value<T>::read(*statement_, column);
  }
  /// Reads columns from `first` on, in order; the column that comes next.
  template <class... T>
  int read(int first, T&... out) const {
    ((out = sql_value<T>::read(*statement_, first++)), ...);
    return first;
  }

 private:
  sql_statement* statement_;
};

class sql {
 public:
  enum class access { read, write };

  sql() = default;
  sql(const sql&) = delete;
  sql& operator=(const sql&) = delete;
  virtual ~sql() = default;

  virtual void begin(access wanted) = 0;
  virtual void commit() = 0;
  virtual void roll_back() = 0;
  /// False once the database has ended the transaction by itself, as SQLite does after some errors.
  [[nodiscard]] virtual bool in_transaction() const noexcept = 0;

  /// Prepares a statement once, and finds it again by the text's address.
  [[nodiscard]] virtual sql_statement& prepared(const char* text) = 0;
  [[nodiscard]] virtual std::int64_t rows_changed() const noexcept = 0;     ///< by the latest statement
  [[nodiscard]] virtual std::int64_t last_insert_key() const noexcept = 0;  ///< that the database gave a row

  /// Binds the values in order. Texts must live until the query is done.
  template <class... Args>
  [[nodiscard]] sql_query query(sql_literal text, const Args&... args) {
    sql_statement& statement = prepared(text.text());
    sql_query q(statement);
    int at = 0;
    (sql_value<Args>::bind(statement, ++at, args), ...);
    return q;
  }

  /// The same, for a statement without rows; how many rows it changed.
  template <class... Args>
  std::int64_t run(sql_literal text, const Args&... args) {
    query(text, args...).step();
    return rows_changed();
  }
};

/// Makes a connection that stands between the store and this one, which outlives it.
using sql_between = std::function<std::unique_ptr<sql>(sql&)>;

}  // namespace cobatch
