#include "json/scan.hpp"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "json/json.hpp"

namespace cobatch {
inline namespace v1 {
namespace json::detail {
namespace {

constexpr std::string_view stand_in = "0.0";

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

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

// The offset after the string whose opening quote is at `open`; the text's end if it is not closed.
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
  return text.size();
}

tl::unexpected<error> wrong_at(std::size_t offset, std::string_view what) {
  return fail(errc::bad_json, "not valid JSON: " + std::string(what) + " at byte " + std::to_string(offset));
}

class scanner {
 public:
  scanner(std::string_view text, std::size_t padding) : text_(text), padding_(padding) {
    out_.text.reserve(text.size() + padding);
  }

  result<scanned> run() {
    while (at_ < text_.size()) {
      const auto step = one_token();
      if (!step) return fail(step.error());
    }
    out_.text.append(text_.substr(copied_));
    out_.text.reserve(out_.text.size() + padding_);  // a stand-in is longer than "-0"
    return std::move(out_);
  }

 private:
  result<void> one_token() {
    const char c = text_[at_];
    switch (c) {
      case ' ':
      case '\t':
      case '\n':
      case '\r':
        ++at_;
        return {};
      case ']':
      case '}':
        if (previous_ == ',') return wrong_at(at_, "a comma with nothing after it, before the bracket");
        --depth_;
        ++at_;
        break;
      case '[':
      case '{':
        if (++depth_ > static_cast<std::ptrdiff_t>(max_depth)) return wrong_at(at_, "nesting deeper than 256");
        ++at_;
        break;
      case ',':
      case ':':
        ++at_;
        break;
      case '"':
        at_ = end_of_string(text_, at_);
        break;
      default:
        if (!is_word_byte(c)) return wrong_at(at_, "a character that has no place there");
        if (auto done = word(); !done) return done;
    }
    previous_ = c;
    return {};
  }

  // A number or a literal.
  result<void> word() {
    const std::size_t from = at_;
    while (at_ < text_.size() && is_word_byte(text_[at_])) ++at_;
    const std::string_view word = text_.substr(from, at_ - from);
    if (word == "true" || word == "false" || word == "null") return {};
    if (!is_number(word))
      return wrong_at(from, is_digit(word[0]) || word[0] == '-' ? "a malformed number" : "an unknown word");
    if (!fits_int64(word)) take_out(from, word);
    return {};
  }

  void take_out(std::size_t from, std::string_view number) {
    out_.text.append(text_.substr(copied_, from - copied_)).append(stand_in);
    out_.numbers.push_back(number);
    copied_ = at_;
  }

  std::string_view text_;
  std::size_t padding_;
  std::size_t at_ = 0;
  std::size_t copied_ = 0;  // the text before it is in `out_`
  std::ptrdiff_t depth_ = 0;
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

result<scanned> scan(std::string_view text, std::size_t padding) {
  return scanner(text, padding).run();
}

}  // namespace json::detail
}  // namespace v1
}  // namespace cobatch
