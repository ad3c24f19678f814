// What an agent's process writes to its files: its output line by line as it grows, and the last of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <cobatch/core/error.hpp>

#include "os/descriptor.hpp"

namespace cobatch {

/// Longest line an agent may write, without its newline.
inline constexpr std::size_t max_agent_line = 8 * 1024 * 1024;

/// A line of an agent, without its newline.
struct agent_line {
  std::string_view text;   ///< UTF-8; of a line over the limit only the beginning
  bool is_cut = false;     ///< the line is longer than `max_agent_line`
  bool is_mended = false;  ///< it is no UTF-8: U+FFFD stands for each byte that is not part of any
};

/// Follows a growing file line by line.
class line_follower {
 public:
  [[nodiscard]] static result<line_follower> open(const std::filesystem::path& file);

  /// The next line, or nothing if none is there yet: a whole one, or one that is cut, whose rest is passed over. The
  /// view is good until the next call. Memory stays bounded by the limit. Errors: the system's.
  [[nodiscard]] result<std::optional<agent_line>> next();

 private:
  line_follower(unique_fd fd, std::filesystem::path path);
  [[nodiscard]] result<bool> read_more();
  [[nodiscard]] agent_line as_text(std::string_view bytes, bool is_cut);

  unique_fd fd_;
  std::filesystem::path path_;
  std::string buffer_;
  std::string mended_;
  std::size_t taken_ = 0;      // of buffer_: lines handed out
  std::size_t scanned_ = 0;    // of buffer_: known to hold no newline from taken_ on
  bool passing_over_ = false;  // the rest of a line that is too large
  std::int64_t offset_ = 0;    // of the file: read so far
};

/// The last bytes of a file, without the line breaks behind them; some 2 kB. Empty if it cannot be read.
struct file_end {
  std::string text = {};  ///< as it was written, perhaps no UTF-8
  bool is_all = false;
};
[[nodiscard]] file_end read_end_of(const std::filesystem::path& file);

/// The last line that a program wrote, whole or not, if it is for people: JSON is its own language.
[[nodiscard]] std::string last_words_in(const file_end& output);

}  // namespace cobatch
