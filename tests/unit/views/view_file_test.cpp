#include <cstdlib>
#include <filesystem>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

#include "unit/views/fixture.hpp"
#include "views/view_files.hpp"

using namespace cobatch;
using views_test::folder;
using views_test::read;
using views_test::write;
namespace fs = std::filesystem;

namespace {

// Writes views as the writer does, with the system's own way to let names change places and without it.
class view {
 public:
  explicit view(bool exchange) {
    if (!exchange) ::setenv("COBATCH_NO_RENAME_EXCHANGE", "1", 1);
  }
  view(const view&) = delete;
  view& operator=(const view&) = delete;
  ~view() { ::unsetenv("COBATCH_NO_RENAME_EXCHANGE"); }

  result<void> put(std::string_view text) {
    return replace_view(
        path(), text, ours, [this] { return remember(); }, views_test::guide_time, warnings);
  }

  [[nodiscard]] fs::path path() const { return place.queue(); }

  const folder place;
  std::vector<written_file> ours;
  std::vector<written_file> remembered;
  std::vector<warning> warnings;
  bool crash = false;  // instead of going on after the note was written

 private:
  result<void> remember() {
    remembered = ours;
    return crash ? result<void>(fail(errc::io_error, "crash")) : result<void>{};
  }
};

void each_way(void (*body)(view&)) {
  for (const bool exchange : {true, false}) {
    CAPTURE(exchange);
    view v(exchange);
    body(v);
  }
}

fs::path beside(const view& v, const std::string& ending) {
  return v.place.data() / (".claude_task_queue.json" + ending);
}

unsigned mode_of(const fs::path& path) {
  struct stat info {};
  REQUIRE(::lstat(path.c_str(), &info) == 0);
  return info.st_mode & 07777U;
}

}  // namespace

TEST_CASE("a view is written and replaced, for the owner only, and nothing else is left in the folder") {
  each_way([](view& v) {
    REQUIRE(v.put("one").has_value());
    CHECK(read(v.path()) == "one");
    CHECK(mode_of(v.path()) == 0600);
    REQUIRE(v.put("two").has_value());
    CHECK(read(v.path()) == "two");
    CHECK(v.warnings.empty());
    CHECK(v.place.names("").size() == 2);  // the view and .cobatch
    CHECK(v.ours.size() == 1);
    CHECK(is_ours(v.path(), v.ours));
  });
}

TEST_CASE("a file that was there before us is kept, told of, and replaced") {
  each_way([](view& v) {
    write(v.path(), "written by another system");
    REQUIRE(v.put("ours").has_value());
    CHECK(read(v.path()) == "ours");
    REQUIRE(v.place.outside() == std::vector<std::string>{"claude_task_queue.json.outside-20251107_214500"});
    CHECK(read(v.place.data() / v.place.outside()[0]) == "written by another system");
    REQUIRE(v.warnings.size() == 1);
    CHECK(v.warnings[0].code == "view_edited");
    CHECK(v.warnings[0].message.find(v.place.outside()[0]) != std::string::npos);
  });
}

TEST_CASE("an edit is kept, whether it was made in place or by replacing the file") {
  each_way([](view& v) {
    REQUIRE(v.put("ours").has_value());
    write(v.path(), "edit");
    REQUIRE(v.put("ours again").has_value());
    REQUIRE(v.put("and again").has_value());
    write(v.place.data() / "saved", "an edit saved by rename");
    fs::rename(v.place.data() / "saved", v.path());
    REQUIRE(v.put("last").has_value());
    CHECK(v.place.outside().size() == 2);
    CHECK(read(v.place.data() / "claude_task_queue.json.outside-20251107_214500") == "edit");
    CHECK(read(v.place.data() / "claude_task_queue.json.outside-20251107_214500-2") == "an edit saved by rename");
    CHECK(v.warnings.size() == 2);
    CHECK(read(v.path()) == "last");
  });
}

TEST_CASE("a file set aside never replaces one that was set aside before") {
  each_way([](view& v) {
    for (int i = 0; i < 5; ++i) {
      write(v.path(), "edit " + std::to_string(i));
      REQUIRE(v.put("ours").has_value());
    }
    CHECK(v.place.outside().size() == 5);
  });
}

TEST_CASE("links and folders in the view's place are set aside as they are, and what they point to is not touched") {
  each_way([](view& v) {
    const auto target = v.place.data() / "target";
    write(target, "not yours");
    fs::create_symlink(target, v.path());
    REQUIRE(v.put("one").has_value());
    fs::remove(v.path());
    fs::create_directory(v.path());
    write(v.path() / "inside", "x");
    REQUIRE(v.put("two").has_value());
    CHECK(read(target) == "not yours");
    CHECK(read(v.path()) == "two");
    const auto first = v.place.data() / "claude_task_queue.json.outside-20251107_214500";
    CHECK(fs::is_symlink(first));
    CHECK(read(fs::path(first.string() + "-2") / "inside") == "x");
  });
}

TEST_CASE("a touched or copied view with our text, and an empty file, are nobody's edit") {
  each_way([](view& v) {
    REQUIRE(v.put("ours").has_value());
    fs::last_write_time(v.path(), fs::file_time_type::clock::now() - std::chrono::hours{1});
    REQUIRE(v.put("ours 2").has_value());
    fs::copy_file(v.path(), v.place.data() / "copy");
    fs::rename(v.place.data() / "copy", v.path());
    REQUIRE(v.put("ours 3").has_value());
    write(v.path(), "");
    REQUIRE(v.put("ours 4").has_value());
    CHECK(v.warnings.empty());
    CHECK(v.place.outside().empty());
  });
}

TEST_CASE("after a crash before the new file was put in place nothing is taken for an edit") {
  each_way([](view& v) {
    REQUIRE(v.put("one").has_value());
    v.crash = true;
    CHECK_FALSE(v.put("two").has_value());
    v.crash = false;
    CHECK(read(v.path()) == "one");
    v.ours = v.remembered;
    REQUIRE(v.put("three").has_value());
    CHECK(read(v.path()) == "three");
    CHECK(v.warnings.empty());
    CHECK(v.place.names("").size() == 2);
  });
}

TEST_CASE("after a crash once the names had changed places the old view goes, and an edit that came out is kept") {
  for (const bool edited : {false, true}) {
    CAPTURE(edited);
    view v(true);
    REQUIRE(v.put("one").has_value());
    v.crash = true;
    CHECK_FALSE(v.put("two").has_value());
    v.crash = false;
    fs::rename(v.path(), beside(v, ".new"));
    fs::rename(beside(v, ".part"), v.path());
    if (edited) write(beside(v, ".new"), "an edit");
    v.ours = v.remembered;
    REQUIRE(v.put("three").has_value());
    CHECK(read(v.path()) == "three");
    CHECK(v.place.names(".claude").empty());
    REQUIRE(v.place.outside().size() == (edited ? 1 : 0));
    if (edited) CHECK(read(v.place.data() / v.place.outside()[0]) == "an edit");
    CHECK(v.warnings.size() == v.place.outside().size());
  }
}

TEST_CASE("half a file that a crash left is not taken for anybody's") {
  each_way([](view& v) {
    REQUIRE(v.put("one").has_value());
    write(beside(v, ".part"), "half of a ne");
    REQUIRE(v.put("two").has_value());
    CHECK(v.warnings.empty());
    CHECK(v.place.names("").size() == 2);
  });
}

TEST_CASE("a folder that cannot be written to is an error, and the old view stays") {
  view v(true);
  REQUIRE(v.put("one").has_value());
  const auto gone = v.place.data() / "gone" / "claude_task_queue.json";
  const auto done = replace_view(
      gone, "two", v.ours, [] { return result<void>{}; }, views_test::guide_time, v.warnings);
  CHECK_FALSE(done.has_value());
  CHECK(read(v.path()) == "one");
}
