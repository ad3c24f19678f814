// How values stand in columns: ids and enumerations by their names, so that people can read them; lists as JSON texts.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <cobatch/core/batch.hpp>
#include <cobatch/core/session.hpp>
#include <cobatch/core/task.hpp>
#include <cobatch/core/time.hpp>
#include <cobatch/core/usage.hpp>

#include "store/sql.hpp"

namespace cobatch {

/// The error of a store that holds what no store writes.
[[nodiscard]] inline store_failure damaged(std::string message) { return {{errc::store_damaged, std::move(message)}}; }

/// A limit as a database takes it.
[[nodiscard]] constexpr std::int64_t sql_limit(std::size_t limit) noexcept {
  constexpr std::size_t most = std::size_t{1} << 40;
  return static_cast<std::int64_t>(limit < most ? limit : most);
}

/// A list of texts as JSON text (an empty one as the empty text), and back; `read_list` throws store_damaged for what `write_list` does not write.
[[nodiscard]] std::string write_list(const std::vector<std::string>& list);
[[nodiscard]] std::vector<std::string> read_list(std::string_view text);

/// The names of an enumeration, in order.
template <class E>
struct words;
template <class E, std::size_t Count>
struct words_by_name {
  static constexpr std::size_t count = Count;
  static constexpr std::string_view of(E value) { return name_of(value); }
};
template <>
struct words<task_state> : words_by_name<task_state, task_state_count> {};
template <>
struct words<batch_state> : words_by_name<batch_state, batch_state_count> {};
template <>
struct words<running_way> : words_by_name<running_way, 3> {};
template <>
struct words<error_rule> : words_by_name<error_rule, 2> {};
template <>
struct words<session_end> : words_by_name<session_end, session_end_count> {};
template <>
struct words<turn_end> : words_by_name<turn_end, turn_end_count> {};
template <>
struct words<status_source> : words_by_name<status_source, 3> {};
template <>
struct words<usage_source> : words_by_name<usage_source, usage_source_count> {};
template <>
struct words<task_owner> {
  static constexpr std::size_t count = 3;
  static constexpr std::string_view of(task_owner owner) {
    constexpr std::array<std::string_view, count> names{"nobody", "session", "manual"};
    return names[static_cast<std::size_t>(owner)];
  }
};
template <>
struct words<session_phase> {
  static constexpr std::size_t count = 2;
  static constexpr std::string_view of(session_phase phase) { return phase == session_phase::live ? "live" : "ended"; }
};

template <class T>
struct sql_value<T, std::enable_if_t<std::is_integral_v<T>>> {
  static void bind(sql_statement& s, int at, T value) { s.bind(at, static_cast<std::int64_t>(value)); }
  static T read(const sql_statement& s, int column) {
    if constexpr (std::is_same_v<T, bool>)
      return s.integer(column) != 0;
    else
      return static_cast<T>(s.integer(column));
  }
};

template <class T>
struct sql_value<T, std::enable_if_t<std::is_convertible_v<const T&, std::string_view>>> {
  static void bind(sql_statement& s, int at, std::string_view text) { s.bind(at, text); }
  static T read(const sql_statement& s, int column) { return T(s.text(column)); }
};

/// `epoch` and `turn_no`.
template <class Tag>
struct sql_value<number_id<Tag>> {
  static void bind(sql_statement& s, int at, number_id<Tag> id) { s.bind(at, id.value); }
  static number_id<Tag> read(const sql_statement& s, int column) { return {s.integer(column)}; }
};

template <class Tag>
struct sql_value<text_id<Tag>> {
  static void bind(sql_statement& s, int at, const text_id<Tag>& id) { s.bind(at, std::string_view(id.str())); }
  static text_id<Tag> read(const sql_statement& s, int column) { return text_id<Tag>(std::string(s.text(column))); }
};

template <>
struct sql_value<timestamp> {
  static void bind(sql_statement& s, int at, timestamp t) { s.bind(at, t.ms); }
  static timestamp read(const sql_statement& s, int column) { return {s.integer(column)}; }
};

template <>
struct sql_value<std::chrono::milliseconds> {
  static void bind(sql_statement& s, int at, std::chrono::milliseconds time) { s.bind(at, time.count()); }
  static std::chrono::milliseconds read(const sql_statement& s, int column) {
    return std::chrono::milliseconds{s.integer(column)};
  }
};

/// By its rank, so that the database can tell the highest.
template <>
struct sql_value<priority> {
  static void bind(sql_statement& s, int at, priority p) { s.bind(at, static_cast<std::int64_t>(p)); }
  static priority read(const sql_statement& s, int column) {
    const std::int64_t rank = s.integer(column);
    if (rank < 0 || rank > static_cast<std::int64_t>(priority::high)) throw damaged("the store holds no such priority");
    return static_cast<priority>(rank);
  }
};

template <class E>
struct sql_value<E, std::enable_if_t<std::is_enum_v<E>>> {
  static void bind(sql_statement& s, int at, E value) { s.bind(at, words<E>::of(value)); }
  static E read(const sql_statement& s, int column) {
    const std::string_view word = s.text(column);
    for (std::size_t i = 0; i < words<E>::count; ++i)
      if (words<E>::of(static_cast<E>(i)) == word) return static_cast<E>(i);
    throw damaged("the store holds a word that is not known: " + std::string(word) +
                  "; restore store.db from a backup, or set it aside");
  }
};

/// Nothing is NULL.
template <class T>
struct sql_value<std::optional<T>> {
  static void bind(sql_statement& s, int at, const std::optional<T>& value) {
    if (value)
      sql_value<T>::bind(s, at, *value);
    else
      s.bind(at, nullptr);
  }
  static std::optional<T> read(const sql_statement& s, int column) {
    if (s.is_null(column)) return std::nullopt;
    return sql_value<T>::read(s, column);
  }
};

/// Only to be read; what is written is the text that `write_list` makes.
template <>
struct sql_value<std::vector<std::string>> {
  static std::vector<std::string> read(const sql_statement& s, int column) { return read_list(s.text(column)); }
};

}  // namespace cobatch
