// Tokens of a turn, as counted by the agent's provider, brought to one form.
//
// Providers differ in what "input" means; here it never overlaps: a token read from cache is counted under
// `cache_read` only, one written to cache under a `cache_write` only. A figure nobody reported is absent (no
// `usage` at all, or `complete` false), never 0.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cobatch {
inline namespace v1 {

namespace detail {
/// Sum that stops at the largest value: a hostile count must not wrap into a small or negative one.
[[nodiscard]] constexpr std::int64_t saturating_add(std::int64_t a, std::int64_t b) noexcept {
  if (b > 0 && a > std::numeric_limits<std::int64_t>::max() - b) return std::numeric_limits<std::int64_t>::max();
  if (b < 0 && a < std::numeric_limits<std::int64_t>::min() - b) return std::numeric_limits<std::int64_t>::min();
  return a + b;
}
}  // namespace detail

/// Token counts that do not overlap.
struct tokens {
  std::int64_t uncached_input = 0;  ///< input neither read from nor written to a cache
  std::int64_t cache_write_5m = 0;  ///< input written to a cache that lives 5 minutes
  std::int64_t cache_write_1h = 0;  ///< input written to a cache that lives 1 hour
  std::int64_t cache_read = 0;      ///< input read from a cache
  std::int64_t output = 0;          ///< output, reasoning included
  std::int64_t reasoning = 0;       ///< the part of `output` that was reasoning, where known

  /// What the guide calls input: everything loaded anew.
  [[nodiscard]] constexpr std::int64_t loaded_input() const noexcept {
    return detail::saturating_add(detail::saturating_add(uncached_input, cache_write_5m), cache_write_1h);
  }
  /// All input, what was read from a cache included.
  [[nodiscard]] constexpr std::int64_t input() const noexcept {
    return detail::saturating_add(loaded_input(), cache_read);
  }
  /// Every token the model read or wrote.
  [[nodiscard]] constexpr std::int64_t processed() const noexcept { return detail::saturating_add(input(), output); }

  friend constexpr bool operator==(const tokens&, const tokens&) = default;
};

[[nodiscard]] constexpr tokens operator+(const tokens& a, const tokens& b) noexcept {
  using detail::saturating_add;
  return {saturating_add(a.uncached_input, b.uncached_input),
          saturating_add(a.cache_write_5m, b.cache_write_5m),
          saturating_add(a.cache_write_1h, b.cache_write_1h),
          saturating_add(a.cache_read, b.cache_read),
          saturating_add(a.output, b.output),
          saturating_add(a.reasoning, b.reasoning)};
}

[[nodiscard]] constexpr tokens operator-(const tokens& a, const tokens& b) noexcept {
  return a + tokens{-b.uncached_input, -b.cache_write_5m, -b.cache_write_1h, -b.cache_read, -b.output, -b.reasoning};
}

/// Largest count accepted from an agent: 10^12 tokens, so that no sum of a batch can overflow.
inline constexpr std::int64_t max_reported_tokens = 1'000'000'000'000;

/// True if each count is between 0 and `max_reported_tokens`.
[[nodiscard]] constexpr bool is_plausible(const tokens& t) noexcept {
  for (const std::int64_t n :
       {t.uncached_input, t.cache_write_5m, t.cache_write_1h, t.cache_read, t.output, t.reasoning})
    if (n < 0 || n > max_reported_tokens) return false;
  return true;
}

/// Where a usage comes from.
enum class usage_source : std::uint8_t {
  reported,    ///< the agent program reported it for this turn
  difference,  ///< difference of two cumulative figures of the agent program
  transcript,  ///< summed from the agent's transcript after a crash
  scripted,    ///< played by the scripted agent: a demo figure, no model was asked
  told,        ///< somebody said so; nobody measured
};

inline constexpr std::size_t usage_source_count = 5;

[[nodiscard]] constexpr std::string_view name_of(usage_source source) noexcept {
  constexpr std::array<std::string_view, usage_source_count> names{"reported", "difference", "transcript", "scripted",
                                                                   "told"};
  return names[static_cast<std::size_t>(source)];
}

/// The tokens of one model in one turn. The name is the provider's; empty if it was not told.
struct model_tokens {
  std::string model = {};
  tokens count = {};
  /// No request had more input than this, what it read from the cache included: prices may rise with it. 0: nobody
  /// knows of single requests.
  std::int64_t largest_request = 0;

  /// The same where nobody knows: of one request or many, all input.
  [[nodiscard]] constexpr std::int64_t most_input_at_once() const noexcept {
    return largest_request > 0 ? largest_request : count.input();
  }

  friend bool operator==(const model_tokens&, const model_tokens&) = default;
};

namespace detail {
// Each count is added to that of its model.
inline void add_models(std::vector<model_tokens>& to, const std::vector<model_tokens>& more) {
  for (const auto& entry : more) {
    auto at = to.begin();
    while (at != to.end() && at->model != entry.model) ++at;
    if (at == to.end()) {
      to.push_back(entry);
      continue;
    }
    at->largest_request = std::max(at->most_input_at_once(), entry.most_input_at_once());
    at->count = at->count + entry.count;
  }
}
}  // namespace detail

/// What one turn used, per model.
struct usage {
  std::vector<model_tokens> by_model = {};
  usage_source source = usage_source::reported;
  bool complete = true;  ///< false: the turn used at least this much
  /// Requests to the model, without those of subagents; absent if the agent did not show them one by one.
  std::optional<std::int64_t> requests = {};
  /// The part of the cache reads that was there before the turn, read again with each request: inherited, not the
  /// turn's own. Absent with `requests`.
  std::optional<std::int64_t> inherited_read = {};

  [[nodiscard]] tokens total() const {
    tokens sum = {};
    for (const auto& entry : by_model) sum = sum + entry.count;
    return sum;
  }

  /// False for a 0 of figures that are a lower bound: "at least 0" says nothing.
  [[nodiscard]] constexpr bool says(std::int64_t figure) const noexcept { return complete || figure != 0; }

  /// False for told figures that are silent about the cache: what was read from it, or written to it, nobody knows. Who
  /// names a read or a write is taken at their word for the other one.
  [[nodiscard]] bool knows_cache() const {
    const tokens sum = total();
    return source != usage_source::told || sum.cache_read != 0 || sum.cache_write_5m != 0 || sum.cache_write_1h != 0;
  }

  friend bool operator==(const usage&, const usage&) = default;
};

}  // namespace v1
}  // namespace cobatch
