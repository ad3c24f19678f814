// The parameters of an action: what they are called, what they may hold, and the one check of a request against that.
//
// A handler sees only checked parameters: of the right type, in range, the required ones present. What a task or a
// batch may hold at all is the workspace's to say.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <cobatch/core/error.hpp>
#include <cobatch/core/id.hpp>

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
  object,   ///< one with `fields`; with any members, if it has none
  objects,  ///< an array of objects with `fields`
};

/// The type's name in JSON Schema; empty for `any`.
[[nodiscard]] std::string_view schema_name(param_type type);

/// What is wrong with a value of the right type; the message goes on from the parameter's name: " is empty".
using value_check = result<void> (*)(const json::value& given);

struct param_spec {
  std::string_view name;
  param_type type = param_type::text;
  bool required = false;
  std::string_view description;
  value_check check = nullptr;           ///< of each element, of an array
  std::span<const param_spec> fields{};  ///< of `object`, and of each object of `objects`
};

// Checks that several parameters share.
[[nodiscard]] result<void> is_task_id(const json::value& given);
[[nodiscard]] result<void> is_batch_id(const json::value& given);
/// A name that must stand on one line (an agent, a person): 1 to 128 bytes.
[[nodiscard]] result<void> is_name(const json::value& given);
/// Of a quantity with up to 9 decimals.
[[nodiscard]] result<void> is_amount(const json::value& given);
[[nodiscard]] result<void> check_range(const json::value& given, std::int64_t from, std::int64_t to);
template <std::int64_t From, std::int64_t To>
[[nodiscard]] result<void> is_in(const json::value& given) {
  return check_range(given, From, To);
}
/// `choice`: the words, for people.
[[nodiscard]] result<void> check_word(const json::value& given, bool known, std::string_view choice);

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
  /// `where` leads names in messages ("tasks[3]."). Null counts as absent, except for booleans. The objects of an array
  /// are left to the caller. Errors: wrong_type, missing_field, bad_value (also a name that is nearly right), bad_id,
  /// bad_encoding, too_large; each says that nothing was changed.
  [[nodiscard]] static result<arguments> check(const json::value& given, std::span<const param_spec> specs,
                                               const std::string& where, unknown_members& unknown);

  /// Null pointer if it was not given, as of all that return one.
  [[nodiscard]] const std::string* text(std::string_view name) const noexcept;
  /// Empty if it was not given.
  [[nodiscard]] std::string text_or_empty(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> texts(std::string_view name) const;
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view name) const noexcept;
  [[nodiscard]] std::optional<bool> boolean(std::string_view name) const noexcept;
  [[nodiscard]] const json::value* any(std::string_view name) const noexcept;
  [[nodiscard]] const json::array* objects(std::string_view name) const noexcept;
  [[nodiscard]] std::optional<arguments> object(std::string_view name) const;

  /// `task_id`, where it is required.
  [[nodiscard]] task_id task() const;
  [[nodiscard]] std::optional<batch_id> batch() const;
  /// As JSON text. Empty if it was not given, and for an empty string, which is what clients send for "no context": it
  /// must not make a repeated assign differ.
  [[nodiscard]] std::string context() const;
  /// Of a name that was checked with `is_amount`, in 10^-9 of its unit; 0 if it was not given.
  [[nodiscard]] std::int64_t nano(std::string_view name) const;
  /// Of a text that was checked to be one of a few words.
  template <class Word>
  [[nodiscard]] std::optional<Word> word(std::string_view name,
                                         std::optional<Word> (*parse)(std::string_view) noexcept) const {
    const std::string* given = text(name);
    return given == nullptr ? std::nullopt : parse(*given);
  }

 private:
  explicit arguments(const json::value& given) : given_(&given) {}
  const json::value* given_;
};

/// A text from outside, fit to stand in a message: shortened, in quotes, without control characters.
[[nodiscard]] std::string quoted_text(std::string_view text);

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
