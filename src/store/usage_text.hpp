// The per-model part of a usage as JSON text, as it stands in the `by_model` column of `turn`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <cobatch/core/error.hpp>
#include <cobatch/core/usage.hpp>

namespace cobatch {

[[nodiscard]] std::string write_models(const std::vector<model_tokens>& by_model);
/// store_damaged if the text is not what `write_models` writes.
[[nodiscard]] result<std::vector<model_tokens>> read_models(std::string_view text);

}  // namespace cobatch
