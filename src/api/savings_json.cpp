#include "api/savings_json.hpp"

#include <vector>

#include <fmt/core.h>

#include "views/record_json.hpp"

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
  return {&row, count_guide(guide_context, row.alone(), row.batch()), count_processed(guide_context, row.batch()),
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

json::object batch_savings_json(const savings_report& report, const bill& money) {
  const ledger& accounts = report.accounts;
  json::array models, tasks;
  for (const auto& entry : accounts.total.by_model) {
    json::object one = counts_json(entry.count, accounts.total.cache_unknown);
    one.insert(one.begin(), {"model", entry.model});
    models.emplace_back(std::move(one));
  }
  for (std::size_t i = 0; i < accounts.by_task.size(); ++i) {
    const auto& entry = accounts.by_task[i];
    json::object one = account_json(entry.sum, money.costs.by_task[i]);
    one.insert(one.begin(), {{"task_id", entry.task.str()}, {"batch_position", entry.position}});
    tasks.emplace_back(std::move(one));
  }
  json::object out{{"basis", "measured"}, {"batch_id", report.batch.id.str()}};
  if (report.compared.guide) out.push_back({"guide", comparison_json(*report.compared.guide)});
  if (report.compared.processed) out.push_back({"tokens_processed", *report.compared.processed});
  if (report.compared.cache_read) out.push_back({"tokens_cache_read", *report.compared.cache_read});
  out.push_back({"total", account_json(accounts.total, money.costs.total)});
  out.push_back({"by_model", std::move(models)});
  if (accounts.shared.turns > 0) out.push_back({"shared", account_json(accounts.shared, money.costs.shared)});
  out.push_back({"by_task", std::move(tasks)});
  if (!money.warnings.empty()) out.push_back({"warnings", warnings_json(money.warnings)});
  return out;
}

bill no_bill(const ledger& accounts) {
  return {{.by_task = std::vector<std::optional<account_cost>>(accounts.by_task.size())}, {}};
}

}  // namespace request
}  // namespace cobatch
