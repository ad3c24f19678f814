#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include <cobatch/core/time.hpp>

#include "base/json.hpp"
#include "views/record_json.hpp"
#include "views/views.hpp"

namespace cobatch {

namespace {

// The original sorted its sessions by what they were about; ours are all tasks of batches.
constexpr const char* task_type = "task";

// In this file input is all that the model read: the part that came from the cache is in it.
std::int64_t input_of(const tokens& used) {
  return used.loaded_input() + used.cache_read;
}

// Input and output together, if both are known.
bool knows_total(const usage& all) {
  const tokens used = all.total();
  return all.says(input_of(used)) && all.says(used.output);
}

// What came from the cache stands apart, too. Of figures that are a lower bound one that is 0 says nothing, and is left
// out.
json::object session_of(const result_record& r) {
  const usage& all = *r.what.used;
  const tokens used = all.total();
  const std::int64_t input = input_of(used);
  json::object out{{"timestamp", to_iso(r.completed_at)}, {"task_id", r.task.str()}, {"task_type", task_type}};
  const auto add_figure = [&](const char* name, std::int64_t figure) {
    if (all.says(figure)) out.push_back({name, figure});
  };
  add_figure("tokens_input", input);
  add_figure("tokens_output", used.output);
  if (knows_total(all)) out.push_back({"tokens_total", input + used.output});
  if (!all.complete) out.push_back({"tokens_complete", false});
  if (all.knows_cache()) {
    add_figure("tokens_cache_read", used.cache_read);
    add_figure("tokens_cache_creation", used.cache_write_5m + used.cache_write_1h);
    add_figure("tokens_raw_input", used.uncached_input);
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
    const std::int64_t tokens = used.total().processed();
    ++known_;
    total_ += tokens;
    least_ = std::min(least_, tokens);
    most_ = std::max(most_, tokens);
  }
  [[nodiscard]] json::object all() const {
    if (count_ == 0) return {};
    json::object out{{"total_executions", count_}};
    if (known_ > 0) {
      out.push_back({"total_tokens", total_});
      out.push_back({"avg_tokens", total_ / known_});
      out.push_back({"min_tokens", least_});
      out.push_back({"max_tokens", most_});
    }
    out.push_back({"success_rate", json::decimal_value(successes_ * 1000 / count_, 3)});
    return {{task_type, std::move(out)}};
  }

 private:
  std::int64_t count_ = 0, known_ = 0, successes_ = 0, total_ = 0, most_ = 0;
  std::int64_t least_ = std::numeric_limits<std::int64_t>::max();
};

}  // namespace

std::string history_view_text(const view_snapshot& snapshot) {
  json::array sessions;
  pattern of_all;
  for (const auto& r : snapshot.results) {
    if (!r.what.used) continue;
    sessions.emplace_back(session_of(r));
    of_all.add(*r.what.used, r.status == task_state::done);
  }
  return json::write_pretty(json::object{
             {"sessions", std::move(sessions)}, {"task_patterns", of_all.all()}, {"weekly_resets", json::array{}}}) +
         "\n";
}

}  // namespace cobatch
