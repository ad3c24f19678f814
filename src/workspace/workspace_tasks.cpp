// What people and agents do to single tasks of a workspace.
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <cobatch/workspace.hpp>

#include "base/json.hpp"
#include "workspace/checks.hpp"
#include "workspace/workspace.hpp"
#include "workspace/workspace_state.hpp"

namespace cobatch {

namespace {

// Why a task in this state cannot be had. `kept` says what was not done, and what to do if that is known.
error refused(errc code, const task_id& id, const task_record& task, const task_id& need, std::string_view kept) {
  switch (code) {
    case errc::task_not_found:
      return not_found(id);
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
    default:
      return {code, fmt::format("task \"{}\" cannot be had now; {}", id.str(), kept)};
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

result<void> check_extra(const task_id& task, std::string& extra) {
  if (extra.empty()) return {};
  const auto parsed = json::parse(extra);
  if (!parsed || parsed->as_object() == nullptr)
    return fail(errc::bad_json, fmt::format("the further members of task \"{}\" are not a JSON object. Nothing was "
                                            "stored",
                                            task.str()));
  extra = json::write(*parsed);
  return {};
}

result<adopted_task> check_adopted(adopted_task given) {
  const task_id id = given.task.spec.id;
  auto spec = check_task(std::move(given.task.spec), given.task.state);
  if (!spec) return fail(spec.error());
  given.task.spec = std::move(*spec);
  if (const auto batch = batch_id::parse(given.task.batch.str()); !batch)
    return fail(batch.error().code,
                fmt::format("task \"{}\": {}. Nothing was stored", id.str(), batch.error().message));
  if (auto ok = check_extra(id, given.task.extra); !ok) return fail(ok.error());
  if (!given.result) return given;
  if (auto ok = check_extra(id, given.result->extra); !ok) return fail(ok.error());
  auto what = check_completion(std::move(given.result->what));
  if (!what) return fail(what.error().code, fmt::format("task \"{}\": {}", id.str(), what.error().message));
  given.result->what = std::move(*what);
  return given;
}

}  // namespace

result<task_outcome> workspace::cancel(const task_id& task) {
  return answer(task, state_->storage->cancel(task));
}

result<task_outcome> workspace::update(const task_id& task, task_changes changes) {
  auto checked = check_changes(task, std::move(changes));
  if (!checked) return fail(checked.error());
  return answer(task, state_->storage->update(task, *checked));
}

result<task_outcome> workspace::reset(const task_id& task) {
  return answer(task, state_->storage->reset(task));
}

result<task_outcome> workspace::remove(const task_id& task) {
  return answer(task, state_->storage->remove(task));
}

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
    case kind::repeated:
      return outcome;
    case kind::busy:
      return fail(busy(outcome->task));
    case kind::stale:
      return fail(stale(task));
    case kind::refused:
      break;
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
    case kind::repeated:
      return outcome;
    case kind::already_completed:
      return fail(completed_otherwise(outcome->task));
    case kind::busy:
      return fail(busy(outcome->task));
    case kind::stale:
      return fail(stale(request.task));
    case kind::refused:
      break;
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
