// The store's commands, written once for every kind of rows. Each runs inside one transaction of its store, takes
// the time as an argument, and decides with the pure functions of the core.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include <cobatch/store.hpp>

#include "store/rows.hpp"

namespace cobatch {
namespace commands {

/// Seconds whose generated batch ids are known to be taken, so that a burst of batches does not try them all again.
/// Losing it costs time only.
struct taken_seconds {
  timestamp from;
  timestamp until;  ///< [from, until) are taken
};

[[nodiscard]] assign_outcome assign(rows& t, const assign_request& request, timestamp now, taken_seconds& taken);
[[nodiscard]] std::vector<assign_outcome> assign_each(rows& t, const std::vector<assign_request>& requests,
                                                      timestamp now, taken_seconds& taken);
[[nodiscard]] seal_outcome seal(rows& t, const batch_id& batch, timestamp now);
[[nodiscard]] execute_outcome execute(rows& t, const execute_request& request, timestamp now);

[[nodiscard]] task_outcome cancel(rows& t, const task_id& task, timestamp now);
[[nodiscard]] task_outcome update(rows& t, const task_id& task, const task_changes& changes);
[[nodiscard]] task_outcome reset(rows& t, const task_id& task, timestamp now);
[[nodiscard]] task_outcome remove(rows& t, const task_id& task, timestamp now);
[[nodiscard]] task_outcome remove_result(rows& t, const task_id& task);
[[nodiscard]] task_outcome mark_manually(rows& t, const task_id& task, timestamp now);
[[nodiscard]] retry_outcome retry(rows& t, const batch_id& batch, timestamp now);

[[nodiscard]] begin_called_outcome begin_called(rows& t, const session_token& token, const task_id& task,
                                                timestamp now);
[[nodiscard]] complete_called_outcome complete_called(rows& t, const complete_called_request& request, timestamp now);

[[nodiscard]] std::vector<adopt_outcome> adopt(rows& t, const std::vector<adopted_task>& tasks, timestamp now);

[[nodiscard]] claim_outcome claim(rows& t, const claim_request& request, timestamp now);
[[nodiscard]] begin_outcome begin_turn(rows& t, const begin_request& request, timestamp now);
[[nodiscard]] settle_outcome settle_turn(rows& t, epoch session, turn_no turn, const settlement& what, timestamp now);
[[nodiscard]] end_outcome end_session(rows& t, epoch session, session_end why, std::string_view detail, timestamp now);
[[nodiscard]] end_outcome recover(rows& t, const recover_request& request, timestamp now);
[[nodiscard]] bool request_end(rows& t, epoch session);
[[nodiscard]] bool set_pause(rows& t, epoch session, const std::optional<session_pause>& pause);
[[nodiscard]] bool describe_agent(rows& t, epoch session, const agent_facts& about);

[[nodiscard]] preamble find_preamble(rows& t, const batch_id& batch);
[[nodiscard]] std::optional<session_record> find_live_session(rows& t);
[[nodiscard]] overview read_overview(rows& t);
[[nodiscard]] archive_part read_archive(rows& t, std::size_t newest, std::size_t limit);
void note_archived(rows& t, const archive_part& part);
[[nodiscard]] bool has_work(rows& t, const served_agents& serves, timestamp now);

}  // namespace commands
}  // namespace cobatch
