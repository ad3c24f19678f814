#include <algorithm>
#include <cstdint>
#include <limits>

#include <cobatch/core/time.hpp>

#include "json/json.hpp"
#include "views/record_json.hpp"
#include "views/view_text.hpp"

namespace cobatch {
inline namespace v1 {

namespace {

// The original sorted its sessions by what they were about; ours are all tasks of batches.
constexpr const char* task_type = "task";

// In this file input is all that the model read: the part that came from the cache is in it, and apart beside it. Of
// figures that are a lower bound one that is 0 says nothing, and is left out.
json::object session_of(const result_record& r) {
  const usage& all = *r.what.used;
  const tokens used = all.total();
  const std::int64_t input = used.loaded_input() + used.cache_read;
  json::object out{{"timestamp", to_iso(r.completed_at)}, {"task_id", r.task.str()}, {"task_type", task_type}};
  const auto add_figure = [&](const char* name, std::int64_t figure) {
    if (all.says(figure)) out.push_back({name, figure});
  };
  add_figure("tokens_input", input);
  add_figure("tokens_output", used.output);
  add_figure("tokens_total", input + used.output);
  if (all.knows_cache()) {
    add_figure("tokens_cache_read", used.cache_read);
    add_figure("tokens_cache_creation", used.cache_write_5m + used.cache_write_1h);
    add_figure("tokens_raw_input", used.uncached_input);
  }
  if (knows_duration(r)) out.push_back({"duration_seconds", seconds_json(r.duration_ms)});
  out.push_back({"success", r.status == task_state::done});
  return out;
}

// Of the sessions that are shown.
class pattern {
 public:
  void add(std::int64_t tokens, bool success) {
    ++count_;
    successes_ += success ? 1 : 0;
    total_ += tokens;
    least_ = std::min(least_, tokens);
    most_ = std::max(most_, tokens);
  }
  [[nodiscard]] json::object all() const {
    if (count_ == 0) return {};
    return {{task_type, json::object{{"total_executions", count_},
                                     {"total_tokens", total_},
                                     {"avg_tokens", total_ / count_},
                                     {"min_tokens", least_},
                                     {"max_tokens", most_},
                                     {"success_rate", decimal_json(successes_ * 1000 / count_, 3)}}}};
  }

 private:
  std::int64_t count_ = 0, successes_ = 0, total_ = 0, most_ = 0;
  std::int64_t least_ = std::numeric_limits<std::int64_t>::max();
};

}  // namespace

std::string history_view_text(const view_snapshot& snapshot) {
  json::array sessions;
  pattern of_all;
  for (const auto& r : snapshot.results) {
    if (!r.what.used) continue;
    sessions.emplace_back(session_of(r));
    of_all.add(r.what.used->total().processed(), r.status == task_state::done);
  }
  return json::write_pretty(json::object{
             {"sessions", std::move(sessions)}, {"task_patterns", of_all.all()}, {"weekly_resets", json::array{}}}) +
         "\n";
}

}  // namespace v1
}  // namespace cobatch
