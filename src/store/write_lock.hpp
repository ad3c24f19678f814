// One writer at a time, in all processes: SQLite's own locks are polled and unfair, and up to 3.51.2 a checkpoint
// beside a writer can damage the file. So whoever writes, checkpoints, opens or closes holds this lock.
//
// It is an flock on the file `write` in the state folder. The kernel does not hand such a lock over in turn: who has
// just released it mostly gets it again before those who wait have woken. So whoever wants it first takes
// `write.queue`, keeps that until he has `write`, and so nobody overtakes him.
//
// The file's first byte is the poison flag: after a failed
// sync nobody knows what is on the disk, and later syncs may wrongly succeed, so every process stops writing until
// the store has been verified.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>

#include <cobatch/core/error.hpp>

#include "os/descriptor.hpp"
#include "os/files.hpp"

namespace cobatch {

class write_lock {
 public:
  /// The lock while it is held; it is released when this goes out of scope.
  class hold {
   public:
    hold(hold&&) = default;
    hold& operator=(hold&&) = delete;
    ~hold();

   private:
    friend class write_lock;
    hold(std::unique_lock<std::mutex> threads, int fd) : threads_(std::move(threads)), fd_(fd) {}
    std::unique_lock<std::mutex> threads_;
    int fd_;
  };

  /// Opens (and creates) the file in an existing folder. Errors: cannot_lock, unsafe_file, not_writable, disk_full,
  /// io_error.
  [[nodiscard]] static result<std::unique_ptr<write_lock>> open(const std::filesystem::path& folder);

  [[nodiscard]] result<hold> acquire();
  /// Nothing if somebody else holds it.
  [[nodiscard]] result<std::optional<hold>> try_acquire();

  // Only while held.
  [[nodiscard]] bool poisoned() const noexcept;
  void poison() noexcept;
  [[nodiscard]] result<void> clear_poison();

  [[nodiscard]] const file_identity& identity() const noexcept { return identity_; }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  write_lock(unique_fd fd, unique_fd queue, std::filesystem::path path, file_identity identity)
      : fd_(std::move(fd)), queue_(std::move(queue)), path_(std::move(path)), identity_(identity) {}

  unique_fd fd_;
  unique_fd queue_;
  std::filesystem::path path_;
  file_identity identity_;
  std::mutex threads_;  // flock does not exclude threads that share a description
};

/// What every command answers while the store is poisoned.
[[nodiscard]] error poisoned_error(const std::filesystem::path& folder);

}  // namespace cobatch
