#include "os/lock_file.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scratch.hpp"

using namespace cobatch;
using namespace cobatch_test;

namespace {

const batch_id batch("batch_20251107_214500");
const timestamp locked_at = parse_iso("2025-11-07T21:45:00Z").value();

struct lock_file_scene {
  scratch_folder folder;
  std::filesystem::path path = folder.path() / "execute_queue.lock";
  [[nodiscard]] std::size_t files() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) count += entry.exists() ? 1 : 0;
    return count;
  }
};

}  // namespace

TEST_CASE("a lock file holds exactly the guide's two members, on a line") {
  CHECK(lock_file_bytes(batch, {locked_at.ms + 999}) ==
        "{\"locked_at\":\"2025-11-07T21:45:00Z\",\"batch_id\":\"batch_20251107_214500\"}\n");
}

TEST_CASE("any batch id survives its lock file") {
  for (const char* id : {"a\"b\\c", "caf\xC3\xA9", "\xF0\x9F\x94\x92", "a/b{}", "'"}) {
    const auto read = parse_lock_file(lock_file_bytes(batch_id(id), locked_at));
    REQUIRE(read);
    CHECK(read->batch == batch_id(id));
    CHECK(read->locked_at == locked_at);
  }
}

TEST_CASE("a lock file in the guide's form is understood, whatever its white space") {
  const auto pretty =
      parse_lock_file("{\n  \"locked_at\": \"2025-11-07T21:45:00Z\",\n  \"batch_id\": \"batch_20251107_214500\"\n}\n");
  REQUIRE(pretty);
  CHECK(pretty->batch == batch);
  CHECK(parse_lock_file(R"( {"batch_id":"b","locked_at":"2025-11-07T21:45:00Z"})"));
  for (const char* other :
       {"", "{}", "[]", "12345\n", "{\"locked_at\":\"2025-11-07T21:45:00Z\"}",
        R"({"locked_at":"yesterday","batch_id":"b"})", R"({"locked_at":"2025-11-07T21:45:00Z","batch_id":""})",
        R"({"locked_at":"2025-11-07T21:45:00Z","batch_id":7})",
        R"({"locked_at":"2025-11-07T21:45:00Z","batch_id":"b","pid":1})"})
    CHECK_FALSE(parse_lock_file(other));
}

TEST_CASE("a lock file is made, seen and removed, and nothing is left beside it") {
  const lock_file_scene scene;
  CHECK_FALSE(look_at_lock_file(scene.path).value().has_value());
  const auto made = write_lock_file(scene.path, batch, locked_at);
  REQUIRE(made);
  CHECK(content_of(scene.path) == lock_file_bytes(batch, locked_at));
  CHECK(look_at_lock_file(scene.path).value() == *made);
  CHECK(scene.files() == 1);
  struct stat info {};
  REQUIRE(::stat(scene.path.c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0600);
  CHECK(info.st_nlink == 1);
  CHECK(remove_lock_file(scene.path, *made).value());
  CHECK(scene.files() == 0);
  CHECK_FALSE(remove_lock_file(scene.path, *made).value());
}

TEST_CASE("a foreign lock file is never overwritten") {
  const lock_file_scene scene;
  put(scene.path, "somebody's");
  CHECK(write_lock_file(scene.path, batch, locked_at).error().code == errc::foreign_marker);
  CHECK(content_of(scene.path) == "somebody's");
  CHECK(scene.files() == 1);
  std::filesystem::remove(scene.path);
  std::filesystem::create_symlink("nowhere", scene.path);
  CHECK(write_lock_file(scene.path, batch, locked_at).error().code == errc::foreign_marker);
  CHECK(std::filesystem::is_symlink(scene.path));
}

TEST_CASE("a lock file that was rewritten in place is another one") {
  const lock_file_scene scene;
  const auto made = write_lock_file(scene.path, batch, locked_at);
  REQUIRE(made);
  std::fstream(scene.path, std::ios::in | std::ios::out) << "{\"locked_at\":\"2026";
  const auto now = look_at_lock_file(scene.path).value();
  REQUIRE(now);
  CHECK(now->inode == made->inode);
  CHECK(now->size == made->size);
  CHECK(*now != *made);
  CHECK_FALSE(remove_lock_file(scene.path, *made).value());
  CHECK(std::filesystem::exists(scene.path));
}

TEST_CASE("a lock file that was made anew with the same bytes is another one") {
  const lock_file_scene scene;
  const auto made = write_lock_file(scene.path, batch, locked_at);
  REQUIRE(made);
  std::filesystem::remove(scene.path);
  put(scene.path, lock_file_bytes(batch, locked_at));
  if (made->birth_ns != 0) CHECK_FALSE(remove_lock_file(scene.path, *made).value());
}

TEST_CASE("a foreign lock file that takes ours' place while it is removed is put back") {
  const lock_file_scene scene;
  const auto other = scene.folder.path() / "other";
  put(other, "somebody's");
  const auto foreign = look_at_lock_file(other).value();
  REQUIRE(foreign);
  // Exchanges the two as fast as it can: a removal may look at ours and then rename the other.
  forked rival([&] {
    for (;;) ::renameat2(AT_FDCWD, scene.path.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE);
    return 0;
  });
  for (int removals = 0; removals < 200;) {
    const auto ours = write_lock_file(scene.path, batch, locked_at);
    if (!ours) {
      // The foreign one is under the name and ours was removed from the other: make room for a new one of ours.
      REQUIRE(ours.error().code == errc::foreign_marker);
      ::renameat2(AT_FDCWD, scene.path.c_str(), AT_FDCWD, other.c_str(), RENAME_NOREPLACE);
      continue;
    }
    while (!remove_lock_file(scene.path, *ours).value_or(false)) continue;
    ++removals;
  }
  rival.kill();
  const auto kept = std::filesystem::exists(other) ? other : scene.path;
  const auto now = look_at_lock_file(kept).value();
  REQUIRE(now);
  CHECK(now->bytes == "somebody's");
  CHECK(now->inode == foreign->inode);
  CHECK(scene.files() == 1);
}

TEST_CASE("a folder in a lock file's place is removed if it is empty, else left as it is under its name") {
  const lock_file_scene scene;
  std::filesystem::create_directory(scene.path);
  auto seen = look_at_lock_file(scene.path).value();
  REQUIRE(seen);
  CHECK(remove_lock_file(scene.path, *seen).value());
  CHECK(scene.files() == 0);
  std::filesystem::create_directory(scene.path);
  put(scene.path / "pid", "1");
  seen = look_at_lock_file(scene.path).value();
  REQUIRE(seen);
  const auto removed = remove_lock_file(scene.path, *seen);
  REQUIRE_FALSE(removed);
  CHECK(removed.error().code == errc::unsafe_file);
  CHECK(removed.error().message.find("left as it is") != std::string::npos);
  CHECK(content_of(scene.path / "pid") == "1");
  CHECK(scene.files() == 1);
}

TEST_CASE("what is not a regular file, or is large, is seen for what it is") {
  const lock_file_scene scene;
  std::filesystem::create_directory(scene.path);
  auto seen = look_at_lock_file(scene.path).value();
  REQUIRE(seen);
  CHECK(seen->bytes.empty());
  std::filesystem::remove(scene.path);
  REQUIRE(::mkfifo(scene.path.c_str(), 0600) == 0);
  seen = look_at_lock_file(scene.path).value();
  REQUIRE(seen);
  CHECK(seen->bytes.empty());
  std::filesystem::remove(scene.path);
  put(scene.path, std::string(max_lock_file_bytes + 1, 'x'));
  seen = look_at_lock_file(scene.path).value();
  REQUIRE(seen);
  CHECK(seen->bytes.size() == max_lock_file_bytes);
  CHECK(seen->size == static_cast<std::int64_t>(max_lock_file_bytes) + 1);
}
