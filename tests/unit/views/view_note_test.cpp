#include <atomic>
#include <chrono>
#include <set>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

#include "unit/views/fixture.hpp"
#include "views/view_files.hpp"

using namespace cobatch;
using views_test::folder;

namespace {

using steady = std::chrono::steady_clock;

view_note some_note() {
  view_note note;
  note.version = 42;
  note.written_ms = 7;
  note.cost_ms = 3;
  note.files[0] = {{{1, 2, 3, 4}, -5}, {{6, 7, 8, 9}, 10}};
  return note;
}

result<view_turn> take_now(const folder& f) {
  return view_turn::take(f.state(), steady::now());
}

}  // namespace

TEST_CASE("a note comes back as it was written, also over a longer one") {
  const folder f;
  auto turn = take_now(f);
  REQUIRE(turn.has_value());
  CHECK(turn->read() == view_note{});
  REQUIRE(turn->write(some_note()).has_value());
  CHECK(turn->read() == some_note());
  REQUIRE(turn->write(view_note{}).has_value());
  CHECK(turn->read() == view_note{});
}

TEST_CASE("a note torn at any byte, or that is no note, is an empty one") {
  const std::string text = note_text(some_note());
  CHECK(parse_note(text) == some_note());
  for (std::size_t n = 0; n + 2 < text.size(); ++n) CHECK(parse_note(text.substr(0, n)) == view_note{});
  for (const auto* other : {"", "[]", "null", "{}", R"({"version":"x","queue":[1,[2],{}],"results":7})"})
    CHECK(parse_note(other) == view_note{});
}

TEST_CASE("views are left alone for 50 ms after a write, or for ten times what it took, whoever wrote") {
  const auto left = [](std::int64_t cost_ms, std::int64_t since_ms) {
    view_note note;
    note.written_ms = 1'000'000;
    note.cost_ms = cost_ms;
    return pause_left(note, note.written_ms + since_ms).count();
  };
  CHECK(left(0, 0) == 50);
  CHECK(left(0, 20) == 30);
  CHECK(left(0, 50) == 0);
  CHECK(left(5, 0) == 50);
  CHECK(left(30, 100) == 200);
  CHECK(left(30, 1'000) == 0);
  CHECK(left(1'000'000'000'000, 0) == 10'000);
  CHECK(left(-7, 0) == 50);
  CHECK(left(30, -1) == 0);
  CHECK(pause_left(view_note{}, 1'000'000).count() == 0);
}

TEST_CASE("one turn at a time, in one process") {
  const folder f;
  {
    const auto first = take_now(f);
    REQUIRE(first.has_value());
    CHECK(take_now(f).error().code == errc::timed_out);
  }
  CHECK(take_now(f).has_value());
}

TEST_CASE("a turn ends with the process that held it") {
  const folder f;
  int ready[2], done[2];
  REQUIRE(::pipe(ready) == 0);
  REQUIRE(::pipe(done) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto turn = take_now(f);
    char c = turn ? 'y' : 'n';
    if (::write(ready[1], &c, 1) != 1 || ::read(done[0], &c, 1) != 1) ::_exit(1);
    ::_exit(0);
  }
  char c = 0;
  REQUIRE(::read(ready[0], &c, 1) == 1);
  REQUIRE(c == 'y');
  CHECK(take_now(f).error().code == errc::timed_out);
  REQUIRE(::write(done[1], &c, 1) == 1);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  CHECK(take_now(f).has_value());
  for (const int fd : {ready[0], ready[1], done[0], done[1]}) ::close(fd);
}

TEST_CASE("threads that wait for a turn each get it, one after the other") {
  const folder f;
  std::atomic<int> inside{0}, most{0}, turns{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 6; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 20; ++n) {
        const auto turn = view_turn::take(f.state(), steady::now() + std::chrono::minutes{1});
        if (!turn) continue;
        most = std::max(most.load(), ++inside);
        ++turns;
        --inside;
      }
    });
  threads.clear();
  CHECK(most == 1);
  CHECK(turns == 120);
}

TEST_CASE("a folder that is not there is an error, not a crash") {
  CHECK(view_turn::take("/nonexistent/folder", steady::now()).error().code == errc::io_error);
}

TEST_CASE("digests tell texts apart by content, order and length") {
  std::set<std::int64_t> seen;
  for (const auto* text :
       {"", "a", "b", "ab", "ba", "aaaaaaaa", "aaaaaaaaa", "aaaaaaaab", "baaaaaaaa", "aaaaaaaaaaaaaaaa"})
    CHECK(seen.insert(digest_of(text)).second);
  CHECK(seen.insert(digest_of(std::string_view("\0", 1))).second);
  CHECK(seen.insert(digest_of(std::string_view("\0\0", 2))).second);
  CHECK(digest_of("same") == digest_of(std::string("same")));
}
