// What is asked of every text that comes from outside: is it UTF-8, can it stand on one line, and does it say anything.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cobatch {
inline namespace v1 {

namespace detail {
// Length of the well-formed UTF-8 sequence at `at`, or 0. Unicode 15, table 3-7: no overlong forms, no
// surrogates, nothing above U+10FFFF.
[[nodiscard]] constexpr std::size_t utf8_sequence_length(std::string_view text, std::size_t at) noexcept {
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned lead = byte(at);
  const unsigned second = byte(at + 1);
  if (lead < 0x80U) return 1;
  if (lead >= 0xC2U && lead <= 0xDFU) return continues(at + 1) ? 2 : 0;
  if (lead >= 0xE0U && lead <= 0xEFU) {
    const unsigned low = lead == 0xE0U ? 0xA0U : 0x80U;
    const unsigned high = lead == 0xEDU ? 0x9FU : 0xBFU;
    return second >= low && second <= high && continues(at + 2) ? 3 : 0;
  }
  if (lead >= 0xF0U && lead <= 0xF4U) {
    const unsigned low = lead == 0xF0U ? 0x90U : 0x80U;
    const unsigned high = lead == 0xF4U ? 0x8FU : 0xBFU;
    return second >= low && second <= high && continues(at + 2) && continues(at + 3) ? 4 : 0;
  }
  return 0;
}
}  // namespace detail

/// True if `text` is well-formed UTF-8.
[[nodiscard]] constexpr bool is_utf8(std::string_view text) noexcept {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = detail::utf8_sequence_length(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

/// True if `text` holds no control character (C0, DEL, C1), so that it can stand on one line of a terminal.
/// `text` must be UTF-8.
[[nodiscard]] constexpr bool is_printable(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20U || byte == 0x7FU) return false;
    if (byte == 0xC2U && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0U) return false;
  }
  return true;
}

/// True if `text` is empty, or holds nothing but white space of Unicode, characters without width, and control
/// characters: nothing that says anything. What is not UTF-8 is not blank.
[[nodiscard]] constexpr bool is_blank(std::string_view text) noexcept {
  constexpr std::string_view white =
      " \u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u200B\u200C\u200D\u200E\u200F"
      "\u2028\u2029\u202F\u205F\u2060\u3000\uFEFF";
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = detail::utf8_sequence_length(text, at);
    const std::string_view character = text.substr(at, length);
    if (length == 0 || (is_printable(character) && white.find(character) == std::string_view::npos)) return false;
    at += length;
  }
  return true;
}

/// The longest prefix of `text` (UTF-8) of at most `limit` bytes that does not cut a character.
[[nodiscard]] constexpr std::string_view utf8_prefix(std::string_view text, std::size_t limit) noexcept {
  if (text.size() <= limit) return text;
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0U) == 0x80U) --limit;
  return text.substr(0, limit);
}

/// `text` with every byte that is not part of well-formed UTF-8 replaced by U+FFFD.
[[nodiscard]] inline std::string to_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = detail::utf8_sequence_length(text, at);
    out += length == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(at, length);
    at += length == 0 ? 1 : length;
  }
  return out;
}

/// `text` on one line that a terminal can show: at most `limit` bytes of it, with "…" behind them if that is not all,
/// and a space for every control character.
[[nodiscard]] inline std::string to_line(std::string_view text, std::size_t limit) {
  const std::string all = to_utf8(text);
  const std::string_view kept = utf8_prefix(all, limit);
  std::string out;
  for (std::size_t at = 0; at < kept.size();) {
    const std::string_view character = kept.substr(at, detail::utf8_sequence_length(kept, at));
    out += is_printable(character) ? character : " ";
    at += character.size();
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  if (kept.size() < all.size()) out += "\xE2\x80\xA6";
  return out;
}

static_assert(is_utf8("caf\xC3\xA9") && !is_utf8("\xC0\x80") && !is_utf8("\xED\xA0\x80"));
static_assert(is_printable("caf\xC3\xA9") && !is_printable("a\nb") && !is_printable("\xC2\x9B"));
static_assert(is_blank("") && is_blank(" \t\r\n") && !is_blank(" a") && !is_blank("\xC2"));
static_assert(utf8_prefix("a\xC3\xA9", 2) == "a");

}  // namespace v1
}  // namespace cobatch
