#include "base/scan.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace cobatch::json::detail {
namespace {

constexpr std::string_view stand_in = "0.0";

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

bool is_word_byte(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '+' || c == '.';
}

std::size_t skip_digits(std::string_view text, std::size_t at) noexcept {
  while (at < text.size() && is_digit(text[at])) ++at;
  return at;
}

// Whether simdjson keeps a number exactly: "-0" would come back as 0.
bool fits_int64(std::string_view number) noexcept {
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(number.data(), number.data() + number.size(), value);
  return failure == std::errc{} && end == number.data() + number.size() && number != "-0";
}

// The offset after the string whose opening quote is at `open`; npos if it is not closed.
std::size_t end_of_string(std::string_view text, std::size_t open) noexcept {
  std::size_t from = open + 1;
  while (from < text.size()) {
    const void* hit = std::memchr(text.data() + from, '"', text.size() - from);
    if (hit == nullptr) break;
    const auto quote = static_cast<std::size_t>(static_cast<const char*>(hit) - text.data());
    std::size_t backslashes = 0;
    while (text[quote - 1 - backslashes] == '\\') ++backslashes;
    if (backslashes % 2 == 0) return quote + 1;
    from = quote + 1;
  }
  return std::string_view::npos;
}

bool begins_character(char c) noexcept { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }

bool is_hex(char c) noexcept { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// The code unit of an escape \uXXXX that begins at `at`; -1 if there is none.
int escaped_unit(std::string_view text, std::size_t at) noexcept {
  const std::string_view escape = text.substr(std::min(at, text.size()), 6);
  if (escape.size() < 6 || !escape.starts_with("\\u") || !std::all_of(escape.begin() + 2, escape.end(), is_hex))
    return -1;
  int unit = 0;
  std::from_chars(escape.data() + 2, escape.data() + 6, unit, 16);
  return unit;
}

bool is_high_surrogate(int unit) noexcept { return unit >= 0xD800 && unit < 0xDC00; }
bool is_low_surrogate(int unit) noexcept { return unit >= 0xDC00 && unit < 0xE000; }

class scanner {
 public:
  scanner(std::string_view text, std::size_t padding, strictness how) : text_(text), padding_(padding), how_(how) {
    out_.text.reserve(text.size() + padding);
  }

  result<scanned> run() {
    while (at_ < text_.size()) {
      const auto step = one_token();
      if (!step) return fail(step.error());
    }
    if (next_ != next::end)
      return wrong(at_, previous_ == 0 ? "the text is empty" : "the text ends before it is complete,");
    out_.text.append(text_.substr(copied_));
    out_.text.reserve(out_.text.size() + padding_);  // a stand-in is longer than "-0"
    return std::move(out_);
  }

 private:
  // What may come next.
  enum class next { value, value_or_close, name, name_or_close, colon, comma_or_close, end };

  tl::unexpected<error> wrong(std::size_t offset, std::string_view what) const {
    return fail(wrong_at(text_, offset, what));
  }

  result<void> one_token() {
    const char c = text_[at_];
    switch (c) {
      case ' ':
      case '\t':
      case '\n':
      case '\r': ++at_; return {};
      case '[':
      case '{':
        if (auto begun = begin_value(); !begun) return begun;
        if (open_.size() >= max_depth) return wrong(at_, "nesting deeper than 256");
        open_.push_back(c);
        next_ = c == '{' ? next::name_or_close : next::value_or_close;
        ++at_;
        break;
      case ']':
      case '}':
        if (auto closed = close(c); !closed) return closed;
        break;
      case ',':
        if (next_ != next::comma_or_close) return misplaced();
        next_ = open_.back() == '{' ? next::name : next::value;
        ++at_;
        break;
      case ':':
        if (next_ != next::colon) return misplaced();
        next_ = next::value;
        ++at_;
        break;
      case '"':
        if (auto read = string(); !read) return read;
        break;
      default:
        if (auto read = word(); !read) return read;
    }
    previous_ = c;
    return {};
  }

  result<void> begin_value() {
    return next_ == next::value || next_ == next::value_or_close ? result<void>() : misplaced();
  }
  void end_value() { next_ = open_.empty() ? next::end : next::comma_or_close; }

  // Why the character here may not come next.
  result<void> misplaced() const {
    switch (next_) {
      case next::colon: return wrong(at_, "a colon is missing after a name,");
      case next::comma_or_close: return wrong(at_, "a comma or a closing bracket is missing");
      case next::end: return wrong(at_, "there is more after the end of the value,");
      case next::name:
      case next::name_or_close: return wrong(at_, "a name in double quotes is missing");
      case next::value:
      case next::value_or_close: break;
    }
    return wrong(at_, "a value is missing");
  }

  result<void> close(char bracket) {
    if (previous_ == ',') return wrong(at_, "a comma with nothing after it, before the bracket");
    if (open_.empty()) return misplaced();
    const bool may = next_ == next::comma_or_close || next_ == next::name_or_close || next_ == next::value_or_close;
    if (!may) return misplaced();
    if ((open_.back() == '{') != (bracket == '}')) return wrong(at_, "a bracket of the other kind");
    open_.pop_back();
    end_value();
    ++at_;
    return {};
  }

  result<void> string() {
    const bool is_name = next_ == next::name || next_ == next::name_or_close;
    if (!is_name)
      if (auto begun = begin_value(); !begun) return begun;
    const std::size_t from = at_;
    at_ = end_of_string(text_, from);
    if (at_ == std::string_view::npos) return wrong(from, "a string is not closed, which begins");
    replace_surrogates(from);
    if (is_name)
      next_ = next::colon;
    else
      end_value();
    return {};
  }

  // Those of the string before `at_` that stand without the other half of their pair.
  void replace_surrogates(std::size_t from) {
    while (from < at_) {
      const void* hit = std::memchr(text_.data() + from, '\\', at_ - from);
      if (hit == nullptr) return;
      from = static_cast<std::size_t>(static_cast<const char*>(hit) - text_.data());
      const int unit = escaped_unit(text_, from);
      if (is_high_surrogate(unit) && is_low_surrogate(escaped_unit(text_, from + 6))) {
        from += 12;
      } else if (is_high_surrogate(unit) || is_low_surrogate(unit)) {
        replace(from, 6, "\\ufffd");
        ++out_.repaired.surrogates;
        from += 6;
      } else {
        from += 2;
      }
    }
  }

  // A number or a literal.
  result<void> word() {
    const std::size_t from = at_;
    while (at_ < text_.size() && is_word_byte(text_[at_])) ++at_;
    const std::string_view word = text_.substr(from, at_ - from);
    if (word.empty()) return wrong(from, "a character that has no place there,");
    at_ = from;  // for the position of what is misplaced
    if (auto begun = begin_value(); !begun) return begun;
    at_ = from + word.size();
    end_value();
    if (word == "true" || word == "false" || word == "null") return {};
    if (how_ == strictness::lenient && (word == "NaN" || word == "Infinity" || word == "-Infinity")) {
      replace(from, word.size(), "null");
      ++out_.repaired.numbers;
      return {};
    }
    if (!is_number(word))
      return wrong(from, is_digit(word[0]) || word[0] == '-' ? "a malformed number" : "an unknown word");
    if (!fits_int64(word)) {
      replace(from, word.size(), stand_in);
      out_.numbers.push_back(word);
    }
    return {};
  }

  void replace(std::size_t from, std::size_t size, std::string_view by) {
    out_.text.append(text_.substr(copied_, from - copied_)).append(by);
    copied_ = from + size;
  }

  std::string_view text_;
  std::size_t padding_;
  strictness how_;
  std::size_t at_ = 0;
  std::size_t copied_ = 0;  // the text before it is in `out_`
  std::string open_;        // the brackets that are open
  next next_ = next::value;
  char previous_ = 0;  // first character of the token before
  scanned out_;
};

}  // namespace

bool is_number(std::string_view text) noexcept {
  std::size_t at = !text.empty() && text[0] == '-' ? 1 : 0;
  const std::size_t whole = skip_digits(text, at);
  if (whole == at || (text[at] == '0' && whole > at + 1)) return false;
  at = whole;
  if (at < text.size() && text[at] == '.') {
    const std::size_t fraction = skip_digits(text, at + 1);
    if (fraction == at + 1) return false;
    at = fraction;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    const std::size_t exponent = skip_digits(text, at);
    if (exponent == at) return false;
    at = exponent;
  }
  return at == text.size();
}

result<scanned> scan(std::string_view text, std::size_t padding, strictness how) {
  return scanner(text, padding, how).run();
}

error wrong_at(std::string_view text, std::size_t offset, std::string_view what) {
  const std::string_view before = text.substr(0, offset);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::string_view in_line = before.substr(before.rfind('\n') + 1);  // npos + 1 is 0
  const auto column = std::count_if(in_line.begin(), in_line.end(), begins_character) + 1;
  return {errc::bad_json, "not valid JSON: " + std::string(what) + " at line " + std::to_string(line) + ", column " +
                              std::to_string(column)};
}

error bad_string_in(std::string_view text) {
  for (std::size_t at = text.find('"'); at < text.size(); at = text.find('"', at)) {
    const std::size_t end = end_of_string(text, at);
    for (std::size_t i = at; i < end; ++i) {
      if (static_cast<unsigned char>(text[i]) < 0x20)
        return wrong_at(text, at, "a control character that is not escaped in the string");
      if (text[i] != '\\') continue;
      const bool is_short = std::string_view("\"\\/bfnrt").find(text[i + 1]) != std::string_view::npos;
      if (!is_short && escaped_unit(text, i) < 0) return wrong_at(text, at, "a malformed escape in the string");
      ++i;
    }
    at = end;
  }
  return {errc::bad_json, "not valid JSON"};
}

}  // namespace cobatch::json::detail
