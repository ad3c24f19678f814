// What stands in the views.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <unordered_map>
#include <utility>

#include <cobatch/core/ledger.hpp>
#include <cobatch/core/time.hpp>

#include "base/json.hpp"
#include "views/record_json.hpp"
#include "views/views.hpp"

namespace cobatch {

namespace {

std::string as_file(json::object content) { return json::write_pretty(std::move(content)) + "\n"; }

// The original sorted its sessions by what they were about; ours are all tasks of batches.
constexpr const char* task_type = "task";

// Input and output together, if both are known.
bool knows_total(const usage& used) { return used.says(used.total().input()) && used.says(used.total().output); }

// In the history input is all that the model read; what came from the cache is part of it, and stands apart, too. Of
// figures that are a lower bound one that is 0 says nothing, and is left out.
json::object session_of(const result_record& r) {
  const usage& used = *r.what.used;
  const tokens sum = used.total();
  json::object out{{"timestamp", to_iso(r.completed_at)}, {"task_id", r.task.str()}, {"task_type", task_type}};
  const auto add_figure = [&](const char* name, std::int64_t figure) {
    if (used.says(figure)) out.push_back({name, figure});
  };
  add_figure("tokens_input", sum.input());
  add_figure("tokens_output", sum.output);
  if (knows_total(used)) out.push_back({"tokens_total", sum.processed()});
  if (!used.complete) out.push_back({"tokens_complete", false});
  if (used.knows_cache()) {
    add_figure("tokens_cache_read", sum.cache_read);
    add_figure("tokens_cache_creation", sum.cache_write_5m + sum.cache_write_1h);
    add_figure("tokens_raw_input", sum.uncached_input);
  }
  if (knows_duration(r)) out.push_back({"duration_seconds", seconds_json(r.duration_ms)});
  out.push_back({"success", r.status == task_state::done});
  return out;
}

// Of the sessions that are shown; tokens of those whose total is known.
class pattern {
 public:
  void add(const usage& used, bool success) {
    ++count_;
    successes_ += success ? 1 : 0;
    if (!knows_total(used)) return;
    const std::int64_t total = used.total().processed();
    ++known_;
    add_usage(sum_, used);
    least_ = std::min(least_, total);
    most_ = std::max(most_, total);
  }
  [[nodiscard]] json::object all() const {
    if (count_ == 0) return {};
    json::object out{{"total_executions", count_}};
    if (known_ > 0) {
      const std::int64_t total = sum_.used.processed();
      out.push_back({"total_tokens", total});
      out.push_back({"avg_tokens", total / known_});
      out.push_back({"min_tokens", least_});
      out.push_back({"max_tokens", most_});
    }
    out.push_back({"success_rate", json::decimal_value(successes_ * 1000 / count_, 3)});
    return {{task_type, std::move(out)}};
  }

 private:
  account sum_;
  std::int64_t count_ = 0, known_ = 0, successes_ = 0, most_ = 0;
  std::int64_t least_ = std::numeric_limits<std::int64_t>::max();
};

}  // namespace

std::string queue_view_text(const view_snapshot& snapshot) {
  std::unordered_map<task_id, const result_record*> result_of;
  for (const auto& r : snapshot.results) result_of.emplace(r.task, &r);
  json::object tasks;
  tasks.reserve(snapshot.tasks.size());
  for (const auto& task : snapshot.tasks) {
    const auto found = result_of.find(task.spec.id);
    const bool shows_result = found != result_of.end() && has_ended(task.state);
    tasks.push_back({task.spec.id.str(), task_json(task, shows_result ? found->second : nullptr)});
  }
  return as_file({{"tasks", std::move(tasks)}});
}

std::string results_view_text(const view_snapshot& snapshot) {
  std::unordered_map<task_id, const task_record*> task_of;
  for (const auto& task : snapshot.tasks) task_of.emplace(task.spec.id, &task);
  json::object results;
  results.reserve(snapshot.results.size());
  for (const auto& r : snapshot.results) {
    const auto found = task_of.find(r.task);
    results.push_back({r.task.str(), result_json(r, found == task_of.end() ? nullptr : found->second)});
  }
  return as_file({{"results", std::move(results)}});
}

std::string history_view_text(const view_snapshot& snapshot) {
  json::array sessions;
  pattern of_all;
  for (const auto& r : snapshot.results) {
    if (!r.what.used) continue;
    sessions.emplace_back(session_of(r));
    of_all.add(*r.what.used, r.status == task_state::done);
  }
  return as_file(
      {{"sessions", std::move(sessions)}, {"task_patterns", of_all.all()}, {"weekly_resets", json::array{}}});
}

}  // namespace cobatch
