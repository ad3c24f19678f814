// Names that stand more than once in an object of a JSON text: the parser keeps the last content only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cobatch {

struct repeated {
  bool outer = false;                   ///< `member` itself stands more than once
  std::vector<std::string> inner = {};  ///< of the names in its object, each once
};

/// `text` is valid JSON. Looks at the member of that name of the outermost object.
[[nodiscard]] repeated repeated_names(std::string_view text, std::string_view member);

}  // namespace cobatch
