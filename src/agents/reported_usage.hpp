// Token counts out of an agent's JSON.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <cobatch/core/usage.hpp>

#include "base/json.hpp"

namespace cobatch {

/// A usage object in the names of Anthropic's API: input_tokens (without cached ones), cache_creation_input_tokens
/// (with cache_creation.ephemeral_1h_input_tokens beside it where the life is told; 5 minutes otherwise),
/// cache_read_input_tokens, output_tokens. Nothing if it tells none of them. `complete` is false if input_tokens or
/// output_tokens is missing, or where one of them should be stands what is no count.
[[nodiscard]] std::optional<usage> read_usage(const json::value& object, std::string model, usage_source source);

/// A map of models in the names of Claude Code's `modelUsage`: inputTokens, cacheCreationInputTokens,
/// cacheCreationEphemeral1hInputTokens, cacheReadInputTokens, outputTokens, thinkingTokens. Nothing if it is no object,
/// a model's inputTokens or outputTokens is missing, or something is no count.
[[nodiscard]] std::optional<std::vector<model_tokens>> read_model_usage(const json::value& object);

/// The input of those requests of a turn to a model that the agent shows one by one.
class shown_input {
 public:
  void add(std::int64_t input) noexcept {
    sum_ = detail::saturating_add(sum_, input);
    largest_ = std::max(largest_, input);
  }
  /// What `model_tokens::largest_request` is where the turn had this much input: what was not shown may have been one
  /// request.
  [[nodiscard]] std::int64_t largest_of(std::int64_t all) const noexcept {
    return largest_ > 0 ? std::max(largest_, all - sum_) : 0;
  }

 private:
  std::int64_t sum_ = 0, largest_ = 0;
};

}  // namespace cobatch
