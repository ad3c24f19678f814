#include <set>
#include <string_view>

#include <doctest/doctest.h>

#include <cobatch/core/session.hpp>

using namespace cobatch;

TEST_CASE("a process is the same only if all that names it is equal") {
  const process_identity a{"boot", 4026531836, 100, 5555};
  CHECK(a == process_identity{"boot", 4026531836, 100, 5555});
  CHECK(a != process_identity{"other", 4026531836, 100, 5555});
  CHECK(a != process_identity{"boot", 1, 100, 5555});
  CHECK(a != process_identity{"boot", 4026531836, 101, 5555});
  CHECK(a != process_identity{"boot", 4026531836, 100, 5556});
  CHECK(a.known());
  CHECK_FALSE(process_identity{}.known());
}

TEST_CASE("every end of a session has a name of its own") {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < session_end_count; ++i) names.insert(name_of(static_cast<session_end>(i)));
  CHECK(names == std::set<std::string_view>{"finished", "full", "not_started", "stopped", "agent_lost", "crashed",
                                            "cancelled", "blocked", "budget", "usage_unknown"});
}

TEST_CASE("who said how a task ended has a name") {
  CHECK(name_of(status_source::reported) == "reported");
  CHECK(name_of(status_source::inferred) == "inferred");
  CHECK(name_of(status_source::cobatch) == "cobatch");
}
