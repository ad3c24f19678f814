// Token counts out of an agent's JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <cobatch/core/usage.hpp>

#include "json/json.hpp"

namespace cobatch {
inline namespace v1 {

/// A usage object in the names of Anthropic's API: input_tokens (without cached ones), cache_creation_input_tokens
/// (with cache_creation.ephemeral_1h_input_tokens beside it where the life is told; 5 minutes otherwise),
/// cache_read_input_tokens, output_tokens. Nothing if it tells none of them. `complete` is false if input_tokens or
/// output_tokens is missing, or where one of them should be stands what is no count.
[[nodiscard]] std::optional<usage> read_usage(const json::value& object, std::string model, usage_source source);

/// A map of models in the names of Claude Code's `modelUsage`: inputTokens, cacheCreationInputTokens,
/// cacheCreationEphemeral1hInputTokens, cacheReadInputTokens, outputTokens, thinkingTokens. Nothing if it is no object,
/// a model's inputTokens or outputTokens is missing, or something is no count.
[[nodiscard]] std::optional<std::vector<model_tokens>> read_model_usage(const json::value& object);

}  // namespace v1
}  // namespace cobatch
