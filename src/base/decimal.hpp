// Decimals as they are written: money never passes through a binary fraction.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cobatch {
namespace json {

/// A number of small units: nano-dollars, say.
struct decimal {
  std::int64_t value = 0;
  bool exact = true;  ///< false: it was written more precisely, and rounded once, half up

  friend bool operator==(const decimal&, const decimal&) = default;
};

/// A JSON number times 10^decimals. Nothing if it is negative or comes to 10^18 or more.
[[nodiscard]] std::optional<decimal> read_decimal(std::string_view written, int decimals);

/// The other way round, of a number of small units, not negative: as many decimals as it needs, and at least `fewest`,
/// from 1.
[[nodiscard]] std::string write_decimal(std::int64_t value, int decimals, int fewest);

}  // namespace json
}  // namespace cobatch
