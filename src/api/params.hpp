// The parameters of an action: what they are called, what they may hold, and the check of a request against that.
//
// A handler sees only checked parameters: of the right type, the required ones present, nothing else decided here.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <cobatch/core/error.hpp>

#include "base/json.hpp"

namespace cobatch {
namespace request {

enum class param_type : std::uint8_t {
  text,
  texts,  ///< an array of strings
  integer,
  number,   ///< decimals are taken as they are written, never through binary ones
  boolean,  ///< only true and false: null, 0 and "true" are guesses about when an agent starts
  any,      ///< any JSON value
  object,   ///< one with `fields`
  objects,  ///< an array of objects with `fields`
};

/// "a string", "a whole number", …: for messages.
[[nodiscard]] std::string_view describe(param_type type) noexcept;
/// The type's name in JSON Schema; empty for `any`.
[[nodiscard]] std::string_view schema_name(param_type type) noexcept;

struct param_spec {
  std::string_view name;
  param_type type = param_type::text;
  bool required = false;
  std::string_view description;
  std::span<const param_spec> fields{};  ///< of `object`, and of each object of `objects`
};

/// Warnings for members that no action knows: one a name, however many tasks carry it.
class unknown_members {
 public:
  void note(std::string_view where, std::string_view name);
  [[nodiscard]] std::vector<warning> take() { return std::move(warnings_); }

 private:
  std::vector<std::string> names_;
  std::vector<warning> warnings_;
};

/// An object whose members were checked. It refers to the request and must not outlive it.
class arguments {
 public:
  /// Errors: wrong_type, missing_field, bad_value (a name that is nearly right). What is in objects is not looked at.
  /// `where` leads names in messages
  /// ("tasks[3]."); null counts as absent, except for booleans.
  [[nodiscard]] static result<arguments> check(const json::value& given, std::span<const param_spec> specs,
                                               const std::string& where, unknown_members& unknown);

  [[nodiscard]] const std::string* text(std::string_view name) const noexcept;
  /// Empty if it was not given.
  [[nodiscard]] std::vector<std::string> texts(std::string_view name) const;
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view name) const noexcept;
  /// As it is written in JSON.
  [[nodiscard]] std::optional<std::string> number(std::string_view name) const;
  [[nodiscard]] std::optional<bool> boolean(std::string_view name) const noexcept;
  /// Null pointer if absent or null.
  [[nodiscard]] const json::value* any(std::string_view name) const noexcept;
  [[nodiscard]] const json::array* objects(std::string_view name) const noexcept;

  /// How a parameter is called in messages.
  [[nodiscard]] std::string label(std::string_view name) const;

 private:
  const json::value* given_ = nullptr;
  std::string where_;
};

/// A text from outside, fit to stand in a message: shortened, in quotes, without control characters.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// The parameter that `given` names, be it with another case, with other underscores or hyphens, with one slip of the
/// pen where the name is long enough, or by its beginning (5 letters or the first word); empty if there is none.
/// Whoever sent it relies on it, so it is not ignored.
[[nodiscard]] std::string_view meant_name(std::string_view given, std::span<const param_spec> known);

/// That `given` is no parameter here, and `meant` is what to call it.
[[nodiscard]] error misnamed(std::string_view where, std::string_view given, std::string_view meant);

/// The candidate that `given` is most likely a slip of; empty if none is near.
[[nodiscard]] std::string_view nearest(std::string_view given, std::span<const std::string_view> candidates);

}  // namespace request
}  // namespace cobatch
