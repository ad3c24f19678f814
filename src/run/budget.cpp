#include "run/budget.hpp"

#include "run/spending.hpp"

namespace cobatch {
inline namespace v1 {

namespace {

constexpr std::int64_t day_ms = 24LL * 60 * 60 * 1000;

result<std::optional<std::string>> is_spent(workspace& place, const turn_filter& turns, const spending_cap& cap,
                                            const engine_options& options, std::string_view model) {
  if (cap == spending_cap{}) return std::nullopt;
  static const price_table none;
  const auto spent = spending::so_far(place.storage(), turns, options.prices ? *options.prices : none);
  if (!spent) return fail(spent.error());
  if (auto priced = spent->check_priced(cap, model); !priced) return fail(priced.error());
  return spent->reached(cap);
}

}  // namespace

result<std::optional<std::string>> batch_is_spent(workspace& place, const batch_id& batch,
                                                  const engine_options& options, std::string_view model) {
  // Read anew: a budget may be given at any time.
  const auto record = place.storage().find_batch(batch);
  if (!record) return fail(record.error());
  if (!*record || !(*record)->settings.budget) return std::nullopt;
  turn_filter turns;
  turns.batch = batch;
  return is_spent(place, turns, *(*record)->settings.budget, options, model);
}

result<std::optional<std::string>> day_is_spent(workspace& place, const engine_options& options,
                                                std::string_view model) {
  const std::int64_t now = place.now().ms;
  turn_filter turns;
  turns.since = timestamp{now - now % day_ms};
  auto spent = is_spent(place, turns, options.day_budget, options, model);
  if (spent && *spent) **spent = "today: " + **spent + "; it goes on at 00:00 UTC";
  return spent;
}

}  // namespace v1
}  // namespace cobatch
