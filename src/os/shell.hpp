// Text for a POSIX shell.
#pragma once

#include <string>
#include <string_view>

namespace cobatch {

/// `text` as one word of a shell: in single quotes, unless it needs none.
[[nodiscard]] inline std::string shell_quoted(std::string_view text) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-";
  if (!text.empty() && text.find_first_not_of(plain) == std::string_view::npos) return std::string(text);
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace cobatch
