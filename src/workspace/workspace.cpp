#include "workspace/workspace.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <cobatch/core/lint.hpp>
#include <cobatch/core/version.hpp>
#include <cobatch/workspace.hpp>

#include "os/presence.hpp"
#include "store/store.hpp"
#include "workspace/checks.hpp"
#include "workspace/layout.hpp"
#include "workspace/lock.hpp"
#include "workspace/workspace_state.hpp"

namespace cobatch {

std::string_view v1::version() noexcept {
  return COBATCH_VERSION_STRING;
}

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

error task_exists(const task_record& there) {
  return {errc::task_exists,
          fmt::format("task_id \"{}\" is taken: batch \"{}\" has a task of that id with other content or in another "
                      "batch ({}). Nothing was stored; use another task_id",
                      there.spec.id.str(), there.batch.str(), name_of(there.state))};
}

error agent_conflict(const batch_record& batch) {
  return {errc::agent_conflict,
          fmt::format("batch \"{}\" runs with {}; nothing was stored. Leave the agent out, or use another batch_id",
                      batch.id.str(), batch.agent.empty() ? "the default agent" : "agent " + batch.agent)};
}

error batch_full(const batch_record& batch) {
  return {errc::too_large, fmt::format("batch \"{}\" would have more than {} tasks; nothing was stored", batch.id.str(),
                                       max_batch_tasks)};
}

// The first thing of a call that its batch cannot take.
std::string_view what_conflicts(const assign_request& wanted, const batch_record& batch, bool running) {
  const auto fits = [&](const batch_settings& one) { return merge_settings(batch.settings, one, running).has_value(); };
  if (!fits({.model = wanted.settings.model})) return "model";
  if (!fits({.way = wanted.settings.way})) return "way";
  if (!fits({.on_error = wanted.settings.on_error})) return "on_error";
  return "preamble";
}

error batch_conflict(const assign_request& wanted, const batch_record& batch) {
  const bool running = is_worked(batch.state);
  const std::string_view what = what_conflicts(wanted, batch, running);
  return {
      errc::batch_conflict,
      fmt::format("batch \"{}\" {}, so this call cannot give it another {}; nothing was stored. Leave the {} out, or "
                  "use another batch_id",
                  batch.id.str(), running ? "runs already" : "was given its own before", what, what)};
}

error need_unknown(const task_id& need) {
  return {errc::need_unknown,
          fmt::format("\"{}\" is needed, but no task of that id stands in the same batch before the one that needs it. "
                      "Nothing was stored; assign it first, or earlier in the same call",
                      need.str())};
}

error refused_assign(const assign_request& wanted, const assign_outcome& outcome) {
  switch (outcome.what) {
    case assign_outcome::kind::agent_conflict:
      return agent_conflict(outcome.batch);
    case assign_outcome::kind::batch_full:
      return batch_full(outcome.batch);
    case assign_outcome::kind::batch_conflict:
      return batch_conflict(wanted, outcome.batch);
    case assign_outcome::kind::need_unknown:
      return need_unknown(outcome.unknown_need);
    case assign_outcome::kind::stored:
    case assign_outcome::kind::duplicate:
    case assign_outcome::kind::task_exists:
      break;
  }
  return task_exists(*outcome.conflict);
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

}  // namespace

workspace::workspace(std::unique_ptr<state> s) : state_(std::move(s)) {}
workspace::workspace(workspace&&) noexcept = default;
workspace& workspace::operator=(workspace&&) noexcept = default;
workspace::~workspace() = default;

result<workspace> workspace::open(const workspace_options& options) {
  auto where = lay_out(options);
  if (!where) return fail(where.error());
  if (auto saved = save_views_of_lost_store(where->paths, options.clock()); !saved) return fail(saved.error());
  auto storage = open_sqlite_store({where->paths.state.string(), options.clock});
  if (!storage) return fail(storage.error());
  const auto store_identity = identity_of(where->paths.state / "store.db");
  if (!store_identity) return fail(store_identity.error());
  where->store_identity = *store_identity;
  auto s = std::make_unique<state>();
  s->options = options;
  s->where = std::move(*where);
  s->storage = std::move(*storage);
  s->views = std::make_unique<view_writer>(*s->storage, s->where.paths.data, s->where.paths.state, s->options.clock);
  return workspace(std::move(s));
}

result<assign_reply> workspace::assign(const assign_request& request) {
  auto checked = check_assign(request);
  if (!checked) return fail(checked.error());
  auto outcome = state_->storage->assign(*checked);
  if (!outcome) return fail(outcome.error());
  if (outcome->refused()) return fail(refused_assign(*checked, *outcome));

  assign_reply reply;
  reply.warnings = findings_on(facts_of(*checked, *outcome), *state_->storage, state_->options.max_tasks_per_session);
  for (auto& w : unserved({&outcome->batch, 1}, paths().state)) reply.warnings.push_back(std::move(w));
  if (auto lost = told_of_lost_store(state_->options, paths())) reply.warnings.push_back(std::move(*lost));
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
  if (auto lost = told_of_lost_store(state_->options, paths())) reply.warnings.push_back(std::move(*lost));
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

result<task_status> workspace::task(const task_id& task) {
  auto record = state_->storage->find_task(task);
  if (!record) return fail(record.error());
  if (!*record) return fail(not_found(task));
  auto outcome = state_->storage->find_result(task);
  if (!outcome) return fail(outcome.error());
  return task_status{std::move(**record), std::move(*outcome)};
}

result<batch_status> workspace::batch(const batch_id& batch) {
  auto record = batch_there(*state_->storage, batch);
  if (!record) return fail(record.error());
  batch_status status;
  status.batch = std::move(*record);
  status.warnings = unserved({&status.batch, 1}, paths().state);
  if (auto open = lint_left_open(status.batch, now())) status.warnings.push_back(std::move(*open));
  if (is_worked(status.batch.state)) {
    auto seen = look_at_lock(paths(), *state_->storage);
    if (!seen) return fail(seen.error());
    status.cut_off = is_cut_off(*seen);
    if (!status.cut_off && seen->live && seen->live->batch == batch) status.session = std::move(seen->live);
  }
  return status;
}

result<std::vector<task_record>> workspace::tasks(const task_filter& filter) {
  return state_->storage->list_tasks(filter);
}

result<std::vector<batch_record>> workspace::batches(const batch_filter& filter) {
  return state_->storage->list_batches(filter);
}

result<std::vector<session_record>> workspace::sessions(const session_filter& filter) {
  return state_->storage->list_sessions(filter);
}

result<std::vector<result_record>> workspace::results(const result_filter& filter) {
  return state_->storage->list_results(filter);
}

result<std::vector<turn_record>> workspace::turns(const turn_filter& filter) {
  return state_->storage->list_turns(filter);
}

result<workspace_status> workspace::status() {
  auto all = state_->storage->read_overview();
  if (!all) return fail(all.error());
  auto lock_now = lock();
  if (!lock_now) return fail(lock_now.error());
  const auto engines = live_engines(paths().state);
  if (!engines) return fail(engines.error());

  workspace_status status;
  status.all = std::move(*all);
  status.lock = std::move(*lock_now);
  for (const auto& engine : *engines)
    status.engines.push_back(fmt::format("pid {}: {}", engine.pid, fmt::join(engine.agents, ", ")));
  status.warnings = unserved(status.all.unfinished, *engines);
  for (const auto& batch : status.all.unfinished)
    if (auto open = lint_left_open(batch, now())) status.warnings.push_back(std::move(*open));
  if (auto lost = told_of_lost_store(state_->options, paths())) status.warnings.push_back(std::move(*lost));
  return status;
}

result<wait_reply> workspace::wait(const batch_id& batch, std::chrono::steady_clock::time_point deadline,
                                   std::stop_token stop) {
  std::int64_t seen = state_->storage->version();
  auto first = batch_there(*state_->storage, batch);
  if (!first) return fail(first.error());
  const std::int64_t round = first->round;
  wait_reply reply;
  for (std::optional<batch_record> current = std::move(*first);;) {
    reply.ended = has_ended(current, round);
    if (reply.ended || stop.stop_requested() || std::chrono::steady_clock::now() >= deadline) break;
    seen = state_->storage->wait_for_change(seen, deadline, stop);
    auto found = state_->storage->find_batch(batch);
    if (!found) return fail(found.error());
    current = std::move(*found);
  }
  // Who waited looks at the files next.
  static_cast<void>(refresh_views_soon());
  auto now_is = this->batch(batch);
  if (!now_is) return fail(now_is.error());
  reply.now = std::move(*now_is);
  return reply;
}

std::vector<warning> workspace::refresh_views() {
  return state_->views->refresh_now();
}

std::vector<warning> workspace::refresh_views_soon() {
  return state_->views->refresh_soon();
}

const workspace_paths& workspace::paths() const noexcept {
  return state_->where.paths;
}
store& workspace::storage() noexcept {
  return *state_->storage;
}
timestamp workspace::now() const {
  return state_->options.clock();
}
result<void> workspace::check_in_place() const {
  return cobatch::check_in_place(state_->where);
}

}  // namespace cobatch
