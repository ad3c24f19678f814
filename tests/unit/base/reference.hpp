// A second opinion on what is JSON (RFC 8259), written as plainly as the grammar: it accepts or refuses, no more.
#pragma once

#include <cstddef>
#include <string_view>

namespace reference {

class checker {
 public:
  explicit checker(std::string_view text) : text_(text) {}

  bool accepts() { return space() && value(0) && space() && at_ == text_.size(); }

 private:
  bool space() {
    while (at_ < text_.size() && std::string_view(" \t\n\r").find(text_[at_]) != std::string_view::npos) ++at_;
    return true;
  }
  bool take(char c) { return at_ < text_.size() && text_[at_] == c && ++at_ != 0; }
  bool take(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  bool digit() { return at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9' && ++at_ != 0; }
  bool digits() {
    if (!digit()) return false;
    while (digit()) {
    }
    return true;
  }
  bool number() {
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      return digits();
    }
    return true;
  }
  // -1: not four hexadecimal digits.
  int hex4() {
    int n = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const auto d = at_ < text_.size() ? std::string_view("0123456789abcdef0123456789ABCDEF").find(text_[at_])
                                        : std::string_view::npos;
      if (d == std::string_view::npos) return -1;
      n = n * 16 + static_cast<int>(d % 16);
    }
    return n;
  }
  bool escape() {
    if (at_ >= text_.size()) return false;
    const char c = text_[at_++];
    if (c != 'u') return std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos;
    return hex4() >= 0;  // the grammar has halves of surrogate pairs, too
  }
  bool string() {
    if (!take('"')) return false;
    while (at_ < text_.size()) {
      if (take('"')) return true;
      if (take('\\')) {
        if (!escape()) return false;
      } else if (static_cast<unsigned char>(text_[at_++]) < 0x20) {
        return false;
      }
    }
    return false;
  }
  bool items(char close, int depth, bool named) {
    if (depth > 256) return false;
    space();
    if (take(close)) return true;
    do {
      space();
      if (named && !(string() && space() && take(':'))) return false;
      space();
      if (!value(depth)) return false;
      space();
    } while (take(','));
    return take(close);
  }
  bool value(int depth) {
    if (take('[')) return items(']', depth + 1, false);
    if (take('{')) return items('}', depth + 1, true);
    if (take("true") || take("false") || take("null")) return true;
    return at_ < text_.size() && text_[at_] == '"' ? string() : number();
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

inline bool is_json(std::string_view text) { return checker(text).accepts(); }

}  // namespace reference
