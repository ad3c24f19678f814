// A deadline in the time in which this process could run.
#pragma once

#include <algorithm>
#include <chrono>

namespace cobatch {

/// It does not come nearer while the machine sleeps, or while the process is stopped or frozen with its container: a
/// wait that ends long after it should have shows that nothing ran meanwhile. A pause that begins and ends within one
/// wait is not seen. For one thread.
class running_deadline {
 public:
  using clock = std::chrono::steady_clock;

  /// The longest wait.
  static constexpr std::chrono::seconds tick{2};
  /// A wait that ends later than this was not late because of a busy machine.
  static constexpr std::chrono::seconds pause{1};

  running_deadline() = default;
  explicit running_deadline(clock::time_point at) : at_(at) {}

  [[nodiscard]] clock::time_point at() const noexcept { return at_; }

  /// Until when to wait now, at most until `at_most`.
  [[nodiscard]] clock::time_point next_wait(clock::time_point now, clock::time_point at_most) noexcept {
    began_ = now;
    return asked_ = std::min({at_, at_most, now + tick});
  }
  /// After that wait: how long nothing ran, at most. The deadline has moved by as much: what was left of the time when
  /// the wait began is left now.
  clock::duration woke(clock::time_point now) noexcept {
    if (now - asked_ < pause) return clock::duration{0};
    at_ += now - began_;
    return now - began_;
  }

 private:
  clock::time_point at_ = {}, began_ = {}, asked_ = {};
};

}  // namespace cobatch
