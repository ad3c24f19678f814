#include "views/view_files.hpp"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <string>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

#include "unit/views/fixture.hpp"

using namespace cobatch;
using views_test::folder;
using views_test::read;
using views_test::write;
namespace fs = std::filesystem;

namespace {

using steady = std::chrono::steady_clock;

view_note some_note() {
  view_note note{.version = 42, .written_ms = 7, .cost_ms = 3, .files = {}};
  note.files[0] = {{1, 2, 3, 4, -5}, {6, 7, 8, 9, 10}};
  note.files[2].shown = {1, 1, 1, 1, 1};
  return note;
}

result<view_turn> take_now(const folder& f) { return view_turn::take(f.state(), steady::now()); }

// Writes views as the writer does; the queue's is looked at.
class view {
 public:
  result<void> put(const std::string& text) {
    auto turn = take_now(place);
    REQUIRE(turn);
    view_note note = turn->read();
    if (auto done = replace_views(*turn, note, place.data(), {text, "r", "h"}, views_test::guide_time, warnings); !done)
      return done;
    return turn->write(note);
  }
  // As if the process had died once the note said what was about to come.
  void die_before_renaming(const std::string& text) {
    const auto before = glance_at_note(place.state());
    write(beside(".part"), text);
    view_note note = before;
    note.version = -1;
    note.files[0].next = *stamp_of(beside(".part"));
    auto turn = take_now(place);
    REQUIRE(turn);
    REQUIRE(turn->write(note));
  }
  void die_after_renaming(const std::string& text) {
    die_before_renaming(text);
    fs::rename(beside(".part"), path());
  }

  [[nodiscard]] fs::path path() const { return place.queue(); }
  [[nodiscard]] fs::path beside(const std::string& ending) const {
    return place.data() / (".claude_task_queue.json" + ending);
  }
  [[nodiscard]] std::string kept(std::size_t n = 0) const { return read(place.data() / place.outside().at(n)); }
  // The three views, and .cobatch.
  [[nodiscard]] bool nothing_else_is_there() const { return place.names("").size() == view_count + 1; }

  const folder place;
  std::vector<warning> warnings;
};

unsigned mode_of(const fs::path& path) {
  struct stat info {};
  REQUIRE(::lstat(path.c_str(), &info) == 0);
  return info.st_mode & 07777U;
}

}  // namespace

TEST_CASE("a view is written and replaced, for the owner only, and nothing else is left in the folder") {
  view v;
  REQUIRE(v.put("one"));
  CHECK(read(v.path()) == "one");
  CHECK(mode_of(v.path()) == 0600);
  REQUIRE(v.put("two"));
  CHECK(read(v.path()) == "two");
  CHECK(read(v.place.results()) == "r");
  CHECK(v.warnings.empty());
  CHECK(v.nothing_else_is_there());
  CHECK(is_ours(v.path(), glance_at_note(v.place.state())));
}

TEST_CASE("a file that was there before us is kept, told of, and replaced") {
  view v;
  write(v.path(), "written by another system");
  REQUIRE(v.put("ours"));
  CHECK(read(v.path()) == "ours");
  REQUIRE(v.place.outside() == std::vector<std::string>{"claude_task_queue.json.outside-20251107_214500"});
  CHECK(v.kept() == "written by another system");
  REQUIRE(v.warnings.size() == 1);
  CHECK(v.warnings[0].code == "view_edited");
  CHECK(v.warnings[0].message.find(v.place.outside()[0]) != std::string::npos);
}

TEST_CASE("an edit is kept, whether it was made in place or by replacing the file") {
  view v;
  REQUIRE(v.put("ours"));
  write(v.path(), "edit");
  CHECK_FALSE(is_ours(v.path(), glance_at_note(v.place.state())));
  REQUIRE(v.put("ours again"));
  REQUIRE(v.put("and again"));
  write(v.place.data() / "saved", "an edit saved by rename");
  fs::rename(v.place.data() / "saved", v.path());
  REQUIRE(v.put("last"));
  CHECK(v.place.outside().size() == 2);
  CHECK(read(v.place.data() / "claude_task_queue.json.outside-20251107_214500") == "edit");
  CHECK(read(v.place.data() / "claude_task_queue.json.outside-20251107_214500-2") == "an edit saved by rename");
  CHECK(v.warnings.size() == 2);
  CHECK(read(v.path()) == "last");
}

TEST_CASE("an edit that leaves size and time of the file as they were is kept all the same") {
  view v;
  REQUIRE(v.put("ours"));
  const auto time = fs::last_write_time(v.path());
  write(v.path(), "edit");
  fs::last_write_time(v.path(), time);
  REQUIRE(v.put("ours again"));
  REQUIRE(v.place.outside().size() == 1);
  CHECK(v.kept() == "edit");
}

TEST_CASE("a file set aside never replaces one that was set aside before") {
  view v;
  for (int i = 0; i < 5; ++i) {
    write(v.path(), "edit " + std::to_string(i));
    REQUIRE(v.put("ours"));
  }
  CHECK(v.place.outside().size() == 5);
}

TEST_CASE("links and folders in the view's place are set aside as they are, and what they point to is not touched") {
  view v;
  const auto target = v.place.data() / "target";
  write(target, "not yours");
  fs::create_symlink(target, v.path());
  REQUIRE(v.put("one"));
  fs::remove(v.path());
  fs::create_directory(v.path());
  write(v.path() / "inside", "x");
  REQUIRE(v.put("two"));
  CHECK(read(target) == "not yours");
  CHECK(read(v.path()) == "two");
  const auto first = v.place.data() / "claude_task_queue.json.outside-20251107_214500";
  CHECK(fs::is_symlink(first));
  CHECK(read(fs::path(first.string() + "-2") / "inside") == "x");
}

TEST_CASE("a touched or copied view is nobody's edit where it says what is to be written, nor is an empty file") {
  view v;
  REQUIRE(v.put("ours"));
  fs::last_write_time(v.path(), fs::file_time_type::clock::now() - std::chrono::hours{1});
  REQUIRE(v.put("ours"));
  fs::copy_file(v.path(), v.place.data() / "copy");
  fs::rename(v.place.data() / "copy", v.path());
  REQUIRE(v.put("ours"));
  write(v.path(), "");
  REQUIRE(v.put("ours 2"));
  CHECK(v.warnings.empty());
  CHECK(v.place.outside().empty());
  CHECK(read(v.path()) == "ours 2");
}

TEST_CASE("after a crash before or after the new file was put in place nothing is taken for an edit, but an edit is") {
  for (const bool renamed : {false, true})
    for (const bool edited : {false, true}) {
      CAPTURE(renamed);
      CAPTURE(edited);
      view v;
      REQUIRE(v.put("one"));
      renamed ? v.die_after_renaming("two") : v.die_before_renaming("two");
      CHECK(read(v.path()) == (renamed ? "two" : "one"));
      CHECK(is_ours(v.path(), glance_at_note(v.place.state())));
      if (edited) write(v.path(), "an edit");
      REQUIRE(v.put("three"));
      CHECK(read(v.path()) == "three");
      CHECK(v.place.names(".claude").empty());
      REQUIRE(v.place.outside().size() == (edited ? 1 : 0));
      if (edited) CHECK(v.kept() == "an edit");
      CHECK(v.warnings.size() == v.place.outside().size());
    }
}

TEST_CASE("after several crashes one after another nothing is taken for an edit") {
  view v;
  REQUIRE(v.put("one"));
  v.die_before_renaming("two");
  v.die_after_renaming("three");
  {
    // One that ends before its note is written has only left a file beside the view.
    write(v.beside(".part"), "half of a ne");
  }
  REQUIRE(v.put("four"));
  CHECK(read(v.path()) == "four");
  CHECK(v.warnings.empty());
  CHECK(v.nothing_else_is_there());
}

TEST_CASE("a folder that cannot be written to is an error, and the old view stays") {
  view v;
  REQUIRE(v.put("one"));
  auto turn = take_now(v.place);
  REQUIRE(turn);
  view_note note = turn->read();
  const auto done =
      replace_views(*turn, note, v.place.data() / "gone", {"two", "", ""}, views_test::guide_time, v.warnings);
  CHECK_FALSE(done);
  CHECK(read(v.path()) == "one");
  CHECK(is_ours(v.path(), turn->read()));
}

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
  for (const auto* other : {"", "[]", "null", "{}", R"({"version":"x","files":[1,[2,[3]],{},[[1],[2]]]})"})
    CHECK(parse_note(other) == view_note{});
}

TEST_CASE("views are left alone for 50 ms after a write, or for ten times what it took, whoever wrote") {
  const auto left = [](std::int64_t cost_ms, std::int64_t since_ms) {
    const view_note note{.written_ms = 1'000'000, .cost_ms = cost_ms, .files = {}};
    return note.pause_left(note.written_ms + since_ms).count();
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
  CHECK(view_note{}.pause_left(1'000'000).count() == 0);
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
