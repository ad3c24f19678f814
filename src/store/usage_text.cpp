#include "store/usage_text.hpp"

#include <array>
#include <utility>

#include "base/json.hpp"

namespace cobatch {

namespace {

struct named_count {
  const char* name;
  std::int64_t tokens::*count;
};
constexpr std::array<named_count, 6> counts{{{"uncached_input", &tokens::uncached_input},
                                             {"cache_write_5m", &tokens::cache_write_5m},
                                             {"cache_write_1h", &tokens::cache_write_1h},
                                             {"cache_read", &tokens::cache_read},
                                             {"output", &tokens::output},
                                             {"reasoning", &tokens::reasoning}}};

}  // namespace

std::string write_models(const std::vector<model_tokens>& by_model) {
  std::string out = "[";
  for (const auto& entry : by_model) {
    out += out.size() > 1 ? ",{\"model\":" : "{\"model\":";
    json::append_string(out, entry.model);
    for (const auto& [name, count] : counts)
      out.append(",\"").append(name).append("\":").append(std::to_string(entry.count.*count));
    if (entry.largest_request > 0) out.append(",\"largest_request\":").append(std::to_string(entry.largest_request));
    out += '}';
  }
  return out + ']';
}

result<std::vector<model_tokens>> read_models(std::string_view text) {
  const auto damaged = [] { return fail(errc::store_damaged, "a turn's usage in the store cannot be read"); };
  const auto parsed = json::parse(text);
  const json::array* list = parsed ? parsed->as_array() : nullptr;
  if (list == nullptr) return damaged();
  std::vector<model_tokens> out;
  for (const auto& one : *list) {
    const json::value* model = one.find("model");
    if (model == nullptr || model->as_string() == nullptr) return damaged();
    auto& entry = out.emplace_back();
    entry.model = *model->as_string();
    for (const auto& [name, count] : counts) {
      const json::value* n = one.find(name);
      if (n == nullptr || n->as_int() == nullptr) return damaged();
      entry.count.*count = *n->as_int();
    }
    if (const json::value* largest = one.find("largest_request"); largest != nullptr && largest->as_int() != nullptr)
      entry.largest_request = *largest->as_int();
  }
  return out;
}

}  // namespace cobatch
