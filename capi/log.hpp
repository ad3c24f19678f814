// The host's log: engine events as lines of text.
#pragma once

#include <mutex>
#include <string_view>

#include <cobatch/engine.hpp>

#include "cobatch.h"

namespace cobatch::capi {

class host_log {
 public:
  host_log() = default;
  host_log(const host_log&) = delete;
  host_log& operator=(const host_log&) = delete;
  ~host_log() { set(nullptr, nullptr, nullptr); }

  /// Replaces the log; the one before is destroyed.
  void set(cobatch_log_fn log, void* user_data, void (*destroy)(void*)) noexcept;
  /// Says what is worth a line. Never throws.
  void tell(const event& happened) noexcept;
  /// Says it as a warning. Never throws.
  void warn(std::string_view line) noexcept;

 private:
  void say(std::int32_t level, std::string_view line);

  std::mutex mutex_;
  cobatch_log_fn log_ = nullptr;
  void* user_data_ = nullptr;
  void (*destroy_)(void*) = nullptr;
};

}  // namespace cobatch::capi
