// What Cobatch writes does not show in git.
#include <filesystem>
#include <fstream>
#include <string>

#include "unit/git.hpp"
#include "unit/run/fixture.hpp"

using namespace cobatch_test;

namespace {

namespace fs = std::filesystem;

void put(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << text;
}

std::string untracked(const fs::path& folder) {
  return all_of_git(folder, {"status", "--porcelain", "--untracked-files=all"});
}

}  // namespace

TEST_CASE("nothing that Cobatch writes shows in git, and what others write beside it does") {
  const scratch_folder folder;
  git(folder.path(), {"init", "--quiet"});
  const fs::path data = folder.path() / "data";
  put(data / "mine.json", "{}");
  put(data / "task_archive/mine.txt", "x");
  const std::string mine = "?? data/mine.json\n?? data/task_archive/mine.txt\n";
  auto place = open_workspace(folder.path());
  CHECK(untracked(folder.path()) == mine);

  assign_all(place, {"a", "b"}, "b1");
  const auto agent = std::make_shared<function_agent>([&](const turn_request&, const std::stop_token&) {
    CHECK(fs::exists(place.paths().marker));
    CHECK(untracked(folder.path()) == mine);
    return turn_report{done(), true};
  });
  engine_options options;
  options.agents = {agent};
  REQUIRE(run(place, options, {}, run_until::idle));
  for (const auto& view : {place.paths().queue_view, place.paths().results_view, place.paths().history_view}) {
    CHECK(fs::exists(view));
    put(view, "written by hand");
  }
  assign(place, "c", "b2", false);
  CHECK_FALSE(place.refresh_views().empty());
  put(data / "last_execution_telemetry.json", "{}");
  for (const char* name : {".execute_queue.lock.8fk2Xa", ".execute_queue.lock.12-34.removed",
                           ".claude_task_queue.json.part", ".last_execution_telemetry-12-1",
                           "last_execution_telemetry.json.unreadable-1", "last_execution_telemetry.json.left-over-1",
                           "task_archive/results_2025-11.jsonl", "results_2025-11.jsonl.unreadable-20251107_214500"})
    put(data / name, "x");
  CHECK(untracked(folder.path()) == mine);
}

TEST_CASE("a .gitignore that is in data/ is left as it is") {
  const scratch_folder folder;
  put(folder.path() / "data/.gitignore", "");
  open_workspace(folder.path());
  CHECK(content_of(folder.path() / "data/.gitignore").empty());
  fs::remove(folder.path() / "data/.gitignore");
  fs::create_symlink("nowhere", folder.path() / "data/.gitignore");
  open_workspace(folder.path());
  CHECK(fs::is_symlink(folder.path() / "data/.gitignore"));
}
