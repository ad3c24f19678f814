#include "program/token_file.hpp"

#include "unit/program/support.hpp"

namespace cobatch_test {

using program::read_token;

TEST_CASE("a token is the first line of a file that only its owner may read") {
  const folder f;
  const auto token = read_token(f.write("token", "0123456789abcdef\r\nmore\n"));
  REQUIRE(token);
  CHECK(*token == "0123456789abcdef");
}

TEST_CASE("a token file that others may read or write is refused") {
  const folder f;
  for (const mode_t mode : {0640U, 0604U, 0620U, 0666U}) {
    CAPTURE(mode);
    CHECK(read_token(f.write("token", "0123456789abcdef\n", mode)).error().code == errc::unsafe_file);
  }
}

TEST_CASE("a token that is short, empty or has spaces is refused, and a missing file too") {
  const folder f;
  for (const char* content : {"", "\n0123456789abcdef", "short", "0123456789 abcdef", "0123456789abcde\x01"}) {
    CAPTURE(content);
    CHECK(read_token(f.write("token", content)).error().code == errc::bad_value);
  }
  CHECK(read_token(f.path() / "none").error().code == errc::io_error);
}

}  // namespace cobatch_test
