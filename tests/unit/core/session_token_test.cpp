#include <doctest/doctest.h>

#include <cobatch/core/session_token.hpp>

using namespace cobatch;

TEST_CASE("a token that was written is read as the same") {
  const auto read = session_token::parse(session_token{epoch{42}, "0f-3a"}.str());
  REQUIRE(read.has_value());
  CHECK(read->session == epoch{42});
  CHECK(read->nonce == "0f-3a");
  CHECK(session_token{epoch{42}, "0f3a"}.str() == "42-0f3a");
}

TEST_CASE("a text that is no token is not read as one") {
  for (const auto* text : {"", "-", "7", "7-", "-abc", "0-abc", "-1-abc", "+7-abc", " 7-abc", "7 -abc", "7x-abc",
                           "x-abc", "99999999999999999999-abc"}) {
    CAPTURE(text);
    CHECK_FALSE(session_token::parse(text));
  }
}

TEST_CASE("secrets are the same only if every byte is") {
  CHECK(same_secret("abc", "abc"));
  CHECK(same_secret("", ""));
  for (const auto* other : {"", "ab", "abcd", "bbc", "aBc", "abd",
                            "\xe1"
                            "bc"}) {
    CAPTURE(other);
    CHECK_FALSE(same_secret("abc", other));
  }
}
