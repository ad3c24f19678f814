#include "os/presence.hpp"

#include <algorithm>

#include "scratch.hpp"

using namespace cobatch;
using namespace cobatch_test;

namespace {
std::size_t files_in(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator()));
}
}  // namespace

TEST_CASE("an engine is alive as long as its presence is") {
  const scratch_folder folder;
  CHECK(live_engines(folder.path()).value().empty());
  {
    auto first = presence::announce(folder.path(), {"claude", "codex"});
    auto second = presence::announce(folder.path(), {});
    REQUIRE(first);
    REQUIRE(second);
    auto alive = live_engines(folder.path()).value();
    REQUIRE(alive.size() == 2);
    std::sort(alive.begin(), alive.end(), [](const auto& a, const auto& b) { return a.agents > b.agents; });
    CHECK(alive[0].pid == ::getpid());
    CHECK(alive[0].agents == std::vector<std::string>{"claude", "codex"});
    CHECK(alive[1].agents.empty());
    const presence moved = std::move(*second);
    CHECK(live_engines(folder.path()).value().size() == 2);
  }
  CHECK(live_engines(folder.path()).value().empty());
  CHECK(files_in(folder.path() / "engines") == 0);
}

TEST_CASE("an engine that was killed is not alive, and its file is removed") {
  const scratch_folder folder;
  forked engine([&] {
    auto here = presence::announce(folder.path(), {"claude"});
    if (!here) return 1;
    for (;;) ::pause();
  });
  REQUIRE(eventually([&] { return live_engines(folder.path()).value().size() == 1; }));
  CHECK(live_engines(folder.path()).value()[0].pid == engine.pid());
  engine.kill();
  CHECK(live_engines(folder.path()).value().empty());
  CHECK(files_in(folder.path() / "engines") == 0);
}

TEST_CASE("an engine that comes while others look is never taken for a dead one") {
  const scratch_folder folder;
  auto first = presence::announce(folder.path(), {"first"});
  REQUIRE(first);
  forked reader([&] {
    for (;;) static_cast<void>(live_engines(folder.path()));
    return 0;
  });
  for (int i = 0; i < 300; ++i) {
    auto engine = presence::announce(folder.path(), {"claude"});
    REQUIRE(engine);
    const auto alive = live_engines(folder.path()).value();
    CHECK(std::any_of(alive.begin(), alive.end(),
                      [](const live_engine& e) { return e.agents == std::vector<std::string>{"claude"}; }));
  }
}
