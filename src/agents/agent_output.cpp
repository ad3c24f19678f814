#include "agents/agent_output.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include <cobatch/core/text.hpp>

#include "os/files.hpp"

namespace cobatch {

namespace {

constexpr std::size_t chunk = 256 * 1024;
constexpr std::size_t beginning_of_long_line = 4096;
constexpr std::size_t end_bytes = 2000;
constexpr std::size_t quoted_bytes_of_last_line = 200;

unique_fd open_to_read(const std::filesystem::path& file) {
  return unique_fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
}

}  // namespace

line_follower::line_follower(unique_fd fd, std::filesystem::path path) : fd_(std::move(fd)), path_(std::move(path)) {}

result<line_follower> line_follower::open(const std::filesystem::path& file) {
  auto fd = open_to_read(file);
  if (!fd.open()) return fail(system_error(errno, "read the agent's output", file));
  return line_follower(std::move(fd), file);
}

result<bool> line_follower::read_more() {
  buffer_.erase(0, taken_);
  scanned_ -= taken_;
  taken_ = 0;
  const std::size_t had = buffer_.size();
  buffer_.resize(had + chunk);
  ssize_t got = -1;
  do {
    got = ::pread(fd_.get(), buffer_.data() + had, chunk, offset_);
  } while (got < 0 && errno == EINTR);
  buffer_.resize(had + static_cast<std::size_t>(got > 0 ? got : 0));
  if (got < 0) return fail(system_error(errno, "read the agent's output", path_));
  offset_ += got;
  return got > 0;
}

agent_line line_follower::as_text(std::string_view bytes, bool is_cut) {
  if (is_cut) bytes = utf8_prefix(bytes, beginning_of_long_line);
  if (is_utf8(bytes)) return {bytes, is_cut, false};
  mended_ = to_utf8(bytes);
  return {mended_, is_cut, true};
}

result<std::optional<agent_line>> line_follower::next() {
  for (;;) {
    const std::size_t newline = buffer_.find('\n', scanned_);
    if (newline != std::string::npos) {
      const auto line = std::string_view(buffer_).substr(taken_, newline - taken_);
      taken_ = scanned_ = newline + 1;
      if (std::exchange(passing_over_, false)) continue;
      return as_text(line, line.size() > max_agent_line);
    }
    scanned_ = buffer_.size();
    if (passing_over_) taken_ = scanned_;
    if (scanned_ - taken_ > max_agent_line) {
      passing_over_ = true;
      return as_text(std::string_view(buffer_).substr(taken_), true);
    }
    const auto more = read_more();
    if (!more) return fail(more.error());
    if (!*more) return std::nullopt;
  }
}

file_end read_end_of(const std::filesystem::path& file) {
  const auto fd = open_to_read(file);
  if (!fd.open()) return {};
  const off_t size = ::lseek(fd.get(), 0, SEEK_END);
  const off_t from = std::max<off_t>(0, size - static_cast<off_t>(end_bytes));
  std::string text(end_bytes, '\0');
  const ssize_t got = ::pread(fd.get(), text.data(), text.size(), from);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, got)));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return {std::move(text), from == 0};
}

std::string last_words_in(const file_end& output) {
  const std::size_t line_end = output.text.rfind('\n');
  if (line_end == std::string::npos && !output.is_all) return {};
  const std::string_view line = std::string_view(output.text).substr(line_end == std::string::npos ? 0 : line_end + 1);
  return line.starts_with('{') ? std::string() : to_line(line, quoted_bytes_of_last_line);
}

}  // namespace cobatch
