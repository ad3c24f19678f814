#include "store/list_text.hpp"

#include "base/json.hpp"
#include "store/rows.hpp"

namespace cobatch {

std::string write_list(const std::vector<std::string>& list) {
  std::string out = "[";
  for (const auto& text : list) {
    if (out.size() > 1) out += ',';
    json::append_string(out, text);
  }
  return out + ']';
}

std::vector<std::string> read_list(std::string_view text) {
  const store_failure damaged{{errc::store_damaged, "a list in the store cannot be read"}};
  const auto parsed = json::parse(text);
  const json::array* list = parsed ? parsed->as_array() : nullptr;
  if (list == nullptr) throw damaged;
  std::vector<std::string> out;
  out.reserve(list->size());
  for (const auto& one : *list) {
    if (one.as_string() == nullptr) throw damaged;
    out.push_back(*one.as_string());
  }
  return out;
}

}  // namespace cobatch
