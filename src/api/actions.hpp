// The table of actions: from it come dispatch, the list of supported actions, and every check of parameters.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include <cobatch/core/error.hpp>
#include <cobatch/prices.hpp>
#include <cobatch/workspace.hpp>

#include "api/params.hpp"
#include "api/request.hpp"
#include "base/json.hpp"

namespace cobatch {
namespace request {

/// One call of an action, its parameters checked.
struct call {
  workspace& place;
  const price_table* prices;  ///< the host's own; may be null
  const arguments& params;
  unknown_members& unknown;
};

/// What an action answers; the dispatcher puts `status` in front and the warnings behind.
struct answer {
  json::object fields;
  std::vector<warning> warnings{};
  std::string_view status = "success";
  std::optional<batch_wait> wait{};  ///< what it waits for first; there is no answer yet

  void add(std::string_view name, json::value content) { fields.push_back({std::string(name), std::move(content)}); }
  void add_all(json::object more) {
    for (auto& field : more) fields.push_back(std::move(field));
  }
};

/// Why an action was refused, with what else the reply says.
struct refusal {
  refusal(error e) : what(std::move(e)) {}
  refusal(errc code, std::string message, json::object more = {})
      : what{code, std::move(message)}, extra(std::move(more)) {}

  error what;
  json::object extra;
};

using outcome = tl::expected<answer, refusal>;

struct action {
  std::string_view name;
  std::string_view description;  ///< at most 300 characters: what GPT actions take
  std::span<const param_spec> params;
  outcome (*run)(const call& request);
};

[[nodiscard]] std::span<const action> actions();
[[nodiscard]] const action* find_action(std::string_view name);

// assign.cpp
outcome assign_task(const call& request);
outcome assign_batch(const call& request);
outcome batch_assign_tasks(const call& request);
outcome seal_batch(const call& request);
// batches.cpp
outcome execute_queue(const call& request);
outcome batch_status_of(const call& request);
outcome wait_batch(const call& request);
outcome list_batches(const call& request);
outcome retry_batch(const call& request);
// tasks.cpp
outcome check_task_status(const call& request);
outcome get_task_result(const call& request);
outcome cancel_task(const call& request);
outcome update_task(const call& request);
outcome reset_task(const call& request);
outcome delete_task(const call& request);
outcome delete_task_result(const call& request);
outcome process_queue(const call& request);
// results.cpp
outcome get_all_results(const call& request);
outcome get_recent_tasks(const call& request);
outcome get_task_results(const call& request);
// reports.cpp
outcome mark_task_in_progress(const call& request);
outcome log_task_completion(const call& request);
outcome capture_token_telemetry(const call& request);
// savings.cpp
outcome savings(const call& request);
// lock.cpp
outcome health(const call& request);
outcome lock_status(const call& request);
outcome unlock(const call& request);

/// What wait_batch answers once the wait is over.
outcome answer_wait(workspace& place, const batch_wait& wait, bool stopping);
/// How a held batch goes on, as a sentence. One that no time lets go was held for its budget.
[[nodiscard]] std::string_view how_to_let_go(const batch_record& held);

/// The fields of each task of `assign_batch`, and of `batch_assign_tasks`.
[[nodiscard]] std::span<const param_spec> batch_task_fields();
[[nodiscard]] std::span<const param_spec> listed_task_fields();

}  // namespace request
}  // namespace cobatch
