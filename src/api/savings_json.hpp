// What batching saves, as JSON: the guide's calculator, and what a batch has really used.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <cobatch/core/savings.hpp>
#include <cobatch/prices.hpp>
#include <cobatch/workspace.hpp>

#include "base/json.hpp"

namespace cobatch {
namespace request {

/// A row of the guide's table, counted in all ways.
struct modelled_row {
  const guide_row* row;
  comparison guide, processed, cold, warm;
};
[[nodiscard]] modelled_row model(const guide_row& row);

inline constexpr std::string_view money_basis = "relative prices: cache write 1.25, cache read 0.1, output 5, input 1";

/// What a batch cost at a list of prices, and what is to be said of them.
struct bill {
  batch_costs costs;
  std::vector<warning> warnings;
};

[[nodiscard]] json::object calculator_json();
[[nodiscard]] json::object batch_savings_json(const savings_report& report, const bill& money);
/// Where there were no prices: nothing has a cost.
[[nodiscard]] bill no_bill(const ledger& accounts);

}  // namespace request
}  // namespace cobatch
