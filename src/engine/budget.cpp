#include "engine/budget.hpp"

#include <fmt/format.h>

#include "base/json.hpp"
#include "store/store.hpp"
#include "workspace/workspace.hpp"

namespace cobatch {

namespace {

// 1203000 as 1,203,000.
std::string grouped(std::int64_t number) {
  const std::string digits = std::to_string(number);
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

constexpr int nano = 9;

// With so many decimals; the rest is dropped.
std::string dollars(std::int64_t nano_dollars, int decimals) {
  for (int left = nano; left > decimals; --left) nano_dollars /= 10;
  return json::write_decimal(nano_dollars, decimals, decimals);
}

// How many decimals show all of it; two at least.
int decimals_of(std::int64_t nano_dollars) {
  int decimals = nano;
  for (; decimals > 2 && nano_dollars % 10 == 0; --decimals) nano_dollars /= 10;
  return decimals;
}

// True if the agent was at work, and no figure of it is known. A turn that is stopped for what its provider says, or
// because no agent was ready, came to nothing; one that is stopped by a person has worked until then.
bool is_unknown(const turn_record& turn) {
  const bool by_person = turn.reason == name_of(turn_end::stopped) || turn.reason == "agent_ended";
  const bool worked = turn.end != turn_end::denied && (turn.end != turn_end::stopped || by_person);
  return worked && (!turn.used || (!turn.used->complete && turn.used->total() == tokens{}));
}

double minutes(std::chrono::milliseconds time) { return std::chrono::duration<double, std::ratio<60>>(time).count(); }

}  // namespace

result<spending> spending::so_far(store& storage, const turn_filter& filter, const price_table& prices) {
  const auto turns = all_turns(storage, filter);
  if (!turns) return fail(turns.error());
  spending sum(prices);
  for (const auto& turn : *turns) sum.add(turn);
  return sum;
}

void spending::add(const turn_record& turn) {
  if (!turn.ended_at) return;
  add_turn(sum_, turn);
  if (!unknown_ && is_unknown(turn)) unknown_ = turn;
  if (turn.used) cost_.add(prices_->cost_of(turn.used->by_model));
}

std::optional<std::string> spending::reached(const spending_cap& cap) const {
  if (cap.tokens > 0 && tokens() >= cap.tokens)
    return fmt::format("budget: {}{} of {} tokens are used", sum_.complete ? "" : "at least ", grouped(tokens()),
                       grouped(cap.tokens));
  if (cap.nano_dollars > 0 && nano_dollars() >= cap.nano_dollars) {
    const int decimals = decimals_of(cap.nano_dollars);
    return fmt::format("budget: {}{} of {} USD are spent", sum_.complete && !cost_.at_least ? "" : "at least ",
                       dollars(nano_dollars(), decimals), dollars(cap.nano_dollars, decimals));
  }
  if (cap.time.count() > 0 && time() >= cap.time)
    return fmt::format("budget: turns have run for {:.3g} of {:.3g} minutes", minutes(time()), minutes(cap.time));
  return std::nullopt;
}

std::optional<std::string> spending::unknown_to(const spending_cap& cap) const {
  if (!unknown_ || !cap.needs_usage() || cap.allow_unknown) return std::nullopt;
  const std::string what = unknown_->task.empty() ? "the preamble" : fmt::format("task \"{}\"", unknown_->task.str());
  return fmt::format(
      "nobody reported what turn {} of session {} used ({}). Give a budget in minutes, or let it go on when usage is "
      "unknown: --budget-unknown allow, or --day-unknown allow for the budget of a day",
      unknown_->turn.value, unknown_->session.value, what);
}

namespace {

// A cap in dollars cannot be kept.
error cannot_count(const error& unpriced) {
  return {unpriced.code,
          unpriced.message +
              ", or set the budget in tokens or time instead (--day-tokens and --day-minutes for that of "
              "a day)"};
}

}  // namespace

std::optional<std::string> spending::unpriced_to(const spending_cap& cap) const {
  if (cap.nano_dollars <= 0 || !cost_.unpriced) return std::nullopt;
  return cannot_count(*cost_.unpriced).message;
}

result<void> spending::check_priced(const spending_cap& cap, std::string_view next) const {
  if (cap.nano_dollars <= 0) return {};
  if (prices_->empty())
    return fail(errc::unpriced_model,
                "a budget in dollars needs prices, and there are none: give a price file with "
                "--prices FILE, or a budget in tokens or time");
  if (next.empty()) return {};
  if (const auto price = prices_->price_of({std::string(next), {}}); !price) return fail(cannot_count(price.error()));
  return {};
}

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
