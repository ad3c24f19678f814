// What people and agents do to tasks and batches: the calls, each checked once, and why one is refused.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <cobatch/core/lint.hpp>
#include <cobatch/workspace.hpp>

#include "workspace/checks.hpp"
#include "workspace/lock.hpp"
#include "workspace/workspace.hpp"

namespace cobatch {

namespace {

// Why a batch that is there has nothing to run, and what would change that.
error empty(const batch_record& batch) {
  const std::int64_t all = batch.tally.total(), by_hand = batch.tally[task_state::in_progress];
  const auto because = [&](std::string why) {
    return error{errc::empty_batch, fmt::format("batch \"{}\" has nothing to run, and nothing was changed: {}",
                                                batch.id.str(), std::move(why))};
  };
  if (all == 0) return because("it has no task. Assign one first");
  if (by_hand > 0)
    return because(
        fmt::format("{} in progress by hand. log_task_completion says what came of it, reset_task queues it "
                    "again",
                    by_hand == 1 ? "a task is" : fmt::format("{} tasks are", by_hand)));
  return because(
      fmt::format("{} ended ({} done, {} in error, {} cancelled). retry_batch queues again what failed or was "
                  "cancelled, reset_task any one; or assign a new task",
                  all == 1 ? "its task has" : fmt::format("all of its {} tasks have", all),
                  batch.tally[task_state::done], batch.tally[task_state::error], batch.tally[task_state::cancelled]));
}

// The first thing of a call that its batch cannot take.
std::string_view what_conflicts(const assign_request& wanted, const batch_record& batch) {
  const auto fits = [&](const batch_settings& one) {
    return merge_settings(batch.settings, one, is_worked(batch.state)).has_value();
  };
  if (!fits({.model = wanted.settings.model})) return "model";
  if (!fits({.way = wanted.settings.way})) return "way";
  if (!fits({.on_error = wanted.settings.on_error})) return "on_error";
  return "preamble";
}

error refused_assign(const assign_request& wanted, const assign_outcome& outcome) {
  using kind = assign_outcome::kind;
  const batch_record& batch = outcome.batch;
  const std::string& id = batch.id.str();
  if (outcome.what == kind::agent_conflict)
    return {errc::agent_conflict,
            fmt::format("batch \"{}\" runs with {}; nothing was stored. Leave the agent out, or use another batch_id",
                        id, batch.agent.empty() ? "the default agent" : "agent " + batch.agent)};
  if (outcome.what == kind::batch_full)
    return {errc::too_large,
            fmt::format("batch \"{}\" would have more than {} tasks; nothing was stored", id, max_batch_tasks)};
  if (outcome.what == kind::batch_conflict)
    return {
        errc::batch_conflict,
        fmt::format("batch \"{}\" {}, so this call cannot give it another {}; nothing was stored. Leave the {} out, "
                    "or use another batch_id",
                    id, is_worked(batch.state) ? "runs already" : "was given its own before",
                    what_conflicts(wanted, batch), what_conflicts(wanted, batch))};
  if (outcome.what == kind::need_unknown)
    return {errc::need_unknown,
            fmt::format("\"{}\" is needed, but no task of that id stands in the same batch before the one that needs "
                        "it. Nothing was stored; assign it first, or earlier in the same call",
                        outcome.unknown_need.str())};
  const task_record& there = *outcome.conflict;
  return {errc::task_exists,
          fmt::format("task_id \"{}\" is taken: batch \"{}\" has a task of that id with other content or in another "
                      "batch ({}). Nothing was stored; use another task_id",
                      there.spec.id.str(), there.batch.str(), name_of(there.state))};
}

assign_facts facts_of(const assign_request& request, const assign_outcome& outcome) {
  assign_facts facts;
  facts.batch = outcome.batch.id;
  facts.explicit_id = request.batch.has_value();
  facts.whole_batch = request.whole_batch;
  facts.sealed_now = outcome.sealed_now;
  facts.next_round = outcome.next_round;
  facts.new_tasks =
      std::count_if(outcome.tasks.begin(), outcome.tasks.end(), [](const assigned_task& t) { return !t.duplicate; });
  facts.tasks_in_batch = outcome.batch.tally.total();
  facts.tasks_to_run = live_tasks(outcome.batch);
  facts.made_at = outcome.batch.created_at;
  return facts;
}

// What an assign that is stored gives rise to. Where other batches cannot be read there is nothing to say of them.
std::vector<warning> findings_on(const assign_facts& facts, store& storage, std::int64_t max_tasks_per_session) {
  constexpr std::size_t looked_at = 8;
  std::vector<batch_record> made_last;
  if (matters_with_others(facts))
    made_last = storage.list_batches({.limit = looked_at, .newest_first = true}).value_or(made_last);
  return lint_assign(facts, made_last, max_tasks_per_session);
}

// Why a task in this state cannot be had. `kept` says what was not done, and what to do if that is known.
error refused(errc code, const task_id& id, const task_record& task, const task_id& need, std::string_view kept) {
  switch (code) {
    case errc::task_not_found: return not_found(id);
    case errc::task_ended:
      return {code, fmt::format("task \"{}\" has already ended ({}); {}", id.str(), name_of(task.state), kept)};
    case errc::task_in_progress:
      if (task.state != task_state::in_progress)
        return {code, fmt::format("a turn of task \"{}\" still runs; {}. Try again when it has ended", id.str(), kept)};
      return {code, fmt::format("task \"{}\" is in progress {}; {}. Cancel it first, or wait for its end", id.str(),
                                task.owner == task_owner::manual ? "by hand" : "in a session", kept)};
    case errc::task_queued:
      return {code, fmt::format("task \"{}\" is queued, and this session begins no further one; {}. It is given to the "
                                "next session",
                                id.str(), kept)};
    case errc::batch_conflict:
      return {code, fmt::format("task \"{}\" is queued in batch \"{}\", which is not the one of this session; {}",
                                id.str(), task.batch.str(), kept)};
    case errc::need_unknown:
      return {code, fmt::format("task \"{}\" needs \"{}\", which is not done; {}. See to that one first", id.str(),
                                need.str(), kept)};
    default: return {code, fmt::format("task \"{}\" cannot be had now; {}", id.str(), kept)};
  }
}

result<task_outcome> answer(const task_id& task, result<task_outcome> outcome) {
  if (!outcome) return outcome;
  if (outcome->what == task_outcome::kind::not_found) return fail(not_found(task));
  if (outcome->what == task_outcome::kind::refused)
    return fail(refused(outcome->code, task, outcome->task, outcome->need, "nothing was changed"));
  return outcome;
}

error stale(const task_id& task) {
  return {errc::stale_session,
          fmt::format("the session of this token has ended, or there was none; nothing of task \"{}\" was stored. "
                      "Whatever is not done is given to the next session",
                      task.str())};
}

error busy(const task_record& other) {
  const std::string what = other.spec.id.empty() ? "the batch's preamble" : "task \"" + other.spec.id.str() + "\"";
  return {errc::task_in_progress,
          fmt::format("{} is in progress in this session; nothing was changed. Complete it first", what)};
}

error busy_without_token(const task_id& task, const task_record& other) {
  return {
      errc::task_in_progress,
      fmt::format("a session works batch \"{}\" now, and has task \"{}\" in progress; nothing was changed. Its agent "
                  "completes that one first; to do task \"{}\" by hand, wait until the session has ended",
                  other.batch.str(), other.spec.id.str(), task.str())};
}

error not_begun(const task_id& task) {
  return {
      errc::task_queued,
      fmt::format("task \"{}\" is queued and nobody has begun it; its completion was not stored. Call "
                  "mark_task_in_progress first, then log it again; an agent of a session gives its token (`session`, "
                  "from COBATCH_SESSION) with both calls",
                  task.str())};
}

error completed_otherwise(const task_record& task) {
  return {errc::already_completed,
          fmt::format("task \"{}\" was completed before ({}), with another result; that one was kept, this one was not "
                      "stored",
                      task.spec.id.str(), name_of(task.state))};
}

}  // namespace

result<assign_reply> workspace::assign(const assign_request& request) {
  auto checked = check_assign(request);
  if (!checked) return fail(checked.error());
  auto outcome = state_->storage->assign(*checked);
  if (!outcome) return fail(outcome.error());
  if (outcome->refused()) return fail(refused_assign(*checked, *outcome));

  assign_reply reply;
  reply.warnings = findings_on(facts_of(*checked, *outcome), *state_->storage, state_->options.max_tasks_per_session);
  for (auto& w : unserved({&outcome->batch, 1}, paths().state)) reply.warnings.push_back(std::move(w));
  if (auto lost = lost_store_warning(state_->options, paths())) reply.warnings.push_back(std::move(*lost));
  reply.outcome = std::move(*outcome);
  return reply;
}

result<std::vector<result<assign_outcome>>> workspace::assign_each(const std::vector<assign_request>& requests) {
  std::vector<result<assign_outcome>> out;
  std::vector<assign_request> checked;
  for (const auto& request : requests) {
    auto one = check_assign(request);
    out.push_back(one ? result<assign_outcome>() : fail(std::move(one.error())));
    if (one) checked.push_back(std::move(*one));
  }
  if (checked.empty()) return out;
  auto outcomes = state_->storage->assign_each(checked);
  if (!outcomes) return fail(outcomes.error());
  std::size_t next = 0;
  for (auto& one : out) {
    if (!one) continue;
    assign_outcome& outcome = (*outcomes)[next];
    if (outcome.refused())
      one = fail(refused_assign(checked[next], outcome));
    else
      one = std::move(outcome);
    ++next;
  }
  return out;
}

result<seal_reply> workspace::seal(const batch_id& batch) {
  auto outcome = state_->storage->seal(batch);
  if (!outcome) return fail(outcome.error());
  if (outcome->what == seal_outcome::kind::not_found) return fail(not_found(batch));
  if (outcome->what == seal_outcome::kind::empty_batch) return fail(empty(outcome->batch));
  seal_reply reply;
  reply.sealed_now = outcome->what == seal_outcome::kind::sealed;
  reply.warnings = unserved({&outcome->batch, 1}, paths().state);
  reply.batch = std::move(outcome->batch);
  return reply;
}

result<execute_reply> workspace::execute_queue(const std::optional<batch_id>& batch) {
  const auto seen = look_at_lock(paths(), *state_->storage);
  if (!seen) return fail(seen.error());
  execute_reply reply;
  if (on_execute(seen->facts) == execute_answer::already_running_elsewhere) {
    if (batch)
      if (auto named = batch_there(*state_->storage, *batch); !named) return fail(named.error());
    reply.outcome.what = execute_outcome::kind::already_running;
    reply.warnings.push_back({"foreign_marker", advice_on(*seen, paths())});
    return reply;
  }
  execute_request request;
  request.batch = batch;
  if (seen->facts.guard == guard_state::busy && seen->live) request.held = seen->live->id;
  auto outcome = state_->storage->execute(request);
  if (!outcome) return fail(outcome.error());
  if (outcome->what == execute_outcome::kind::not_found) return fail(not_found(*batch));
  if (outcome->what == execute_outcome::kind::empty_batch) return fail(empty(outcome->named));
  reply.warnings = unserved(outcome->runnable, paths().state);
  if (auto lost = lost_store_warning(state_->options, paths())) reply.warnings.push_back(std::move(*lost));
  reply.outcome = std::move(*outcome);
  return reply;
}

result<std::vector<warning>> workspace::prepare_to_run(const std::optional<batch_id>& batch) {
  if (batch) {
    const auto sealed = seal(*batch);
    if (!sealed) return fail(sealed.error());
  }
  auto done = execute_queue(batch);
  if (done) return std::move(done->warnings);
  if (done.error().code == errc::empty_batch) return std::vector<warning>();
  return fail(done.error());
}

result<task_outcome> workspace::cancel(const task_id& task) { return answer(task, state_->storage->cancel(task)); }

result<task_outcome> workspace::update(const task_id& task, task_changes changes) {
  auto checked = check_changes(task, std::move(changes));
  if (!checked) return fail(checked.error());
  return answer(task, state_->storage->update(task, *checked));
}

result<task_outcome> workspace::reset(const task_id& task) { return answer(task, state_->storage->reset(task)); }

result<task_outcome> workspace::remove(const task_id& task) { return answer(task, state_->storage->remove(task)); }

result<task_outcome> workspace::remove_result(const task_id& task) {
  auto outcome = state_->storage->remove_result(task);
  const bool there = outcome && !outcome->task.spec.id.empty();
  if (there && outcome->what == task_outcome::kind::not_found)
    return fail(errc::task_not_found, fmt::format("task \"{}\" ({}) has no result; nothing was changed", task.str(),
                                                  name_of(outcome->before)));
  return answer(task, std::move(outcome));
}

result<task_outcome> workspace::mark_manually(const task_id& task) {
  auto outcome = state_->storage->mark_manually(task);
  const bool busy = outcome && outcome->what == task_outcome::kind::refused && outcome->code == errc::task_in_progress;
  if (busy && outcome->task.spec.id != task) return fail(busy_without_token(task, outcome->task));
  return answer(task, std::move(outcome));
}

result<retry_outcome> workspace::retry(const batch_id& batch) {
  auto outcome = state_->storage->retry(batch);
  if (outcome && outcome->what == retry_outcome::kind::not_found) return fail(not_found(batch));
  return outcome;
}

result<begin_called_outcome> workspace::begin_called(const session_token& token, const task_id& task) {
  using kind = begin_called_outcome::kind;
  auto outcome = state_->storage->begin_called(token, task);
  if (!outcome) return outcome;
  switch (outcome->what) {
    case kind::begun:
    case kind::repeated: return outcome;
    case kind::busy: return fail(busy(outcome->task));
    case kind::stale: return fail(stale(task));
    case kind::refused: break;
  }
  return fail(refused(outcome->code, task, outcome->task, outcome->need, "it was not begun"));
}

result<complete_called_outcome> workspace::complete_called(complete_called_request request) {
  using kind = complete_called_outcome::kind;
  auto checked = check_completion(std::move(request.what));
  if (!checked) return fail(checked.error());
  request.what = std::move(*checked);
  auto outcome = state_->storage->complete_called(request);
  if (!outcome) return outcome;
  switch (outcome->what) {
    case kind::settled:
    case kind::repeated: return outcome;
    case kind::already_completed: return fail(completed_otherwise(outcome->task));
    case kind::busy: return fail(busy(outcome->task));
    case kind::stale: return fail(stale(request.task));
    case kind::refused: break;
  }
  if (outcome->code == errc::task_queued && !request.token) return fail(not_begun(request.task));
  return fail(refused(outcome->code, request.task, outcome->task, outcome->need, "its completion was not stored"));
}

result<std::vector<adopt_outcome>> workspace::adopt(std::vector<adopted_task> tasks) {
  for (auto& task : tasks) {
    auto checked = check_adopted(std::move(task));
    if (!checked) return fail(checked.error());
    task = std::move(*checked);
  }
  return state_->storage->adopt(tasks);
}

}  // namespace cobatch
