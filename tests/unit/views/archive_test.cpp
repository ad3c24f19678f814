#include <algorithm>
#include <atomic>
#include <csignal>
#include <functional>
#include <memory>
#include <set>
#include <sstream>
#include <sys/resource.h>
#include <thread>
#include <utility>

#include "conformance/faulty_sql.hpp"
#include "store/store.hpp"
#include "unit/memory_store.hpp"
#include "unit/views/fixture.hpp"
#include "views/views.hpp"

using namespace cobatch;
using cobatch_test::make_memory_store;
using views_test::fixed_clock;
using views_test::folder;
using views_test::guide_time;
using views_test::read;
using views_test::read_json;
using views_test::write;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kept = archived_ahead + 50;

// Task n, which ended n seconds after `from`.
adopted_task ended(int n, timestamp from = guide_time) {
  adopted_task out;
  out.task.spec.id = task_id("t" + std::to_string(n));
  out.task.spec.description = "Document feature " + std::to_string(n);
  out.task.batch = batch_id("b");
  out.task.state = task_state::done;
  out.task.created_at = from;
  out.task.ended_at = from + std::chrono::seconds{n};
  result_record result;
  result.what.end = turn_end::done;
  result.what.output = "Done " + std::to_string(n);
  result.what.used = usage{{{"m", {.uncached_input = 10, .output = n}}}, usage_source::told, true};
  result.completed_at = *out.task.ended_at;
  out.result = result;
  return out;
}

void put(store& s, int from, int to, timestamp start = guide_time) {
  std::vector<adopted_task> tasks;
  for (int n = from; n <= to; ++n) tasks.push_back(ended(n, start));
  const auto done = s.adopt(tasks);
  REQUIRE(done.has_value());
  for (const auto& one : *done) REQUIRE(one.what == adopt_outcome::kind::adopted);
}

result<void> archive(store& s, const folder& f) { return archive_results(s, kept, f.data(), f.state()); }

fs::path file(const folder& f, const std::string& month = "2025-11") {
  return f.data() / "task_archive" / ("results_" + month + ".jsonl");
}

std::vector<json::value> lines(const fs::path& path) {
  std::vector<json::value> out;
  std::istringstream in(read(path));
  for (std::string line; std::getline(in, line);) {
    auto parsed = json::parse(line);
    REQUIRE_MESSAGE(parsed.has_value(), "not JSON: " << line);
    out.push_back(std::move(*parsed));
  }
  return out;
}

std::vector<std::string> ids(const fs::path& path) {
  std::vector<std::string> out;
  for (const auto& line : lines(path)) out.push_back(*line.find("task_id")->as_string());
  return out;
}

std::vector<std::string> numbered(int from, int to) {
  std::vector<std::string> out;
  for (int n = from; n <= to; ++n) out.push_back("t" + std::to_string(n));
  return out;
}

std::set<std::string> in_view(const folder& f) {
  const auto view = read_json(f.results());
  std::set<std::string> out;
  for (const auto& result : *view.find("results")->as_object()) out.insert(result.name);
  return out;
}

// What is to happen as soon as the store was read for the first time after it was set.
struct interruption {
  std::function<void()> act = {};
  std::atomic<bool> due = false;
};

class busy_sql : public cobatch_test::passing_sql {
 public:
  busy_sql(sql& inner, interruption& meanwhile) : passing_sql(inner), meanwhile_(meanwhile) {}
  void begin(access wanted) override {
    reads_ = wanted == access::read;
    passing_sql::begin(wanted);
  }
  void commit() override {
    passing_sql::commit();
    if (reads_ && meanwhile_.due.exchange(false)) meanwhile_.act();
  }

 private:
  interruption& meanwhile_;
  bool reads_ = false;
};

// Commits nothing while `fails` is set.
class failing_sql : public cobatch_test::passing_sql {
 public:
  failing_sql(sql& inner, const bool& fails) : passing_sql(inner), fails_(fails) {}
  void commit() override {
    if (fails_) throw store_failure{{errc::io_error, "not now"}};
    passing_sql::commit();
  }

 private:
  const bool& fails_;
};

// Files may not grow above this size while it lives: as if the disk were full.
class full_disk {
 public:
  explicit full_disk(rlim_t size) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit now{size, before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &now) == 0);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
  }
  full_disk(const full_disk&) = delete;
  full_disk& operator=(const full_disk&) = delete;
  ~full_disk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int) = SIG_DFL;
};

}  // namespace

TEST_CASE("while the views hold all results there is no archive") {
  const folder f;
  const auto s = make_memory_store(fixed_clock);
  put(*s, 1, kept);
  REQUIRE(archive(*s, f).has_value());
  CHECK(!fs::exists(f.data() / "task_archive"));
}

TEST_CASE("a result goes to the archive before it leaves the views, and some earlier ones with it") {
  const folder f;
  const auto s = make_memory_store(fixed_clock);
  put(*s, 1, kept + 1);
  REQUIRE(archive(*s, f).has_value());
  CHECK(ids(file(f)) == numbered(1, archived_ahead + 1));
}

TEST_CASE("a line of the archive is a result as it stood in the view") {
  const folder f;
  const auto s = make_memory_store(fixed_clock);
  put(*s, 1, kept + 1);
  REQUIRE(archive(*s, f).has_value());
  const auto line = lines(file(f)).at(6);
  CHECK(*line.find("task_id")->as_string() == "t7");
  CHECK(*line.find("batch_id")->as_string() == "b");
  CHECK(*line.find("status")->as_string() == "done");
  CHECK(*line.find("description")->as_string() == "Document feature 7");
  CHECK(*line.find("output")->as_string() == "Done 7");
  CHECK(*line.find("tokens_output")->as_int() == 7);
  CHECK(*line.find("completed_at")->as_string() == "2025-11-07T21:45:07.000Z");
}

TEST_CASE("each result stands in the archive once, however often it is brought up to date") {
  const folder f;
  const auto s = make_memory_store(fixed_clock);
  for (int n = 1; n <= 400; ++n) {
    put(*s, n, n);
    REQUIRE(archive(*s, f).has_value());
    if (n <= static_cast<int>(kept)) continue;
    const auto there = ids(file(f));
    REQUIRE(there == numbered(1, static_cast<int>(there.size())));
    REQUIRE(there.size() + kept >= static_cast<std::size_t>(n));
  }
}

TEST_CASE("a result is in the file of the month in which it was completed") {
  const folder f;
  const auto s = make_memory_store(fixed_clock);
  const timestamp turn_of_year{*parse_iso("2025-12-31T23:58:59Z")};
  put(*s, 1, kept + 1, turn_of_year);
  REQUIRE(archive(*s, f).has_value());
  CHECK(ids(file(f, "2025-12")) == numbered(1, 60));
  CHECK(ids(file(f, "2026-01")) == numbered(61, archived_ahead + 1));
}

TEST_CASE("what somebody else wrote to the archive stays as it is, and our lines begin on their own") {
  const folder f;
  const std::string theirs = "{\"task_id\":\"old\"}\n{\"task_id\":\"older\"}";
  fs::create_directories(f.data() / "task_archive");
  write(file(f), theirs);
  const auto s = make_memory_store(fixed_clock);
  put(*s, 1, kept + 1);
  REQUIRE(archive(*s, f).has_value());
  CHECK(read(file(f)).starts_with(theirs + "\n{"));
  CHECK(ids(file(f)).size() == archived_ahead + 3);
}

TEST_CASE("an archive that was cut off at any byte by a full disk is completed later, with no line twice") {
  const auto with_results = [] {
    auto made = make_memory_store(fixed_clock);
    put(*made, 1, kept + 1);
    return made;
  };
  const folder whole;
  fs::create_directories(whole.data() / "task_archive");
  write(file(whole), "{}");
  REQUIRE(archive(*with_results(), whole).has_value());
  const std::string expected = read(file(whole));
  REQUIRE(expected.size() > 10'000);
  // Finely through two of its lines, as all are alike, and coarsely through the rest.
  const rlim_t two_lines = 300 + 2 * expected.size() / (archived_ahead + 1);
  for (rlim_t size = 300; size < expected.size(); size += size < two_lines ? 13 : 1009) {
    const folder f;
    const auto s = with_results();
    fs::create_directories(f.data() / "task_archive");
    write(file(f), "{}");
    {
      const full_disk full(size);
      REQUIRE(!archive(*s, f).has_value());
    }
    REQUIRE(fs::file_size(file(f)) == size);
    REQUIRE(archive(*s, f).has_value());
    REQUIRE(read(file(f)) == expected);
  }
}

TEST_CASE("no line comes twice if the store could not be told of them, whatever was deleted before it is tried again") {
  const folder f;
  bool fails = false;
  const auto opened = store::open({.directory = ":memory:", .clock = fixed_clock, .between = [&](sql& inner) {
                                     return std::make_unique<failing_sql>(inner, fails);
                                   }});
  REQUIRE(opened.has_value());
  store& s = **opened;
  put(s, 1, kept + 1);
  fails = true;
  REQUIRE(!archive(s, f).has_value());
  CHECK(ids(file(f)) == numbered(1, archived_ahead + 1));
  fails = false;
  REQUIRE(s.remove(task_id("t3")).has_value());
  put(s, kept + 2, kept + 3);
  REQUIRE(archive(s, f).has_value());
  CHECK(ids(file(f)) == numbered(1, archived_ahead + 3));
}

TEST_CASE("lines that somebody added after ours were cut off are kept") {
  const folder f;
  const auto s = make_memory_store(fixed_clock);
  put(*s, 1, kept + 1);
  {
    const full_disk full(1000);
    REQUIRE(!archive(*s, f).has_value());
  }
  const std::string cut = read(file(f));
  write(file(f), cut + "theirs");
  REQUIRE(archive(*s, f).has_value());
  CHECK(read(file(f)).starts_with(cut + "theirs\n{"));
}

TEST_CASE("an archive file that was removed is begun again with what comes next") {
  const folder f;
  const auto s = make_memory_store(fixed_clock);
  put(*s, 1, kept + 1);
  REQUIRE(archive(*s, f).has_value());
  fs::remove_all(f.data() / "task_archive");
  put(*s, kept + 2, kept + 2 + static_cast<int>(archived_ahead));
  REQUIRE(archive(*s, f).has_value());
  CHECK(ids(file(f)).front() == "t" + std::to_string(archived_ahead + 2));
}

TEST_CASE("what is no plain file in the archive's place is not written to") {
  const folder f;
  const auto s = make_memory_store(fixed_clock);
  put(*s, 1, kept + 1);
  const auto elsewhere = f.data() / "elsewhere";
  write(elsewhere, "theirs");
  fs::create_directories(f.data() / "task_archive");
  fs::create_symlink(elsewhere, file(f));
  CHECK(!archive(*s, f).has_value());
  CHECK(read(elsewhere) == "theirs");
  fs::remove(file(f));
  REQUIRE(::mkfifo(file(f).c_str(), 0600) == 0);
  CHECK(!archive(*s, f).has_value());
  fs::remove(file(f));
  REQUIRE(archive(*s, f).has_value());
  CHECK(ids(file(f)) == numbered(1, archived_ahead + 1));
}

TEST_CASE("results that others push out of the views as these are written are archived") {
  const folder f;
  const int most = static_cast<int>(ended_tasks_in_views);
  interruption meanwhile;
  const auto opened = store::open({.directory = f.state().string(), .clock = fixed_clock, .between = [&](sql& inner) {
                                     return std::make_unique<busy_sql>(inner, meanwhile);
                                   }});
  REQUIRE(opened.has_value());
  store& s = **opened;
  put(s, 1, most);
  meanwhile.act = [&] { put(s, most + 1, most + 5); };
  meanwhile.due = true;
  view_writer writer(s, f.data(), f.state(), fixed_clock);
  writer.refresh_now();
  auto seen = in_view(f);
  for (const auto& id : ids(file(f))) seen.insert(id);
  for (const auto& id : numbered(1, most)) CHECK_MESSAGE(seen.contains(id), id);
}

TEST_CASE("every result stands in the view or in the archive, and when it cannot be archived the views still come") {
  const folder f;
  const auto s = make_memory_store(fixed_clock);
  view_writer writer(*s, f.data(), f.state(), fixed_clock);
  writer.refresh_now();
  const int all = static_cast<int>(ended_tasks_in_views) + 200;
  write(f.data() / "task_archive", "not a folder");
  put(*s, 1, all);
  const auto warnings = writer.refresh_now();
  REQUIRE(
      std::any_of(warnings.begin(), warnings.end(), [](const warning& w) { return w.code == "archive_not_written"; }));
  CHECK(read_json(f.results()).find("results")->as_object()->size() == ended_tasks_in_views);

  fs::remove(f.data() / "task_archive");
  while (!writer.refresh_now().empty()) std::this_thread::yield();  // what the thread has met before is told, too
  auto seen = in_view(f);
  for (const auto& id : ids(file(f))) seen.insert(id);
  CHECK(seen.size() == static_cast<std::size_t>(all));
}
