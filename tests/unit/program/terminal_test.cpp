#include "program/terminal.hpp"

#include <unistd.h>

#include <doctest/doctest.h>

#include <cobatch/core/text.hpp>

namespace cobatch::program {

TEST_CASE("escape sequences and control characters become visible and lose their power") {
  CHECK(one_line("\x1b[31mred\x07") == "\\x1b[31mred\\x07");
  CHECK(one_line("a\rb\x7f\xC2\x9B") == "a\\x0db\\x7f\\x9b");
  CHECK(one_line(std::string_view("nul\0l", 5)) == "nul\\x00l");
  for (int c = 0; c < 256; ++c) {
    const std::string clean = one_line(std::string(1, static_cast<char>(c)));
    CHECK(is_utf8(clean));
    CHECK(is_printable(clean));
  }
}

TEST_CASE("line ends become visible on one line and stay on many") {
  CHECK(one_line("a\nb\tc") == "a\\nb\\tc");
  CHECK(many_lines("a\nb\x1b") == "a\nb\\x1b");
}

TEST_CASE("bytes that are not UTF-8 become visible") {
  CHECK(one_line("a\xFF"
                 "b") == "a\\xffb");
  CHECK(one_line("\xE2\x82") == "\\xe2\\x82");
}

TEST_CASE("marks that turn the direction of writing or show nothing become visible, other text stays") {
  CHECK(one_line("a\u202Eb") == "a\\u{202e}b");
  CHECK(one_line("\u200B\uFEFF\u2066") == "\\u{200b}\\u{feff}\\u{2066}");
  CHECK(one_line("Gr\u00FC\u00DFe \u65E5\u672C \U0001F600") == "Gr\u00FC\u00DFe \u65E5\u672C \U0001F600");
}

TEST_CASE("a shortened text has at most so many characters and is never cut inside one") {
  CHECK(shortened("short", 10) == "short");
  CHECK(shortened("exactly ten", 11) == "exactly ten");
  CHECK(shortened("\u00E9\u00E9\u00E9\u00E9\u00E9", 3) == "\u00E9\u00E9\u2026");
  CHECK(is_utf8(shortened(std::string(1000, 'x') + "\u00E9", 20)));
}

TEST_CASE("nothing is coloured where there is no terminal") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  CHECK(palette(ends[1]).bad("text") == "text");
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace cobatch::program
