// What Cobatch writes, and git: it does not show there; and a lock file that came from there is known as such.
#include <filesystem>
#include <fstream>
#include <string>

#include "unit/engine/fixture.hpp"
#include "unit/git.hpp"

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

// A lock file as a session of another workspace has it.
std::string lock_of_another() {
  const scratch_folder elsewhere;
  auto place = open_workspace(elsewhere.path());
  assign(place, "x", "another", true);
  std::string bytes;
  const auto agent = std::make_shared<function_agent>([&](const turn_request&, const std::stop_token&) {
    bytes = content_of(place.paths().marker);
    return turn_report{done(), true};
  });
  engine_options options;
  options.agents = {agent};
  REQUIRE(run(place, options, {}, run_until::idle));
  REQUIRE_FALSE(bytes.empty());
  return bytes;
}

// A workspace with a batch to run and this lock file; what is advised. Nothing is broken, and nothing started.
std::string advice_when_locked(const fs::path& root, const std::string& bytes) {
  auto place = open_workspace(root);
  assign(place, "a", "b1", true);
  const auto agent = std::make_shared<function_agent>([](const turn_request&, const std::stop_token&) {
    return turn_report{done(), true};
  });
  engine_options options;
  options.agents = {agent};
  const auto report = run(place, options, {}, run_until::idle);
  REQUIRE(report);
  CHECK(report->sessions == 0);
  CHECK(agent->starts == 0);
  CHECK(content_of(place.paths().marker) == bytes);
  const auto lock = place.lock();
  REQUIRE(lock);
  CHECK(lock->marker == marker_state::foreign);
  return lock->advice;
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

TEST_CASE("a lock file that git tracks is known as such in the clone and in the worktree that it comes with") {
  const scratch_folder folder;
  const fs::path origin = folder.path() / "origin";
  const std::string bytes = lock_of_another();
  put(origin / "data/execute_queue.lock", bytes);
  git(origin, {"init", "--quiet"});
  commit_all(origin, "with the lock file");
  git(origin, {"clone", "--quiet", ".", "../clone"});
  git(origin, {"worktree", "add", "--quiet", "../tree"});
  for (const char* copy : {"clone", "tree"}) {
    const std::string advice = advice_when_locked(folder.path() / copy, bytes);
    INFO(advice);
    CHECK(advice.find("git tracks it") != std::string::npos);
    CHECK(advice.find("rm --cached execute_queue.lock") != std::string::npos);
    CHECK(advice.find("cobatch unlock") != std::string::npos);
  }
}

TEST_CASE("a lock file of another copy of the workspace is known as such, and one of something else is not") {
  const std::string bytes = lock_of_another();
  for (const bool ours : {true, false}) {
    const scratch_folder folder;
    const std::string there = ours ? bytes : R"({"locked_at": "2025-11-07T20:00:00Z", "batch_id": "another"})";
    put(folder.path() / "data/execute_queue.lock", there);
    const std::string advice = advice_when_locked(folder.path(), there);
    INFO(advice);
    CHECK((advice.find("it came with a copy of the folder") != std::string::npos) == ours);
    CHECK((advice.find("batch \"another\"") != std::string::npos) == ours);
    CHECK(advice.find("cobatch unlock") != std::string::npos);
  }
}
