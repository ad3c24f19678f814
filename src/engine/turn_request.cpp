#include "engine/turn_request.hpp"

#include <utility>

#include "store/store.hpp"

namespace cobatch {

namespace {

// The results of what the task needs, as far as the conversation does not hold them.
std::vector<result_record> needed_results(store& storage, const task_spec& task, const conversation& talk) {
  std::vector<result_record> found;
  for (const auto& need : task.needs) {
    if (talk.holds(need)) continue;
    if (auto result = storage.find_result(need); result && *result) found.push_back(std::move(**result));
  }
  return found;
}

}  // namespace

turn_request make_turn_request(store& storage, const begin_outcome& begun, const conversation& talk,
                               std::string shared) {
  const task_record& task = begun.task;
  prompt_parts parts;
  parts.task = &task;
  parts.attempt = begun.turn.attempt;
  parts.previous = begun.previous ? &*begun.previous : nullptr;
  parts.goes_on = talk.goes_on_with(task.spec.id) && begun.turn.process_turn > 1;
  parts.shared = std::move(shared);
  parts.needed = needed_results(storage, task.spec, talk);
  if (const auto batch = storage.find_batch(task.batch); batch && *batch) parts.batch_total = (*batch)->tally.total();
  turn_request request;
  request.session = begun.turn.session;
  request.turn = begun.turn.turn;
  request.task = task.spec.id;
  request.batch = task.batch;
  request.position = task.position;
  request.description = task.spec.description;
  request.context = task.spec.context;
  request.attempt = begun.turn.attempt;
  request.prompt = make_prompt(parts);
  return request;
}

turn_request make_preamble_request(const begin_outcome& begun, std::string_view shared) {
  turn_request request;
  request.session = begun.turn.session;
  request.turn = begun.turn.turn;
  request.batch = begun.turn.batch;
  request.prompt = make_preamble_prompt(begun.turn.batch, shared);
  return request;
}

}  // namespace cobatch
