#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <simdjson.h>

#include <cobatch/core/text.hpp>

#include "json/json.hpp"
#include "json/scan.hpp"

namespace cobatch {
inline namespace v1 {
namespace json {
namespace {

// simdjson chooses its implementation at its first use, in functions that may not throw, and allocates for it: without
// memory that would end the process. And it keeps it in static objects, which are destroyed in the reverse order of
// their making, while a workspace may still be open. So the choice is made before any other static object is.
struct implementation_choice {
  implementation_choice() { static_cast<void>(simdjson::get_active_implementation()->name()); }
};
#if __has_cpp_attribute(gnu::init_priority)
[[gnu::init_priority(101)]]  // the first that programs may use
#endif
[[maybe_unused]] const implementation_choice at_load;

// Objects of up to this many members look for a name that stands twice by comparing each with each.
constexpr std::size_t few_members = 16;

std::size_t offset_of_bad_utf8(std::string_view text) noexcept {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t length = cobatch::detail::utf8_sequence_length(text, at);
    if (length == 0) break;
    at += length;
  }
  return at;
}

void replace_earlier_few(object& members) {
  for (std::size_t i = 1; i < members.size(); ++i) {
    const auto same = [&](const member& m) { return m.name == members[i].name; };
    const auto here = members.begin() + static_cast<std::ptrdiff_t>(i);
    const auto earlier = std::find_if(members.begin(), here, same);
    if (earlier == here) continue;
    earlier->content = std::move(members[i].content);
    members.erase(here);
    --i;
  }
}

// Sorted, not hashed: nobody can choose names that make this slow.
void replace_earlier_many(object& members) {
  std::vector<std::size_t> order(members.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return members[a].name < members[b].name; });
  std::vector<bool> drop(members.size());
  bool any = false;
  for (std::size_t i = 1, first = 0; i < order.size(); ++i) {
    if (members[order[i]].name != members[order[first]].name) {
      first = i;
      continue;
    }
    members[order[first]].content = std::move(members[order[i]].content);
    drop[order[i]] = any = true;
  }
  if (!any) return;
  object kept;
  for (std::size_t i = 0; i < members.size(); ++i)
    if (!drop[i]) kept.push_back(std::move(members[i]));
  members = std::move(kept);
}

// Makes our values of simdjson's.
class builder {
 public:
  explicit builder(const detail::scanned& input) : input_(input) {}

  value build(simdjson::dom::element element) {
    using kind = simdjson::dom::element_type;
    switch (element.type()) {
      case kind::ARRAY:
        return build_array(element.get_array().value_unsafe());
      case kind::OBJECT:
        return build_object(element.get_object().value_unsafe());
      case kind::INT64:
        return value(std::int64_t{element.get_int64().value_unsafe()});
      case kind::UINT64:
      case kind::DOUBLE:
        return value(number{std::string(input_.numbers[next_number_++])});
      case kind::STRING:
        return value(std::string_view(element.get_string().value_unsafe()));
      case kind::BOOL:
        return value(element.get_bool().value_unsafe());
      case kind::NULL_VALUE:
        break;
    }
    return {};
  }

 private:
  value build_array(simdjson::dom::array from) {
    array out;
    out.reserve(from.size());
    for (const auto element : from) out.push_back(build(element));
    return value(std::move(out));
  }

  value build_object(simdjson::dom::object from) {
    object out;
    out.reserve(from.size());
    for (const auto field : from) {
      std::string name(field.key);
      out.push_back({std::move(name), build(field.value)});
    }
    if (out.size() <= few_members)
      replace_earlier_few(out);
    else
      replace_earlier_many(out);
    return value(std::move(out));
  }

  const detail::scanned& input_;
  std::size_t next_number_ = 0;
};

result<value> parse_scanned(const detail::scanned& input, std::string_view original) {
  // One parser a call: a parser that is kept would keep the memory of the largest text it has ever seen.
  simdjson::dom::parser parser;
  // The scan has seen to the depth; simdjson counts the root as a level of its own.
  if (parser.allocate(std::max<std::size_t>(input.text.size(), 1), max_depth + 1) != simdjson::SUCCESS)
    throw std::bad_alloc();
  simdjson::dom::element root;
  const auto code = parser.parse(input.text.data(), input.text.size(), false).get(root);
  if (code == simdjson::MEMALLOC) throw std::bad_alloc();
  if (code != simdjson::SUCCESS) return fail(detail::bad_string_in(original));  // the scan saw to the rest
  return builder(input).build(root);
}

result<value> parse_utf8(std::string_view text, detail::strictness how, repairs* repaired) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const auto scanned = detail::scan(text, simdjson::SIMDJSON_PADDING, how);
  if (!scanned) return fail(scanned.error());
  if (repaired != nullptr) *repaired = scanned->repaired;
  return parse_scanned(*scanned, text);
}

}  // namespace

result<value> parse(std::string_view text) {
  const std::size_t bad = offset_of_bad_utf8(text);
  if (bad < text.size()) return fail(errc::bad_encoding, "the text is not valid UTF-8 at byte " + std::to_string(bad));
  return parse_utf8(text, detail::strictness::strict, nullptr);
}

result<value> parse_leniently(std::string_view text, repairs& repaired) {
  if (is_utf8(text)) return parse_utf8(text, detail::strictness::lenient, &repaired);
  std::size_t bytes = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = cobatch::detail::utf8_sequence_length(text, at);
    if (length == 0) ++bytes;
    at += length == 0 ? 1 : length;
  }
  auto parsed = parse_utf8(to_utf8(text), detail::strictness::lenient, &repaired);
  repaired.bytes = bytes;
  return parsed;
}

}  // namespace json
}  // namespace v1
}  // namespace cobatch
