#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <simdjson.h>

#include <cobatch/core/text.hpp>

#include "base/json.hpp"
#include "base/scan.hpp"

namespace cobatch::json {
namespace {

using parser_implementation = std::unique_ptr<simdjson::internal::dom_parser_implementation>;

// simdjson keeps its implementations in static objects: made at its first use, where a lack of memory ends the process,
// and destroyed while the process exits, when a workspace may still be open and a thread at work. So one is made for
// each parser, of the kind that this machine can run. Later versions (3.3) do not show these classes: with them the
// choice is made at load, and a thread that is at work at the very end of the process may still need what is gone.
template <class Implementation>
simdjson::error_code make_parser(const Implementation& kind, std::size_t capacity, parser_implementation& made) {
  // The scan has seen to the depth; simdjson counts the root as a level of its own.
  return kind.create_dom_parser_implementation(capacity, max_depth + 1, made);
}

#ifdef SIMDJSON_IMPLEMENTATION_DETECTION_H
const simdjson::implementation& chosen = *simdjson::get_available_implementations().detect_best_supported();

simdjson::error_code make_parser(std::size_t capacity, parser_implementation& made) {
  return make_parser(chosen, capacity, made);
}
#else
simdjson::error_code make_parser(std::size_t capacity, parser_implementation& made) {
#if SIMDJSON_IMPLEMENTATION_ARM64
  return make_parser(simdjson::arm64::implementation(), capacity, made);
#else
#if SIMDJSON_IMPLEMENTATION_HASWELL
  static const bool has_haswell = simdjson::haswell::implementation().supported_by_runtime_system();
  if (has_haswell) return make_parser(simdjson::haswell::implementation(), capacity, made);
#endif
  return make_parser(simdjson::fallback::implementation(), capacity, made);
#endif
}
#endif

std::size_t offset_of_bad_utf8(std::string_view text) noexcept {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t length = cobatch::detail::utf8_sequence_length(text, at);
    if (length == 0) break;
    at += length;
  }
  return at;
}

// Small objects are compared each with each; larger ones sorted, not hashed: nobody can choose names that make it slow.
bool has_repeated_name(const object& members) {
  constexpr std::size_t few = 16;
  if (members.size() <= few) {
    for (auto m = members.begin(); m != members.end(); ++m)
      if (std::any_of(members.begin(), m, [&](const member& earlier) { return earlier.name == m->name; })) return true;
    return false;
  }
  std::vector<std::string_view> names;
  names.reserve(members.size());
  for (const auto& m : members) names.push_back(m.name);
  std::sort(names.begin(), names.end());
  return std::adjacent_find(names.begin(), names.end()) != names.end();
}

// The later content takes the place of the earlier one.
object without_repeated_names(object members) {
  object kept;
  std::map<std::string, std::size_t> places;
  for (auto& m : members) {
    const auto [place, is_new] = places.try_emplace(m.name, kept.size());
    if (is_new)
      kept.push_back(std::move(m));
    else
      kept[place->second].content = std::move(m.content);
  }
  return kept;
}

// Makes our values of simdjson's.
class builder {
 public:
  explicit builder(const detail::scanned& input) : input_(input) {}

  value build(simdjson::dom::element element) {
    using kind = simdjson::dom::element_type;
    switch (element.type()) {
      case kind::ARRAY: return build_array(element.get_array().value_unsafe());
      case kind::OBJECT: return build_object(element.get_object().value_unsafe());
      case kind::INT64: return value(std::int64_t{element.get_int64().value_unsafe()});
      case kind::UINT64:
      case kind::DOUBLE: return value(number{std::string(input_.numbers[next_number_++])});
      case kind::STRING: return value(std::string_view(element.get_string().value_unsafe()));
      case kind::BOOL: return value(element.get_bool().value_unsafe());
      case kind::NULL_VALUE: break;
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
    return value(has_repeated_name(out) ? without_repeated_names(std::move(out)) : std::move(out));
  }

  const detail::scanned& input_;
  std::size_t next_number_ = 0;
};

result<value> parse_scanned(const detail::scanned& input, std::string_view original) {
  // One parser a call: a parser that is kept would keep the memory of the largest text it has ever seen.
  simdjson::dom::parser parser;
  if (make_parser(std::max<std::size_t>(input.text.size(), 1), parser.implementation) != simdjson::SUCCESS)
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

}  // namespace cobatch::json
