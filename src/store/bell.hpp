// The bell: a file that every commit writes the change counter to, so that those who wait for a change, in any
// process, are woken by the kernel instead of asking the database.
//
// It is a hint that can be lost (a crash between commit and bell); the counter in the database is the truth.
#pragma once

#include <cstdint>
#include <filesystem>

#include <cobatch/core/error.hpp>

#include "os/descriptor.hpp"

namespace cobatch {

class bell {
 public:
  /// Opens (and creates) the file in an existing folder. Errors: unsafe_file, not_writable, disk_full, io_error.
  [[nodiscard]] static result<bell> open(const std::filesystem::path& folder);

  /// Call with the write lock held, so that the counter never goes back.
  void ring(std::int64_t change) noexcept;
  /// The counter that was rung last; 0 if none was.
  [[nodiscard]] std::int64_t heard() const noexcept;

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  bell(unique_fd fd, std::filesystem::path path) : fd_(std::move(fd)), path_(std::move(path)) {}

  unique_fd fd_;
  std::filesystem::path path_;
};

}  // namespace cobatch
