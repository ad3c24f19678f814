// Orchestrator, keeper and agent killed in the middle of a batch.
#include <algorithm>
#include <chrono>
#include <signal.h>
#include <sstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "os/guard.hpp"
#include "os/process.hpp"
#include "unit/engine/fixture.hpp"
#include "unit/is_dead.hpp"

using namespace cobatch;
using namespace cobatch_test;

namespace {

using steady = std::chrono::steady_clock;

// A failsafe only: nothing here takes as long.
steady::time_point failsafe() { return steady::now() + std::chrono::seconds{100}; }

// Task b, the first time, waits for the file `go` or says nothing more; whatever else comes is done at once. Each task
// that is worked on is noted, in `worked` or, the first time of b, in `first_b`.
struct stage {
  scratch_folder folder;
  std::filesystem::path script = folder.path() / "script.json";
  std::filesystem::path go = folder.path() / "go";
  std::filesystem::path worked = folder.path() / "worked";
  std::filesystem::path first_b = folder.path() / "first_b";

  explicit stage(bool b_finishes) {
    const auto text = [](const std::string& name, const std::filesystem::path& file) {
      return "\"" + name + "\":\"" + file.string() + "\"";
    };
    const std::string usage = R"("usage":{"input_tokens":1,"output_tokens":2})";
    std::ofstream(script) << R"({"turns":[{"task_id":"b",)" << text("unless_file", first_b) << ","
                          << text("touch", first_b) << ","
                          << (b_finishes ? text("wait_for_file", go) : R"("silent":true)") << "," << usage
                          << R"(}],"otherwise":{)" << text("touch", worked) << "," << usage << "}}";
  }
  [[nodiscard]] engine_options options() const {
    engine_options o;
    o.agents = {make_scripted_agent({.script = script})};
    return o;
  }
  // Times that a task was worked on.
  [[nodiscard]] long worked_on(const std::string& task) const {
    std::istringstream lines(content_of(worked) + content_of(first_b));
    long n = 0;
    for (std::string line; std::getline(lines, line);) n += line == task;
    return n;
  }
};

// An engine in a process of its own.
pid_t start_engine(const stage& s) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child != 0) return child;
  auto place = workspace::open({.root = s.folder.path()});
  if (place) static_cast<void>(run(*place, s.options(), {}, run_until::idle));
  ::_exit(0);
}

void kill_and_reap(pid_t child) {
  REQUIRE(::kill(child, SIGKILL) == 0);
  ::waitpid(child, nullptr, 0);
}

// The agent has noted that it works on the task; its turn cannot be said to have begun before that.
void wait_until_worked_on(const stage& s, const std::string& task) {
  const auto deadline = failsafe();
  while (s.worked_on(task) == 0) {
    REQUIRE(steady::now() < deadline);
    std::this_thread::yield();
  }
}

guard_record record_of(workspace& place) {
  const auto glance = glance_at_guard(place.paths().state);
  REQUIRE(glance);
  REQUIRE(glance->record);
  return *glance->record;
}

void check_end_state(workspace& place, const stage& s) {
  CHECK(task_of(place, "a").state == task_state::done);
  CHECK(task_of(place, "b").state == task_state::done);
  CHECK(task_of(place, "c").state == task_state::done);
  CHECK(s.worked_on("a") == 1);
  CHECK(s.worked_on("c") == 1);
  CHECK(batch_of(place, "b1").state == batch_state::finished);
  CHECK_FALSE(std::filesystem::exists(place.paths().marker));
  CHECK_FALSE(place.lock()->guard_busy);
}

// Forks before anything in this process has opened the workspace.
struct running_batch {
  stage s;
  pid_t engine;
  workspace place;

  explicit running_batch(bool b_finishes)
      : s(b_finishes), engine(prepare_and_start(s)), place(open_workspace(s.folder.path())) {
    wait_until_worked_on(s, "b");
  }
  static pid_t prepare_and_start(const stage& s) {
    {
      auto place = open_workspace(s.folder.path());
      assign_all(place, {"a", "b", "c"}, "b1");
    }
    return start_engine(s);
  }
};

turn_record last_turn_of(workspace& place, const std::string& task) {
  const auto turns = place.turns({.task = task_id(task)});
  REQUIRE(turns);
  REQUIRE_FALSE(turns->empty());
  return turns->back();
}

}  // namespace

TEST_CASE("the orchestrator is killed: the keeper lets the paid turn finish, and it is recovered, not run again") {
  running_batch batch(true);
  kill_and_reap(batch.engine);
  const auto lock = batch.place.lock();
  CHECK(lock->guard_busy);
  CHECK(lock->orchestrator_lost);
  CHECK(batch.place.execute_queue(std::nullopt)->outcome.what == execute_outcome::kind::already_running);
  std::ofstream(batch.s.go) << "go";
  run_until_idle(batch.place, batch.s.options());
  check_end_state(batch.place, batch.s);
  CHECK(batch.s.worked_on("b") == 1);
  const auto turn = last_turn_of(batch.place, "b");
  CHECK(turn.recovered);
  CHECK(turn.attempt == 1);
  REQUIRE(turn.used);
  CHECK(turn.used->total().output == 2);
}

TEST_CASE("the orchestrator is killed in a turn that comes to nothing: the task is told so and runs again") {
  running_batch batch(false);
  kill_and_reap(batch.engine);
  run_until_idle(batch.place, batch.s.options());
  check_end_state(batch.place, batch.s);
  CHECK(batch.s.worked_on("b") == 2);
  const auto turns = batch.place.turns({.task = task_id("b")});
  REQUIRE(turns->size() == 2);
  CHECK(turns->front().end == turn_end::interrupted);
  CHECK_FALSE(turns->front().used);
  CHECK(turns->back().attempt == 2);
  CHECK(task_of(batch.place, "b").counts == attempt_counts{0, 1});
}

TEST_CASE("the keeper is killed: the agent goes with it, nobody else gets in, and the orchestrator goes on") {
  running_batch batch(false);
  const auto record = record_of(batch.place);
  REQUIRE(::kill(static_cast<pid_t>(record.keeper.pid), SIGKILL) == 0);
  int status = 0;
  REQUIRE(::waitpid(batch.engine, &status, 0) == batch.engine);
  CHECK(is_dead(record.agent));
  check_end_state(batch.place, batch.s);
  CHECK(batch.s.worked_on("b") == 2);
  CHECK(task_of(batch.place, "b").session == task_of(batch.place, "a").session);
}

TEST_CASE("orchestrator and keeper are both killed: the next engine ends what is left and goes on") {
  running_batch batch(false);
  const auto record = record_of(batch.place);
  REQUIRE(::kill(batch.engine, SIGSTOP) == 0);
  REQUIRE(::kill(static_cast<pid_t>(record.keeper.pid), SIGKILL) == 0);
  kill_and_reap(batch.engine);
  CHECK(std::filesystem::exists(batch.place.paths().marker));
  run_until_idle(batch.place, batch.s.options());
  CHECK(is_dead(record.agent));
  check_end_state(batch.place, batch.s);
  CHECK(batch.s.worked_on("b") == 2);
}

TEST_CASE("the agent is killed: its task gets a second attempt in the same session") {
  running_batch batch(false);
  const auto record = record_of(batch.place);
  REQUIRE(::kill(static_cast<pid_t>(record.agent.pid), SIGKILL) == 0);
  int status = 0;
  REQUIRE(::waitpid(batch.engine, &status, 0) == batch.engine);
  check_end_state(batch.place, batch.s);
  CHECK(task_of(batch.place, "b").counts == attempt_counts{1, 0});
}

TEST_CASE("the marker removed by hand in a dead session does not confuse recovery") {
  running_batch batch(false);
  kill_and_reap(batch.engine);
  std::filesystem::remove(batch.place.paths().marker);
  run_until_idle(batch.place, batch.s.options());
  CHECK(batch_of(batch.place, "b1").state == batch_state::finished);
}

TEST_CASE("a task that may run at most once ends as unknown when it is interrupted") {
  stage s(false);
  {
    auto place = open_workspace(s.folder.path());
    assign_request request;
    request.batch = batch_id("b1");
    request.tasks = {spec("b")};
    request.tasks.front().max_attempts = 1;
    REQUIRE(place.assign(request));
  }
  const pid_t engine = start_engine(s);
  auto place = open_workspace(s.folder.path());
  wait_until_worked_on(s, "b");
  kill_and_reap(engine);
  run_until_idle(place, s.options());
  const auto status = place.task(task_id("b"));
  CHECK(status->task.state == task_state::error);
  REQUIRE(status->result);
  CHECK(status->result->what.reason == "interrupted_unknown");
  CHECK(s.worked_on("b") == 1);
}
