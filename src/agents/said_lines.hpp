// The latest lines that an agent wrote without answering.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace cobatch {

/// Keeps `limit` bytes of them; the whole stays in the agent's file.
class said_lines {
 public:
  static constexpr std::size_t limit = 16 * 1024;

  void add(std::string_view line) {
    text_.append(line).push_back('\n');
    if (text_.size() > 2 * limit) trim();
  }
  [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
  [[nodiscard]] std::string take() {
    trim();
    return std::exchange(text_, {});
  }

 private:
  void trim() {
    if (text_.size() <= limit) return;
    std::size_t cut = text_.size() - limit;
    while (cut < text_.size() && (static_cast<unsigned char>(text_[cut]) & 0xC0U) == 0x80U) ++cut;
    text_.erase(0, cut);
  }
  std::string text_;
};

}  // namespace cobatch
