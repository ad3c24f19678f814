// JSON in and out. The only room that knows simdjson.
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

namespace cobatch {
namespace json {

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
  value(const value&);
  value(value&&) noexcept;
  value& operator=(const value&);
  value& operator=(value&&) noexcept;
  ~value();

  [[nodiscard]] bool is_null() const noexcept;
  [[nodiscard]] const bool* as_bool() const noexcept;
  [[nodiscard]] const std::int64_t* as_int() const noexcept;
  [[nodiscard]] const number* as_number() const noexcept;  ///< null pointer for an int64
  [[nodiscard]] const std::string* as_string() const noexcept;
  [[nodiscard]] const array* as_array() const noexcept;
  [[nodiscard]] const object* as_object() const noexcept;
  [[nodiscard]] object* as_object() noexcept;

  /// Of an object: the member of that name; null pointer otherwise. Takes time linear in the number of members.
  [[nodiscard]] const value* find(std::string_view name) const noexcept;

  /// "null", "a boolean", "a number", "a string", "an array", "an object": for messages.
  [[nodiscard]] std::string_view kind() const noexcept;

  friend bool operator==(const value&, const value&);

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
inline value::value(const value&) = default;
inline value::value(value&&) noexcept = default;
inline value& value::operator=(const value&) = default;
inline value& value::operator=(value&&) noexcept = default;
inline value::~value() = default;

inline constexpr std::size_t max_depth = 256;

/// Parses one JSON text (UTF-8, nothing but white space after it; a byte order mark before it is skipped). If a name
/// stands twice in an object, the later content takes the place of the earlier one, as in Python. Half a surrogate pair
/// ("\ud800"), which Python and JavaScript write for what is no text, is read as U+FFFD.
/// Errors: bad_encoding (not UTF-8), bad_json (everything else; with line and column). Arrays and objects nested deeper
/// than `max_depth` are bad_json.
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

}  // namespace json
}  // namespace cobatch
