// Whether there is money, or whatever is capped, left for another turn.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <cobatch/core/session.hpp>
#include <cobatch/engine.hpp>

namespace cobatch {

/// Why no further turn may begin.
struct budget_stop {
  session_end why = session_end::budget;  ///< or usage_unknown, or blocked: a turn used a model without a price
  std::string detail;                     ///< a sentence for people
};

/// What the batch's budget says against another turn; nothing if it says nothing. `model`: the one that the next turn
/// asks for; empty: the agent's own choice. Errors: unpriced_model (the budget is in dollars, and that model has no
/// price), the store's.
[[nodiscard]] result<std::optional<budget_stop>> batch_is_spent(workspace& place, const batch_id& batch,
                                                                const engine_options& options,
                                                                std::string_view model = {});

/// The same of the engine's budget for the day (UTC), by all turns of the workspace that began today.
[[nodiscard]] result<std::optional<budget_stop>> day_is_spent(workspace& place, const engine_options& options,
                                                              std::string_view model = {});

}  // namespace cobatch
