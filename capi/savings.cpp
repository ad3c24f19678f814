// Section 14: savings.
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <cobatch/prices.hpp>

#include "reply.hpp"
#include "text.hpp"

namespace cobatch::capi {
namespace {

void put_accounts(ledger&& accounts, const batch_costs& costs, cobatch_reply& reply) {
  const std::int64_t preamble_turns = accounts.shared.turns;
  reply.accounts.put({{}, 0, std::move(accounts.total), preamble_turns, costs.total});
  if (preamble_turns > 0) reply.accounts.put({{}, 0, std::move(accounts.shared), preamble_turns, costs.shared});
  for (std::size_t i = 0; i < accounts.by_task.size(); ++i) {
    task_account& line = accounts.by_task[i];
    reply.accounts.put({std::move(line.task), line.position, std::move(line.sum), 0, costs.by_task[i]});
  }
}

void put_savings(savings_report&& report, const batch_costs& costs, cobatch_reply& reply) {
  reply.batches.put(std::move(report.batch));
  put_accounts(std::move(report.accounts), costs, reply);
  reply.compared = report.compared;
}

}  // namespace
}  // namespace cobatch::capi

using namespace cobatch::capi;

cobatch_status cobatch_savings(cobatch_workspace* workspace, cobatch_text batch, cobatch_reply** reply,
                               cobatch_error** err) {
  return ask_workspace(workspace, reply, err, [&](cobatch::workspace& here, cobatch_reply& filled) -> verdict {
    cobatch::batch_id id;
    if (auto v = take_id(batch, "batch", id); v.failed()) return v;
    auto report = here.savings(id);
    if (!report) return report.error();
    cobatch::batch_costs unknown;
    unknown.by_task.resize(report->accounts.by_task.size());
    put_savings(std::move(*report), unknown, filled);
    return {};
  });
}

cobatch_status cobatch_savings_at_prices(cobatch_workspace* workspace, cobatch_text batch, cobatch_text prices,
                                         cobatch_reply** reply, cobatch_error** err) {
  return ask_workspace(workspace, reply, err, [&](cobatch::workspace& here, cobatch_reply& filled) -> verdict {
    cobatch::batch_id id;
    std::string file;
    if (auto v = take_id(batch, "batch", id); v.failed()) return v;
    if (auto v = take_system_text(prices, "prices", file); v.failed()) return v;
    if (file.empty()) return bad_value("prices is absent; give the path of a file of prices");
    auto report = here.savings(id);
    if (!report) return report.error();
    const auto table = cobatch::read_price_file(file);
    if (!table) return table.error();
    auto costs = table->costs_of(report->accounts);
    put_savings(std::move(*report), costs, filled);
    filled.warnings.put_all(std::move(costs.warnings));
    return {};
  });
}
