// A turn in the store: what may begin, how it begins, and everything that follows from its end.
#pragma once

#include <optional>
#include <string>

#include "store/rows.hpp"

namespace cobatch {
namespace commands {

[[nodiscard]] bool is_live(const std::optional<session_row>& session);
[[nodiscard]] bool is_preamble(const turn_record& turn);

[[nodiscard]] batch_row batch_of(rows& t, const batch_id& id);
/// The turn's task; an empty row for the preamble's turn, which has none.
[[nodiscard]] task_row task_of(rows& t, const turn_record& turn);
/// The session's turn that is not settled, if it has one.
[[nodiscard]] std::optional<turn_record> open_turn(rows& t, epoch session);

/// The first of the task's needs that is not done.
[[nodiscard]] std::optional<task_id> unmet_need(rows& t, const task_spec& task);
/// The first queued task whose needs are all done.
[[nodiscard]] std::optional<task_row> next_to_begin(rows& t, const batch_row& batch);
/// True if the session works this round of its batch, and has not been told that nothing is left.
[[nodiscard]] bool is_at_work(const session_record& session, const batch_record& batch);

/// A turn that has no task yet.
[[nodiscard]] turn_record new_turn(const batch_row& batch, const begin_request& request, timestamp now);
/// Records the turn as one of this queued task. The task as it is then.
[[nodiscard]] task_record begin_task(rows& t, const batch_row& batch, const task_row& task, turn_record& turn);

/// Who settles a turn.
struct settler {
  bool recovered = false;  ///< the next holder of the guard, after a crash
  bool fenced = true;      ///< false: see result_record
};

/// Settles a turn that was not settled, with everything that follows from it; the batch's row is the caller's to write.
settle_outcome settle_running(rows& t, batch_row& batch, const turn_record& turn, const settlement& what, settler by,
                              timestamp now);

/// The settlement of a turn that did not come to an end of its own.
[[nodiscard]] settlement unfinished(turn_end end, std::string detail);
/// The same, of one whose task was cancelled while it ran.
[[nodiscard]] settlement cancelled_meanwhile();

}  // namespace commands
}  // namespace cobatch
