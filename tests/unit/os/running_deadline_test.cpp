#include "os/running_deadline.hpp"

#include <doctest/doctest.h>

using namespace cobatch;
using namespace std::chrono_literals;

namespace {

using clock_type = running_deadline::clock;
constexpr clock_type::time_point begin{1h};
constexpr auto never = clock_type::time_point::max();

}  // namespace

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
