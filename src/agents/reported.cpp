#include "agents/reported.hpp"

#include <algorithm>
#include <cstddef>
#include <new>
#include <utility>

#include "base/json.hpp"

namespace cobatch {

namespace {

// Cache writes of both lives, from their sum and the part that lives an hour.
void set_writes(tokens& count, std::int64_t both, std::int64_t one_hour) {
  count.cache_write_1h = std::min(both, one_hour);
  count.cache_write_5m = both - count.cache_write_1h;
}

// Never destroyed: an agent may be at work while the process exits. It has nothing on the heap, so a host that unloads the
// library has nothing lost.
template <class Nothing>
const Nothing& none() {
  alignas(Nothing) static std::byte place[sizeof(Nothing)];
  static const Nothing& it = *new (place) Nothing;
  return it;
}

}  // namespace

const json::value& at(const json::value& of, std::string_view name) {
  const json::value* found = of.find(name);
  return found == nullptr ? none<json::value>() : *found;
}

const json::array& elements(const json::value& of) {
  return of.as_array() == nullptr ? none<json::array>() : *of.as_array();
}

std::optional<usage> read_usage(const json::value& object, std::string model, usage_source source) {
  json::told_counts checked(max_reported_tokens);
  const auto input = checked.read(object, "input_tokens");
  const auto output = checked.read(object, "output_tokens");
  const auto writes = checked.read(object, "cache_creation_input_tokens");
  const auto reads = checked.read(object, "cache_read_input_tokens");
  if (!input && !output && !writes && !reads) return std::nullopt;

  tokens count;
  count.uncached_input = input.value_or(0);
  count.cache_read = reads.value_or(0);
  count.output = output.value_or(0);
  set_writes(count, writes.value_or(0),
             checked.read(at(object, "cache_creation"), "ephemeral_1h_input_tokens").value_or(0));
  return usage{
      .by_model = {{std::move(model), count}}, .source = source, .complete = input && output && checked.all_fit()};
}

std::optional<tokens> read_tokens(const json::value& counts, const count_names& names) {
  json::told_counts checked(max_reported_tokens);
  const auto count = [&](const char* name) { return name == nullptr ? std::nullopt : checked.read(counts, name); };
  const auto input = count(names.input);
  const auto output = count(names.output);
  const auto total = count(names.total);
  if (!input || !output || (names.total != nullptr && !total)) return std::nullopt;
  tokens read;
  read.cache_read = count(names.cache_read).value_or(0);
  set_writes(read, count(names.cache_write).value_or(0), count(names.cache_write_1h).value_or(0));
  read.uncached_input = *input - (names.input_is_all ? read.input() : 0);
  read.reasoning = total ? *total - *input - *output : count(names.reasoning).value_or(0);
  read.output = *output + (total ? read.reasoning : 0);
  return checked.all_fit() && is_plausible(read) ? std::optional(read) : std::nullopt;
}

std::optional<std::vector<model_tokens>> read_models(const json::value& models, const count_names& names) {
  if (models.as_object() == nullptr) return std::nullopt;
  std::vector<model_tokens> read;
  for (const auto& [model, counts] : *models.as_object()) {
    const auto count = read_tokens(counts, names);
    if (!count) return std::nullopt;
    read.push_back({model, *count});
  }
  return read;
}

void shown_requests::add(const std::string& model, const tokens& count) {
  add_of_subagent(model, count);
  if (requests_++ == 0) found_in_cache_ = count.cache_read;
  inherited_ += std::min(count.cache_read, found_in_cache_);
}

void shown_requests::add_of_subagent(const std::string& model, const tokens& count) {
  auto& [sum, largest] = by_model_[model];
  sum = detail::saturating_add(sum, count.input());
  largest = std::max(largest, count.input());
}

void shown_requests::describe(usage& used) const {
  for (auto& entry : used.by_model)
    if (const auto shown = by_model_.find(entry.model); shown != by_model_.end() && shown->second.largest > 0)
      // What was not shown may have been one request.
      entry.largest_request = std::max(shown->second.largest, entry.count.input() - shown->second.sum);
  if (requests_ == 0) return;
  used.requests = requests_;
  used.inherited_read = inherited_;
}

}  // namespace cobatch
