// Counts in objects that others wrote: which are told, and whether what is told can be meant.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/json.hpp"

namespace cobatch {
namespace json {

class told_counts {
 public:
  /// A count is a whole number from 0 to `most`.
  explicit told_counts(std::int64_t most) : most_(most) {}

  /// Nothing if the member is missing, null, or no count.
  [[nodiscard]] std::optional<std::int64_t> read(const value& of, std::string_view name) {
    const value* found = of.find(name);
    if (found == nullptr || found->is_null()) return std::nullopt;
    const std::int64_t* count = found->as_int();
    const bool fits = count != nullptr && *count >= 0 && *count <= most_;
    all_fit_ = all_fit_ && fits;
    return fits ? std::optional(*count) : std::nullopt;
  }
  /// False if something that was read is no count: a text, a fraction, a negative number, one that is too large.
  [[nodiscard]] bool all_fit() const noexcept { return all_fit_; }

 private:
  std::int64_t most_;
  bool all_fit_ = true;
};

}  // namespace json
}  // namespace cobatch
