#include "request/actions.hpp"

#include <array>

namespace cobatch {
inline namespace v1 {
namespace request {

namespace {

using enum param_type;

constexpr param_spec task_id_param{"task_id", text, true, "The task's id: 1 to 128 bytes, unique in the workspace."};
constexpr param_spec description_param{"description", text, true, "What is to be done, in full; at most 256 KiB."};
constexpr param_spec priority_param{"priority", text, false,
                                    "high, medium (default) or low. Orders batches, not the tasks inside one."};
constexpr param_spec context_param{"context", any, false,
                                   "Any JSON value that the agent gets with the description; at most 1 MiB."};
constexpr param_spec attempts_param{"max_attempts", integer, false,
                                    "How often the task is started if the agent breaks: 1 to 100, default 2. 1: the "
                                    "task runs at most once."};
constexpr param_spec assigned_by_param{"assigned_by", text, false, "Who assigns it; for the record."};
constexpr param_spec agent_param{"agent", text, false, "Names the agent that is to run the batch."};
constexpr param_spec batch_id_param{"batch_id", text, true, "The batch's id, as batch_YYYYMMDD_HHMMSS."};

constexpr std::array assign_task_params{
    task_id_param,
    description_param,
    priority_param,
    context_param,
    param_spec{"batch_id", text, false,
               "Tasks with the same batch_id run in one session. Absent: the task gets a batch of its own."},
    param_spec{"auto_execute", boolean, false,
               "false: store the task, the batch stays open for more. true (default): this was the last one, run it."},
    agent_param,
    attempts_param,
    assigned_by_param,
};

constexpr std::array batch_task_params{task_id_param, description_param, priority_param,
                                       context_param, attempts_param,    assigned_by_param};

constexpr std::array assign_batch_params{
    param_spec{"batch_id", text, false, "The batch's id. Absent: one is made, batch_YYYYMMDD_HHMMSS in UTC."},
    param_spec{"tasks", objects, true, "The tasks, in the order in which they run; 1 to 100,000.", batch_task_params},
    param_spec{"auto_execute", boolean, false, "true (default): run the batch. false: leave it open for more tasks."},
    agent_param,
    assigned_by_param,
};

constexpr std::array only_batch_params{batch_id_param};
constexpr std::array only_task_params{task_id_param};

constexpr std::array execute_params{
    param_spec{"batch_id", text, false, "Seal and run only this batch. Absent: every sealed batch."}};

constexpr std::array batch_status_params{
    batch_id_param,
    param_spec{"limit", integer, false, "How many tasks to list: 0 to 1000, default 100."},
    param_spec{"after_position", integer, false, "List only tasks behind this position; for the next page."},
};

constexpr std::array wait_params{
    batch_id_param,
    param_spec{"timeout_seconds", integer, false, "How long to wait at most: 0 to 40, default 30."},
};

constexpr std::array unlock_params{
    param_spec{"force", boolean, false, "true: a session that is running is asked to end; its tasks stay queued."}};

constexpr std::array table{
    action{
        "assign_task",
        "Assign one task to a batch. Give the tasks of a batch the same batch_id, and auto_execute false for all but "
        "the last. Answers at once; repeating the call is safe.",
        assign_task_params, assign_task},
    action{"assign_batch",
           "Assign a whole batch in one call, all or nothing. The tasks run in order in one agent session. Answers at "
           "once; repeating the call is safe.",
           assign_batch_params, assign_batch},
    action{"seal_batch", "Say that an open batch is complete, so that it runs.", only_batch_params, seal_batch},
    action{"execute_queue",
           "Run every sealed batch, or seal and run the one named. Answers task_started, already_running (a session "
           "runs; nothing changes) or success with task_count 0.",
           execute_params, execute_queue},
    action{"batch_status", "How a batch stands: its state, how many tasks are in each state, its session, its tasks.",
           batch_status_params, batch_status_of},
    action{"wait_batch",
           "Wait until the current round of a batch has ended, at most 40 seconds. With ended false, call it again.",
           wait_params, wait_batch},
    action{"check_task_status", "How a task stands; with its output once it has ended.", only_task_params,
           check_task_status},
    action{"get_task_result", "The result of a task that has ended: output, errors, tokens.", only_task_params,
           get_task_result},
    action{"cancel_task", "Cancel a task that is queued or in progress; a running turn is ended.", only_task_params,
           cancel_task},
    action{"lock_status",
           "Whether a session runs, what data/execute_queue.lock is, and what to do about it.",
           {},
           lock_status},
    action{"unlock",
           "Remove a lock file that nobody stands behind. With force, ask a running session to end. Never lets two "
           "sessions run at once.",
           unlock_params, unlock},
};

constexpr bool descriptions_fit_gpt_actions() {
  for (const auto& entry : table) {
    if (entry.description.size() > 300) return false;
    for (const auto& param : entry.params)
      if (param.description.size() > 700) return false;
  }
  return true;
}
static_assert(descriptions_fit_gpt_actions());

}  // namespace

std::span<const action> actions() {
  return table;
}

std::span<const param_spec> batch_task_fields() {
  return batch_task_params;
}

const action* find_action(std::string_view name) {
  for (const auto& entry : table)
    if (entry.name == name) return &entry;
  return nullptr;
}

}  // namespace request
}  // namespace v1
}  // namespace cobatch
