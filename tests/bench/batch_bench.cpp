// 1,000 scripted tasks in one batch, end to end, against what they must cost at least: a round trip through pipes to
// the same program for each task, and two durable writes (the turn's record before it is sent, its result after it).
// And sessions of ten tasks, beside a queue that grows.
//
// Rounds are interleaved, so that both sides meet the same machine. Prints every figure; no thresholds here.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <cobatch/engine.hpp>
#include <cobatch/workspace.hpp>

#include "measure.hpp"
#include "os/descriptor.hpp"
#include "os/programs.hpp"

using namespace cobatch;
using namespace cobatch::bench;

namespace {

constexpr int tasks = 1000;
constexpr int rounds = 5;
using seconds = std::chrono::duration<double>;

std::filesystem::path scratch() {
  std::string name = (std::filesystem::current_path() / "batch-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) give_up("no scratch folder");
  return name;
}

void assign(workspace& place, const std::string& batch, int count, bool seal) {
  assign_request request;
  request.batch = batch_id(batch);
  for (int i = 0; i < count; ++i) {
    task_spec task;
    task.id = task_id(batch + "_" + std::to_string(i));
    task.description = "bench";
    request.tasks.push_back(task);
  }
  request.seal = seal;
  request.whole_batch = true;
  must(place.assign(request));
}

// Seconds from here to the end of the last task, and to the end of the run, whose files are up to date.
struct run_times {
  double tasks = 0;
  double all = 0;
};

run_times run_all(workspace& place, int tasks_per_session) {
  run_times took;
  const auto start = std::chrono::steady_clock::now();
  const auto until_now = [&] { return seconds(std::chrono::steady_clock::now() - start).count(); };
  engine_options options;
  options.agents = {make_scripted_agent({})};
  options.max_tasks_per_session = tasks_per_session;
  options.on_event = [&](const event& event) {
    if (event.what == event::kind::turn_ended) took.tasks = until_now();
  };
  must(run(place, options, {}, run_until::idle));
  took.all = until_now();
  return took;
}

double end_to_end(const std::filesystem::path& folder) {
  auto place = must(workspace::open({.root = folder}));
  assign(place, "b", tasks, true);
  return run_all(place, tasks).all;
}

// Five sessions of ten tasks each, while others are queued in an open batch.
void sessions_beside(int queued) {
  const auto folder = scratch();
  auto place = must(workspace::open({.root = folder}));
  assign(place, "waits", queued, false);
  static_cast<void>(place.refresh_views());
  assign(place, "b", 50, true);
  const run_times took = run_all(place, 10);
  std::printf("%8d %20.3f %20.3f\n", queued, took.tasks / 5, took.all / 5);
  std::filesystem::remove_all(folder);
}

double pipe_round_trips() {
  const auto player = find_helper("cobatch-scripted");
  if (!player) give_up(player.error().message);
  int in[2];
  int out[2];
  if (::pipe(in) != 0 || ::pipe(out) != 0) give_up("no pipe");
  const auto start = std::chrono::steady_clock::now();
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(in[0], 0);
    ::dup2(out[1], 1);
    for (const int fd : {in[0], in[1], out[0], out[1]}) ::close(fd);
    ::execl(player->c_str(), player->c_str(), nullptr);
    ::_exit(127);
  }
  ::close(in[0]);
  ::close(out[1]);
  const std::string ask =
      R"({"type":"task","turn":1,"task_id":"task_1","batch_id":"b","position":1,"description":"bench","prompt":"p"})"
      "\n";
  std::vector<char> buffer(64 * 1024);
  for (int i = 0; i < tasks; ++i) {
    if (::write(in[1], ask.data(), ask.size()) != static_cast<ssize_t>(ask.size())) give_up("short write");
    for (bool whole = false; !whole;) {
      const ssize_t got = ::read(out[0], buffer.data(), buffer.size());
      if (got <= 0) give_up("the player ended");
      whole = buffer[static_cast<std::size_t>(got) - 1] == '\n';
    }
  }
  ::close(in[1]);
  ::waitpid(child, nullptr, 0);
  ::close(out[0]);
  return seconds(std::chrono::steady_clock::now() - start).count();
}

double durable_appends(const std::filesystem::path& folder) {
  const unique_fd fd(::open((folder / "journal").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  const std::string record(300, 'x');
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 2 * tasks; ++i)
    if (::write(fd.get(), record.data(), record.size()) < 0 || ::fdatasync(fd.get()) != 0) give_up("no journal");
  return seconds(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main() {
  std::vector<double> ours;
  std::vector<double> pipes;
  std::vector<double> least;
  std::printf("%d tasks in one batch, %d interleaved rounds; seconds\n", tasks, rounds);
  std::printf("%8s %12s %18s %14s\n", "round", "end to end", "pipe round trips", "2 fdatasyncs");
  for (int i = 0; i < rounds; ++i) {
    const auto folder = scratch();
    const double pipe = pipe_round_trips();
    const double appends = durable_appends(folder);
    ours.push_back(end_to_end(folder));
    pipes.push_back(pipe);
    least.push_back(pipe + appends);
    std::printf("%8d %12.3f %18.3f %14.3f\n", i + 1, ours.back(), pipe, appends);
    std::filesystem::remove_all(folder);
  }
  std::printf("median end to end ÷ (pipe round trips + two durable appends a task): %.2f\n",
              median(ours) / median(least));
  std::printf("median end to end ÷ pipe round trips alone: %.1f\n", median(ours) / median(pipes));

  std::printf("\nsessions of ten tasks beside others that are queued; seconds a session\n");
  std::printf("%8s %20s %20s\n", "queued", "to the last task", "files up to date");
  for (const int queued : {10, 1000, 25'000}) sessions_beside(queued);
}
