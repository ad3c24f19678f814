// Names of things, each a type of its own, so that a task's id cannot stand where a batch's is meant.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include <cobatch/core/error.hpp>
#include <cobatch/core/text.hpp>
#include <cobatch/core/time.hpp>

namespace cobatch {
inline namespace v1 {

/// Longest id in bytes.
inline constexpr std::size_t max_id_bytes = 128;

/// A text id: 1 to 128 bytes of UTF-8 without control characters. Ids are compared byte for byte, and never
/// become part of a path.
template <class Tag>
class text_id {
 public:
  text_id() = default;
  /// Takes a text that is known to be a valid id (from the store, or a literal). Use `parse` for input.
  explicit text_id(std::string checked) : value_(std::move(checked)) {}

  /// Checks an id from outside; messages begin with what it is `called` there. Errors: bad_id, bad_encoding.
  [[nodiscard]] static result<text_id> parse(std::string_view text, std::string_view called = Tag::noun) {
    const auto wrong = [&](errc code, const std::string& what) { return fail(code, std::string(called) + what); };
    if (text.empty()) return wrong(errc::bad_id, " is empty; give 1 to 128 bytes");
    if (text.size() > max_id_bytes)
      return wrong(errc::bad_id, " has " + std::to_string(text.size()) + " bytes; the limit is 128");
    if (!is_utf8(text)) return wrong(errc::bad_encoding, " is not valid UTF-8");
    if (!is_printable(text)) return wrong(errc::bad_id, " holds a control character");
    return text_id(std::string(text));
  }

  [[nodiscard]] const std::string& str() const noexcept { return value_; }
  [[nodiscard]] bool empty() const noexcept { return value_.empty(); }

  friend auto operator<=>(const text_id&, const text_id&) = default;

 private:
  std::string value_;
};

/// A number that names something and is not to be calculated with.
template <class Tag>
struct number_id {
  std::int64_t value = 0;

  friend constexpr auto operator<=>(const number_id&, const number_id&) = default;
};

namespace detail {
struct task_tag {
  static constexpr std::string_view noun = "task_id";
};
struct batch_tag {
  static constexpr std::string_view noun = "batch_id";
};
struct agent_tag {
  static constexpr std::string_view noun = "the agent's name";
};
struct epoch_tag {};
struct turn_tag {};
}  // namespace detail

using task_id = text_id<detail::task_tag>;
using batch_id = text_id<detail::batch_tag>;

/// How batches name an agent.
using agent_name = text_id<detail::agent_tag>;

/// The fencing number of a session: it only ever grows in a workspace. 0 names no session.
using epoch = number_id<detail::epoch_tag>;

/// The number of a turn inside its session, from 1.
using turn_no = number_id<detail::turn_tag>;

/// The guide's form, `batch_YYYYMMDD_HHMMSS`, of a moment in UTC.
[[nodiscard]] inline batch_id make_batch_id(timestamp t) {
  const auto c = detail::to_civil(t);
  std::string out = "batch_";
  detail::append_padded(out, c.year, 4);
  detail::append_padded(out, c.month, 2);
  detail::append_padded(out, c.day, 2);
  out += '_';
  detail::append_padded(out, c.hour, 2);
  detail::append_padded(out, c.minute, 2);
  detail::append_padded(out, c.second, 2);
  return batch_id(std::move(out));
}

}  // namespace v1
}  // namespace cobatch

template <class Tag>
struct std::hash<cobatch::text_id<Tag>> {
  std::size_t operator()(const cobatch::text_id<Tag>& id) const noexcept { return std::hash<std::string>{}(id.str()); }
};
template <class Tag>
struct std::hash<cobatch::number_id<Tag>> {
  std::size_t operator()(const cobatch::number_id<Tag>& id) const noexcept {
    return std::hash<std::int64_t>{}(id.value);
  }
};
