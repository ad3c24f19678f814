#include "api/params.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include <fmt/core.h>

#include <cobatch/core/text.hpp>

#include "base/json.hpp"

namespace cobatch {
namespace request {

namespace {

constexpr std::size_t max_warned_names = 20;

struct type_facts {
  std::string_view described, schema;
  bool (*fits)(const json::value&);
};

bool is_array(const json::value& v) { return v.as_array() != nullptr; }

const type_facts& facts_of(param_type type) {
  using v = const json::value&;
  static constexpr std::array<type_facts, 8> facts{{
      {"a string", "string", [](v given) { return given.as_string() != nullptr; }},
      {"an array of strings", "array", is_array},
      {"a whole number", "integer", [](v given) { return given.as_int() != nullptr; }},
      {"a number", "number", [](v given) { return given.as_int() != nullptr || given.as_number() != nullptr; }},
      {"true or false, without quotes", "boolean", [](v given) { return given.as_bool() != nullptr; }},
      {"a JSON value", "", [](v) { return true; }},
      {"an object", "object", [](v given) { return given.as_object() != nullptr; }},
      {"an array of objects", "array", is_array},
  }};
  static_assert(facts.size() == static_cast<std::size_t>(param_type::objects) + 1);
  return facts[static_cast<std::size_t>(type)];
}

// What was given, with its value where that is short enough to help.
std::string describe_given(const json::value& v) {
  if (v.as_object() != nullptr || v.as_array() != nullptr || v.is_null()) return std::string(v.kind());
  return fmt::format("{} ({})", v.kind(), quoted_text(v.as_string() != nullptr ? *v.as_string() : json::write(v)));
}

error wrong_type(const std::string& where, std::string_view name, const json::value& given, param_type wanted) {
  return {errc::wrong_type, fmt::format("'{}{}' is {}; it must be {}. Nothing was changed.", where, name,
                                        describe_given(given), facts_of(wanted).described)};
}

result<void> check_value(const json::value& given, param_type type, value_check check, const std::string& where,
                         std::string_view name) {
  if (!facts_of(type).fits(given)) return fail(wrong_type(where, name, given, type));
  const auto fine = check == nullptr ? result<void>() : check(given);
  if (fine) return {};
  return fail(fine.error().code, fmt::format("'{}{}'{}. Nothing was changed.", where, name, fine.error().message));
}

result<void> check_member(const json::value* given, const param_spec& spec, const std::string& where,
                          unknown_members& unknown) {
  const bool absent = given == nullptr || (given->is_null() && spec.type != param_type::boolean);
  if (absent) {
    if (!spec.required) return {};
    return fail(errc::missing_field, fmt::format("'{}{}' is missing: it must be {}. Nothing was changed.", where,
                                                 spec.name, facts_of(spec.type).described));
  }
  const bool is_list = spec.type == param_type::texts;
  if (auto fine = check_value(*given, spec.type, is_list ? nullptr : spec.check, where, spec.name); !fine) return fine;
  for (std::size_t i = 0; is_list && i < given->as_array()->size(); ++i) {
    const std::string name = fmt::format("{}[{}]", spec.name, i);
    if (auto fine = check_value((*given->as_array())[i], param_type::text, spec.check, where, name); !fine) return fine;
  }
  if (spec.type != param_type::object || spec.fields.empty()) return {};
  const auto fields = arguments::check(*given, spec.fields, fmt::format("{}{}.", where, spec.name), unknown);
  return fields ? result<void>() : fail(fields.error());
}

template <class Id>
result<void> check_id(const json::value& given) {
  const auto parsed = Id::parse(*given.as_string(), "");
  return parsed ? result<void>() : fail(parsed.error());
}

}  // namespace

std::string_view schema_name(param_type type) { return facts_of(type).schema; }

result<void> is_task_id(const json::value& given) { return check_id<task_id>(given); }

result<void> is_batch_id(const json::value& given) { return check_id<batch_id>(given); }

result<void> is_name(const json::value& given) {
  const std::string& name = *given.as_string();
  if (name.empty() || !is_printable(name)) return fail(errc::bad_value, " is empty or holds a control character");
  if (name.size() <= max_id_bytes) return {};
  return fail(errc::too_large, fmt::format(" has {} bytes; the limit is {}. Shorten it", name.size(), max_id_bytes));
}

result<void> is_amount(const json::value& given) {
  const std::string written = json::write(given);
  if (const auto known = json::read_decimal(written, 9); known && known->exact) return {};
  return fail(errc::bad_value,
              fmt::format(" is {}; it must be from 0 to 999999999 with at most 9 decimals", quoted_text(written)));
}

result<void> check_range(const json::value& given, std::int64_t from, std::int64_t to) {
  const std::int64_t number = *given.as_int();
  if (number >= from && number <= to) return {};
  return fail(errc::bad_value, fmt::format(" is {}; it must be from {} to {}", number, from, to));
}

result<void> check_word(const json::value& given, bool known, std::string_view choice) {
  if (known) return {};
  return fail(errc::bad_value, fmt::format(" is {}; it must be {}", quoted_text(*given.as_string()), choice));
}

void unknown_members::note(std::string_view where, std::string_view name) {
  if (names_.size() >= max_warned_names || std::find(names_.begin(), names_.end(), name) != names_.end()) return;
  names_.emplace_back(name);
  warnings_.push_back(
      {"unknown_param", fmt::format("{}{} is not a parameter here and was ignored.", where, quoted_text(name))});
}

result<arguments> arguments::check(const json::value& given, std::span<const param_spec> specs,
                                   const std::string& where, unknown_members& unknown) {
  const json::object* members = given.as_object();
  if (members == nullptr)
    return fail(
        wrong_type(where.empty() ? "params" : where.substr(0, where.size() - 1), "", given, param_type::object));
  // Before what is missing: that may be what a misspelt one is.
  for (const auto& member : *members) {
    const std::string_view meant = meant_name(member.name, specs);
    if (meant == member.name) continue;
    if (!meant.empty()) return fail(misnamed(where, member.name, meant));
    unknown.note(where, member.name);
  }
  for (const auto& spec : specs)
    if (auto fine = check_member(given.find(spec.name), spec, where, unknown); !fine) return fail(fine.error());
  return arguments(given);
}

const json::value* arguments::any(std::string_view name) const noexcept {
  const json::value* found = given_->find(name);
  return found == nullptr || found->is_null() ? nullptr : found;
}

const std::string* arguments::text(std::string_view name) const noexcept {
  const json::value* found = any(name);
  return found == nullptr ? nullptr : found->as_string();
}

std::string arguments::text_or_empty(std::string_view name) const {
  const std::string* found = text(name);
  return found == nullptr ? std::string() : *found;
}

std::vector<std::string> arguments::texts(std::string_view name) const {
  std::vector<std::string> out;
  if (const json::value* found = any(name))
    for (const auto& entry : *found->as_array()) out.push_back(*entry.as_string());
  return out;
}

std::optional<std::int64_t> arguments::integer(std::string_view name) const noexcept {
  const json::value* found = any(name);
  return found == nullptr ? std::nullopt : std::optional(*found->as_int());
}

std::optional<bool> arguments::boolean(std::string_view name) const noexcept {
  const json::value* found = any(name);
  return found == nullptr ? std::nullopt : std::optional(*found->as_bool());
}

const json::array* arguments::objects(std::string_view name) const noexcept {
  const json::value* found = any(name);
  return found == nullptr ? nullptr : found->as_array();
}

std::optional<arguments> arguments::object(std::string_view name) const {
  const json::value* found = any(name);
  return found == nullptr ? std::nullopt : std::optional(arguments(*found));
}

task_id arguments::task() const { return task_id(*text("task_id")); }

std::optional<batch_id> arguments::batch() const {
  const std::string* found = text("batch_id");
  return found == nullptr ? std::nullopt : std::optional(batch_id(*found));
}

std::string arguments::context() const {
  const json::value* found = any("context");
  return found == nullptr || *found == json::value("") ? std::string() : json::write(*found);
}

std::int64_t arguments::nano(std::string_view name) const {
  const json::value* found = any(name);
  return found == nullptr ? 0 : json::read_decimal(json::write(*found), 9)->value;
}

error misnamed(std::string_view where, std::string_view given, std::string_view meant) {
  return {errc::bad_value, fmt::format("{}{} is not a parameter here. Nothing was changed. Call it '{}'.", where,
                                       quoted_text(given), meant)};
}

std::string quoted_text(std::string_view text) {
  constexpr std::size_t shown = 80;
  const std::string_view head = utf8_prefix(text, shown);
  std::string out = "'";
  for (const char c : head) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20U || byte == 0x7FU ? '?' : c;
  }
  if (head.size() < text.size()) out += "…";
  out += '\'';
  return out;
}

namespace {

// Insertions, deletions, replacements and swaps of neighbours that lead from `a` to `b`.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i)
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t same = a[i - 1] == b[j - 1] ? 0 : 1;
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + same});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  return cost[a.size()][b.size()];
}

constexpr std::size_t longest_name = 64;

// Lower case, without underscores and hyphens.
std::string folded(std::string_view name) {
  std::string out;
  for (const char c : name)
    if (c != '_' && c != '-') out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

// One edit makes another word of a shorter name.
bool is_slip_of(std::string_view given, std::string_view known) {
  constexpr std::size_t shortest_name_with_edit = 4;
  const std::size_t shorter = std::min(given.size(), known.size());
  return given == known || (shorter >= shortest_name_with_edit && given.size() <= known.size() + 1 &&
                            known.size() <= given.size() + 1 && edit_distance(given, known) <= 1);
}

// The first letters of the name, or its first word.
bool is_beginning_of(std::string_view given, std::string_view known) {
  constexpr std::size_t shortest_beginning = 5;
  return (given.size() >= shortest_beginning && folded(known).starts_with(given)) ||
         given == known.substr(0, known.find('_'));
}

}  // namespace

std::string_view meant_name(std::string_view given, std::span<const param_spec> known) {
  if (std::any_of(known.begin(), known.end(), [&](const auto& spec) { return spec.name == given; })) return given;
  if (given.size() > longest_name) return {};
  const std::string looked_for = folded(given);
  for (const auto& spec : known)
    if (is_slip_of(looked_for, folded(spec.name)) || is_beginning_of(looked_for, spec.name)) return spec.name;
  return {};
}

std::string_view nearest(std::string_view given, std::span<const std::string_view> candidates) {
  if (given.empty() || given.size() > longest_name) return {};
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(2, given.size() / 3) + 1;
  for (const std::string_view candidate : candidates)
    if (const std::size_t distance = edit_distance(given, candidate); distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  return best;
}

}  // namespace request
}  // namespace cobatch
