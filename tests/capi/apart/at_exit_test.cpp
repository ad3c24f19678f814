// A host whose process ends while it has a workspace open: what the library needs is there until the last handler has
// returned.
#include <cstdlib>
#include <pthread.h>
#include <thread>

#include "capi/support.hpp"

using namespace cobatch_test;

namespace {

// What a process leaves to its handlers, which may use nothing of doctest's any more.
cobatch_workspace* open_place = nullptr;
cobatch_engine* engine = nullptr;
bool went_wrong = false;

void expect(cobatch_status status) {
  if (status != COBATCH_OK) went_wrong = true;
}

void assign_in_handler(const char* id) {
  cobatch_task_spec task = COBATCH_TASK_SPEC_INIT;
  task.id = task.description = cobatch_str(id);
  cobatch_assign_options options = COBATCH_ASSIGN_OPTIONS_INIT;
  options.batch = cobatch_str("at_exit");
  options.agent = cobatch_str("scripted");
  expect(cobatch_assign_batch(open_place, &task, 1, &options, nullptr, nullptr));
}

void assign_and_close() {
  assign_in_handler("late");
  cobatch_close(open_place);
  if (went_wrong) ::_exit(3);
}

void wait_and_close() {
  assign_in_handler("late");
  cobatch_batch_info batch = COBATCH_BATCH_INFO_INIT;
  cobatch_reply* reply = nullptr;
  expect(cobatch_wait(open_place, cobatch_str("at_exit"), 50'000, &reply, nullptr));
  expect(cobatch_reply_next_batch(reply, &batch, nullptr));
  if (batch.done != 1) went_wrong = true;
  cobatch_reply_free(reply);
  expect(cobatch_engine_stop(engine, 0, nullptr, nullptr));
  cobatch_engine_free(engine);
  cobatch_close(open_place);
  if (went_wrong) ::_exit(3);
}

// Uses for the first time what the library makes at its first use.
void use(const std::filesystem::path& root) {
  const auto place = open_workspace(root);
  assign(place.get(), "early", "b1");
  make<cobatch_reply>(cobatch_list_results, place.get(), nullptr);
}

void start_engine() {
  const auto agent = make<cobatch_agent>(cobatch_agent_scripted, text({}));
  cobatch_agent* const agents[] = {agent.get()};
  auto options = fresh<cobatch_run_options>();
  options.agents = agents;
  options.agent_count = 1;
  engine = make<cobatch_engine>(cobatch_engine_start, open_place, &options).release();
}

bool shown(const scratch_folder& folder, std::string_view task) {
  return content_of(folder.path() / "data" / "claude_task_queue.json").find(task) != std::string::npos;
}

}  // namespace

TEST_CASE(
    "a workspace that a handler of atexit closes brings its files up to date, and the process exits as it was to") {
  const scratch_folder folder;
  CHECK(in_child([&]() -> std::string {
          std::atexit(assign_and_close);
          use(folder.path());
          open_place = open_workspace(folder.path()).release();
          std::exit(0);
        }) == "");
  CHECK(shown(folder, "late"));
}

TEST_CASE("an engine goes on while a handler of atexit waits for it") {
  const scratch_folder folder;
  CHECK(in_child([&]() -> std::string {
          std::atexit(wait_and_close);
          use(folder.path());
          open_place = open_workspace(folder.path()).release();
          start_engine();
          std::exit(0);
        }) == "");
  CHECK(shown(folder, "late"));
  const auto place = open_workspace(folder.path());
  CHECK(task_of(place.get(), "late")->state == COBATCH_TASK_DONE);
}

TEST_CASE("a process that exits with a workspace open and an engine at work exits as it was to") {
  const scratch_folder folder;
  CHECK(in_child([&]() -> std::string {
          open_place = open_workspace(folder.path()).release();
          start_engine();
          for (int i = 0; i < 20; ++i) assign(open_place, "t" + std::to_string(i), "b" + std::to_string(i));
          std::thread([] { std::exit(0); }).join();
          return {};
        }) == "");
  const auto place = open_workspace(folder.path());
  CHECK(task_of(place.get(), "t19")->batch.size > 0);
}
