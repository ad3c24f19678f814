#include "agents/claude_usage.hpp"

#include <algorithm>
#include <utility>

#include "agents/reported_usage.hpp"
#include "base/json.hpp"

namespace cobatch {

namespace {

bool exceeds(const tokens& a, const tokens& b) noexcept {
  return a.uncached_input > b.uncached_input ||
         a.cache_write_5m + a.cache_write_1h > b.cache_write_5m + b.cache_write_1h || a.cache_read > b.cache_read ||
         a.output > b.output;
}

}  // namespace

void claude_usage::note_request(const json::value& line) {
  const json::value* message = line.find("message");
  const json::value* used = message == nullptr ? nullptr : message->find("usage");
  if (used == nullptr) return;
  const std::string model = json::text_of(*message, "model");
  if (model == "<synthetic>" || turn_.seen.contains(json::text_of(*message, "id"))) return;
  const auto figures = read_usage(*used, {}, usage_source::reported);
  if (!figures) return;
  turn_.seen.insert(json::text_of(*message, "id"));
  const tokens count = figures->total();
  turn_.shown[model].add(count.input());
  const json::value* parent = line.find("parent_tool_use_id");
  if (parent != nullptr && !parent->is_null()) return;  // a subagent's
  if (turn_.requests++ == 0) turn_.found_in_cache = count.cache_read;
  turn_.inherited += std::min(count.cache_read, turn_.found_in_cache);
}

void claude_usage::bound_requests(std::vector<model_tokens>& by_model) const {
  for (auto& entry : by_model)
    if (const auto shown = turn_.shown.find(entry.model); shown != turn_.shown.end())
      entry.largest_request = shown->second.largest_of(entry.count.input());
}

std::optional<usage> claude_usage::of_turn(const json::value& result, bool aborted) {
  auto used = figures(result);
  if (used) bound_requests(used->by_model);
  if (!carried_.empty()) {
    if (!used) used.emplace();
    detail::add_models(used->by_model, std::exchange(carried_, {}));
  }
  const turn_state turn = std::exchange(turn_, {});
  if (!used) return used;
  if (aborted || turn.unsure) used->complete = false;
  if (!used->complete && used->by_model.empty()) return std::nullopt;
  if (turn.requests > 0) {
    used->requests = turn.requests;
    used->inherited_read = turn.inherited;
  }
  return used;
}

void claude_usage::carry_over(const json::value& result) {
  if (const json::value* since = result.find("model_usage_since_last_result"))
    if (const auto models = read_model_usage(*since)) detail::add_models(carried_, *models);
}

std::optional<usage> claude_usage::figures(const json::value& result) {
  const std::string conversation = json::text_of(result, "session_id");
  const bool first = std::exchange(first_result_, false);
  // A fork: another conversation, whose figures begin where those of the first ended, or at 0: nobody can tell.
  const bool unclear = first && !baseline_.empty() && conversation != conversation_;
  conversation_ = conversation;
  const json::value* cumulative = result.find("modelUsage");
  auto total = cumulative == nullptr ? std::nullopt : read_model_usage(*cumulative);
  std::optional<usage> used;
  if (const json::value* since = result.find("model_usage_since_last_result")) {
    if (auto models = read_model_usage(*since)) used = usage{std::move(*models), usage_source::reported, true, {}, {}};
    // `usage` has more where a stream broke and its request was sent again: nobody counted what the first one used.
    if (const json::value* plain = result.find("usage"); used && plain != nullptr)
      if (const auto main = read_usage(*plain, {}, usage_source::reported);
          main && exceeds(main->total(), used->total()))
        used->complete = false;
  } else if (total && !unclear) {
    used = usage{difference(*total), usage_source::difference, true, {}, {}};
  } else if (const json::value* plain = result.find("usage")) {
    used = read_usage(*plain, {}, usage_source::reported);
    if (used && unclear) used->complete = false;
  }
  if (total) baseline_ = std::move(*total);
  return used;
}

std::vector<model_tokens> claude_usage::difference(const std::vector<model_tokens>& total) const {
  std::vector<model_tokens> parts;
  for (const auto& now : total) {
    const auto before =
        std::find_if(baseline_.begin(), baseline_.end(), [&](const model_tokens& m) { return m.model == now.model; });
    // A count that went down began anew: turns of a killed process are missing from it.
    const tokens less = before == baseline_.end() ? now.count : now.count - before->count;
    const tokens count = is_plausible(less) ? less : now.count;
    if (count != tokens{}) parts.push_back({now.model, count});
  }
  return parts;
}

}  // namespace cobatch
