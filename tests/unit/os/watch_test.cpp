#include "os/watch.hpp"

#include <fcntl.h>

#include "scratch.hpp"

using namespace cobatch;
using namespace cobatch_test;
using namespace std::chrono_literals;

namespace {
bool readable_now(int fd) { return wait_readable({fd}, std::chrono::steady_clock::now()); }
bool closes_on_exec(int fd) { return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0; }

using clock_type = running_deadline::clock;
constexpr clock_type::time_point begin{1h};
constexpr auto never = clock_type::time_point::max();
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

#ifndef COBATCH_PORTABLE
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
#endif

TEST_CASE("where files cannot be watched there is no descriptor") {
  const scratch_folder folder;
#ifdef COBATCH_PORTABLE
  auto watch = file_watch::of(folder.path());
#else
  auto watch = file_watch::of(folder.path() / "nothing");
#endif
  CHECK(watch.descriptor() == -1);
  watch.clear();
}

TEST_CASE("a deadline is waited for in ticks, and no longer than is asked") {
  running_deadline deadline(begin + 60s);
  CHECK(deadline.next_wait(begin, never) == begin + running_deadline::tick);
  CHECK(deadline.next_wait(begin, begin + 1s) == begin + 1s);
  CHECK(deadline.next_wait(begin + 59s, never) == begin + 60s);
}

TEST_CASE("time in which nothing ran does not bring a deadline nearer") {
  running_deadline deadline(begin + 60s);
  static_cast<void>(deadline.next_wait(begin, never));
  const auto woken = begin + running_deadline::tick + 1h;
  CHECK(deadline.woke(woken) == woken - begin);
  CHECK(deadline.at() == woken + 60s);
  static_cast<void>(deadline.next_wait(woken, never));
  CHECK(deadline.woke(woken + running_deadline::tick) == 0s);
  CHECK(deadline.at() == woken + 60s);
}

TEST_CASE("a wait that ends early, or a little late, moves no deadline") {
  running_deadline deadline(begin + 2s);
  static_cast<void>(deadline.next_wait(begin, never));
  CHECK(deadline.woke(begin + 1s) == 0s);
  static_cast<void>(deadline.next_wait(begin + 1s, never));
  CHECK(deadline.woke(begin + 2s + running_deadline::pause / 2) == 0s);
  CHECK(deadline.at() == begin + 2s);
}
