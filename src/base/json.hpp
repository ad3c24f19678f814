// JSON in and out, and the decimal numbers in it. The only room that knows simdjson.
//
// A `value` owns what it holds; objects keep the order of their members. Numbers that are whole and fit are int64;
// all others keep their text, so that writing a value back changes nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <cobatch/core/error.hpp>

namespace cobatch::json {

class value;
struct member;
using array = std::vector<value>;
using object = std::vector<member>;

/// A number that is not an int64 (and "-0"), in the text it was written in: a JSON number, or writing breaks.
struct number {
  std::string text;
  friend bool operator==(const number&, const number&) = default;
};

class value {
 public:
  value();
  value(bool b);
  value(std::int64_t n);
  value(int n);
  value(number n);
  value(std::string s);
  value(std::string_view s);
  value(const char* s);
  value(array a);
  value(object o);

  [[nodiscard]] bool is_null() const noexcept { return data_.index() == 0; }
  [[nodiscard]] const bool* as_bool() const noexcept { return std::get_if<bool>(&data_); }
  [[nodiscard]] const std::int64_t* as_int() const noexcept { return std::get_if<std::int64_t>(&data_); }
  /// Null pointer for an int64.
  [[nodiscard]] const number* as_number() const noexcept { return std::get_if<number>(&data_); }
  [[nodiscard]] const std::string* as_string() const noexcept { return std::get_if<std::string>(&data_); }
  [[nodiscard]] const array* as_array() const noexcept { return std::get_if<array>(&data_); }
  [[nodiscard]] const object* as_object() const noexcept { return std::get_if<object>(&data_); }
  [[nodiscard]] object* as_object() noexcept { return std::get_if<object>(&data_); }

  /// Of an object: the member of that name; null pointer otherwise. Takes time linear in the number of members.
  [[nodiscard]] const value* find(std::string_view name) const noexcept;

  /// "null", "a boolean", "a number", "a string", "an array", "an object": for messages.
  [[nodiscard]] std::string_view kind() const noexcept;

  friend bool operator==(const value& a, const value& b);

 private:
  std::variant<std::monostate, bool, std::int64_t, number, std::string, array, object> data_;
};

struct member {
  std::string name;
  value content;
  friend bool operator==(const member&, const member&) = default;
};

// Here, and not in the class, because a vector may only be made and destroyed where its elements are complete.
inline value::value() = default;
inline value::value(bool b) : data_(b) {}
inline value::value(std::int64_t n) : data_(n) {}
inline value::value(int n) : data_(static_cast<std::int64_t>(n)) {}
inline value::value(number n) : data_(std::move(n)) {}
inline value::value(std::string s) : data_(std::move(s)) {}
inline value::value(std::string_view s) : data_(std::string(s)) {}
inline value::value(const char* s) : data_(std::string(s)) {}
inline value::value(array a) : data_(std::move(a)) {}
inline value::value(object o) : data_(std::move(o)) {}

// ---- Reading and writing

/// Arrays and objects that are nested deeper are refused.
inline constexpr std::size_t max_depth = 256;

/// Parses one JSON text (UTF-8, nothing but white space after it; a byte order mark before it is skipped). If a name
/// stands twice in an object, the later content takes the place of the earlier one, as in Python. Half a surrogate pair
/// ("\ud800"), which Python and JavaScript write for what is no text, is read as U+FFFD.
/// Errors: bad_encoding (not UTF-8), bad_json (everything else; with line and column).
[[nodiscard]] result<value> parse(std::string_view text);

/// What was replaced so that a text could be read.
struct repairs {
  std::size_t surrogates = 0;  ///< halves of surrogate pairs, by U+FFFD
  std::size_t numbers = 0;     ///< NaN, Infinity and -Infinity, by null
  std::size_t bytes = 0;       ///< bytes that are no UTF-8, by U+FFFD

  repairs& operator+=(const repairs& other) noexcept {
    surrogates += other.surrogates, numbers += other.numbers, bytes += other.bytes;
    return *this;
  }
  friend bool operator==(const repairs&, const repairs&) = default;
};

/// Parses what other programs wrote and nobody can ask them to write again: beside what `parse` reads, NaN, Infinity
/// and -Infinity, as Python writes them, and bytes that are no UTF-8. Errors: bad_json.
[[nodiscard]] result<value> parse_leniently(std::string_view text, repairs& repaired);

/// One line, no spaces: members in order; strings escaped as JSON requires, other UTF-8 as it is, each byte that
/// is no UTF-8 as U+FFFD.
[[nodiscard]] std::string write(const value& v);
/// Several lines, indented by two spaces, as Python's json.tool would: for people and for `grep -A`.
[[nodiscard]] std::string write_pretty(const value& v);

/// Appends a JSON string, quotes included, to `out`.
void append_string(std::string& out, std::string_view text);

// ---- Members of objects that others wrote: what is missing or of another type is simply not there

/// Empty if it is no string.
[[nodiscard]] std::string text_of(const value& of, std::string_view name);
[[nodiscard]] std::optional<std::int64_t> number_of(const value& of, std::string_view name);
[[nodiscard]] bool is_true(const value& of, std::string_view name);
/// Null pointer if it is no array.
[[nodiscard]] const array* array_of(const value& of, std::string_view name);

/// Reads counts, and remembers whether all that was read can be meant.
class told_counts {
 public:
  /// A count is a whole number from 0 to `most`.
  explicit told_counts(std::int64_t most) : most_(most) {}

  /// Nothing if the member is missing, null, or no count.
  [[nodiscard]] std::optional<std::int64_t> read(const value& of, std::string_view name);
  /// False if something that was read is no count: a text, a fraction, a negative number, one that is too large.
  [[nodiscard]] bool all_fit() const noexcept { return all_fit_; }

 private:
  std::int64_t most_;
  bool all_fit_ = true;
};

// ---- Decimal numbers as they are written: money never passes through a binary fraction

/// A number of small units: nano-dollars, say.
struct decimal {
  std::int64_t value = 0;
  bool exact = true;  ///< false: it was written more precisely, and rounded once, half up

  friend bool operator==(const decimal&, const decimal&) = default;
};

/// A JSON number times 10^decimals. Nothing if it is negative or comes to 10^18 or more.
[[nodiscard]] std::optional<decimal> read_decimal(std::string_view written, int decimals);

/// The other way round, of a number of small units, not negative: as many decimals as it needs, and at least `fewest`.
[[nodiscard]] std::string write_decimal(std::int64_t value, int decimals, int fewest);

/// The same as a JSON number, with no more decimals than it needs.
[[nodiscard]] value decimal_value(std::int64_t value, int decimals);

}  // namespace cobatch::json
