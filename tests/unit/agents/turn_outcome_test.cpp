#include "agents/turn_outcome.hpp"

#include <doctest/doctest.h>

using namespace cobatch;

TEST_CASE("the last status line of an answer counts") {
  const auto found =
      find_status_line("COBATCH {\"status\":\"error\"}\ntext\nCOBATCH {\"status\":\"done\",\"summary\":\"x\"}\n\n");
  REQUIRE(found);
  CHECK(found->done);
  CHECK(found->summary == "x");
}

TEST_CASE("Markdown around a status line does not hide it") {
  for (const char* line : {"`COBATCH {\"status\":\"error\"}`", "**COBATCH {\"status\":\"error\"}**",
                           "> COBATCH {\"status\":\"error\"}\r", "  COBATCH{\"status\":\"error\"}"}) {
    CAPTURE(line);
    const auto found = find_status_line(line);
    REQUIRE(found);
    CHECK_FALSE(found->done);
  }
}

TEST_CASE("what only resembles a status line is none") {
  for (const char* line : {"", "COBATCH", "COBATCH {}", "COBATCH {\"status\":\"maybe\"}", "COBATCH {\"status\":}",
                           "say COBATCH {\"status\":\"done\"}", "COBATCH }{"}) {
    CAPTURE(line);
    CHECK_FALSE(find_status_line(line));
  }
}
