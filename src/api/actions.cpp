#include "api/actions.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include <cobatch/core/batch.hpp>
#include <cobatch/core/task.hpp>
#include <cobatch/core/usage.hpp>
#include <cobatch/protocol.hpp>

#include "workspace/checks.hpp"

namespace cobatch {
namespace request {

namespace {

using enum param_type;

// Checks of words.
result<void> is_priority(const json::value& given) {
  return check_word(given, parse_priority(*given.as_string()).has_value(), "high, medium or low");
}
result<void> is_way(const json::value& given) {
  return check_word(given, parse_running_way(*given.as_string()).has_value(), "one_session, fork or separate");
}
result<void> is_error_rule(const json::value& given) {
  return check_word(given, parse_error_rule(*given.as_string()).has_value(), "continue or stop");
}
result<void> is_batch_state(const json::value& given) {
  return check_word(given, parse_batch_state(*given.as_string()).has_value(),
                    "open, sealed, running, ending, finished or held");
}
result<void> is_unknown_rule(const json::value& given) {
  return check_word(given, given == json::value("hold") || given == json::value("allow"), "hold or allow");
}
result<void> is_text_format(const json::value& given) {
  return check_word(given, given == json::value("summary") || given == json::value("detailed"), "summary or detailed");
}
result<void> is_end(const json::value& given) {
  return check_word(given, given == json::value("done") || given == json::value("error"), "done or error");
}

template <std::size_t N, std::size_t M>
constexpr std::array<param_spec, N + M> joined(const std::array<param_spec, N>& a, const std::array<param_spec, M>& b) {
  std::array<param_spec, N + M> all{};
  std::copy(b.begin(), b.end(), std::copy(a.begin(), a.end(), all.begin()));
  return all;
}

constexpr param_spec task_id_param{"task_id", text, true, "The task's id: 1 to 128 bytes, unique in the workspace.",
                                   is_task_id};
constexpr param_spec description_param{"description", text, true, "What is to be done, in full; at most 256 KiB."};
constexpr param_spec priority_param{
    "priority", text, false, "high, medium (default) or low. Orders batches, not the tasks inside one.", is_priority};
constexpr param_spec context_param{"context", any, false,
                                   "Any JSON value that the agent gets with the description; at most 1 MiB."};
constexpr param_spec attempts_param{"max_attempts", integer, false,
                                    "How often the task is started if the agent breaks: 1 to 100, default 2. 1: the "
                                    "task runs at most once.",
                                    is_in<1, most_attempts>};
constexpr param_spec assigned_by_param{"assigned_by", text, false, "Who assigns it; for the record.", is_name};
constexpr param_spec agent_param{"agent", text, false, "Names the agent that is to run the batch.", is_name};
constexpr param_spec needs_param{"needs", texts, false,
                                 "Ids of tasks of the same batch, assigned before this one, that must be done first; "
                                 "at most 100. If one of them ends "
                                 "in error or is cancelled, this one is cancelled, too.",
                                 is_task_id};
constexpr param_spec check_param{"check", texts, false,
                                 "A program and its arguments, run without a shell after the agent says that the task "
                                 "is done: it is done only if the "
                                 "program exits with 0. Only engines that were told that they may will run it."};
constexpr param_spec task_model_param{"model", text, false, "The model for this task. Absent: the batch's.", is_name};
constexpr param_spec tools_param{
    "tools", texts, false,
    "The only tools that the agent may use for this task, of those that the engine allows; "
    "at most 100. Absent: all of these."};
constexpr param_spec time_limit_param{"time_limit_seconds", integer, false,
                                      "How long each attempt at the task may take: 1 to 86400. Absent: as the engine "
                                      "says, 30 minutes by default.",
                                      is_in<1, longest_time_limit.count()>};
constexpr param_spec way_param{
    "way", text, false,
    "How the tasks of the batch get to the agent. one_session (default): one conversation, a task after another. fork: "
    "the preamble is loaded once, and each task goes on from there and sees nothing of the others. separate: each task "
    "in a conversation of its own. It cannot be changed once the batch runs.",
    is_way};
constexpr param_spec on_error_param{
    "on_error", text, false,
    "When a task of the batch ends in error. continue (default): only the tasks that need it are cancelled. stop: all "
    "that are still queued are. It cannot be changed once the batch runs.",
    is_error_rule};
constexpr param_spec preamble_param{
    "preamble", text, false,
    "Context that all tasks of the batch share: it is sent once, before the first task. At most 4 MiB together with "
    "the context_files. It cannot be changed once it is given."};
constexpr param_spec context_files_param{
    "context_files", texts, false,
    "Files whose content follows the preamble, read when the session starts: paths below the agent's folder, without "
    "'..'; at most 100."};

constexpr std::array budget_params{
    param_spec{"usd", number, false, "Dollars, with up to 9 decimals, as the agent reports what it used.", is_amount},
    param_spec{"tokens", integer, false, "Tokens read or written by the model, cache reads included."},
    param_spec{"minutes", number, false, "Minutes that tasks have run, decimals allowed.", is_amount},
    param_spec{
        "unknown", text, false,
        "After a task whose usage nobody reported, with usd or tokens: 'hold' the batch (default), or 'allow' it to "
        "go on; 'allow' alone leaves the caps that stand.",
        is_unknown_rule},
};
constexpr param_spec budget_param{
    "budget",
    object,
    false,
    "What the batch may use. It is looked at before each task, so the task that reaches it is the last one: then the "
    "batch is held. What is absent or 0 has no limit. A later call may give another budget at any time.",
    nullptr,
    budget_params};
constexpr param_spec batch_id_param{"batch_id", text, true, "The batch's id, as batch_YYYYMMDD_HHMMSS.", is_batch_id};

constexpr std::array assign_task_params{
    task_id_param,
    description_param,
    priority_param,
    context_param,
    param_spec{"batch_id", text, false,
               "Tasks with the same batch_id run in one session. Absent: the task gets a batch of its own.",
               is_batch_id},
    param_spec{"auto_execute", boolean, false,
               "false: store the task, the batch stays open for more. true (default): this was the last one, run it."},
    needs_param,
    check_param,
    task_model_param,
    tools_param,
    time_limit_param,
    attempts_param,
    assigned_by_param,
    agent_param,
    way_param,
    on_error_param,
    budget_param,
    preamble_param,
    context_files_param,
};

constexpr std::array batch_task_params{task_id_param,    description_param, priority_param,   context_param,
                                       needs_param,      check_param,       task_model_param, tools_param,
                                       time_limit_param, attempts_param,    assigned_by_param};

// Each task for itself.
constexpr auto listed_task_params = joined(
    batch_task_params,
    std::array{
        param_spec{"batch_id", text, false, "Absent: that of the call.", is_batch_id},
        param_spec{"auto_execute", boolean, false, "false: do not run the task's batch yet. Absent: as the call says."},
    });
constexpr std::array batch_assign_params{
    param_spec{"tasks", objects, true, "The tasks. One that is refused does not keep the others out.", nullptr,
               listed_task_params},
    param_spec{"batch_id", text, false, "Of the tasks that name none. Absent: they share one that is made.",
               is_batch_id},
    param_spec{"auto_execute", boolean, false, "true (default): run the batches when all tasks are stored."},
};

constexpr std::array limit_params{
    param_spec{"limit", integer, false, "How many at most: 1 to 1000, default 50.", is_in<1, 1000>}};
constexpr std::array list_batches_params{
    param_spec{"state", text, false, "Only batches in this state: open, sealed, running, ending, finished or held.",
               is_batch_state},
    param_spec{"after", text, false, "Only batches made after this one: the next_after of the reply before.",
               is_batch_id},
    limit_params[0],
};
constexpr std::array results_params{
    param_spec{"limit", integer, false, "How many at most: 1 to 100, default 10.", is_in<1, 100>},
    param_spec{"batch_id", text, false, "Only those of this batch.", is_batch_id},
};
constexpr auto formatted_results_params =
    joined(std::array{param_spec{"format", text, false,
                                 "summary (default): a line each. detailed: with the beginning of the output.",
                                 is_text_format}},
           results_params);
constexpr std::array update_params{
    task_id_param,
    param_spec{"description", text, false, "The new description, in full."},
    priority_param,
    context_param,
};
constexpr param_spec session_param{"session", text, false,
                                   "For agents that Cobatch started with one prompt for all tasks: COBATCH_SESSION "
                                   "from their environment. Absent: the "
                                   "task is in progress by hand, or the caller does not show whose session it is."};
constexpr std::array mark_params{task_id_param, session_param};
constexpr std::array completion_params{
    task_id_param,
    param_spec{"status", text, true, "done or error.", is_end},
    param_spec{"output", text, false, "What came of it, in full; at most 8 MiB with all other texts."},
    param_spec{"output_summary", text, false, "What came of it, in a line."},
    param_spec{"actions_taken", any, false, "A list of what was done."},
    param_spec{"errors", any, false, "What went wrong: a list or a text."},
    param_spec{"execution_time_seconds", any, false, "Taken and not used: Cobatch measures the time itself."},
    session_param,
};
constexpr std::array telemetry_params{
    task_id_param,
    param_spec{"tokens_input", integer, true, "Tokens that were loaded for the task.", is_in<0, max_reported_tokens>},
    param_spec{"tokens_output", integer, true, "Tokens that were written.", is_in<0, max_reported_tokens>},
    param_spec{"tool", text, false,
               "What they were used with; it stands beside them in the file until the task is logged."},
    param_spec{"action", text, false, "And for what."},
};

constexpr std::array assign_batch_params{
    param_spec{"batch_id", text, false, "The batch's id. Absent: one is made, batch_YYYYMMDD_HHMMSS in UTC.",
               is_batch_id},
    param_spec{"tasks", objects, true, "The tasks, in the order in which they run; 1 to 100,000.", nullptr,
               batch_task_params},
    param_spec{"auto_execute", boolean, false, "true (default): run the batch. false: leave it open for more tasks."},
    agent_param,
    param_spec{"model", text, false, "The model for all tasks that name none. Absent: the agent's own choice.",
               is_name},
    way_param,
    on_error_param,
    budget_param,
    preamble_param,
    context_files_param,
    assigned_by_param,
};

constexpr std::array only_batch_params{batch_id_param};
// Prices come as JSON and never as the name of a file: who may send requests, over HTTP say, must not be able to read
// this machine's files with them, nor to find out which there are. Files are named by whoever runs the program.
constexpr std::array savings_params{
    param_spec{"batch_id", text, false, "Of this batch. Absent: the guide's calculator.", is_batch_id},
    param_spec{
        "prices", object, false,
        "With batch_id: what tokens cost, as in LiteLLM's model_prices_and_context_window.json: a member a model, "
        "with dollars a token (input_cost_per_token, output_cost_per_token, cache_read_input_token_cost, "
        "cache_creation_input_token_cost, …). The reply then says what the batch cost. Absent: the price table "
        "that `cobatch serve` was given with --prices, if it was. The name of a file is not taken."},
};
constexpr std::array only_task_params{task_id_param};

constexpr std::array execute_params{
    param_spec{"batch_id", text, false, "Seal and run only this batch. Absent: every sealed batch.", is_batch_id}};

constexpr std::array batch_status_params{
    batch_id_param,
    param_spec{"limit", integer, false, "How many tasks to list: 0 to 1000, default 100.", is_in<0, 1000>},
    param_spec{"after_position", integer, false, "List only tasks behind this position; for the next page.",
               is_in<0, INT64_MAX>},
};

constexpr std::array wait_params{
    batch_id_param,
    param_spec{"timeout_seconds", integer, false, "How long to wait at most: 0 to 40, default 30.",
               is_in<0, max_wait.count()>},
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
    action{
        "batch_assign_tasks",
        "Assign several tasks, at most 10,000, each for itself: the reply says of each what became of it. Tasks that "
        "name no batch_id share one. assign_batch is the same, all or nothing.",
        batch_assign_params, batch_assign_tasks},
    action{"process_queue", "What is queued. It only looks: nothing is marked, nothing started.", limit_params,
           process_queue},
    action{"list_batches", "All batches, in the order in which they were made, or those in one state.",
           list_batches_params, list_batches},
    action{"retry_batch", "Queue every task of a batch again that failed or was cancelled, and run the batch.",
           only_batch_params, retry_batch},
    action{"get_all_results", "The latest results, by task_id.", results_params, get_all_results},
    action{"get_recent_tasks", "The tasks that ended last, with their figures and no output.", results_params,
           get_recent_tasks},
    action{"get_task_results", "The latest results as text for people.", formatted_results_params, get_task_results},
    action{"update_task", "Change description, priority or context of a task that is queued.", update_params,
           update_task},
    action{"reset_task",
           "Queue a task again that has ended or that is in progress by hand. Its result goes, its cost stays.",
           only_task_params, reset_task},
    action{"delete_task", "Forget a task that is not in progress, and its result; its id is free then. Its cost stays.",
           only_task_params, delete_task},
    action{"delete_task_result", "Forget the result of a task; the task stays as it is.", only_task_params,
           delete_task_result},
    action{
        "mark_task_in_progress",
        "Say that a task is begun: by the agent that got it with its session's token, or by a person. Engines leave a "
        "person's task alone.",
        mark_params, mark_task_in_progress},
    action{"log_task_completion",
           "Say what came of a task that is in progress. The same call again answers the same; what is logged stands.",
           completion_params, log_task_completion},
    action{
        "capture_token_telemetry",
        "Say what a task used, before its completion is logged. Of sessions that Cobatch runs itself it is measured.",
        telemetry_params, capture_token_telemetry},
    action{
        "savings",
        "What a batch really used, what that compares to, and with prices what it cost; without a batch_id the guide's "
        "calculator.",
        savings_params, savings},
    action{"health", "Whether the store answers, and whether an engine is attached.", {}, health},
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

std::span<const action> actions() { return table; }

std::span<const param_spec> listed_task_fields() { return listed_task_params; }

std::span<const param_spec> batch_task_fields() { return batch_task_params; }

const action* find_action(std::string_view name) {
  for (const auto& entry : table)
    if (entry.name == name) return &entry;
  return nullptr;
}

}  // namespace request
}  // namespace cobatch
