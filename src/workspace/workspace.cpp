// Opening a workspace; what it can be asked; and what is said of batches that wait.
#include "workspace/workspace.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include <fmt/format.h>

#include <cobatch/agent.hpp>
#include <cobatch/core/lint.hpp>
#include <cobatch/core/version.hpp>

#include "workspace/lock.hpp"

namespace cobatch {

std::string_view v1::version() noexcept { return COBATCH_VERSION_STRING; }

workspace::workspace(std::unique_ptr<state> s) : state_(std::move(s)) {}
workspace::workspace(workspace&&) noexcept = default;
workspace& workspace::operator=(workspace&&) noexcept = default;
workspace::~workspace() = default;

result<workspace> workspace::open(const workspace_options& options) {
  auto where = lay_out(options);
  if (!where) return fail(where.error());
  if (auto saved = save_views_of_lost_store(where->paths, options.clock()); !saved) return fail(saved.error());
  auto storage = store::open({where->paths.state.string(), options.clock});
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
  if (auto lost = lost_store_warning(state_->options, paths())) status.warnings.push_back(std::move(*lost));
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

std::vector<warning> workspace::refresh_views() { return state_->views->refresh_now(); }

std::vector<warning> workspace::refresh_views_soon() { return state_->views->refresh_soon(); }

const workspace_paths& workspace::paths() const noexcept { return state_->where.paths; }
store& workspace::storage() noexcept { return *state_->storage; }
timestamp workspace::now() const { return state_->options.clock(); }
result<void> workspace::check_in_place() const { return cobatch::check_in_place(state_->where); }

namespace {

served_agents agents_of(const live_engine& engine) {
  return {engine.agents, engine.agents.empty() ? std::string{} : engine.agents.front()};
}

bool waits_to_run(const batch_record& batch) {
  return batch.state == batch_state::sealed && batch.tally[task_state::queued] > 0;
}

std::string advice_to_serve(const batch_record& batch) {
  const std::string waits = fmt::format("Batch \"{}\" is stored and waits", batch.id.str());
  if (batch.agent.empty())
    return waits + ": no engine that serves it is running here. Start one with: cobatch engine (or cobatch serve)";
  if (is_built_in_agent(batch.agent))
    return fmt::format(
        "{0}: no engine that serves agent {1} is running here. Start one with: cobatch engine --agent {1} (or cobatch "
        "serve --agent {1})",
        waits, batch.agent);
  return fmt::format("{} for agent \"{}\", which belongs to a program of yours: it runs when that program does", waits,
                     batch.agent);
}

}  // namespace

std::vector<warning> unserved(std::span<const batch_record> batches, const std::vector<live_engine>& engines) {
  std::vector<warning> found;
  for (const auto& batch : batches) {
    if (!waits_to_run(batch)) continue;
    const bool served = std::any_of(engines.begin(), engines.end(),
                                    [&](const live_engine& e) { return agents_of(e).serves(batch.agent); });
    if (served) continue;
    found.push_back({"no_engine", advice_to_serve(batch)});
    if (found.size() == 10) break;
  }
  return found;
}

// The engines are looked up only if a batch waits: most assigns are to an open one.
std::vector<warning> unserved(std::span<const batch_record> batches, const std::filesystem::path& state) {
  if (std::none_of(batches.begin(), batches.end(), waits_to_run)) return {};
  const auto engines = live_engines(state);
  return unserved(batches, engines ? *engines : std::vector<live_engine>{});
}

error not_found(const task_id& task) {
  return {errc::task_not_found, fmt::format("there is no task \"{}\" here. Check the id and the project folder; "
                                            "batch_status names the tasks of a batch, list_batches the batches",
                                            task.str())};
}

error not_found(const batch_id& batch) {
  return {errc::batch_not_found, fmt::format("there is no batch \"{}\" here. Check the id and the project folder; "
                                             "list_batches names the batches that are here",
                                             batch.str())};
}

result<batch_record> batch_there(store& storage, const batch_id& batch) {
  auto found = storage.find_batch(batch);
  if (!found) return fail(found.error());
  if (!*found) return fail(not_found(batch));
  return std::move(**found);
}

result<std::vector<turn_record>> all_turns(store& storage, turn_filter filter) {
  std::vector<turn_record> all;
  for (;;) {
    auto page = storage.list_turns(filter);
    if (!page) return fail(page.error());
    const bool last = page->size() < filter.limit;
    all.insert(all.end(), std::make_move_iterator(page->begin()), std::make_move_iterator(page->end()));
    if (last) return all;
    filter.after_session = all.back().session;
    filter.after_turn = all.back().turn;
  }
}

}  // namespace cobatch
