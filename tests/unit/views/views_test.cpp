#include "views/views.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

#include "store/store.hpp"
#include "unit/memory_store.hpp"
#include "unit/views/fixture.hpp"
#include "views/view_files.hpp"

using namespace cobatch;
using cobatch_test::make_memory_store;
using views_test::at;
using views_test::fixed_clock;
using views_test::folder;
using views_test::read;
using views_test::read_json;
using views_test::write;
namespace fs = std::filesystem;

namespace {

const std::string guide_batch = "batch_20251107_214500";

std::unique_ptr<view_writer> writer_of(store& s, const folder& f) {
  return std::make_unique<view_writer>(s, f.data(), f.state(), fixed_clock);
}

std::unique_ptr<store> sqlite_in(const folder& f) {
  auto opened = store::open({f.state().string(), system_now});
  REQUIRE(opened.has_value());
  return std::move(*opened);
}

bool has_code(const std::vector<warning>& warnings, std::string_view code) {
  return std::any_of(warnings.begin(), warnings.end(), [&](const warning& w) { return w.code == code; });
}

// Waits for something that another thread brings about; the time is only how long a failure takes.
template <class Condition>
bool comes_true(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

std::string output_of(const std::string& command) {
  FILE* pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string out;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) out += static_cast<char>(c);
  ::pclose(pipe);
  return out;
}

}  // namespace

TEST_CASE("the guide's batch stands in both views as the guide says") {
  const folder f;
  const auto s = make_memory_store(fixed_clock);
  REQUIRE(s->assign(views_test::tasks_of(guide_batch, 3)).has_value());
  views_test::run_batch(*s, {2'000, 1'500, 1'800});
  const auto writer = writer_of(*s, f);
  CHECK(writer->refresh_now().empty());

  const auto queue = read_json(f.queue());
  for (const auto* task : {"create_doc_1", "create_doc_2", "create_doc_3"})
    CHECK(at(queue, "tasks", task, "status") == "done");
  const auto results = read_json(f.results());
  const auto first = at(results, "results", "create_doc_1");
  CHECK(at(first, "tokens_input") == 45'000);
  CHECK(at(first, "tokens_output") == 2'000);
  CHECK(at(first, "batch_id") == guide_batch);
  CHECK(at(first, "batch_position") == 1);
  CHECK(at(first, "tokens_source") == "scripted");
  CHECK(at(first, "description") == "Create documentation for feature 1");
  CHECK(at(results, "results", "create_doc_2", "tokens_input") == 0);
  CHECK(at(results, "results", "create_doc_3", "tokens_input_guide") == 0);
  CHECK(at(results, "results", "create_doc_3", "batch_position") == 3);
}

TEST_CASE("the guide's debugging commands show what the guide promises") {
  if (std::system("python3 -c 0 2>/dev/null") != 0) return;
  const folder f;
  const auto s = make_memory_store(fixed_clock);
  REQUIRE(s->assign(views_test::tasks_of(guide_batch, 3)).has_value());
  views_test::run_batch(*s, {2'000, 1'500, 1'800});
  writer_of(*s, f)->refresh_now();
  const std::string in_root = "cd " + f.data().parent_path().string() + " && ";

  const auto status =
      output_of(in_root + "cat data/claude_task_queue.json | python3 -m json.tool | grep -A 10 \"batch_20251107\"");
  CHECK(status.find("\"task_id\": \"create_doc_2\"") != std::string::npos);
  CHECK(status.find("\"status\": \"done\"") != std::string::npos);

  const auto telemetry =
      output_of(in_root + "cat data/claude_task_results.json | python3 -m json.tool | grep -B 5 -A 15 \"batch_id\"");
  for (const auto* line : {"\"task_id\": \"create_doc_1\"", "\"tokens_input\": 45000", "\"tokens_output\": 2000",
                           "\"batch_id\": \"batch_20251107_214500\"", "\"batch_position\": 1", "\"tokens_input\": 0",
                           "\"batch_position\": 3"})
    CHECK(telemetry.find(line) != std::string::npos);
  // In the guide's order.
  CHECK(telemetry.find("\"task_id\"") < telemetry.find("\"tokens_input\""));
  CHECK(telemetry.find("\"tokens_output\"") < telemetry.find("\"batch_id\""));
  CHECK(telemetry.find("\"batch_id\"") < telemetry.find("\"batch_position\""));
}

TEST_CASE("an empty store has empty views") {
  const folder f;
  const auto s = make_memory_store(fixed_clock);
  writer_of(*s, f)->refresh_now();
  CHECK(read(f.queue()) == "{\n  \"tasks\": {}\n}\n");
  CHECK(read(f.results()) == "{\n  \"results\": {}\n}\n");
}

TEST_CASE("the views follow the store by themselves") {
  const folder f;
  const auto s = make_memory_store(fixed_clock);
  const auto writer = writer_of(*s, f);
  for (int i = 1; i <= 5; ++i) {
    const std::string batch = "b" + std::to_string(i);
    REQUIRE(s->assign(views_test::tasks_of(batch, 1, batch + "_")).has_value());
    CHECK(comes_true([&] { return read(f.queue()).find(batch + "_1") != std::string::npos; }));
  }
}

TEST_CASE("the last change is in the views once the writer has gone") {
  const folder f;
  const auto s = make_memory_store(fixed_clock);
  for (int i = 1; i <= 20; ++i) {
    const auto writer = writer_of(*s, f);
    REQUIRE(s->assign(views_test::tasks_of("b", i)).has_value());
  }
  CHECK(read_json(f.queue()).find("tasks")->as_object()->size() == 20);
}

TEST_CASE("nobody who works on waits for long views to be written, and short ones are written at once") {
  const folder f;
  const auto s = make_memory_store(fixed_clock);
  const auto writer = writer_of(*s, f);
  SUBCASE("short") {
    REQUIRE(s->assign(views_test::tasks_of("b", 1, "late_")).has_value());
    CHECK(writer->refresh_soon().empty());
  }
  SUBCASE("long") {
    REQUIRE(s->assign(views_test::tasks_of("b", 1'000)).has_value());
    CHECK(writer->refresh_now().empty());
    {
      const auto turn = view_turn::take(f.state(), std::chrono::steady_clock::now() + std::chrono::minutes{1});
      REQUIRE(turn.has_value());
      REQUIRE(s->assign(views_test::tasks_of("b", 1, "late_")).has_value());
      CHECK(writer->refresh_soon().empty());  // refresh_now would wait for the turn, and then warn
      CHECK(read(f.queue()).find("late_1") == std::string::npos);
    }
    writer->refresh_now();
  }
  CHECK(read(f.queue()).find("late_1") != std::string::npos);
}

TEST_CASE("nothing is written while nothing changed, and a view that was deleted comes back") {
  const folder f;
  const auto s = make_memory_store(fixed_clock);
  REQUIRE(s->assign(views_test::tasks_of("b", 1)).has_value());
  const auto writer = writer_of(*s, f);
  writer->refresh_now();
  const auto inode = [&] {
    struct stat info {};
    REQUIRE(::stat(f.queue().c_str(), &info) == 0);
    return info.st_ino;
  };
  const auto before = inode();
  for (int i = 0; i < 3; ++i) CHECK(writer->refresh_now().empty());
  CHECK(inode() == before);

  fs::remove(f.results());
  CHECK(writer->refresh_now().empty());
  CHECK(fs::exists(f.results()));
}

TEST_CASE("an edit from outside is set aside and told of, once") {
  const folder f;
  const auto s = make_memory_store(fixed_clock);
  REQUIRE(s->assign(views_test::tasks_of("b", 1)).has_value());
  const auto writer = writer_of(*s, f);
  writer->refresh_now();
  write(f.queue(), "{\"tasks\":{\"mine\":{}}}");
  const auto warnings = writer->refresh_now();
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].code == "view_edited");
  REQUIRE(f.outside().size() == 1);
  CHECK(read(f.data() / f.outside()[0]) == "{\"tasks\":{\"mine\":{}}}");
  CHECK(read(f.queue()).find("create_doc_1") != std::string::npos);
  CHECK(writer->refresh_now().empty());
}

TEST_CASE("what the thread found is told by the next call") {
  const folder f;
  const auto s = make_memory_store(fixed_clock);
  const auto writer = writer_of(*s, f);
  writer->refresh_now();
  write(f.queue(), "an edit");
  REQUIRE(s->assign(views_test::tasks_of("b", 1)).has_value());
  REQUIRE(comes_true([&] { return read(f.queue()).find("create_doc_1") != std::string::npos; }));
  CHECK(comes_true([&] { return has_code(writer->refresh_now(), "view_edited"); }));
}

TEST_CASE("views of another system, and views that cannot be read, are kept before ours take their place") {
  const folder f;
  write(f.queue(), "{\"tasks\": {\"old\": {\"status\": \"queued\"}}}");
  write(f.results(), "{ half a fi");
  const auto s = make_memory_store(fixed_clock);
  auto warnings = writer_of(*s, f)->refresh_now();
  CHECK(f.outside().size() == 1);
  CHECK(f.names("claude_task_results.json.outside-").size() == 1);
}

TEST_CASE("views that cannot be written are a warning that says why, and come back when they can be") {
  const folder f;
  const auto s = make_memory_store(fixed_clock);
  const auto writer = writer_of(*s, f);
  writer->refresh_now();
  const auto hidden = f.data().parent_path() / "elsewhere";
  fs::rename(f.data(), hidden);
  REQUIRE(s->assign(views_test::tasks_of("b", 1)).has_value());
  const auto warnings = writer->refresh_now();
  CHECK(has_code(warnings, "view_not_written"));
  CHECK(warnings.back().message.find("could not") != std::string::npos);
  fs::rename(hidden, f.data());
  comes_true([&] { return writer->refresh_now().empty(); });
  CHECK(read(f.queue()).find("create_doc_1") != std::string::npos);
}

TEST_CASE("a data folder without permission is a warning" * doctest::skip(::geteuid() == 0)) {
  const folder f;
  const auto s = make_memory_store(fixed_clock);
  const auto writer = writer_of(*s, f);
  writer->refresh_now();
  fs::permissions(f.data(), fs::perms::owner_read | fs::perms::owner_exec);
  REQUIRE(s->assign(views_test::tasks_of("b", 1)).has_value());
  CHECK(has_code(writer->refresh_now(), "view_not_written"));
}

TEST_CASE("readers see a whole view at every moment, and tasks never vanish from it") {
  const folder f;
  const auto s = make_memory_store(fixed_clock);
  std::vector<std::unique_ptr<view_writer>> writers;
  for (int i = 0; i < 3; ++i) writers.push_back(writer_of(*s, f));
  writers[0]->refresh_now();
  std::atomic<bool> done = false;
  std::size_t largest = 0, bad = 0, vanished = 0;
  std::jthread reader([&] {
    while (!done) {
      const auto v = json::parse(read(f.queue()));
      if (!v || v->find("tasks") == nullptr) {
        ++bad;
        continue;
      }
      const auto size = v->find("tasks")->as_object()->size();
      if (size < largest) ++vanished;
      largest = std::max(largest, size);
    }
  });
  std::vector<std::jthread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      for (int i = 1; i <= 40; ++i) {
        static_cast<void>(s->assign(views_test::tasks_of("b" + std::to_string(t), i, std::to_string(t) + "_")));
        writers[static_cast<std::size_t>(t)]->refresh_now();
      }
    });
  threads.clear();
  done = true;
  reader.join();
  CHECK(bad == 0);
  CHECK(vanished == 0);
  writers.clear();
  CHECK(read_json(f.queue()).find("tasks")->as_object()->size() == 120);
  CHECK(f.outside().empty());
}

TEST_CASE("processes that write at once never replace a newer view by an older, nor take each other's for an edit") {
  const folder f;
  {
    const auto s = sqlite_in(f);  // makes the files
  }
  std::vector<pid_t> children;
  for (int c = 0; c < 3; ++c) {
    const pid_t child = ::fork();
    if (child == 0) {
      bool good = true;
      {
        auto s = store::open({f.state().string(), system_now});
        if (!s) ::_exit(2);
        view_writer writer(**s, f.data(), f.state(), system_now);
        for (int i = 1; i <= 25 && good; ++i) {
          const auto name = std::to_string(c) + "_" + std::to_string(i);
          good = (*s)->assign(views_test::tasks_of("b" + name, 1, name + "_")).has_value();
          good = writer.refresh_now().empty() && good;
          // What this process assigned is in the view from now on, whoever writes it.
          for (int k = 1; k <= i && good; ++k)
            good =
                read(f.queue()).find("\"" + std::to_string(c) + "_" + std::to_string(k) + "_1\"") != std::string::npos;
        }
      }
      ::_exit(good ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
  }
  CHECK(read_json(f.queue()).find("tasks")->as_object()->size() == 75);
  CHECK(f.outside().empty());
}

TEST_CASE("a change by another process is in the views without a call") {
  const folder f;
  const auto s = sqlite_in(f);
  const auto writer = writer_of(*s, f);
  writer->refresh_now();
  const auto other = sqlite_in(f);
  REQUIRE(other->assign(views_test::tasks_of("b", 1)).has_value());
  CHECK(comes_true([&] { return read(f.queue()).find("create_doc_1") != std::string::npos; }));
}

TEST_CASE("of a large store the views show all live tasks and the thousand that ended last") {
  const folder f;
  const auto s = make_memory_store(fixed_clock);
  constexpr int ended = 1'200;
  REQUIRE(s->assign(views_test::tasks_of("b", ended)).has_value());
  views_test::run_batch(*s, std::vector<std::int64_t>(ended, 10));
  REQUIRE(s->assign(views_test::tasks_of("open", 5'000, "live_")).has_value());
  CHECK(writer_of(*s, f)->refresh_now().empty());
  const auto queue = read_json(f.queue());
  CHECK(queue.find("tasks")->as_object()->size() == 6'000);
  CHECK(at(queue, "tasks", "create_doc_1200", "status") == "done");
  CHECK(at(queue, "tasks", "create_doc_1").is_null());
  CHECK(at(queue, "tasks", "live_5000", "status") == "queued");
  CHECK(read_json(f.results()).find("results")->as_object()->size() == 1'000);
}
