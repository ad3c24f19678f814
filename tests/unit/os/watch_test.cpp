#include "os/watch.hpp"

#include <fcntl.h>

#include "scratch.hpp"

using namespace cobatch;
using namespace cobatch_test;
using namespace std::chrono_literals;

namespace {
bool readable_now(int fd) {
  return wait_readable({fd}, std::chrono::steady_clock::now());
}
bool closes_on_exec(int fd) {
  return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}
}  // namespace

TEST_CASE("a wake is seen once, however often it was given") {
  auto wake = wake_signal::make();
  REQUIRE(wake);
  CHECK_FALSE(readable_now(wake->descriptor()));
  for (int i = 0; i < 200'000; ++i) wake->notify();  // more than any pipe takes
  CHECK(readable_now(wake->descriptor()));
  wake->clear();
  CHECK_FALSE(readable_now(wake->descriptor()));
  wake->notify();
  CHECK(readable_now(wake->descriptor()));
  CHECK(closes_on_exec(wake->descriptor()));
}

TEST_CASE("another thread's wake ends a wait") {
  auto wake = wake_signal::make();
  REQUIRE(wake);
  std::thread waker([&] { wake->notify(); });
  CHECK(wait_readable({-1, wake->descriptor()}, std::chrono::steady_clock::time_point::max()));
  waker.join();
}

TEST_CASE("a wait for nothing ends at its deadline") {
  const auto deadline = std::chrono::steady_clock::now() + 5ms;
  CHECK_FALSE(wait_readable({-1}, deadline));
  CHECK(std::chrono::steady_clock::now() >= deadline);
  CHECK_FALSE(wait_readable({}, std::chrono::steady_clock::time_point{}));
}

TEST_CASE("a write to a watched file is noticed, until it is cleared") {
  const scratch_folder folder;
  const auto file = folder.path() / "file";
  put(file, "");
  auto watch = file_watch::of(file);
  REQUIRE(watch.descriptor() >= 0);
  CHECK(closes_on_exec(watch.descriptor()));
  CHECK_FALSE(readable_now(watch.descriptor()));
  std::ofstream(file, std::ios::app) << "x";
  CHECK(readable_now(watch.descriptor()));
  watch.clear();
  CHECK_FALSE(readable_now(watch.descriptor()));
  std::filesystem::remove(file);
  CHECK(readable_now(watch.descriptor()));
}

TEST_CASE("where files cannot be watched there is no descriptor") {
  const scratch_folder folder;
  CHECK(file_watch::of(folder.path() / "nothing").descriptor() == -1);
  ::setenv("COBATCH_NO_INOTIFY", "1", 1);
  auto watch = file_watch::of(folder.path());
  ::unsetenv("COBATCH_NO_INOTIFY");
  CHECK(watch.descriptor() == -1);
  watch.clear();
}
