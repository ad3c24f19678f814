// A system that fails: calls of libc that this program has in place of the real ones refuse when they are told to. A
// program of its own, as they are in the way of everything in it.
#include <atomic>
#include <cerrno>
#include <dlfcn.h>
#include <linux/magic.h>
#include <pthread.h>
#include <sys/vfs.h>

#include "capi/host.hpp"

namespace {

std::atomic<bool> syncs_fail, disk_is_full, no_threads, is_nfs;

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

int refuse(int why) {
  errno = why;
  return -1;
}

}  // namespace

extern "C" {

int fsync(int file) { return syncs_fail ? refuse(EIO) : real<decltype(fsync)>("fsync")(file); }
int fdatasync(int file) { return syncs_fail ? refuse(EIO) : real<decltype(fdatasync)>("fdatasync")(file); }
ssize_t pwrite64(int file, const void* bytes, size_t size, off64_t at) {
  return disk_is_full ? refuse(ENOSPC) : real<decltype(pwrite64)>("pwrite64")(file, bytes, size, at);
}
int fstatfs(int file, struct statfs* info) noexcept {
  const int came = real<int(int, struct statfs*)>("fstatfs")(file, info);
  if (is_nfs) info->f_type = NFS_SUPER_MAGIC;
  return came;
}
int pthread_create(pthread_t* thread, const pthread_attr_t* how, void* (*body)(void*), void* argument) noexcept {
  if (no_threads) return EAGAIN;
  return real<int(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*)>("pthread_create")(thread, how, body,
                                                                                                 argument);
}
}

using namespace cobatch_test;

namespace {

// For as long as it lives.
class fault {
 public:
  explicit fault(std::atomic<bool>& what) : what_(what) { what_ = true; }
  fault(const fault&) = delete;
  fault& operator=(const fault&) = delete;
  ~fault() { what_ = false; }

 private:
  std::atomic<bool>& what_;
};

answer assign_one(cobatch_workspace* place, std::string_view id) {
  const auto task = spec(id);
  const auto options = for_batch("b1");
  return call(cobatch_assign_task, place, &task, &options, nullptr);
}

bool is_stored(cobatch_workspace* place, std::string_view id) {
  return call(cobatch_find_task, place, text(id), nullptr) == COBATCH_OK;
}

}  // namespace

TEST_CASE("a full disk refuses, keeps what was there, and goes on when there is room") {
  const scratch_workspace place;
  assign(place, "a", "b1");
  {
    const fault now(disk_is_full);
    CHECK(assign_one(place, "b") == COBATCH_E_DISK_FULL);
    CHECK(is_stored(place, "a"));
    CHECK_FALSE(is_stored(place, "b"));
  }
  CHECK(assign_one(place, "b") == COBATCH_OK);
}

TEST_CASE("after a sync that failed nothing more is written, and what was stored is read") {
  const scratch_workspace place;
  assign(place, "a", "b1");
  {
    const fault now(syncs_fail);
    CHECK(assign_one(place, "b") == COBATCH_E_STORAGE_FAULT);
  }
  const auto refused = assign_one(place, "c");
  CHECK(refused == COBATCH_E_STORAGE_FAULT);
  CHECK(refused.message.find("cobatch doctor") != std::string::npos);
  CHECK(is_stored(place, "a"));
  host works;
  const auto agent = works.agent();
  const run_with with(agent);
  auto report = fresh<cobatch_run_report>();
  CHECK(call(cobatch_run, place.handle.get(), &with.options, &report) == COBATCH_E_STORAGE_FAULT);
  CHECK(works.calls().empty());
}

TEST_CASE("a file system that cannot lock is refused before a store is made") {
  const scratch_folder folder;
  auto options = fresh<cobatch_workspace_options>();
  options.root = text(folder.path().native());
  const fault now(is_nfs);
  cobatch_workspace* place = nullptr;
  CHECK(call(cobatch_open, &options, &place) == COBATCH_E_CANNOT_LOCK);
  CHECK_FALSE(std::filesystem::exists(folder.path() / "data/.cobatch/store.db"));
}

TEST_CASE("where no thread can be made, nothing is begun that needs one, and the rest works") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  host works;
  const auto agent = works.agent();
  const run_with with(agent);
  {
    const fault now(no_threads);
    cobatch_engine* engine = nullptr;
    CHECK(call(cobatch_engine_start, place.handle.get(), &with.options, &engine) == COBATCH_E_INTERNAL);
    CHECK(engine == nullptr);
    cobatch_session* session = nullptr;
    CHECK(call(cobatch_session_begin, place.handle.get(), nullptr, &session) == COBATCH_E_INTERNAL);
    CHECK(session == nullptr);
    cobatch_events* feed = nullptr;
    CHECK(call(cobatch_events_open, place.handle.get(), nullptr, &feed) == COBATCH_E_INTERNAL);
    CHECK(feed == nullptr);
    CHECK(run(place, with.options) == COBATCH_E_INTERNAL);
    CHECK(is_stored(place, "a"));
    const auto another = open_workspace(place.folder.path());
    CHECK(assign_one(another.get(), "b") == COBATCH_OK);
  }
  CHECK(run_all(place, agent).turns == 2);
  CHECK(task_of(place, "a")->state == COBATCH_TASK_DONE);
  CHECK(task_of(place, "a")->interruptions == 0);
}
