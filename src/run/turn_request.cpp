#include "run/turn_request.hpp"

namespace cobatch {
inline namespace v1 {

turn_request make_turn_request(store& storage, const begin_outcome& begun) {
  const task_record& task = begun.task;
  prompt_parts parts;
  parts.task = &task;
  parts.attempt = begun.turn.attempt;
  parts.previous = begun.previous ? &*begun.previous : nullptr;
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

}  // namespace v1
}  // namespace cobatch
