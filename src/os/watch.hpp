// Waiting: for descriptors, for another thread, for a file to change; and deadlines that know when nothing ran.
#pragma once

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <initializer_list>
#include <poll.h>
#include <span>

#include <cobatch/core/error.hpp>

#include "os/descriptor.hpp"

namespace cobatch {

/// poll(2) until one of the descriptors is ready or the deadline passes. False at the deadline.
bool wait_ready(std::span<pollfd> polled, std::chrono::steady_clock::time_point deadline);
/// Waits until one of the descriptors (-1: none) is readable or the deadline passes. False at the deadline.
bool wait_readable(std::initializer_list<int> descriptors, std::chrono::steady_clock::time_point deadline);

/// A descriptor that other threads make readable.
class wake_signal {
 public:
  [[nodiscard]] static result<wake_signal> make();
  void notify() noexcept;  ///< async-signal-safe
  void clear() noexcept;
  [[nodiscard]] int descriptor() const noexcept { return ends_.read.get(); }

 private:
  pipe_ends ends_;
};

/// Becomes readable when a file is written to. Where the system cannot notify (or has no watches left), `descriptor()`
/// is -1 and callers look again every `fallback_tick`.
class file_watch {
 public:
  [[nodiscard]] static file_watch of(const std::filesystem::path& file);
  [[nodiscard]] int descriptor() const noexcept { return fd_.get(); }
  void clear() noexcept;  ///< takes what was notified so far

 private:
  unique_fd fd_;
};
inline constexpr std::chrono::milliseconds fallback_tick{20};

/// A deadline in the time in which this process could run: it does not come nearer while the machine sleeps, or while
/// the process is stopped or frozen with its container. A wait that ends long after it should have shows that nothing
/// ran meanwhile. A pause that begins and ends within one wait is not seen. For one thread.
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
