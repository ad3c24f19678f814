#include "engine/budget.hpp"

#include "engine/spending.hpp"
#include "store/store.hpp"

namespace cobatch {

namespace {

constexpr std::int64_t day_ms = 24LL * 60 * 60 * 1000;

result<std::optional<budget_stop>> is_spent(workspace& place, const turn_filter& turns, const spending_cap& cap,
                                            const engine_options& options, std::string_view model) {
  if (!cap.needs_usage() && cap.time.count() == 0) return std::nullopt;
  const price_table none;
  const auto spent = spending::so_far(place.storage(), turns, options.prices ? *options.prices : none);
  if (!spent) return fail(spent.error());
  if (auto priced = spent->check_priced(cap, model); !priced) return fail(priced.error());
  if (auto reached = spent->reached(cap)) return budget_stop{session_end::budget, std::move(*reached)};
  if (auto unpriced = spent->unpriced_to(cap)) return budget_stop{session_end::blocked, std::move(*unpriced)};
  if (auto unknown = spent->unknown_to(cap)) return budget_stop{session_end::usage_unknown, std::move(*unknown)};
  return std::nullopt;
}

}  // namespace

result<std::optional<budget_stop>> batch_is_spent(workspace& place, const batch_id& batch,
                                                  const engine_options& options, std::string_view model) {
  // Read anew: a budget may be given at any time.
  const auto record = place.storage().find_batch(batch);
  if (!record) return fail(record.error());
  if (!*record || !(*record)->settings.budget) return std::nullopt;
  turn_filter turns;
  turns.batch = batch;
  return is_spent(place, turns, *(*record)->settings.budget, options, model);
}

result<std::optional<budget_stop>> day_is_spent(workspace& place, const engine_options& options,
                                                std::string_view model) {
  const std::int64_t now = place.now().ms;
  turn_filter turns;
  turns.since = timestamp{now - now % day_ms};
  auto spent = is_spent(place, turns, options.day_budget, options, model);
  if (spent && *spent) (*spent)->detail = "today: " + (*spent)->detail + "; it goes on at 00:00 UTC";
  return spent;
}

}  // namespace cobatch
