// Waiting for a file to change, for another thread, and for both at once.
#pragma once

#include <chrono>
#include <filesystem>
#include <initializer_list>
#include <memory>

#include <cobatch/core/error.hpp>

#include "os/unique_fd.hpp"

namespace cobatch {

/// A descriptor that other threads make readable.
class wake_signal {
 public:
  [[nodiscard]] static result<wake_signal> make();
  void notify() noexcept;  ///< async-signal-safe
  void clear() noexcept;
  [[nodiscard]] int descriptor() const noexcept;

 private:
  unique_fd read_, write_;
};

/// Becomes readable when a file is written to. Where the system cannot notify (or has no watches left, or
/// COBATCH_NO_INOTIFY is set, for tests), `descriptor()` is -1 and callers look again every `fallback_tick`.
class file_watch {
 public:
  [[nodiscard]] static file_watch of(const std::filesystem::path& file);
  [[nodiscard]] int descriptor() const noexcept { return fd_.get(); }
  void clear() noexcept;  ///< takes what was notified so far

 private:
  unique_fd fd_;
};
inline constexpr std::chrono::milliseconds fallback_tick{20};

/// Waits until one of the descriptors (-1: none) is readable or the deadline passes. False at the deadline.
bool wait_readable(std::initializer_list<int> descriptors, std::chrono::steady_clock::time_point deadline);

}  // namespace cobatch
