// What shows that a call belongs to a session: its epoch and the nonce of its claim, which nobody else can guess.
//
// It stands in environments and prompts as the text "EPOCH-NONCE". Whoever has it may report for that session, and
// only as long as the session lives.
#pragma once

#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <cobatch/core/id.hpp>

namespace cobatch {
inline namespace v1 {

struct session_token {
  epoch session = {};
  std::string nonce = {};  ///< of the claim that made the session

  /// "EPOCH-NONCE", the epoch in decimal.
  [[nodiscard]] std::string str() const { return std::to_string(session.value) + "-" + nonce; }

  /// Reads what `str` wrote; nothing for any other text.
  [[nodiscard]] static std::optional<session_token> parse(std::string_view text) {
    session_token token;
    const std::size_t dash = text.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const char* const end = text.data() + dash;
    const auto [stop, problem] = std::from_chars(text.data(), end, token.session.value);
    if (problem != std::errc{} || stop != end) return std::nullopt;
    token.nonce = text.substr(dash + 1);
    return token.session.value > 0 && !token.nonce.empty() ? std::optional(token) : std::nullopt;
  }
};

/// True if both are equal. How long it takes does not tell where they differ, so that a secret cannot be guessed bit by
/// bit.
[[nodiscard]] inline bool same_secret(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned>(static_cast<unsigned char>(b[i]));
  return difference == 0;
}

}  // namespace v1
}  // namespace cobatch
