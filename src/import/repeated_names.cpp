#include "import/repeated_names.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "base/json.hpp"

namespace cobatch {

namespace {

// Behind the quote that ends the string which begins at `at`.
std::size_t end_of_string(std::string_view text, std::size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at)
    if (text[at] == '\\') ++at;
  return std::min(at + 1, text.size());
}

bool is_name(std::string_view text, std::size_t end) {
  const std::size_t next = text.find_first_not_of(" \t\r\n", end);
  return next != std::string_view::npos && text[next] == ':';
}

std::string decoded(std::string_view string) {
  const auto parsed = json::parse(string);
  return parsed && parsed->as_string() != nullptr ? *parsed->as_string() : std::string(string);
}

// Those that stand there more than once, each once.
std::vector<std::string> only_repeated(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  std::vector<std::string> twice;
  for (std::size_t i = 1; i < names.size(); ++i)
    if (names[i] == names[i - 1] && (twice.empty() || twice.back() != names[i])) twice.push_back(names[i]);
  return twice;
}

}  // namespace

repeated repeated_names(std::string_view text, std::string_view member) {
  int depth = 0;
  int met = 0;          // how often the member has been
  bool inside = false;  // what is read now is its content
  std::vector<std::string> names;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (c != '"') continue;
    const std::size_t end = end_of_string(text, at);
    const bool wanted = depth == 1 || (depth == 2 && inside);
    if (wanted && is_name(text, end)) {
      std::string name = decoded(text.substr(at, end - at));
      if (depth == 1) {
        inside = name == member;
        met += inside ? 1 : 0;
      } else {
        names.push_back(std::move(name));
      }
    }
    at = end - 1;
  }
  return {met > 1, only_repeated(std::move(names))};
}

}  // namespace cobatch
