#include "agents/codex_figures.hpp"

#include <algorithm>
#include <utility>

#include "base/json.hpp"

namespace cobatch {

namespace {

struct member_names {
  const char *input, *cached, *written, *output, *reasoning;
};

// `input` includes what was read from and written to the cache.
std::optional<tokens> read_tokens(const json::value& used, const member_names& names) {
  json::told_counts told(max_reported_tokens);
  const auto count = [&](const char* name) { return told.read(used, name).value_or(0); };
  const auto input = told.read(used, names.input);
  const auto output = told.read(used, names.output);
  if (!input || !output) return std::nullopt;
  tokens total;
  total.cache_read = count(names.cached);
  total.cache_write_5m = count(names.written);
  total.uncached_input = *input - total.cache_read - total.cache_write_5m;
  total.output = *output;
  total.reasoning = count(names.reasoning);
  return told.all_fit() && is_plausible(total) ? std::optional(total) : std::nullopt;
}

}  // namespace

std::optional<tokens> read_codex_exec_tokens(const json::value& used) {
  return read_tokens(used, {"input_tokens", "cached_input_tokens", "cache_write_input_tokens", "output_tokens",
                            "reasoning_output_tokens"});
}

std::optional<tokens> read_codex_server_tokens(const json::value& used) {
  return read_tokens(
      used, {"inputTokens", "cachedInputTokens", "cacheWriteInputTokens", "outputTokens", "reasoningOutputTokens"});
}

void codex_figures::set_baseline(const std::string& thread, const tokens& total) {
  before_[thread] = total;
}

void codex_figures::note_request(const std::string& thread, const tokens& total) {
  const auto before = before_[thread];
  const auto since = latest_ ? latest_ : before;
  latest_ = total;
  if (!since || total == *since) return;  // told again, when a turn has failed
  const std::int64_t read = total.cache_read - since->cache_read;
  shown_.add(total.input() - since->input());
  if (requests_++ == 0) found_in_cache_ = read;
  inherited_ += std::min(read, found_in_cache_);
}

std::optional<usage> codex_figures::of_turn(const std::string& thread, const std::optional<tokens>& total,
                                            const std::string& model) {
  const auto now = total ? total : latest_;
  auto& known = before_[thread];
  const auto before = known;
  if (now) known = now;
  latest_.reset();
  return take(before && now ? std::optional(*now - *before) : std::nullopt, model);
}

// What was paid for after the latest figure is in the thread's next one, and charged to the turn that it comes in.
std::optional<usage> codex_figures::of_broken_turn(const std::string& thread, const std::string& model) {
  if (!latest_) return std::nullopt;
  more_ = true;
  return of_turn(thread, std::nullopt, model);
}

std::optional<usage> codex_figures::take(const std::optional<tokens>& turn, const std::string& model) {
  const std::int64_t requests = std::exchange(requests_, 0);
  const std::int64_t inherited = std::exchange(inherited_, 0);
  const shown_input shown = std::exchange(shown_, {});
  const bool complete = !std::exchange(more_, false);
  if (!turn || !is_plausible(*turn)) return std::nullopt;
  usage used;
  used.source = usage_source::difference;
  used.by_model.push_back({model, *turn, shown.largest_of(turn->input())});
  used.complete = complete;
  if (requests > 0) {
    used.requests = requests;
    used.inherited_read = inherited;
  }
  return used;
}

}  // namespace cobatch
