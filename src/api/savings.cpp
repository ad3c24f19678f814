// savings.
#include "api/actions.hpp"
#include "api/savings_json.hpp"
#include "api/values.hpp"

namespace cobatch {
namespace request {

outcome savings(const call& request) {
  const auto batch = batch_id_in(request.params);
  if (!batch) return refuse(batch.error());
  if (!*batch) return answer{calculator_json()};
  const auto report = request.place.savings(**batch);
  if (!report) return refuse(report.error());
  return answer{batch_savings_json(*report, no_bill(report->accounts))};
}

}  // namespace request
}  // namespace cobatch
