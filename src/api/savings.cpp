#include "api/savings.hpp"

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "api/actions.hpp"
#include "views/record_json.hpp"
#include "workspace/workspace.hpp"

namespace cobatch {
namespace request {

namespace {

json::value tenths(const comparison& c) {
  const auto permille = c.saved_permille();
  if (!permille) return {};
  const std::int64_t size = *permille < 0 ? -*permille : *permille;
  return json::number{fmt::format("{}{}.{}", *permille < 0 ? "-" : "", size / 10, size % 10)};
}

json::object comparison_json(const comparison& c) {
  return {{"without", c.without}, {"with", c.with}, {"saved", c.saved()}, {"saved_percent", tenths(c)}};
}

// Sums that are a lower bound are shown as they are: `complete` stands beside them.
json::object counts_json(const tokens& count, bool cache_unknown) {
  return known_tokens_json(count, true, !cache_unknown);
}

json::object account_json(const account& sum, const std::optional<account_cost>& cost) {
  json::object out;
  if (is_known(sum))
    out = {{"tokens", counts_json(sum.used, sum.cache_unknown)}, {"waste", counts_json(sum.waste, sum.cache_unknown)}};
  out.push_back({"turns", sum.turns});
  out.push_back({"wasted_turns", sum.wasted_turns});
  out.push_back({"complete", sum.complete});
  if (sum.turns_without_usage > 0) out.push_back({"turns_without_usage", sum.turns_without_usage});
  if (cost) out.push_back({"cost_usd", json::decimal_value(cost->nano_dollars, 9)});
  if (cost && cost->at_least) out.push_back({"cost_at_least", true});
  if (sum.scripted) out.push_back({"scripted", true});
  if (sum.told) out.push_back({"told", true});
  if (sum.cache_unknown) out.push_back({"cache_unknown", true});
  return out;
}

}  // namespace

modelled_row model(const guide_row& row) {
  return {count_guide(guide_context, row.alone(), row.batch()), count_processed(guide_context, row.batch()),
          count_money(guide_context, row.batch(), prefix_cache::cold),
          count_money(guide_context, row.batch(), prefix_cache::warm)};
}

json::object calculator_json() {
  json::array rows;
  for (const auto& row : guide_table) {
    const auto m = model(row);
    rows.emplace_back(
        json::object{{"tasks", static_cast<std::int64_t>(row.tasks)},
                     {"guide", comparison_json(m.guide)},
                     {"guide_percent", whole_percent(m.guide.saved_permille().value_or(0))},
                     {"printed", json::object{{"without", row.without}, {"with", row.with}, {"percent", row.percent}}},
                     {"note", row.note},
                     {"tokens_processed", comparison_json(m.processed)},
                     {"money_against_cold", comparison_json(m.cold)},
                     {"money_against_warm", comparison_json(m.warm)}});
  }
  return {{"basis", "modelled"},
          {"context_tokens", guide_context},
          {"money_unit", "twentieths of the price of an input token"},
          {"prices", money_basis},
          {"rows", std::move(rows)}};
}

batch_costs costs_at(const price_table* prices, const ledger& accounts) {
  if (prices != nullptr) return prices->costs_of(accounts);
  batch_costs none;
  none.by_task.resize(accounts.by_task.size());
  return none;
}

json::object savings_json(const savings_report& report, const batch_costs& costs) {
  const ledger& accounts = report.accounts;
  json::array models, tasks;
  for (const auto& entry : accounts.total.by_model) {
    json::object one = counts_json(entry.count, accounts.total.cache_unknown);
    one.insert(one.begin(), {"model", entry.model});
    models.emplace_back(std::move(one));
  }
  for (std::size_t i = 0; i < accounts.by_task.size(); ++i) {
    const auto& entry = accounts.by_task[i];
    json::object one = account_json(entry.sum, costs.by_task[i]);
    one.insert(one.begin(), {{"task_id", entry.task.str()}, {"batch_position", entry.position}});
    tasks.emplace_back(std::move(one));
  }
  json::object out{{"basis", "measured"}, {"batch_id", report.batch.id.str()}};
  if (report.compared.guide) out.push_back({"guide", comparison_json(*report.compared.guide)});
  if (report.compared.processed) out.push_back({"tokens_processed", *report.compared.processed});
  if (report.compared.cache_read) out.push_back({"tokens_cache_read", *report.compared.cache_read});
  out.push_back({"total", account_json(accounts.total, costs.total)});
  out.push_back({"by_model", std::move(models)});
  if (accounts.shared.turns > 0) out.push_back({"shared", account_json(accounts.shared, costs.shared)});
  out.push_back({"by_task", std::move(tasks)});
  return out;
}

outcome savings(const call& request) {
  const auto batch = request.params.batch();
  const json::value* given = request.params.any("prices");
  if (!batch && given != nullptr)
    return fail(errc::missing_field,
                "'prices' tell what a batch cost, so 'batch_id' is missing: it must be a string. Nothing was changed.");
  if (!batch) return answer{calculator_json()};
  const auto report = request.place.savings(*batch);
  if (!report) return fail(report.error());
  const price_table own = given == nullptr ? price_table() : read_prices(*given->as_object());
  auto costs = costs_at(given == nullptr ? request.prices : &own, report->accounts);
  return answer{savings_json(*report, costs), std::move(costs.warnings)};
}

}  // namespace request
}  // namespace cobatch
