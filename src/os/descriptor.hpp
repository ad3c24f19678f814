// Descriptors: with one owner, kept from the children of the process, and the two ends of a pipe.
#pragma once

#include <string_view>
#include <sys/types.h>
#include <unistd.h>
#include <utility>

#include <cobatch/core/error.hpp>

namespace cobatch {

class unique_fd {
 public:
  unique_fd() = default;
  explicit unique_fd(int fd) noexcept : fd_(fd) {}
  unique_fd(unique_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  unique_fd& operator=(unique_fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  unique_fd(const unique_fd&) = delete;
  unique_fd& operator=(const unique_fd&) = delete;
  ~unique_fd() { reset(); }

  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  [[nodiscard]] bool open() const noexcept { return fd_ >= 0; }
  void reset(int fd = -1) noexcept {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

/// A descriptor that children of this process do not get: not those that exec (it is close-on-exec), and not those that
/// a host forks and lets run on, where it is replaced by /dev/null. A forked copy of the guard would keep it held after
/// its owner's death, and one of the pipes to a keeper would hide that death from the keeper.
class private_fd {
 public:
  private_fd() = default;
  explicit private_fd(unique_fd fd);
  private_fd(private_fd&& other) noexcept = default;
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

struct pipe_ends {
  unique_fd read, write;
};
/// A pipe whose ends are close-on-exec.
[[nodiscard]] result<pipe_ends> make_pipe();

/// Makes reads and writes through this open file description answer EAGAIN instead of waiting.
void set_nonblocking(int fd) noexcept;
void set_close_on_exec(int fd) noexcept;

/// write(2), but a reader that is gone is errno EPIPE and never SIGPIPE, whatever the host does about that signal.
[[nodiscard]] ssize_t write_quietly(int fd, std::string_view bytes) noexcept;

}  // namespace cobatch
