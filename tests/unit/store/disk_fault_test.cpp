// Disks that fail and disks that are full.
#include <atomic>
#include <csignal>
#include <cstdio>
#include <deque>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "store/store.hpp"
#include "store/write_lock.hpp"
#include "unit/store/support.hpp"

using namespace cobatch_test;
namespace fs = std::filesystem;

TEST_CASE("after a failed sync every process stops writing until the store is verified") {
  temporary_folder folder;
  const auto first = opened(folder.path());
  const auto second = opened(folder.path());
  must(first->assign(one("b", "a")));
  {
    const auto lock = must(write_lock::open(folder.path()));
    const auto held = must(lock->acquire());
    lock->poison();
  }
  for (store* s : {first.get(), second.get()}) {
    const auto answer = s->assign(one("b", "b"));
    REQUIRE(!answer);
    CHECK(answer.error().code == errc::storage_fault);
    CHECK(answer.error().message.find("cobatch doctor") != std::string::npos);
    CHECK(total_tasks(*s) == 1);  // reading goes on
  }
  CHECK(total_tasks(*opened(folder.path())) == 1);
  const auto check = must(verify_and_clear_poison(folder.path()));
  CHECK(check.was_poisoned);
  CHECK(check.sound());
  must(first->assign(one("b", "b")));
  must(second->assign(one("b", "c")));
  CHECK(!must(verify_and_clear_poison(folder.path())).was_poisoned);
}

namespace {

// A disk whose syncs or writes fail on demand: a VFS over the default one.
class failing_disk {
 public:
  failing_disk() {
    real = sqlite3_vfs_find(nullptr);
    vfs = *real;
    vfs.zName = "failing";
    vfs.pNext = nullptr;
    vfs.xOpen = open;
    sqlite3_vfs_register(&vfs, 1);
  }
  failing_disk(const failing_disk&) = delete;
  failing_disk& operator=(const failing_disk&) = delete;
  ~failing_disk() {
    fail_with(SQLITE_OK);
    sqlite3_vfs_unregister(&vfs);
    sqlite3_vfs_register(real, 1);
  }

  /// SQLITE_IOERR_FSYNC: syncs fail. SQLITE_FULL: writes do. SQLITE_OK: nothing does.
  static void fail_with(int code) { failure = code; }

 private:
  // SQLite has several sets of methods for one VFS; each gets its own that calls it.
  struct methods {
    sqlite3_io_methods ours;
    const sqlite3_io_methods* theirs;
  };

  static const sqlite3_io_methods& theirs(sqlite3_file* file) {
    return *reinterpret_cast<const methods*>(file->pMethods)->theirs;
  }
  static int sync(sqlite3_file* file, int flags) {
    const int code = failure;
    return code == SQLITE_IOERR_FSYNC ? code : theirs(file).xSync(file, flags);
  }
  static int write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 at) {
    const int code = failure;
    return code == SQLITE_FULL ? code : theirs(file).xWrite(file, bytes, size, at);
  }
  static int open(sqlite3_vfs*, sqlite3_filename name, sqlite3_file* file, int flags, int* out_flags) {
    const int code = real->xOpen(real, name, file, flags, out_flags);
    if (code != SQLITE_OK) return code;
    methods& mine = made.emplace_back(methods{*file->pMethods, file->pMethods});
    mine.ours.xSync = sync;
    mine.ours.xWrite = write;
    file->pMethods = &mine.ours;
    return code;
  }

  static inline std::atomic<int> failure{SQLITE_OK};
  static inline sqlite3_vfs vfs{};
  static inline sqlite3_vfs* real = nullptr;
  static inline std::deque<methods> made;
};

}  // namespace

TEST_CASE("a sync that fails poisons the store for all, also for those who opened it before and after") {
  temporary_folder folder;
  failing_disk disk;
  const auto before = opened(folder.path());
  const auto s = opened(folder.path());
  must(s->assign(one("b", "a")));
  disk.fail_with(SQLITE_IOERR_FSYNC);
  const auto answer = s->assign(one("b", "b"));
  REQUIRE(!answer);
  CHECK(answer.error().code == errc::storage_fault);
  disk.fail_with(SQLITE_OK);
  CHECK(s->assign(one("b", "c")).error().code == errc::storage_fault);
  CHECK(before->assign(one("b", "c")).error().code == errc::storage_fault);
  CHECK(opened(folder.path())->assign(one("b", "c")).error().code == errc::storage_fault);
  CHECK(must(verify_and_clear_poison(folder.path())).sound());
  must(s->assign(one("b", "c")));
  CHECK(must(s->find_task("a"_task)).has_value());
}

TEST_CASE("a disk that is full refuses, keeps what was there, and goes on when there is room") {
  temporary_folder folder;
  failing_disk disk;
  const auto s = opened(folder.path());
  must(s->assign(one("b", "a")));
  disk.fail_with(SQLITE_FULL);
  const auto answer = s->assign(one("b", "b"));
  REQUIRE(!answer);
  CHECK(answer.error().code == errc::disk_full);
  CHECK(total_tasks(*s) == 1);
  disk.fail_with(SQLITE_OK);
  const auto again = must(s->assign(one("b", "b")));
  CHECK(total_tasks(*s) == 2);
  // Of the command that failed nothing is remembered either.
  CHECK(again.tasks.at(0).position == 2);
  CHECK(again.batch.tally.total() == 2);
  CHECK(must(s->find_batch("b"_batch)) == again.batch);
}

TEST_CASE("a file system that is really full refuses in the same way") {
  temporary_folder folder;
  if (::mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=1m") != 0) {
    MESSAGE("SKIPPED: a small file system cannot be mounted here; only the simulated full disk was tested");
    return;
  }
  {
    const auto s = opened(folder.path());
    must(s->assign(one("b", "a")));
    write_bytes(folder.path() / "filler", std::string(2'000'000, 'x'));
    auto large = one("b", "large");
    large.tasks[0].description = std::string(200'000, 'x');
    const auto answer = s->assign(large);
    REQUIRE(!answer);
    CHECK(answer.error().code == errc::disk_full);
    CHECK(total_tasks(*s) == 1);
    fs::remove(folder.path() / "filler");
    must(s->assign(large));
    CHECK(total_tasks(*s) == 2);
  }
  CHECK(::umount(folder.path().c_str()) == 0);
}

TEST_CASE("a file-size limit is a full disk too") {
  temporary_folder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    const auto s = store::open({folder.path().string(), system_now});
    if (!s) ::_exit(2);
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{200'000, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    auto large = one("b", "large");
    large.tasks[0].description = std::string(250'000, 'x');
    const auto answer = (*s)->assign(large);
    if (answer || answer.error().code != errc::disk_full) {
      std::fputs(answer ? "it was stored\n" : answer.error().message.c_str(), stderr);
      ::_exit(3);
    }
    const rlimit none{RLIM_INFINITY, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &none);
    ::_exit((*s)->assign(large) ? 0 : 4);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(total_tasks(*opened(folder.path())) == 1);
}
