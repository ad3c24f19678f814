// Follows a growing file line by line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <cobatch/core/error.hpp>

#include "system/unique_fd.hpp"

namespace cobatch {
inline namespace v1 {

/// Longest line an agent may write, without its newline.
inline constexpr std::size_t max_agent_line = 8 * 1024 * 1024;

class line_follower {
 public:
  [[nodiscard]] static result<line_follower> open(const std::filesystem::path& file);

  /// The next whole line (without its newline), or nothing if none is there yet. The view is good until the next call.
  /// Errors: too_large (a line over the limit), bad_encoding (not UTF-8): the next call goes on with the line after it;
  /// the system's.
  [[nodiscard]] result<std::optional<std::string_view>> next();

 private:
  line_follower(unique_fd fd, std::filesystem::path path);
  [[nodiscard]] result<bool> read_more();

  unique_fd fd_;
  std::filesystem::path path_;
  std::string buffer_;
  std::size_t taken_ = 0;      // of buffer_: lines handed out
  std::size_t scanned_ = 0;    // of buffer_: known to hold no newline from taken_ on
  bool passing_over_ = false;  // the rest of a line that is too large
  std::int64_t offset_ = 0;    // of the file: read so far
};

}  // namespace v1
}  // namespace cobatch
