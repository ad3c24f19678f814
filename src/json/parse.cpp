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

// simdjson's numbers for its errors change between versions; these sentences do not.
std::string_view what_is_wrong(simdjson::error_code code) noexcept {
  switch (code) {
    case simdjson::UNCLOSED_STRING:
      return "a string is not closed";
    case simdjson::UNESCAPED_CHARS:
      return "a string holds a control character that is not escaped";
    case simdjson::STRING_ERROR:
      return "a string holds a malformed escape, or half of a surrogate pair";
    case simdjson::EMPTY:
      return "the text is empty";
    default:
      return "a bracket, comma, colon or value is missing or in the wrong place";
  }
}

tl::unexpected<error> bad_json(std::string_view what) {
  return fail(errc::bad_json, "not valid JSON: " + std::string(what));
}

result<value> parse_scanned(const detail::scanned& input) {
  // One parser a call: a parser that is kept would keep the memory of the largest text it has ever seen.
  simdjson::dom::parser parser;
  // The scan has seen to the depth; simdjson counts the root as a level of its own.
  if (parser.allocate(std::max<std::size_t>(input.text.size(), 1), max_depth + 1) != simdjson::SUCCESS)
    throw std::bad_alloc();
  simdjson::dom::element root;
  const auto code = parser.parse(input.text.data(), input.text.size(), false).get(root);
  if (code == simdjson::MEMALLOC) throw std::bad_alloc();
  if (code != simdjson::SUCCESS) return bad_json(what_is_wrong(code));
  return builder(input).build(root);
}

}  // namespace

result<value> parse(std::string_view text) {
  const std::size_t bad = offset_of_bad_utf8(text);
  if (bad < text.size()) return fail(errc::bad_encoding, "the text is not valid UTF-8 at byte " + std::to_string(bad));
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const auto scanned = detail::scan(text, simdjson::SIMDJSON_PADDING);
  if (!scanned) return fail(scanned.error());
  return parse_scanned(*scanned);
}

}  // namespace json
}  // namespace v1
}  // namespace cobatch
