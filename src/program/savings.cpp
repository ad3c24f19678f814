// cobatch savings: the guide's calculator, or what a batch that ran has really used.
#include "api/savings.hpp"

#include <cmath>

#include <fmt/core.h>

#include <cobatch/core/savings.hpp>
#include <cobatch/prices.hpp>

#include "program/commands.hpp"
#include "program/foreground.hpp"
#include "program/terminal.hpp"
#include "views/record_json.hpp"

namespace cobatch::program {

namespace {

// "50.7 % saved" or "5.0 % more", in words: of a bare sign nobody knows which of the two it means. Nothing to compare
// with: "unknown".
std::string change_text(const comparison& c) {
  const auto permille = c.saved_permille();
  if (!permille) return "unknown";
  if (*permille == 0) return c.saved() == 0 ? "the same" : "about the same";
  const std::int64_t size = *permille < 0 ? -*permille : *permille;
  return fmt::format("{}.{} % {}", size / 10, size % 10, *permille < 0 ? "more" : "saved");
}

// ------------------------------------------------------------------------------------------ the guide's table

// To the tenth of a thousand: what batching adds to the tokens processed would vanish in three digits.
std::string thousands(std::int64_t count) { return fmt::format("{:.1f}K", static_cast<double>(count) / 1000); }

void print_calculator() {
  const palette paint(1);
  print_line(paint.strong("The guide's count: tokens loaded anew and written"));
  print_line("tasks   without     with  saving");
  for (const auto& row : guide_table) {
    const auto m = request::model(row);
    print_line(fmt::format("{:>5}  {:>8}  {:>7}  {:>5} %", row.tasks, guide_tokens(m.guide.without),
                           guide_tokens(m.guide.with), whole_percent(m.guide.saved_permille().value_or(0))));
  }
  print_line("Where its figures come from:");
  for (const auto& row : guide_table) print_line(fmt::format("{:>5}  {}", row.tasks, row.note));
  print_line("");
  print_line(paint.strong("The same batches, modelled: what the model reads and writes, and what it costs"));
  print_line("tasks   tokens processed                       money, against separate sessions with");
  print_line("        separate  one session                  cold caches    warm caches");
  for (const auto& row : guide_table) {
    const auto m = request::model(row);
    print_line(fmt::format("{:>5}  {:>9}  {:>11}  {:>12}  {:>13}  {:>13}", row.tasks, thousands(m.processed.without),
                           thousands(m.processed.with), change_text(m.processed), change_text(m.cold),
                           change_text(m.warm)));
  }
  print_line(fmt::format("Modelled, not measured: one request a task, {}.", request::money_basis));
  print_line(
      "Sessions run one after another usually find a warm cache. What a batch really used: cobatch savings "
      "BATCH_ID");
}

// ---------------------------------------------------------------------------------------------- a real batch

json::object with_status(json::object fields) {
  fields.insert(fields.begin(), {"status", "success"});
  return fields;
}

// Without a price file nothing has a cost.
result<batch_costs> costs_of(const ledger& accounts, const std::filesystem::path& prices) {
  if (prices.empty()) return request::costs_at(nullptr, accounts);
  const auto table = read_price_file(prices);
  if (!table) return fail(table.error());
  return request::costs_at(&*table, accounts);
}

// "at least 1.2K in, 80 out, 45K from cache, $0.0312".
std::string used_text(const account& sum, const std::optional<account_cost>& cost) {
  if (!is_known(sum)) return "unknown";
  std::string text = tokens_text(sum.used, sum.complete);
  if (cost)
    text += fmt::format(", {}{}", cost->at_least || !sum.complete ? "at least " : "", money_text(cost->nano_dollars));
  return text;
}

void print_accounts(const ledger& accounts, const batch_costs& money) {
  if (accounts.shared.turns > 0) print_line("      shared context: " + used_text(accounts.shared, money.shared));
  for (std::size_t i = 0; i < accounts.by_task.size(); ++i) {
    const auto& entry = accounts.by_task[i];
    print_line(fmt::format("{:>4}  {}: {}", entry.position, shortened(entry.task.str(), 40),
                           used_text(entry.sum, money.by_task[i])));
  }
}

std::string why_no_count(const ledger& accounts) {
  if (!accounts.shared.complete) return "what the shared context used is not known in full";
  for (const auto& entry : accounts.by_task)
    if (!entry.sum.complete)
      return fmt::format("what task \"{}\" used is not known in full", shortened(entry.task.str(), 40));
  return accounts.by_task.empty() ? "no task has come to something yet" : "the first task shows no input";
}

// Who paid for the batch's sessions, as far as the agent said; empty if it did not.
std::string billing_of(workspace& place, const batch_id& batch) {
  session_filter filter;
  filter.batch = batch;
  if (const auto sessions = place.sessions(filter))
    for (const auto& session : *sessions)
      if (!session.about.billing.empty()) return session.about.billing;
  return {};
}

void print_batch(const savings_report& report, const batch_costs& money, std::string_view billing) {
  const palette paint(1);
  print_line(fmt::format("{} {}: {}", paint.strong("batch"), one_line(report.batch.id.str()),
                         used_text(report.accounts.total, money.total)));
  if (report.accounts.total.scripted) print_line(paint.note("scripted agent: demo figures, no model was asked"));
  if (report.accounts.total.told) print_line(paint.note("told figures: what an agent or a person said, not measured"));
  print_accounts(report.accounts, money);
  if (report.accounts.total.wasted_turns > 0)
    print_line(fmt::format("for nothing: {} turn(s), {} tokens", report.accounts.total.wasted_turns,
                           guide_tokens(report.accounts.total.waste.processed())));
  if (const auto& guide = report.compared.guide)
    print_line(fmt::format("the guide's count: {} instead of {} ({})", guide_tokens(guide->with),
                           guide_tokens(guide->without), change_text(*guide)));
  else
    print_line("the guide's count: unknown, because " + why_no_count(report.accounts));
  if (report.compared.processed)
    print_line(fmt::format("tokens processed: {}, of these {} read from the cache",
                           guide_tokens(*report.compared.processed),
                           guide_tokens(report.compared.cache_read.value_or(0))));
  else if (report.accounts.total.cache_unknown)
    print_line("tokens processed: unknown, because told figures do not say what was read from the cache");
  if (money.total)
    print_line(fmt::format("money: {}; what separate sessions would have cost is not known", price_basis(billing)));
  print_warnings(money.warnings);
}

}  // namespace

int run_savings(const savings_options& options) {
  const bool json = options.common.json;
  if (options.batch.empty()) {
    if (json)
      print_json(with_status(request::calculator_json()));
    else
      print_calculator();
    return exit_success;
  }
  const auto id = batch_id::parse(options.batch);
  if (!id) return fail_with(id.error(), json);
  auto place = open_existing(options.common);
  if (!place) return fail_with(place.error(), json);
  const auto report = place->savings(*id);
  if (!report) return fail_with(report.error(), json);
  const auto money = costs_of(report->accounts, options.prices);
  if (!money) return fail_with(money.error(), json);
  if (!json) {
    print_batch(*report, *money, billing_of(*place, *id));
    return exit_success;
  }
  json::object shown = with_status(request::savings_json(*report, *money));
  if (!money->warnings.empty()) shown.push_back({"warnings", warnings_json(money->warnings)});
  print_json(std::move(shown));
  return exit_success;
}

}  // namespace cobatch::program
