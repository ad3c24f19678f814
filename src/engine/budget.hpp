// What was spent so far, and whether a budget leaves anything for another turn.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <cobatch/core/batch.hpp>
#include <cobatch/core/error.hpp>
#include <cobatch/core/ledger.hpp>
#include <cobatch/core/session.hpp>
#include <cobatch/engine.hpp>
#include <cobatch/prices.hpp>
#include <cobatch/store.hpp>

namespace cobatch {

/// What turns have used together. Every turn counts, whatever it came to; a figure that nobody reported counts as 0,
/// and what is said of the sum is then "at least".
class spending {
 public:
  /// `prices`, which may be empty, must outlive it.
  explicit spending(const price_table& prices) : prices_(&prices) {}

  /// Of the settled turns in the store that `filter` matches: of a batch, say, with its earlier sessions.
  [[nodiscard]] static result<spending> so_far(store& storage, const turn_filter& filter, const price_table& prices);

  /// One more turn; one that is not settled is passed over.
  void add(const turn_record& turn);

  [[nodiscard]] std::int64_t tokens() const noexcept { return sum_.used.processed(); }  ///< processed
  [[nodiscard]] std::chrono::milliseconds time() const noexcept { return sum_.time; }
  /// Of what has a price.
  [[nodiscard]] std::int64_t nano_dollars() const noexcept { return cost_.nano_dollars(); }

  /// The sentence for people if a cap is reached.
  [[nodiscard]] std::optional<std::string> reached(const spending_cap& cap) const;

  /// The sentence for people if the cap needs to know what each turn used, and of one nobody does. One that was
  /// refused, or that its provider did not answer, does not count.
  [[nodiscard]] std::optional<std::string> unknown_to(const spending_cap& cap) const;

  /// The same if the cap is in dollars, and a turn used a model without a price.
  [[nodiscard]] std::optional<std::string> unpriced_to(const spending_cap& cap) const;

  /// Whether a cap in dollars can be kept in the next turn. `next`: the model that it asks for; empty: not known.
  /// Errors: unpriced_model: there are no prices at all, or that model has none.
  [[nodiscard]] result<void> check_priced(const spending_cap& cap, std::string_view next = {}) const;

 private:
  const price_table* prices_;
  account sum_;
  running_cost cost_;
  std::optional<turn_record> unknown_ = {};  // the first of which nobody knows what it used
};

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
