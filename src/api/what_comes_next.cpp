#include "api/what_comes_next.hpp"

#include <string>
#include <utility>

#include <fmt/core.h>

#include "base/text.hpp"
#include "store/store.hpp"

namespace cobatch {
namespace request {

namespace {

// An agent that calls back has got its tasks in one prompt, and is told of no other. If it cannot be seen who works the
// batch, it is one that is given task after task.
bool has_all_in_one_prompt(workspace& place, const batch_id& batch) {
  const auto live = place.storage().find_live_session();
  return live && *live && (*live)->batch == batch && (*live)->agent == calling_agent;
}

std::string execution_of(workspace& place, const batch_record& batch) {
  switch (batch.state) {
    case batch_state::running:
      if (const auto lock = place.lock(); lock && lock->cut_off)
        return "The session of this batch was cut off; the next engine settles it, and what is queued runs then.";
      if (has_all_in_one_prompt(place, batch.id))
        return "A session works this batch now, and its agent got its tasks in one prompt; what came later runs in a "
               "session after it, in order, which loads the context anew.";
      return "A session works this batch now; what is queued in it runs there, in order.";
    case batch_state::finished:
      return "The batch has ended.";
    case batch_state::held:
      return fmt::format("The batch is held because {}. {}", batch.hold_reason, how_to_let_go(batch));
    default:
      return fmt::format("The batch is sealed: an engine runs its {} in one session, in order.",
                         counted(batch.tally[task_state::queued], "queued task"));
  }
}

}  // namespace

void append_what_comes_next(json::object& fields, workspace& place, const batch_record& batch, bool next_round) {
  if (batch.state == batch_state::open) {
    fields.push_back({"next_step",
                      "The batch is open and runs nothing yet. Assign its other tasks with this batch_id, the last one "
                      "with auto_execute true; or call seal_batch when it is complete."});
    return;
  }
  std::string text = execution_of(place, batch);
  if (next_round) text = fmt::format("The batch had ended; this starts its round {}. {}", batch.round, text);
  fields.push_back({"execution", std::move(text)});
}

std::string_view how_to_let_go(const batch_record& held) {
  if (held.held_until) return "execute_queue with its batch_id lets it go.";
  return "Once its budget allows more, execute_queue with its batch_id lets it go; to change the budget, assign the "
         "batch again with another one.";
}

}  // namespace request
}  // namespace cobatch
