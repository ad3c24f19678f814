#include <csignal>
#include <fcntl.h>
#include <sstream>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <sqlite3.h>

#include "store/store.hpp"
#include "unit/store/support.hpp"

using namespace cobatch_test;
namespace fs = std::filesystem;

TEST_CASE("a store that is opened again has kept everything") {
  temporary_folder folder;
  hand_clock clock;
  const std::vector<batch_id> batches{"a"_batch, "b"_batch};
  std::string before;
  std::int64_t version = 0;
  {
    const auto s = must(store::open({folder.path().string(), clock.reader()}));
    must(s->assign(one("a", "a")));
    must(s->assign(one("b", "b")));
    settle_a_turn(*s);
    before = state_of(*s, batches, 2);
    version = s->version();
  }
  const auto s = must(store::open({folder.path().string(), clock.reader()}));
  CHECK(first_difference(before, state_of(*s, batches, 2)) == "");
  CHECK(s->version() == version);
}

TEST_CASE("the files are for their owner only") {
  temporary_folder folder;
  const auto s = opened(folder.path());
  must(s->assign(one("b", "a")));
  for (const char* name : {"store.db", "store.db-wal", "store.db-shm", "write", "write.queue", "bell"}) {
    CAPTURE(name);
    struct stat info {};
    REQUIRE(::stat((folder.path() / name).c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
  }
}

TEST_CASE("an idle store that was closed is one plain file") {
  temporary_folder folder;
  must(opened(folder.path())->assign(one("b", "a")));
  const auto log = folder.path() / "store.db-wal";
  CHECK((!fs::exists(log) || fs::file_size(log) == 0));
  fs::remove(log);
  fs::remove(folder.path() / "store.db-shm");
  CHECK(total_tasks(*opened(folder.path())) == 1);
}

TEST_CASE("the log is moved into the file before it grows without end") {
  temporary_folder folder;
  const auto s = opened(folder.path());
  for (int b = 0; b < 30; ++b) {
    assign_request request;
    request.batch = batch_id("b" + std::to_string(b));
    for (int i = 0; i < 1000; ++i) request.tasks.push_back(task(std::to_string(b) + "/" + std::to_string(i)));
    must(s->assign(request));
  }
  CHECK(fs::file_size(folder.path() / "store.db") > 1'000'000);
  CHECK(fs::file_size(folder.path() / "store.db-wal") < 8'000'000);
}

TEST_CASE("a store made by a later version is refused and not touched") {
  temporary_folder folder;
  must(opened(folder.path())->assign(one("b", "a")));
  run_sql(folder.path(), "PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE);");
  const auto before = content_of(folder.path() / "store.db");
  CHECK(refusal(folder.path()) == errc::store_newer);
  CHECK(content_of(folder.path() / "store.db") == before);
}

TEST_CASE("a store made by an earlier version is refused and not touched") {
  temporary_folder folder;
  must(opened(folder.path())->assign(one("b", "a")));
  run_sql(folder.path(), "PRAGMA user_version = 5; PRAGMA wal_checkpoint(TRUNCATE);");
  const auto before = content_of(folder.path() / "store.db");
  CHECK(refusal(folder.path()) == errc::store_newer);
  CHECK(content_of(folder.path() / "store.db") == before);
  const auto checked = verify_and_clear_poison(folder.path());
  REQUIRE(!checked);
  CHECK(checked.error().code == errc::store_newer);
}

TEST_CASE("a store that a later version takes over meanwhile is not written to any more") {
  temporary_folder folder;
  const auto s = opened(folder.path());
  run_sql(folder.path(), "PRAGMA user_version = 99;");
  const auto answer = s->assign(one("b", "a"));
  REQUIRE(!answer);
  CHECK(answer.error().code == errc::store_newer);
}

TEST_CASE("a damaged file, or one of another program, is refused and not touched") {
  temporary_folder folder;
  const auto file = folder.path() / "store.db";
  SUBCASE("no database at all") { write_bytes(file, std::string(10'000, 'x')); }
  SUBCASE("a few bytes") { write_bytes(file, "hello"); }
  SUBCASE("another program's") { run_sql(folder.path(), "CREATE TABLE theirs(x);"); }
  SUBCASE("another program's with a version") {
    run_sql(folder.path(), "CREATE TABLE theirs(x); PRAGMA user_version = 1;");
  }
  SUBCASE("the head is overwritten") {
    must(opened(folder.path())->assign(one("b", "a")));
    auto bytes = content_of(file);
    bytes.replace(0, 100, std::string(100, '\0'));
    write_bytes(file, bytes);
  }
  const auto before = content_of(file);
  CHECK(refusal(folder.path()) == errc::store_damaged);
  CHECK(content_of(file) == before);
}

TEST_CASE("damage that is met later is told as such") {
  temporary_folder folder;
  assign_request request = one("b", "a");
  for (int i = 0; i < 3000; ++i) request.tasks.push_back(task(std::to_string(i)));
  must(opened(folder.path())->assign(request));
  auto bytes = content_of(folder.path() / "store.db");
  // What opening reads, the schema and the counters, is in the first half.
  for (std::size_t at = bytes.size() / 2; at < bytes.size(); ++at) bytes[at] = 'x';
  write_bytes(folder.path() / "store.db", bytes);
  const auto s = opened(folder.path());
  const auto listed = s->list_tasks({{}, {}, 0, 10'000});
  REQUIRE(!listed);
  CHECK(listed.error().code == errc::store_damaged);
  const auto check = must(verify_and_clear_poison(folder.path()));
  CHECK(!check.sound());
}

TEST_CASE("a log whose database is gone is not thrown away") {
  temporary_folder folder;
  temporary_folder copy;
  {
    const auto s = opened(folder.path());
    must(s->assign(one("b", "a")));
    fs::copy(folder.path() / "store.db-wal", copy.path() / "store.db-wal");
  }
  const auto before = content_of(copy.path() / "store.db-wal");
  REQUIRE(!before.empty());
  CHECK(refusal(copy.path()) == errc::store_damaged);
  CHECK(content_of(copy.path() / "store.db-wal") == before);
}

TEST_CASE("files that are links are refused") {
  temporary_folder elsewhere;
  temporary_folder folder;
  for (const std::string name : {"store.db", "store.db-wal", "write", "write.queue", "bell"}) {
    CAPTURE(name);
    const auto target = elsewhere.path() / name;
    write_bytes(target, "");
    SUBCASE(("symbolic " + name).c_str()) {
      fs::create_symlink(target, folder.path() / name);
      CHECK(refusal(folder.path()) == errc::unsafe_file);
    }
    SUBCASE(("hard " + name).c_str()) {
      fs::create_hard_link(target, folder.path() / name);
      CHECK(refusal(folder.path()) == errc::unsafe_file);
    }
  }
}

TEST_CASE("a folder that is reached by a link works, and one that is not there is an error") {
  temporary_folder folder;
  temporary_folder other;
  fs::create_directory_symlink(folder.path(), other.path() / "link");
  must(opened(other.path() / "link")->assign(one("b", "a")));
  CHECK(total_tasks(*opened(folder.path())) == 1);
  CHECK(!store::open({(folder.path() / "none").string(), system_now}));
}

TEST_CASE("two stores on one folder in one process see each other's changes") {
  temporary_folder folder;
  const auto first = opened(folder.path());
  const auto second = opened(folder.path());
  must(first->assign(one("b", "a")));
  must(second->assign(one("b", "b")));
  CHECK(total_tasks(*first) == 2);
  CHECK(first->version() == second->version());
  const auto third = opened(folder.path());
  must(third->assign(one("b", "c")));
  must(first->assign(one("b", "d")));
  CHECK(total_tasks(*second) == 4);
}

TEST_CASE("when folder or file are replaced or deleted nothing is written and nothing made anew") {
  temporary_folder parent;
  const auto folder = parent.path() / "state";
  fs::create_directory(folder);
  const auto s = opened(folder);
  must(s->assign(one("b", "a")));
  SUBCASE("the folder is deleted") { fs::remove_all(folder); }
  SUBCASE("the folder is replaced") {
    fs::rename(folder, parent.path() / "old");
    fs::create_directory(folder);
  }
  SUBCASE("the database is deleted") { fs::remove(folder / "store.db"); }
  SUBCASE("the database is replaced") {
    fs::copy(folder / "store.db", folder / "copy");
    fs::rename(folder / "copy", folder / "store.db");
  }
  SUBCASE("the lock file is deleted") { fs::remove(folder / "write"); }
  const auto answer = s->assign(one("b", "b"));
  REQUIRE(!answer);
  CHECK(answer.error().code == errc::workspace_replaced);
  CHECK(!(fs::exists(folder / "store.db") && fs::exists(folder / "write") && total_tasks(*opened(folder)) == 2));
}

TEST_CASE("a store that was opened before fork does nothing in the child") {
  temporary_folder folder;
  auto s = opened(folder.path());
  must(s->assign(one("b", "a")));
  const pid_t child = ::fork();
  if (child == 0) {
    const auto written = s->assign(one("b", "b"));
    const auto read = s->find_task("a"_task);
    s.reset();
    ::_exit(!written && !read && written.error().message.find("fork") != std::string::npos ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  must(s->assign(one("b", "c")));
  CHECK(total_tasks(*s) == 2);
}

TEST_CASE("processes that assign at once lose nothing") {
  temporary_folder folder;
  constexpr int processes = 4;
  constexpr int each = 60;
  std::vector<pid_t> children;
  for (int p = 0; p < processes; ++p) {
    const pid_t child = ::fork();
    if (child == 0) {
      const auto s = store::open({folder.path().string(), system_now});
      if (!s) ::_exit(2);
      for (int i = 0; i < each; ++i)
        if (!(*s)->assign(one("b" + std::to_string(i % 2), std::to_string(p) + "/" + std::to_string(i)))) ::_exit(3);
      ::_exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
  const auto s = opened(folder.path());
  CHECK(total_tasks(*s) == processes * each);
  CHECK(s->version() == processes * each);
  CHECK(must(verify_and_clear_poison(folder.path())).sound());
  for (const auto& batch : must(s->read_overview()).unfinished) {
    task_filter filter;
    filter.batch = batch.id;
    const auto tasks = must(s->list_tasks(filter));
    REQUIRE(tasks.size() == processes * each / 2);
    CHECK(tasks.back().position == processes * each / 2);
  }
}

TEST_CASE("a waiter in another process wakes when something changes") {
  temporary_folder folder;
  opened(folder.path()).reset();
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto s = store::open({folder.path().string(), system_now});
    if (!s) ::_exit(2);
    const auto seen = (*s)->version();
    if (::write(ready[1], "r", 1) != 1) ::_exit(3);
    ::_exit((*s)->wait_for_change(seen, std::chrono::steady_clock::time_point::max(), {}) > seen ? 0 : 4);
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  must(opened(folder.path())->assign(one("b", "a")));
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("a change whose bell was lost is seen all the same") {
  temporary_folder folder;
  const auto s = opened(folder.path());
  const auto seen = s->version();
  // As a process that dies between commit and bell leaves it.
  run_sql(folder.path(), "UPDATE meta SET change = change + 1;");
  CHECK(s->version() == seen);
  CHECK(s->wait_for_change(seen, std::chrono::steady_clock::time_point::max(), {}) == seen + 1);
  CHECK(s->version() == seen + 1);
  CHECK(opened(folder.path())->version() == seen + 1);
}

TEST_CASE("a task that was acknowledged is there after the process is killed at any moment") {
  temporary_folder folder;
  std::mt19937 random(11);
  int acknowledged = 0;
  for (int round = 0; round < 12; ++round) {
    int acks[2];
    REQUIRE(::pipe(acks) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(acks[0]);
      const auto s = store::open({folder.path().string(), system_now});
      if (!s) ::_exit(2);
      std::vector<std::thread> callers;
      for (int t = 0; t < 3; ++t)
        callers.emplace_back([&, t] {
          for (int i = 0;; ++i) {
            const std::string id = std::to_string(round) + "/" + std::to_string(t) + "/" + std::to_string(i);
            if (!(*s)->assign(one("b", id))) ::_exit(3);
            const std::string line = id + "\n";
            if (::write(acks[1], line.data(), line.size()) < 0) ::_exit(4);
          }
        });
      for (auto& caller : callers) caller.join();
    }
    ::close(acks[1]);
    // Killed after a random number of acknowledged bytes: somewhere in the midst of the next commits.
    const auto enough = std::uniform_int_distribution<std::size_t>(1, 400)(random);
    std::string lines;
    std::array<char, 64> some{};
    while (lines.size() < enough) {
      const auto n = ::read(acks[0], some.data(), some.size());
      REQUIRE(n > 0);
      lines.append(some.data(), static_cast<std::size_t>(n));
    }
    ::kill(child, SIGKILL);
    for (ssize_t n = 0; (n = ::read(acks[0], some.data(), some.size())) > 0;)
      lines.append(some.data(), static_cast<std::size_t>(n));
    ::close(acks[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));

    const auto s = opened(folder.path());
    std::istringstream in(lines.substr(0, lines.rfind('\n') + 1));
    for (std::string id; std::getline(in, id); ++acknowledged) {
      CAPTURE(id);
      CHECK(must(s->find_task(task_id(id))).has_value());
    }
  }
  CHECK(acknowledged > 0);
  CHECK(must(verify_and_clear_poison(folder.path())).sound());
}

TEST_CASE("a settled turn cannot be changed or deleted, not even by hand") {
  temporary_folder folder;
  const auto s = opened(folder.path());
  must(s->assign(one("b", "a")));
  settle_a_turn(*s);
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open((folder.path() / "store.db").c_str(), &db) == SQLITE_OK);
  for (const char* sql : {"UPDATE turn SET detail = ''", "DELETE FROM turn", "UPDATE turn_usage SET output = 0",
                          "DELETE FROM turn_usage"})
    CHECK_MESSAGE(sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_CONSTRAINT, sql);
  sqlite3_close(db);
}
