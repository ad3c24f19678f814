#include "store/followers.hpp"

#include <string_view>
#include <vector>

namespace cobatch {
namespace commands {

namespace {

void cancel(rows& t, batch_record& batch, const task_row& queued, std::string_view reason, timestamp now) {
  task_row after = queued;
  after.record.state = task_state::cancelled;
  after.record.reason = reason;
  after.record.ended_at = now;
  t.update_task(queued, after);
  --batch.tally[task_state::queued];
  ++batch.tally[task_state::cancelled];
}

}  // namespace

void cancel_dependents(rows& t, batch_record& batch, std::int64_t lost, timestamp now) {
  std::vector<std::int64_t> all{lost};
  while (!all.empty()) {
    const std::int64_t need = all.back();
    all.pop_back();
    for (auto task = t.next_dependent(need, 0); task; task = t.next_dependent(need, task->key)) {
      cancel(t, batch, *task, "need_failed", now);
      all.push_back(task->key);
    }
  }
}

void cancel_followers(rows& t, batch_record& batch, const task_row& ended, timestamp now) {
  if (ended_badly(ended.record.state)) cancel_dependents(t, batch, ended.key, now);
  if (ended.record.state != task_state::error || batch.settings.on_error != error_rule::stop) return;
  for (auto task = t.next_queued(ended.batch_key, 0); task;
       task = t.next_queued(ended.batch_key, task->record.position))
    cancel(t, batch, *task, "batch_stopped", now);
}

}  // namespace commands
}  // namespace cobatch
