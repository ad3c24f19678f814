#include "os/files.hpp"

#include <fcntl.h>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

#include "scratch.hpp"

using namespace cobatch;
using namespace cobatch_test;

namespace {

mode_t mode_of(const std::filesystem::path& path) {
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  return info.st_mode & 07777;
}

std::set<std::string> names_in(const std::filesystem::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.insert(entry.path().filename());
  return names;
}

result<void> check(const std::filesystem::path& folder, const std::filesystem::path& file) {
  const unique_fd folder_fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const unique_fd fd(::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  REQUIRE(fd.open());
  return check_plain_file(fd.get(), folder_fd.get(), file);
}

}  // namespace

TEST_CASE("a failed system call becomes an error that says which file and what to do") {
  CHECK(system_error(ENOSPC, "write", "/x").code == errc::disk_full);
  CHECK(system_error(EDQUOT, "write", "/x").code == errc::disk_full);
  CHECK(system_error(EACCES, "open", "/x").code == errc::not_writable);
  CHECK(system_error(EROFS, "open", "/x").code == errc::not_writable);
  CHECK(system_error(EROFS, "open", "/x").message.find("name a copy elsewhere") != std::string::npos);
  CHECK(system_error(EIO, "read", "/x").code == errc::io_error);
  CHECK(system_error(EIO, "read", "/x").message.starts_with("could not read /x: "));
}

TEST_CASE("a file is replaced whole and nothing is left beside it") {
  const scratch_folder folder;
  const auto file = folder.path() / "file";
  REQUIRE(write_file_atomically(file, "first", true));
  const auto before = identity_of(file);
  CHECK(mode_of(file) == 0600);
  REQUIRE(write_file_atomically(file, "second", false));
  CHECK(read_file(file, 100).value() == "second");
  CHECK(*identity_of(file) != *before);
  CHECK(names_in(folder.path()) == std::set<std::string>{"file"});
  std::filesystem::create_directory(folder.path() / "taken");
  CHECK_FALSE(write_file_atomically(folder.path() / "taken", "x", false));
  CHECK(names_in(folder.path()) == std::set<std::string>{"file", "taken"});
}

TEST_CASE("a file above the limit is refused, one at the limit is read") {
  const scratch_folder folder;
  const auto file = folder.path() / "file";
  put(file, "12345");
  CHECK(read_file(file, 5).value() == "12345");
  CHECK(read_file(file, 4).error().code == errc::too_large);
  CHECK(read_file(folder.path() / "nothing", 4).error().code == errc::io_error);
}

TEST_CASE("a folder is made with its parents, and one that is there keeps its mode") {
  const scratch_folder folder;
  REQUIRE(make_folder(folder.path() / "a" / "b", 0700));
  CHECK(mode_of(folder.path() / "a") == 0700);
  CHECK(mode_of(folder.path() / "a" / "b") == 0700);
  ::chmod((folder.path() / "a").c_str(), 0755);
  REQUIRE(make_folder(folder.path() / "a/", 0700));
  CHECK(mode_of(folder.path() / "a") == 0755);
  put(folder.path() / "file", "");
  CHECK_FALSE(make_folder(folder.path() / "file", 0700));
  CHECK_FALSE(make_folder(folder.path() / "file" / "below", 0700));
}

TEST_CASE("only a regular file with one name is safe") {
  const scratch_folder folder;
  const auto file = folder.path() / "file";
  put(file, "");
  CHECK(check(folder.path(), file));
  REQUIRE(::link(file.c_str(), (folder.path() / "other").c_str()) == 0);
  CHECK(check(folder.path(), file).error().code == errc::unsafe_file);
  const auto fifo = folder.path() / "fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  CHECK(check(folder.path(), fifo).error().code == errc::unsafe_file);
  CHECK(check(folder.path(), folder.path()).error().code == errc::unsafe_file);
}

TEST_CASE("a file of another mount is not safe") {
  const scratch_folder folder;
  CHECK(check(folder.path(), "/proc/self/status").error().code == errc::unsafe_file);
}

TEST_CASE("file systems whose locks cannot be trusted are known") {
  for (const std::uint64_t type : {0x6969ULL, 0xFF534D42ULL, 0x65735546ULL, 0x01021997ULL, 0xFE534D42ULL})
    CHECK(is_unlockable_type(type));
  for (const std::uint64_t type : {0xEF53ULL, 0x01021994ULL, 0x58465342ULL, 0x9123683EULL, 0x794C7630ULL})
    CHECK_FALSE(is_unlockable_type(type));  // ext4, tmpfs, XFS, Btrfs, overlayfs
  const scratch_folder folder;
  CHECK(cannot_lock(folder.path()).has_value());
  CHECK_FALSE(cannot_lock(folder.path() / "nothing").has_value());
}
