#include <cstddef>

#include "base/json.hpp"

namespace cobatch {
namespace json {

bool value::is_null() const noexcept {
  return std::holds_alternative<std::monostate>(data_);
}
const bool* value::as_bool() const noexcept {
  return std::get_if<bool>(&data_);
}
const std::int64_t* value::as_int() const noexcept {
  return std::get_if<std::int64_t>(&data_);
}
const number* value::as_number() const noexcept {
  return std::get_if<number>(&data_);
}
const std::string* value::as_string() const noexcept {
  return std::get_if<std::string>(&data_);
}
const array* value::as_array() const noexcept {
  return std::get_if<array>(&data_);
}
const object* value::as_object() const noexcept {
  return std::get_if<object>(&data_);
}
object* value::as_object() noexcept {
  return std::get_if<object>(&data_);
}

const value* value::find(std::string_view name) const noexcept {
  const object* members = as_object();
  if (members == nullptr) return nullptr;
  for (const auto& m : *members)
    if (m.name == name) return &m.content;
  return nullptr;
}

std::string_view value::kind() const noexcept {
  constexpr std::string_view names[] = {"null",     "a boolean", "a number", "a number",
                                        "a string", "an array",  "an object"};
  return names[data_.index()];
}

bool operator==(const value& a, const value& b) {
  return a.data_ == b.data_;
}

}  // namespace json
}  // namespace cobatch
