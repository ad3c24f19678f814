// Workspaces that are static objects: they are closed while the process exits.
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/engine/fixture.hpp"

using namespace cobatch_test;

namespace {

std::optional<workspace> static_place;

// Exits in a child process; the status of its end.
template <class Body>
int exit_in_child(const Body& body) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    body();
    std::exit(0);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return status;
}

// Uses for the first time what the library makes at its first use; the last task is not in the files yet.
void use(std::optional<workspace>& place, const scratch_folder& folder) {
  place.emplace(open_workspace(folder.path()));
  assign(*place, "early", "b1", true);
  CHECK(place->refresh_views().empty());
  assign(*place, "late", "b1", true);
}

bool shows_late(const scratch_folder& folder) {
  return content_of(folder.path() / "data" / "claude_task_queue.json").find("late") != std::string::npos;
}

}  // namespace

TEST_CASE("a workspace with static storage is closed while the process exits, and brings its files up to date") {
  const scratch_folder folder;
  CHECK(exit_in_child([&] { use(static_place, folder); }) == 0);
  CHECK(shows_late(folder));
}

TEST_CASE("so is one that a function keeps") {
  const scratch_folder folder;
  CHECK(exit_in_child([&] {
          static std::optional<workspace> place;
          use(place, folder);
        }) == 0);
  CHECK(shows_late(folder));
}
