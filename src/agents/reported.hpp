// Reading what agents report: members of their JSON, which may be missing, and token counts.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <cobatch/core/usage.hpp>

#include "base/json.hpp"

namespace cobatch {

/// The member of that name; null if there is none.
[[nodiscard]] const json::value& at(const json::value& of, std::string_view name);
/// The same of members one within the other.
template <class... More>
[[nodiscard]] const json::value& at(const json::value& of, std::string_view name, More... inner) {
  return at(at(of, name), inner...);
}
/// The elements of an array; none of anything else.
[[nodiscard]] const json::array& elements(const json::value& of);

/// A usage object in the names of Anthropic's API: input_tokens (without cached ones), cache_creation_input_tokens
/// (with cache_creation.ephemeral_1h_input_tokens beside it where the life is given; 5 minutes otherwise),
/// cache_read_input_tokens, output_tokens. Nothing if it has none of them. `complete` is false if input_tokens or
/// output_tokens is missing, or one of them is no count.
[[nodiscard]] std::optional<usage> read_usage(const json::value& object, std::string model, usage_source source);

/// What an agent calls the counts of a model; null: it has no such count.
struct count_names {
  const char* input = nullptr;
  const char* output = nullptr;
  const char* cache_read = nullptr;
  const char* cache_write = nullptr;     ///< of both lives
  const char* cache_write_1h = nullptr;  ///< the part of it that lives an hour
  const char* reasoning = nullptr;       ///< a part of `output`
  const char* total = nullptr;           ///< what is missing from it is reasoning, which is paid as output
  bool input_is_all = false;             ///< `input` includes what was read from and written to the cache
};

/// The counts of a model as ours, which do not overlap. Nothing if input, output or total is missing, or something is
/// no count or cannot be.
[[nodiscard]] std::optional<tokens> read_tokens(const json::value& counts, const count_names& names);

/// The same of an object with a member for each model; nothing if it is no object, or one of them cannot be read.
[[nodiscard]] std::optional<std::vector<model_tokens>> read_models(const json::value& models, const count_names& names);

/// The requests of a turn that the agent shows one by one.
class shown_requests {
 public:
  /// A request of the conversation itself, which had this input.
  void add(const std::string& model, const tokens& count);
  void add_of_subagent(const std::string& model, const tokens& count);

  /// Fills in how many they were, what they inherited, and how large a model's largest one may have been.
  void describe(usage& used) const;

 private:
  struct model_input {
    std::int64_t sum = 0, largest = 0;
  };
  std::map<std::string, model_input> by_model_;
  std::int64_t requests_ = 0;        // without those of subagents
  std::int64_t found_in_cache_ = 0;  // by the first of them
  std::int64_t inherited_ = 0;
};

}  // namespace cobatch
