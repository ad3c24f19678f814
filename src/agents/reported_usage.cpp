#include "agents/reported_usage.hpp"

#include <algorithm>
#include <utility>

#include "base/json.hpp"

namespace cobatch {

namespace {

// Cache writes of both lives, from their sum and the part that lives an hour.
void set_writes(tokens& count, std::int64_t both, std::int64_t one_hour) {
  count.cache_write_1h = std::min(both, one_hour);
  count.cache_write_5m = both - count.cache_write_1h;
}

}  // namespace

std::optional<usage> read_usage(const json::value& object, std::string model, usage_source source) {
  json::told_counts told(max_reported_tokens);
  const auto input = told.read(object, "input_tokens");
  const auto output = told.read(object, "output_tokens");
  const auto writes = told.read(object, "cache_creation_input_tokens");
  const auto reads = told.read(object, "cache_read_input_tokens");
  if (!input && !output && !writes && !reads) return std::nullopt;

  std::int64_t one_hour = 0;
  if (const json::value* lives = object.find("cache_creation"))
    one_hour = told.read(*lives, "ephemeral_1h_input_tokens").value_or(0);
  tokens count;
  count.uncached_input = input.value_or(0);
  count.cache_read = reads.value_or(0);
  count.output = output.value_or(0);
  set_writes(count, writes.value_or(0), one_hour);

  usage used;
  used.by_model.push_back({std::move(model), count});
  used.source = source;
  used.complete = input && output && told.all_fit();
  return used;
}

std::optional<std::vector<model_tokens>> read_model_usage(const json::value& object) {
  const json::object* models = object.as_object();
  if (models == nullptr) return std::nullopt;
  json::told_counts told(max_reported_tokens);
  std::vector<model_tokens> read;
  for (const auto& [model, figures] : *models) {
    const auto input = told.read(figures, "inputTokens");
    const auto output = told.read(figures, "outputTokens");
    if (!input || !output) return std::nullopt;
    tokens count;
    count.uncached_input = *input;
    count.cache_read = told.read(figures, "cacheReadInputTokens").value_or(0);
    count.output = *output;
    count.reasoning = told.read(figures, "thinkingTokens").value_or(0);
    set_writes(count, told.read(figures, "cacheCreationInputTokens").value_or(0),
               told.read(figures, "cacheCreationEphemeral1hInputTokens").value_or(0));
    if (!told.all_fit()) return std::nullopt;
    read.push_back({model, count});
  }
  return read;
}

}  // namespace cobatch
