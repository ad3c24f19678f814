#include <cstdint>
#include <string>

#include <doctest/doctest.h>

#include <cobatch/core/text.hpp>

using namespace cobatch;

namespace {

// A code point as UTF-8, by the definition; surrogates and overlong lengths if asked for.
std::string encoded(std::uint32_t c, int length) {
  if (length == 1) return std::string(1, static_cast<char>(c));
  std::string out;
  for (int i = length - 1; i > 0; --i) {
    out.insert(out.begin(), static_cast<char>(0x80U | (c & 0x3FU)));
    c >>= 6U;
  }
  const std::uint32_t lead = length == 2 ? 0xC0U : length == 3 ? 0xE0U : 0xF0U;
  out.insert(out.begin(), static_cast<char>(lead | c));
  return out;
}

// The ranges of table 3-7 of the Unicode standard, a row a range of lead bytes.
struct lead_row {
  unsigned first, last;
  std::size_t length;
  unsigned second_low, second_high;
};
constexpr lead_row table_3_7[] = {
    {0x00, 0x7F, 1, 0, 0},       {0xC2, 0xDF, 2, 0x80, 0xBF}, {0xE0, 0xE0, 3, 0xA0, 0xBF},
    {0xE1, 0xEC, 3, 0x80, 0xBF}, {0xED, 0xED, 3, 0x80, 0x9F}, {0xEE, 0xEF, 3, 0x80, 0xBF},
    {0xF0, 0xF0, 4, 0x90, 0xBF}, {0xF1, 0xF3, 4, 0x80, 0xBF}, {0xF4, 0xF4, 4, 0x80, 0x8F}};

std::size_t expected_length(unsigned lead, unsigned second) {
  for (const auto& row : table_3_7)
    if (lead >= row.first && lead <= row.last)
      return row.length == 1 || (second >= row.second_low && second <= row.second_high) ? row.length : 0;
  return 0;
}

}  // namespace

TEST_CASE("every lead byte with every second byte is judged as Unicode's table 3-7 says") {
  for (unsigned lead = 0; lead < 256; ++lead)
    for (unsigned second = 0; second < 256; ++second) {
      const std::size_t length = expected_length(lead, second);
      std::string text{static_cast<char>(lead), static_cast<char>(second), '\x80', '\x80'};
      if (detail::utf8_sequence_length(text, 0) != length) FAIL_CHECK(lead << " " << second);
      if (length < 2) continue;
      text.resize(length);
      CHECK(is_utf8(text));
      CHECK_FALSE(is_utf8(text.substr(0, length - 1)));
      text.back() = 'x';
      CHECK_FALSE(is_utf8(text));
    }
}

TEST_CASE("every code point is text, and no surrogate, overlong form or larger value is") {
  const auto check = [](std::uint32_t c, int length, bool valid) {
    if (is_utf8(encoded(c, length)) != valid) FAIL_CHECK(c << " in " << length);
  };
  for (std::uint32_t c = 0; c < 0x110000; ++c) {
    const int length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    check(c, length, c < 0xD800 || c > 0xDFFF);
    if (c < 0x80) check(c, 2, false);
    if (c < 0x800) check(c, 3, false);
    if (c < 0x10000) check(c, 4, false);
  }
  for (std::uint32_t c = 0x110000; c < 0x200000; c += 251) check(c, 4, false);
}

TEST_CASE("control characters cannot stand on a line, everything else can") {
  for (std::uint32_t c = 0; c < 0x300; ++c) {
    const bool control = c < 0x20 || (c >= 0x7F && c < 0xA0);
    CHECK(is_printable("a" + encoded(c, c < 0x80 ? 1 : 2) + "b") == !control);
  }
  CHECK(is_printable(""));
  CHECK(is_printable("\xE4\xBD\xA0\xF0\x9F\x98\x80"));
}

TEST_CASE("a prefix never cuts a character and is as long as it may be") {
  const std::string text = "a\xC3\xA9\xE4\xBD\xA0\xF0\x9F\x98\x80z";
  const std::size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
  for (std::size_t limit = 0; limit < std::size(expected); ++limit) {
    CHECK(utf8_prefix(text, limit).size() == expected[limit]);
    CHECK(is_utf8(utf8_prefix(text, limit)));
  }
}

TEST_CASE("any bytes become text, and what was text stays as it is") {
  CHECK(to_utf8("caf\xC3\xA9") == "caf\xC3\xA9");
  CHECK(to_utf8("a\xFF\xC3z") == "a\xEF\xBF\xBD\xEF\xBF\xBDz");
  for (unsigned lead = 0; lead < 256; ++lead)
    for (unsigned second = 0; second < 256; ++second)
      if (!is_utf8(to_utf8(std::string{static_cast<char>(lead), static_cast<char>(second)}))) FAIL_CHECK(lead);
}

TEST_CASE("a text of white space, of characters without width or of control characters is blank") {
  for (const char* blank : {"\u00A0", "\u3000", "\u200B", "\uFEFF", "\x01\x7F", "\u0085", " \u2003\t\u2028\n"})
    CHECK(is_blank(blank));
  for (const char* not_blank : {"\u00A0a", "\u00A1", "\u3001", "\uFFFD", "\xC2", "\xE3\x80", "\x80"})
    CHECK_FALSE(is_blank(not_blank));
}

TEST_CASE("any text becomes a line of at most so many bytes, and it shows where something was left out") {
  CHECK(to_line("caf\xC3\xA9", 5) == "caf\xC3\xA9");
  CHECK(to_line("caf\xC3\xA9", 4) == "caf\xE2\x80\xA6");
  CHECK(to_line("a\x1B[2Jb\r\n\tc\xC2\x9B\n", 100) == "a [2Jb   c");
  CHECK(to_line("a\xFF"
                "b",
                100) ==
        "a\xEF\xBF\xBD"
        "b");
  CHECK(to_line("\n\n", 100).empty());
}
