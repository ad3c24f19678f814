// A descriptor that children of this process do not get: not those that exec (it is close-on-exec), and not those that
// a host forks and lets run on, where it is replaced by /dev/null.
//
// A forked copy of the guard would keep it held after its owner's death, and one of the pipes to a keeper would hide
// that death from the keeper. The replacement is done by a fork handler, which needs the one list that this library
// keeps for a whole process.
#pragma once

#include <sys/types.h>
#include <utility>

#include "os/unique_fd.hpp"

namespace cobatch {

class private_fd {
 public:
  private_fd() = default;
  explicit private_fd(unique_fd fd);
  private_fd(private_fd&& other) noexcept : fd_(std::move(other.fd_)) {}
  private_fd& operator=(private_fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::move(other.fd_);
    }
    return *this;
  }
  ~private_fd() { reset(); }

  [[nodiscard]] int get() const noexcept { return fd_.get(); }
  [[nodiscard]] bool open() const noexcept { return fd_.open(); }
  void reset() noexcept;

 private:
  unique_fd fd_;
};

/// fork() whose child keeps the private descriptors: for a child that will exec and passes one on.
[[nodiscard]] pid_t fork_with_private_fds() noexcept;

}  // namespace cobatch
