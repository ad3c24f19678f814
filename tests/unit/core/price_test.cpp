#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <cobatch/core/price.hpp>

using namespace cobatch;

namespace {

constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();

// School arithmetic on decimal digits, least significant first: slow, and too plain to be wrong in the same way.
using digits = std::vector<int>;

digits digits_of(std::uint64_t n) {
  digits out;
  for (; n > 0; n /= 10) out.push_back(static_cast<int>(n % 10));
  return out;
}

digits plus(const digits& a, const digits& b) {
  digits out;
  int carry = 0;
  for (std::size_t i = 0; i < a.size() || i < b.size() || carry > 0; ++i) {
    const int sum = carry + (i < a.size() ? a[i] : 0) + (i < b.size() ? b[i] : 0);
    out.push_back(sum % 10);
    carry = sum / 10;
  }
  return out;
}

digits times(const digits& a, const digits& b) {
  digits out;
  for (std::size_t i = 0; i < b.size(); ++i) {
    digits shifted(i, 0);
    shifted.insert(shifted.end(), a.begin(), a.end());
    for (int n = 0; n < b[i]; ++n) out = plus(out, shifted);
  }
  while (!out.empty() && out.back() == 0) out.pop_back();
  return out;
}

digits digits_of(wide w) {
  digits two_to_64 = plus(digits_of(most), {1});
  return plus(times(digits_of(w.high), two_to_64), digits_of(w.low));
}

std::vector<std::uint64_t> numbers() {
  std::vector<std::uint64_t> out{0, 1, 2, 9, 10, 0xFFFFFFFF, 0x100000000, most / 2, most - 1, most};
  std::mt19937_64 random(1);
  for (unsigned i = 0; i < 40; ++i) out.push_back(random() >> (i % 64));
  return out;
}

}  // namespace

TEST_CASE("a product of two numbers of 64 bits is exact") {
  for (const auto a : numbers())
    for (const auto b : numbers()) CHECK(digits_of(multiply(a, b)) == times(digits_of(a), digits_of(b)));
}

TEST_CASE("a sum carries from the low half to the high half") {
  CHECK(wide{0, most} + wide{0, 1} == wide{1, 0});
  CHECK(wide{1, most} + wide{2, most} == wide{4, most - 1});
  CHECK(wide{0, 5} < wide{1, 0});
}

TEST_CASE("quotient times divisor plus remainder is the dividend, and the remainder is smaller") {
  for (const auto a : numbers())
    for (const auto b : numbers())
      for (const std::uint64_t divisor : {std::uint64_t{1}, std::uint64_t{7}, std::uint64_t{1000}, most / 2 + 1}) {
        const wide dividend{a, b};
        const auto d = divide(dividend, divisor);
        CHECK(d.remainder < divisor);
        const wide low = multiply(d.quotient.low, divisor);
        const wide high = multiply(d.quotient.high, divisor);
        CHECK(high.high == 0);
        CHECK(low + wide{high.low, 0} + wide{0, d.remainder} == dividend);
      }
}

TEST_CASE("the cost of a turn is the sum over the kinds of tokens, reasoning not counted twice") {
  const price sonnet{3'000'000, 3'750'000, 6'000'000, 300'000, 15'000'000};
  const tokens t{100, 45'000, 10, 200'000, 2'000, 1'500};
  CHECK(exact_cost(t, sonnet) ==
        wide{0, 300'000'000ULL + 168'750'000'000 + 60'000'000 + 60'000'000'000 + 30'000'000'000});
  CHECK(to_nano(exact_cost(t, sonnet)) == 259'110'000);
}

TEST_CASE("the largest accepted figures do not overflow, and what does not fit is the largest value") {
  constexpr price dear{max_price, max_price, max_price, max_price, max_price};
  constexpr tokens much{max_reported_tokens, max_reported_tokens, max_reported_tokens,
                        max_reported_tokens, max_reported_tokens, 0};
  static_assert(is_plausible(dear) && is_plausible(much));
  const wide one = multiply(1'000'000'000'000, 1'000'000'000'000);
  CHECK(exact_cost(much, dear) == one + one + one + one + one);
  CHECK(to_nano(exact_cost(much, dear)) == std::numeric_limits<std::int64_t>::max());
}

TEST_CASE("a price below zero or above a dollar a token is not plausible, whichever it is") {
  for (auto field :
       {&price::input, &price::cache_write_5m, &price::cache_write_1h, &price::cache_read, &price::output}) {
    price p;
    p.*field = max_price;
    CHECK(is_plausible(p));
    p.*field = max_price + 1;
    CHECK_FALSE(is_plausible(p));
    p.*field = -1;
    CHECK_FALSE(is_plausible(p));
  }
}

TEST_CASE("nano-dollars are rounded once, half up") {
  CHECK(to_nano({0, 499}) == 0);
  CHECK(to_nano({0, 500}) == 1);
  CHECK(to_nano({0, 1'499}) == 1);
  CHECK(to_nano({0, 1'500}) == 2);
  CHECK(to_nano({1, 0}) == 18'446'744'073'709'552);
}

TEST_CASE("relative prices are 1, 1.25, 2, 0.1 and 5 times an input token") {
  CHECK(relative_price.input == relative_unit);
  CHECK(relative_price.cache_write_5m * 100 == 125 * relative_unit);
  CHECK(relative_price.cache_write_1h == 2 * relative_unit);
  CHECK(relative_price.cache_read * 10 == relative_unit);
  CHECK(relative_price.output == 5 * relative_unit);
}

TEST_CASE("rounded parts add up to the rounded sum, and each is off by less than one") {
  std::mt19937_64 random(2);
  for (int round = 0; round < 2'000; ++round) {
    std::vector<wide> parts(random() % 12);
    wide sum;
    for (auto& part : parts) {
      part = wide{0, random() % (round % 2 == 0 ? 2'000 : 1'000'000'000'000)};
      sum = sum + part;
    }
    const auto nano = to_nano_parts(parts);
    REQUIRE(nano.size() == parts.size());
    CHECK(std::accumulate(nano.begin(), nano.end(), std::int64_t{0}) == to_nano(sum));
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto down = static_cast<std::int64_t>(parts[i].low / 1000);
      CHECK((nano[i] == down || (nano[i] == down + 1 && parts[i].low % 1000 != 0)));
    }
  }
}

TEST_CASE("what is left over goes to the largest remainders, and of equal ones to the first") {
  const std::vector<wide> thirds{{0, 333}, {0, 333}, {0, 334}};
  CHECK(to_nano_parts(thirds) == std::vector<std::int64_t>{0, 0, 1});
  const std::vector<wide> halves{{0, 500}, {0, 500}};
  CHECK(to_nano_parts(halves) == std::vector<std::int64_t>{1, 0});
  CHECK(to_nano_parts({}).empty());
}
