// Members of objects that others wrote: what is missing or of another type is simply not there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.hpp"

namespace cobatch {
namespace json {

/// Empty if it is no string.
[[nodiscard]] inline std::string text_of(const value& of, std::string_view name) {
  const value* found = of.find(name);
  return found != nullptr && found->as_string() != nullptr ? *found->as_string() : std::string{};
}

[[nodiscard]] inline std::optional<std::int64_t> number_of(const value& of, std::string_view name) {
  const value* found = of.find(name);
  if (found == nullptr || found->as_int() == nullptr) return std::nullopt;
  return *found->as_int();
}

[[nodiscard]] inline bool is_true(const value& of, std::string_view name) {
  const value* found = of.find(name);
  return found != nullptr && *found == value(true);
}

/// Null pointer if it is no array.
[[nodiscard]] inline const array* array_of(const value& of, std::string_view name) {
  const value* found = of.find(name);
  return found == nullptr ? nullptr : found->as_array();
}

}  // namespace json
}  // namespace cobatch
