// What batching saves, as JSON: the guide's calculator, and what a batch has really used.
#pragma once

#include <string_view>

#include <cobatch/core/savings.hpp>
#include <cobatch/prices.hpp>
#include <cobatch/workspace.hpp>

#include "base/json.hpp"

namespace cobatch {
namespace request {

/// A row of the guide's table, counted in all ways.
struct modelled_row {
  comparison guide, processed, cold, warm;
};
[[nodiscard]] modelled_row model(const guide_row& row);

inline constexpr std::string_view money_basis = "relative prices: cache write 1.25, cache read 0.1, output 5, input 1";

[[nodiscard]] json::object calculator_json();
/// The warnings of the costs are left to the caller.
[[nodiscard]] json::object savings_json(const savings_report& report, const batch_costs& costs);
/// What a batch cost. Without prices (null) nothing has a cost.
[[nodiscard]] batch_costs costs_at(const price_table* prices, const ledger& accounts);

}  // namespace request
}  // namespace cobatch
