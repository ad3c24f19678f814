#include "api/values.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "api/actions.hpp"
#include "base/json.hpp"
#include "workspace/checks.hpp"

namespace cobatch {
namespace request {

namespace {

template <class Id>
result<Id> parse_id(const arguments& params, std::string_view name, const std::string& text) {
  auto parsed = Id::parse(text, params.label(name));
  if (parsed) return parsed;
  return fail(parsed.error().code, parsed.error().message + ". Nothing was changed.");
}

result<std::vector<task_id>> needs_in(const arguments& params) {
  std::vector<task_id> needs;
  for (const auto& given : params.texts("needs")) {
    auto id = parse_id<task_id>(params, fmt::format("needs[{}]", needs.size()), given);
    if (!id) return fail(std::move(id.error()));
    needs.push_back(std::move(*id));
  }
  return needs;
}

// How a task is to be run.
result<void> add_conditions(const arguments& params, task_spec& spec) {
  auto needs = needs_in(params);
  if (!needs) return fail(std::move(needs.error()));
  auto model = name_in(params, "model");
  if (!model) return fail(std::move(model.error()));
  const auto seconds = params.integer("time_limit_seconds")
                           ? number_in(params, "time_limit_seconds", 1, longest_time_limit.count(), 0)
                           : result<std::int64_t>(0);
  if (!seconds) return fail(seconds.error());
  spec.needs = std::move(*needs);
  spec.check = params.texts("check");
  spec.model = std::move(*model);
  spec.tools = params.texts("tools");
  spec.limit = std::chrono::seconds(*seconds);
  return {};
}

// In 10^-9 of the unit; 0 if it was not given.
result<std::int64_t> amount_in(const arguments& params, std::string_view name) {
  const auto given = params.number(name);
  if (!given) return 0;
  if (const auto known = json::read_decimal(*given, 9); known && known->exact) return known->value;
  return fail(errc::bad_value,
              fmt::format("{} is {}; it must be from 0 to 999999999 with at most 9 decimals. Nothing was changed.",
                          params.label(name), in_quotes(*given)));
}

// Rounded; a time that is not 0 does not become 0, which would be no limit at all.
std::chrono::milliseconds from_nano_minutes(std::int64_t nano) {
  const std::int64_t ms = (nano * 6 + 50'000) / 100'000;
  return std::chrono::milliseconds{nano > 0 ? std::max<std::int64_t>(ms, 1) : 0};
}

std::optional<bool> allows(std::string_view word) noexcept {
  if (word == "allow") return true;
  return word == "hold" ? std::optional(false) : std::nullopt;
}

result<std::optional<spending_cap>> budget_in(const arguments& params, unknown_members& unknown) {
  const json::value* given = params.any("budget");
  if (given == nullptr) return std::optional<spending_cap>();
  const auto fields = arguments::check(*given, budget_fields(), "budget.", unknown);
  if (!fields) return fail(fields.error());
  const auto nano_dollars = amount_in(*fields, "usd");
  if (!nano_dollars) return fail(nano_dollars.error());
  const auto nano_minutes = amount_in(*fields, "minutes");
  if (!nano_minutes) return fail(nano_minutes.error());
  const auto allow_unknown = word_in(*fields, "unknown", allows, "hold or allow");
  if (!allow_unknown) return fail(allow_unknown.error());
  const spending_cap cap{*nano_dollars, fields->integer("tokens").value_or(0), from_nano_minutes(*nano_minutes),
                         allow_unknown->value_or(false)};
  if (*allow_unknown && !cap.allow_unknown && !cap.needs_usage())
    return fail(errc::bad_value,
                "'budget.unknown' is 'hold', which needs a budget in usd or tokens beside it. Nothing was changed.");
  return cap;
}

}  // namespace

result<task_id> task_id_in(const arguments& params) {
  return parse_id<task_id>(params, "task_id", *params.text("task_id"));
}

result<std::optional<batch_id>> batch_id_in(const arguments& params) {
  const std::string* given = params.text("batch_id");
  if (given == nullptr) return std::optional<batch_id>();
  auto parsed = parse_id<batch_id>(params, "batch_id", *given);
  if (!parsed) return fail(std::move(parsed.error()));
  return std::optional<batch_id>(std::move(*parsed));
}

result<batch_id> required_batch_id_in(const arguments& params) {
  return parse_id<batch_id>(params, "batch_id", *params.text("batch_id"));
}

result<std::int64_t> number_in(const arguments& params, std::string_view name, std::int64_t from, std::int64_t to,
                               std::int64_t fallback) {
  const std::int64_t value = params.integer(name).value_or(fallback);
  if (value >= from && value <= to) return value;
  return fail(errc::bad_value, fmt::format("{} is {}; it must be from {} to {}. Nothing was changed.",
                                           params.label(name), value, from, to));
}

result<std::string> name_in(const arguments& params, std::string_view name) {
  const std::string* given = params.text(name);
  if (given == nullptr) return std::string();
  if (given->empty() || !is_printable(*given))
    return fail(errc::bad_value,
                fmt::format("{} is empty or holds a control character. Nothing was changed.", params.label(name)));
  if (given->size() > max_id_bytes)
    return fail(errc::too_large, fmt::format("{} has {} bytes; the limit is {}. Nothing was changed. Shorten it.",
                                             params.label(name), given->size(), max_id_bytes));
  return *given;
}

// An empty string is what clients send for "no context"; it must not make a repeated assign differ.
std::string context_in(const arguments& params) {
  const json::value* given = params.any("context");
  if (given == nullptr || (given->as_string() != nullptr && given->as_string()->empty())) return {};
  return json::write(*given);
}

result<std::optional<priority>> priority_in(const arguments& params) {
  return word_in(params, "priority", parse_priority, "high, medium or low");
}

result<task_spec> task_spec_in(const arguments& params) {
  task_spec spec;
  auto id = task_id_in(params);
  if (!id) return fail(std::move(id.error()));
  const auto prio = priority_in(params);
  if (!prio) return fail(prio.error());
  auto assigned_by = name_in(params, "assigned_by");
  if (!assigned_by) return fail(std::move(assigned_by.error()));
  const auto attempts = number_in(params, "max_attempts", 1, most_attempts, task_spec{}.max_attempts);
  if (!attempts) return fail(attempts.error());
  spec.id = std::move(*id);
  spec.description = *params.text("description");
  spec.context = context_in(params);
  spec.prio = prio->value_or(spec.prio);
  spec.assigned_by = std::move(*assigned_by);
  spec.max_attempts = static_cast<int>(*attempts);
  if (auto added = add_conditions(params, spec); !added) return fail(std::move(added.error()));
  return spec;
}

result<batch_settings> settings_in(const arguments& params, unknown_members& unknown) {
  const auto way = word_in(params, "way", parse_running_way, "one_session, fork or separate");
  if (!way) return fail(way.error());
  const auto on_error = word_in(params, "on_error", parse_error_rule, "continue or stop");
  if (!on_error) return fail(on_error.error());
  const auto budget = budget_in(params, unknown);
  if (!budget) return fail(budget.error());
  return batch_settings{.way = *way, .on_error = *on_error, .budget = *budget};
}

preamble preamble_in(const arguments& params) {
  const std::string* text = params.text("preamble");
  return {text == nullptr ? std::string() : *text, params.texts("context_files")};
}

}  // namespace request
}  // namespace cobatch
