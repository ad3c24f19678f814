// Text in and out.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <cobatch/core/id.hpp>

#include "boundary.hpp"

namespace cobatch::capi {

[[nodiscard]] inline bool is_absent(cobatch_text text) noexcept { return text.size == 0; }

/// A look at the caller's text; a NULL with a size is refused.
[[nodiscard]] inline verdict look_at_text(cobatch_text given, const char* name, std::string_view& seen) {
  if (given.data == nullptr && given.size > 0)
    return bad_value(std::string(name) + " is NULL with a size of " + std::to_string(given.size));
  seen = std::string_view(given.size == 0 ? "" : given.data, given.size);
  return {};
}

/// The caller's text.
[[nodiscard]] inline verdict take_text(cobatch_text given, const char* name, std::string& own) {
  std::string_view seen;
  if (auto v = look_at_text(given, name, seen); v.failed()) return v;
  own = seen;
  return {};
}

/// Text for the system's calls, which know no zero byte in it.
[[nodiscard]] inline verdict take_system_text(cobatch_text given, const char* name, std::string& own) {
  if (auto v = take_text(given, name, own); v.failed()) return v;
  if (own.find('\0') != std::string::npos) return bad_value(std::string(name) + " holds a zero byte");
  return {};
}

/// The caller's texts, each taken by `take_one(text, name, own)`.
template <class Own, class TakeOne>
[[nodiscard]] verdict take_texts(cobatch_texts given, const char* name, std::vector<Own>& own,
                                 const TakeOne& take_one) {
  own.clear();
  if (given.items == nullptr && given.count > 0)
    return bad_value(std::string(name) + " is NULL with a count of " + std::to_string(given.count));
  for (std::size_t i = 0; i < given.count; ++i) {
    Own one;
    if (auto v = take_one(given.items[i], name, one); v.failed()) return v;
    own.push_back(std::move(one));
  }
  return {};
}

/// An id that must be there.
template <class Id>
[[nodiscard]] verdict take_id(cobatch_text given, const char* name, Id& own) {
  std::string_view seen;
  if (auto v = look_at_text(given, name, seen); v.failed()) return v;
  auto parsed = Id::parse(seen);
  if (!parsed) return parsed.error();
  own = std::move(*parsed);
  return {};
}

/// An id that may be absent.
template <class Id>
[[nodiscard]] verdict take_id(cobatch_text given, const char* name, std::optional<Id>& own) {
  own.reset();
  if (is_absent(given)) return {};
  Id id;
  if (auto v = take_id(given, name, id); v.failed()) return v;
  own = std::move(id);
  return {};
}

/// Lent to the caller: lives as long as the string.
[[nodiscard]] inline cobatch_text lend(const std::string& text) noexcept { return {text.c_str(), text.size()}; }

/// Texts that are lent: as long as the strings, and until others are.
class lent_texts {
 public:
  [[nodiscard]] cobatch_texts lend(const std::vector<std::string>& texts) {
    return lend_each(texts, [](const std::string& text) { return capi::lend(text); });
  }
  template <class Id>
  [[nodiscard]] cobatch_texts lend_ids(const std::vector<Id>& ids) {
    return lend_each(ids, [](const Id& id) { return capi::lend(id.str()); });
  }

 private:
  template <class List, class Lend>
  cobatch_texts lend_each(const List& list, const Lend& lend_one) {
    items_.clear();
    for (const auto& one : list) items_.push_back(lend_one(one));
    return {items_.empty() ? nullptr : items_.data(), items_.size()};
  }

  std::vector<cobatch_text> items_;
};

}  // namespace cobatch::capi
