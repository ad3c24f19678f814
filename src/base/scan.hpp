// The pass over a JSON text before simdjson sees it.
//
// simdjson 3.0 keeps a number as int64 or double, and refuses what fits neither; we promise to give every number back
// as it was written. So the numbers that are not an int64 are taken out here, in order, and "0.0" stands in for each:
// afterwards every double that simdjson finds is the next of them. It also refuses unpaired surrogates, which Python
// and JavaScript write, counts levels in its own way and says of no error where it is: so depth and structure are
// checked here, and unpaired surrogates are replaced.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <cobatch/core/error.hpp>

#include "base/json.hpp"

namespace cobatch::json::detail {

struct scanned {
  std::string text;                       ///< what simdjson is to parse; capacity includes its padding
  std::vector<std::string_view> numbers;  ///< the numbers taken out, in order; they point into the scanned text
  repairs repaired;
};

enum class strictness { strict, lenient };

/// Errors: bad_json with line and column. What it lets pass may still have a malformed string. `padding` is how many
/// bytes must be allocated behind the text. Lenient: NaN, Infinity and -Infinity are read as null.
[[nodiscard]] result<scanned> scan(std::string_view text, std::size_t padding, strictness how);

/// An error that says what is wrong at a byte of the text.
[[nodiscard]] error wrong_at(std::string_view text, std::size_t offset, std::string_view what);

/// What is wrong with the first string that holds a control character or a malformed escape, of a text that has passed
/// `scan`.
[[nodiscard]] error bad_string_in(std::string_view text);

/// True if `text` is one JSON number.
[[nodiscard]] bool is_number(std::string_view text) noexcept;

}  // namespace cobatch::json::detail
