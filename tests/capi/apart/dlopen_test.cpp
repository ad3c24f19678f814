// A host that loads the library when it needs it, and lets go of it again. This program is not linked with it.
#include <cstdlib>
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "cobatch.h"
#include "paths.hpp"
#include "unit/scratch_folder.hpp"

using namespace cobatch_test;

namespace {

// The library as long as it is loaded, and what this program calls of it.
class loaded {
 public:
  loaded() = default;
  loaded(const loaded&) = delete;
  loaded& operator=(const loaded&) = delete;
  ~loaded() { ::dlclose(handle_); }

 private:
  void* handle_ = ::dlopen(paths::library.c_str(), RTLD_NOW | RTLD_LOCAL);

  template <class Function>
  Function* resolve(Function*, const char* name) {
    REQUIRE_MESSAGE(handle_ != nullptr, ::dlerror());
    void* const found = ::dlsym(handle_, name);
    REQUIRE_MESSAGE(found != nullptr, ::dlerror());
    return reinterpret_cast<Function*>(found);
  }

 public:
#define RESOLVED(name) \
  decltype(&::cobatch_##name) name = resolve(decltype(&::cobatch_##name){nullptr}, "cobatch_" #name)
  RESOLVED(str);
  RESOLVED(open);
  RESOLVED(close);
  RESOLVED(assign_batch);
  RESOLVED(agent_scripted);
  RESOLVED(agent_free);
  RESOLVED(run);
  RESOLVED(find_batch);
  RESOLVED(reply_next_batch);
  RESOLVED(reply_free);
  RESOLVED(events_open);
  RESOLVED(events_close);
#undef RESOLVED
};

bool is_loaded() {
  void* const there = ::dlopen(paths::library.c_str(), RTLD_NOW | RTLD_NOLOAD);
  if (there != nullptr) ::dlclose(there);
  return there != nullptr;
}

void run_a_batch(const loaded& cobatch) {
  const scratch_folder folder;
  cobatch_workspace_options where = COBATCH_WORKSPACE_OPTIONS_INIT;
  where.root = cobatch.str(folder.path().c_str());
  cobatch_workspace* place = nullptr;
  REQUIRE(cobatch.open(&where, &place, nullptr) == COBATCH_OK);
  cobatch_events* events = nullptr;
  CHECK(cobatch.events_open(place, nullptr, &events, nullptr) == COBATCH_OK);

  cobatch_task_spec task = COBATCH_TASK_SPEC_INIT;
  task.id = task.description = cobatch.str("a");
  cobatch_assign_options batch = COBATCH_ASSIGN_OPTIONS_INIT;
  batch.batch = cobatch.str("b1");
  CHECK(cobatch.assign_batch(place, &task, 1, &batch, nullptr, nullptr) == COBATCH_OK);

  cobatch_agent* agent = nullptr;
  CHECK(cobatch.agent_scripted({nullptr, 0}, &agent, nullptr) == COBATCH_OK);
  cobatch_run_options run = COBATCH_RUN_OPTIONS_INIT;
  run.agents = &agent;
  run.agent_count = 1;
  CHECK(cobatch.run(place, &run, nullptr, nullptr) == COBATCH_OK);

  cobatch_reply* reply = nullptr;
  cobatch_batch_info info = COBATCH_BATCH_INFO_INIT;
  CHECK(cobatch.find_batch(place, batch.batch, &reply, nullptr) == COBATCH_OK);
  CHECK(cobatch.reply_next_batch(reply, &info, nullptr) == COBATCH_OK);
  CHECK(info.done == 1);
  cobatch.reply_free(reply);
  cobatch.agent_free(agent);
  cobatch.events_close(events);
  cobatch.close(place);
}

}  // namespace

TEST_CASE("the library is loaded, used and let go of, again and again, and nothing of it stays") {
  for (int i = 0; i < 50; ++i) {
    INFO("load ", i + 1);
    REQUIRE_FALSE(is_loaded());
    const loaded cobatch;
    REQUIRE(is_loaded());
    run_a_batch(cobatch);
  }
  CHECK_FALSE(is_loaded());
  // Nor is anything of it called at a fork or at the end of a process.
  const pid_t child = ::fork();
  if (child == 0) std::exit(17);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 17);
}
