// How values stand in SQL: enumerations by their names, so that people can read them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <cobatch/core/batch.hpp>
#include <cobatch/core/session.hpp>
#include <cobatch/core/task.hpp>
#include <cobatch/core/usage.hpp>

#include "store/rows.hpp"

namespace cobatch {
namespace columns {

[[nodiscard]] constexpr std::string_view word_for(task_owner owner) noexcept {
  constexpr std::array<std::string_view, 3> words{"nobody", "session", "manual"};
  return words[static_cast<std::size_t>(owner)];
}
[[nodiscard]] constexpr std::string_view word_for(session_phase phase) noexcept {
  return phase == session_phase::live ? "live" : "ended";
}
template <class E>
[[nodiscard]] constexpr std::string_view word_for(E value) noexcept {
  return name_of(value);
}

/// The enumerator of that name among the first `Count`; throws store_damaged for a word that is none of them.
template <class E, std::size_t Count>
[[nodiscard]] E read_word(std::string_view word) {
  for (std::size_t i = 0; i < Count; ++i)
    if (word_for(static_cast<E>(i)) == word) return static_cast<E>(i);
  throw store_failure{{errc::store_damaged, "the store holds a word that is not known: " + std::string(word) +
                                                "; restore store.db from a backup, or set it aside"}};
}

/// A limit as SQLite takes it.
[[nodiscard]] constexpr std::int64_t sql_limit(std::size_t limit) noexcept {
  constexpr std::size_t most = std::size_t{1} << 40;
  return static_cast<std::int64_t>(limit < most ? limit : most);
}

}  // namespace columns
}  // namespace cobatch
