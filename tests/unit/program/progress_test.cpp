// What is told of tokens while an engine works.
#include "program/progress.hpp"

#include <doctest/doctest.h>

namespace cobatch_test {

using namespace cobatch;
using program::tokens_text;

TEST_CASE("tokens are told as the guide writes them, with what came from the cache if something did") {
  CHECK(tokens_text({.uncached_input = 45'200, .output = 2'000}, true) == "45.2K in, 2K out");
  CHECK(tokens_text({.cache_read = 45'000, .output = 80}, true) == "0 in, 80 out, 45K from cache");
}

TEST_CASE("of tokens that are not known in full none is told to be 0") {
  CHECK(tokens_text({.output = 1'500}, false) == "at least 1.5K out");
  CHECK(tokens_text({.uncached_input = 45'000}, false) == "at least 45K in");
  CHECK(tokens_text({.uncached_input = 45'000, .output = 1'500}, false) == "at least 45K in, 1.5K out");
  CHECK(tokens_text({}, false) == "unknown");
}

}  // namespace cobatch_test
