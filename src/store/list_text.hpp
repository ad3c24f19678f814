// A list of texts as JSON text, as lists stand in columns.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cobatch {

[[nodiscard]] std::string write_list(const std::vector<std::string>& list);
/// Throws store_damaged if the text is not what `write_list` writes.
[[nodiscard]] std::vector<std::string> read_list(std::string_view text);

}  // namespace cobatch
