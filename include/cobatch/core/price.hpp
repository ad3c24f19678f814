// What tokens cost, exactly.
//
// Prices are whole pico-dollars (10^-12 $) a token: $3 a million tokens is 3,000,000. Products are added up in 128 bits
// and rounded once, to nano-dollars (10^-9 $); the parts of a rounded sum are chosen so that they add up to it.
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <cobatch/core/usage.hpp>

namespace cobatch {
inline namespace v1 {

/// An unsigned number of 128 bits: as much of one as money needs. (The compilers' own type is no standard C++.)
struct wide {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  friend constexpr bool operator==(const wide&, const wide&) = default;
  friend constexpr auto operator<=>(const wide&, const wide&) = default;

  /// Wraps around above 2^128.
  friend constexpr wide operator+(wide a, wide b) noexcept {
    const std::uint64_t sum = a.low + b.low;
    return {a.high + b.high + (sum < a.low ? 1U : 0U), sum};
  }
};

/// The exact product.
[[nodiscard]] constexpr wide multiply(std::uint64_t a, std::uint64_t b) noexcept {
  constexpr std::uint64_t half = 0xFFFFFFFFU;
  const std::uint64_t low = (a & half) * (b & half);
  const std::uint64_t cross1 = (a >> 32U) * (b & half) + (low >> 32U);
  const std::uint64_t cross2 = (a & half) * (b >> 32U) + (cross1 & half);
  return {(a >> 32U) * (b >> 32U) + (cross1 >> 32U) + (cross2 >> 32U), (cross2 << 32U) | (low & half)};
}

struct wide_division {
  wide quotient;
  std::uint64_t remainder = 0;
};

/// Long division, bit by bit. `divisor` must be from 1 to 2^63.
[[nodiscard]] constexpr wide_division divide(wide dividend, std::uint64_t divisor) noexcept {
  wide_division out;
  for (int bit = 127; bit >= 0; --bit) {
    const auto shift = static_cast<unsigned>(bit % 64);
    const std::uint64_t next = ((bit >= 64 ? dividend.high : dividend.low) >> shift) & 1U;
    out.remainder = out.remainder << 1U | next;
    if (out.remainder < divisor) continue;
    out.remainder -= divisor;
    (bit >= 64 ? out.quotient.high : out.quotient.low) |= std::uint64_t{1} << shift;
  }
  return out;
}

namespace detail {
inline constexpr std::uint64_t largest_int64 = std::numeric_limits<std::int64_t>::max();

/// The value, or the largest int64 if it is larger.
[[nodiscard]] constexpr std::int64_t saturated(wide w) noexcept {
  return static_cast<std::int64_t>(w.high != 0 || w.low > largest_int64 ? largest_int64 : w.low);
}

/// dividend / divisor, rounded half up.
[[nodiscard]] constexpr wide divide_rounded(wide dividend, std::uint64_t divisor) noexcept {
  const auto d = divide(dividend, divisor);
  return d.remainder >= divisor - d.remainder ? d.quotient + wide{0, 1} : d.quotient;
}

[[nodiscard]] constexpr std::uint64_t not_negative(std::int64_t n) noexcept {
  return n > 0 ? static_cast<std::uint64_t>(n) : 0;
}
}  // namespace detail

/// The price of one token of each kind: pico-dollars, or any other unit as long as it is the same for all.
struct price {
  std::int64_t input = 0;
  std::int64_t cache_write_5m = 0;
  std::int64_t cache_write_1h = 0;
  std::int64_t cache_read = 0;
  std::int64_t output = 0;

  friend constexpr bool operator==(const price&, const price&) = default;
};

/// Highest price accepted: a dollar a token.
inline constexpr std::int64_t max_price = 1'000'000'000'000;

/// True if each price is between 0 and `max_price`.
[[nodiscard]] constexpr bool is_plausible(const price& p) noexcept {
  for (const std::int64_t n : {p.input, p.cache_write_5m, p.cache_write_1h, p.cache_read, p.output})
    if (n < 0 || n > max_price) return false;
  return true;
}

/// Prices in units of one twentieth of an uncached input token: what Anthropic usually asks, as ratios (write 1.25 for
/// 5 minutes and 2 for 1 hour, read 0.1, output 5). For models whose price nobody told.
inline constexpr std::int64_t relative_unit = 20;
inline constexpr price relative_price{20, 25, 40, 2, 100};

/// The exact cost, in the price's unit. Both must be plausible; negative figures count as 0. Reasoning is part of the
/// output and costs nothing more.
[[nodiscard]] constexpr wide exact_cost(const tokens& t, const price& p) noexcept {
  using detail::not_negative;
  const auto part = [](std::int64_t count, std::int64_t each) {
    return multiply(not_negative(count), not_negative(each));
  };
  return part(t.uncached_input, p.input) + part(t.cache_write_5m, p.cache_write_5m) +
         part(t.cache_write_1h, p.cache_write_1h) + part(t.cache_read, p.cache_read) + part(t.output, p.output);
}

inline constexpr std::uint64_t pico_in_nano = 1000;

/// Pico-dollars rounded to nano-dollars, half up; the largest int64 if it does not fit.
[[nodiscard]] constexpr std::int64_t to_nano(wide pico) noexcept {
  return detail::saturated(detail::divide_rounded(pico, pico_in_nano));
}

/// Parts in pico-dollars, rounded to nano-dollars so that they add up to the rounded sum exactly: each is rounded down,
/// and what is left over goes to those with the largest remainders (of equal ones to the first).
[[nodiscard]] inline std::vector<std::int64_t> to_nano_parts(std::span<const wide> pico) {
  std::vector<std::int64_t> out;
  std::vector<std::size_t> order;
  std::vector<std::uint64_t> remainders;
  std::uint64_t left_over = 0;
  for (const wide part : pico) {
    const auto d = divide(part, pico_in_nano);
    order.push_back(out.size());
    out.push_back(detail::saturated(d.quotient));
    remainders.push_back(d.remainder);
    left_over += d.remainder;
  }
  const auto ups = static_cast<std::size_t>((left_over + pico_in_nano / 2) / pico_in_nano);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return remainders[a] > remainders[b]; });
  for (std::size_t i = 0; i < ups; ++i) {
    auto& part = out[order[i]];
    part = detail::saturating_add(part, 1);
  }
  return out;
}

static_assert(multiply(~0ULL, ~0ULL) == wide{~1ULL, 1});
static_assert(divide({1, 0}, 10).quotient == wide{0, 1844674407370955161} && divide({1, 0}, 10).remainder == 6);
static_assert(to_nano(exact_cost({.uncached_input = 1'000'000}, {.input = 3'000'000})) == 3'000'000'000);

}  // namespace v1
}  // namespace cobatch
