#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include <fmt/format.h>

#include <cobatch/agent.hpp>
#include <cobatch/store.hpp>

#include "workspace/workspace.hpp"

namespace cobatch {

namespace {

served_agents agents_of(const live_engine& engine) {
  return {engine.agents, engine.agents.empty() ? std::string{} : engine.agents.front()};
}

bool waits_to_run(const batch_record& batch) {
  return batch.state == batch_state::sealed && batch.tally[task_state::queued] > 0;
}

std::string how_to_serve(const batch_record& batch) {
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
    found.push_back({"no_engine", how_to_serve(batch)});
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
