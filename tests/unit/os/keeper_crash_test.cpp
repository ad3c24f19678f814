// What happens when orchestrator, keeper or both are killed. The orchestrator is a forked copy of the test process.
#include <signal.h>
#include <unistd.h>

#include "os/guard.hpp"
#include "os/keeper.hpp"
#include "os/process.hpp"
#include "os/programs.hpp"
#include "os/watch.hpp"
#include "scratch.hpp"

using namespace cobatch;
using namespace cobatch_test;
using namespace std::chrono_literals;

namespace {

enum class phase { idle, in_turn };

struct orchestrator_plan {
  std::filesystem::path folder;
  std::string script;
  phase when = phase::in_turn;
  std::chrono::milliseconds turn_limit = 1h;
  std::chrono::milliseconds grace = 60s;
  std::string turn_end = {};
};

// Takes the guard, starts the agent, records both, sends a line, and waits to be killed.
int orchestrate(const orchestrator_plan& plan) {
  auto lock = guard::open(plan.folder);
  if (!lock || !lock->try_acquire().value_or(false)) return 1;
  guard_record record{.session = {7}, .owner = identity_of_self(), .keeper = {}, .agent = {}, .marker = {}};
  auto agent = keeper::start({.argv = {"/bin/sh", "-c", plan.script},
                              .environment = agent_environment(),
                              .working_directory = plan.folder,
                              .folder = plan.folder,
                              .guard = lock->descriptor(),
                              .grace = plan.grace,
                              .turn_end = plan.turn_end,
                              .record = [&](const process_identity& k, const process_identity& a) {
                                record.keeper = k;
                                record.agent = a;
                                return lock->write_record(record);
                              }});
  if (!agent) return 2;
  if (plan.when == phase::in_turn && !agent->turn_begins(plan.turn_limit)) return 3;
  if (!agent->send("task\n", failsafe(), -1)) return 4;
  put(plan.folder / "ready", "");
  for (;;) ::pause();
}

struct crash_scene {
  scratch_folder folder;
  forked orchestrator;
  guard_record record;

  explicit crash_scene(orchestrator_plan plan)
      : orchestrator([&] {
          plan.folder = folder.path();
          return orchestrate(plan);
        }) {
    REQUIRE(eventually([&] { return std::filesystem::exists(folder.path() / "ready"); }));
    record = glance_at_guard(folder.path())->record.value();
  }

  [[nodiscard]] bool busy() const { return glance_at_guard(folder.path())->busy; }
  [[nodiscard]] std::string output() const { return content_of(folder.path() / "1.out"); }
  [[nodiscard]] std::string exit_file() const { return content_of(folder.path() / "1.exit"); }
  // The keeper's end is the last thing of all.
  [[nodiscard]] bool wait_for_keeper() const {
    return eventually([&] { return is_dead(record.keeper); });
  }
};

}  // namespace

TEST_CASE("a paid turn is not lost when its orchestrator is killed, and the guard stays held until it is over") {
  crash_scene scene({.folder = {},
                     .script = "read task; echo \"begun $task\"; cat; until [ -e go ]; do sleep 0.01; done; "
                               "echo finished; exit 4"});
  REQUIRE(eventually([&] { return scene.output() == "begun task\n"; }));
  scene.orchestrator.kill();
  CHECK(is_dead(scene.record.owner));
  CHECK(scene.busy());
  CHECK_FALSE(is_dead(scene.record.agent));
  auto rival = guard::open(scene.folder.path());
  REQUIRE(rival);
  CHECK_FALSE(rival->try_acquire().value());

  put(scene.folder.path() / "go", "");
  REQUIRE(scene.wait_for_keeper());
  CHECK(scene.output() == "begun task\nfinished\n");
  CHECK(scene.exit_file() == "exit 4\n");
  CHECK(eventually([&] { return rival->try_acquire().value(); }));
  CHECK(is_dead(scene.record.agent));
}

TEST_CASE("an agent that ends with its input is left its input until its paid turn is over") {
  // The words come in two parts.
  crash_scene scene({.folder = {},
                     .script = "read task; echo begun; (until [ -e go ]; do sleep 0.01; done; printf 'turn o'; "
                               "until [ -e on ]; do sleep 0.01; done; echo 'ver'; echo after) & cat; kill $!; exit 4",
                     .turn_end = "turn over"});
  REQUIRE(eventually([&] { return scene.output() == "begun\n"; }));
  scene.orchestrator.kill();
  CHECK(scene.busy());
  put(scene.folder.path() / "go", "");
  REQUIRE(eventually([&] { return scene.output() == "begun\nturn o"; }));
  CHECK_FALSE(is_dead(scene.record.agent));
  put(scene.folder.path() / "on", "");
  REQUIRE(scene.wait_for_keeper());
  CHECK(scene.output() == "begun\nturn over\nafter\n");
  CHECK(scene.exit_file() == "exit 4\n");
}

TEST_CASE("an idle agent that ends with its input loses it with its orchestrator") {
  crash_scene scene({.folder = {}, .script = "cat; exit 5", .when = phase::idle, .turn_end = "never said"});
  scene.orchestrator.kill();
  REQUIRE(scene.wait_for_keeper());
  CHECK(scene.exit_file() == "exit 5\n");
}

TEST_CASE("a turn that outlives its limit after its orchestrator was killed is ended") {
  crash_scene scene({.folder = {},
                     .script = "trap '' TERM; read task; echo begun; while :; do sleep 1000; done",
                     .turn_limit = 30ms,
                     .grace = 20ms});
  scene.orchestrator.kill();
  REQUIRE(scene.wait_for_keeper());
  CHECK(scene.exit_file() == "signal 9\n");
  CHECK(eventually([&] { return !scene.busy(); }));
}

TEST_CASE("an idle agent that ignores the end of its input is ended after its orchestrator was killed") {
  crash_scene scene({.folder = {}, .script = "exec sleep 1000", .when = phase::idle});
  scene.orchestrator.kill();
  REQUIRE(scene.wait_for_keeper());
  CHECK(scene.exit_file() == "signal 15\n");
  CHECK(eventually([&] { return !scene.busy(); }));
}

TEST_CASE("when orchestrator and keeper are killed the guard is free, and the record finds what is left") {
  crash_scene scene({.folder = {}, .script = "sleep 1000 & echo $! >child; cat; sleep 1000"});
  REQUIRE(eventually([&] { return pid_from(scene.folder.path() / "child") != 0; }));
  const auto child = identity_of_process(pid_from(scene.folder.path() / "child"));
  ::kill(static_cast<pid_t>(scene.record.keeper.pid), SIGSTOP);  // so that it cannot see the other's death first
  scene.orchestrator.kill();
  ::kill(static_cast<pid_t>(scene.record.keeper.pid), SIGKILL);
  REQUIRE(scene.wait_for_keeper());
  CHECK(eventually([&] { return !scene.busy(); }));
  REQUIRE(eventually([&] { return is_dead(scene.record.agent); }));
#ifndef COBATCH_PORTABLE  // where the agent was on its leash nothing of it is left
  CHECK(liveness_of(child) == liveness::alive);
#endif

  auto next = guard::open(scene.folder.path());
  REQUIRE(next);
  REQUIRE(next->try_acquire().value());
  const auto record = next->read_record();
  REQUIRE(record);
  REQUIRE(record->has_value());
  CHECK((*record)->session == epoch{7});
  end_process_session((*record)->agent, 60s);
  CHECK(is_dead(child));
}

TEST_CASE("an orchestrator that is killed before its agent runs leaves nothing behind") {
  const scratch_folder folder;
  const auto who = folder.path() / "who";
  bool with_agent = false;
  SUBCASE("while it records the keeper") {}
  SUBCASE("while it records the agent") { with_agent = true; }
  forked orchestrator([&] {
    auto lock = guard::open(folder.path());
    if (!lock || !lock->try_acquire().value_or(false)) return 1;
    const auto die = [&](const process_identity& k, const process_identity& a) -> result<void> {
      if (a.known() != with_agent) return {};
      put(who, std::to_string(k.pid) + " " + std::to_string(a.pid));
      ::kill(::getpid(), SIGKILL);
      return {};
    };
    auto agent = keeper::start({.argv = {"/bin/sh", "-c", "echo ran; sleep 1000"},
                                .environment = agent_environment(),
                                .folder = folder.path(),
                                .guard = lock->descriptor(),
                                .record = die});
    return 2;
  });
  CHECK(orchestrator.wait() == -1);
  auto next = guard::open(folder.path());
  REQUIRE(next);
  CHECK(eventually([&] { return next->try_acquire().value(); }));
  std::int64_t keeper_pid = 0, agent_pid = 0;
  std::ifstream(who) >> keeper_pid >> agent_pid;
  CHECK(keeper_pid != 0);
  CHECK((agent_pid != 0) == with_agent);
  for (const auto pid : {keeper_pid, agent_pid}) CHECK(eventually([&] { return is_dead(identity_of_process(pid)); }));
  CHECK(content_of(folder.path() / "1.out").empty());
  CHECK_FALSE(std::filesystem::exists(folder.path() / "1.exit"));
}

TEST_CASE("a host's forked child keeps neither the guard nor an agent's input") {
  const scratch_folder folder;
  auto lock = guard::open(folder.path());
  REQUIRE(lock);
  REQUIRE(lock->try_acquire().value());
  auto agent = keeper::start(
      {.argv = {"/bin/cat"}, .environment = agent_environment(), .folder = folder.path(), .guard = lock->descriptor()});
  REQUIRE(agent);
  forked child([] {
    for (;;) ::pause();
    return 0;
  });
  CHECK(agent->finish(60s).exit_code == 0);  // it saw the end of its input
  REQUIRE(lock->release());
  CHECK(lock->try_acquire().value());
  CHECK(::kill(child.pid(), 0) == 0);
}
