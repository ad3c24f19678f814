// The pass over a JSON text before simdjson sees it.
//
// simdjson 3.0 keeps a number as int64 or double, and refuses what fits neither; we promise to give every number back
// as it was written. So the numbers that are not an int64 are taken out here, in order, and "0.0" stands in for each:
// afterwards every double that simdjson finds is the next of them. It also knows no offsets and counts levels in its
// own way, so the depth and the mistakes that people make most often are looked for here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <cobatch/core/error.hpp>

namespace cobatch {
inline namespace v1 {
namespace json::detail {

struct scanned {
  std::string text;                       ///< what simdjson is to parse; capacity includes its padding
  std::vector<std::string_view> numbers;  ///< the numbers taken out, in order; they point into the scanned text
};

/// Errors: bad_json with the offset. What it lets pass may still be malformed: strings and the structure are not
/// looked at. `padding` is how many bytes must be allocated behind the text.
[[nodiscard]] result<scanned> scan(std::string_view text, std::size_t padding);

/// True if `text` is one JSON number.
[[nodiscard]] bool is_number(std::string_view text) noexcept;

}  // namespace json::detail
}  // namespace v1
}  // namespace cobatch
