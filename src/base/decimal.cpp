#include <charconv>
#include <string>
#include <system_error>

#include <fmt/format.h>

#include "base/json.hpp"

namespace cobatch::json {
namespace {

constexpr std::int64_t most_digits = 18;

// Digits without zeros at either end, times 10^exponent; no digits for zero.
struct digits_and_exponent {
  std::string digits;
  std::int64_t exponent = 0;
};

digits_and_exponent take_apart(std::string_view mantissa) {
  digits_and_exponent out;
  bool in_fraction = false;
  for (const char c : mantissa) {
    if (c == '.') {
      in_fraction = true;
      continue;
    }
    if (in_fraction) --out.exponent;
    if (c != '0' || !out.digits.empty()) out.digits += c;
  }
  while (!out.digits.empty() && out.digits.back() == '0') {
    out.digits.pop_back();
    ++out.exponent;
  }
  return out;
}

std::optional<std::int64_t> read_power(std::string_view text) {
  if (text.substr(0, 1) == "+") text.remove_prefix(1);
  int power = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), power).ec != std::errc{}) return std::nullopt;
  return power;
}

}  // namespace

std::optional<decimal> read_decimal(std::string_view written, int decimals) {
  const bool negative = written.substr(0, 1) == "-";
  if (negative) written.remove_prefix(1);
  const std::size_t e = written.find_first_of("eE");
  auto [digits, exponent] = take_apart(written.substr(0, e));
  if (digits.empty()) return decimal{};
  if (negative) return std::nullopt;
  if (e != std::string_view::npos) {
    const auto power = read_power(written.substr(e + 1));
    if (!power) return std::nullopt;
    exponent += *power;
  }
  const std::int64_t whole_digits = static_cast<std::int64_t>(digits.size()) + exponent + decimals;
  if (whole_digits > most_digits) return std::nullopt;
  if (whole_digits < 0) return decimal{0, false};

  const auto whole = static_cast<std::size_t>(whole_digits);
  const bool exact = digits.size() <= whole;
  const bool up = !exact && digits[whole] >= '5';
  digits.resize(whole, '0');
  decimal out{0, exact};
  std::from_chars(digits.data(), digits.data() + digits.size(), out.value);
  if (up) ++out.value;
  return out;
}

std::string write_decimal(std::int64_t value, int decimals, int fewest) {
  std::string text = fmt::format("{:0{}}", value, decimals + 1);
  text.insert(text.size() - static_cast<std::size_t>(decimals), 1, '.');
  for (int shown = decimals; shown > fewest && text.back() == '0'; --shown) text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

value decimal_value(std::int64_t value, int decimals) {
  std::string text = write_decimal(value, decimals, 0);
  std::int64_t whole = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), whole).ptr == text.data() + text.size()) return whole;
  return number{std::move(text)};
}

}  // namespace cobatch::json
