#include "request/values.hpp"

#include <fmt/core.h>

namespace cobatch {
inline namespace v1 {
namespace request {

namespace {

template <class Id>
result<Id> parse_id(const arguments& params, std::string_view name, const std::string& text) {
  auto parsed = Id::parse(text);
  if (parsed) return parsed;
  return fail(parsed.error().code,
              fmt::format("{} does not fit: {}. Nothing was changed.", params.label(name), parsed.error().message));
}

result<priority> priority_in(const arguments& params) {
  const std::string* given = params.text("priority");
  if (given == nullptr) return priority::medium;
  if (const auto known = parse_priority(*given)) return *known;
  return fail(errc::bad_value, fmt::format("{} is {}; it must be high, medium or low. Nothing was changed.",
                                           params.label("priority"), in_quotes(*given)));
}

result<void> check_size(const arguments& params, std::string_view name, std::size_t size, std::size_t limit,
                        std::string_view way_out) {
  if (size <= limit) return {};
  return fail(errc::too_large, fmt::format("{} has {} bytes; the limit is {}. Nothing was changed. {}",
                                           params.label(name), size, limit, way_out));
}

result<std::string> description_in(const arguments& params) {
  const std::string& given = *params.text("description");
  if (given.empty())
    return fail(errc::bad_value,
                fmt::format("{} is empty; say what is to be done. Nothing was changed.", params.label("description")));
  if (auto fits = check_size(params, "description", given.size(), max_description_bytes,
                             "Put long material in a file and name it in the description.");
      !fits)
    return fail(std::move(fits.error()));
  return given;
}

// An empty string is what clients send for "no context"; it must not make a repeated assign differ.
result<std::string> context_in(const arguments& params) {
  const json::value* given = params.any("context");
  if (given == nullptr || (given->as_string() != nullptr && given->as_string()->empty())) return std::string();
  std::string text = json::write(*given);
  if (auto fits = check_size(params, "context", text.size(), max_context_bytes,
                             "Put long material in a file and name it in the context.");
      !fits)
    return fail(std::move(fits.error()));
  return text;
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
  if (auto fits = check_size(params, name, given->size(), max_id_bytes, "Shorten it."); !fits)
    return fail(std::move(fits.error()));
  return *given;
}

result<task_spec> task_spec_in(const arguments& params) {
  task_spec spec;
  auto id = task_id_in(params);
  if (!id) return fail(std::move(id.error()));
  auto description = description_in(params);
  if (!description) return fail(std::move(description.error()));
  auto context = context_in(params);
  if (!context) return fail(std::move(context.error()));
  const auto prio = priority_in(params);
  if (!prio) return fail(prio.error());
  auto assigned_by = name_in(params, "assigned_by");
  if (!assigned_by) return fail(std::move(assigned_by.error()));
  const auto attempts = number_in(params, "max_attempts", 1, most_attempts, task_spec{}.max_attempts);
  if (!attempts) return fail(attempts.error());
  spec.id = std::move(*id);
  spec.description = std::move(*description);
  spec.context = std::move(*context);
  spec.prio = *prio;
  spec.assigned_by = std::move(*assigned_by);
  spec.max_attempts = static_cast<int>(*attempts);
  return spec;
}

}  // namespace request
}  // namespace v1
}  // namespace cobatch
