// SQL put together when it is compiled. A statement lives as long as the program does: a store may be used at its first
// statement or its last, before `main` and while the process exits.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace cobatch {

template <std::size_t Size>
struct sql_text {
  char bytes[Size + 1] = {};

  constexpr sql_text() = default;
  constexpr explicit sql_text(std::string_view text) { std::copy_n(text.data(), Size, bytes); }
  constexpr sql_text(const char (&text)[Size + 1]) { std::copy_n(text, Size, bytes); }  // NOLINT: stands for the text

  [[nodiscard]] constexpr const char* c_str() const noexcept { return bytes; }
};
template <std::size_t Bytes>
sql_text(const char (&)[Bytes]) -> sql_text<Bytes - 1>;

template <std::size_t A, std::size_t B>
[[nodiscard]] constexpr sql_text<A + B> operator+(const sql_text<A>& a, const sql_text<B>& b) {
  sql_text<A + B> both;
  std::copy_n(a.bytes, A, both.bytes);
  std::copy_n(b.bytes, B, both.bytes + A);
  return both;
}
template <std::size_t A, std::size_t Bytes>
[[nodiscard]] constexpr auto operator+(const sql_text<A>& a, const char (&b)[Bytes]) {
  return a + sql_text(b);
}
template <std::size_t Bytes, std::size_t B>
[[nodiscard]] constexpr auto operator+(const char (&a)[Bytes], const sql_text<B>& b) {
  return sql_text(a) + b;
}

/// One of two texts, which may differ in length.
template <bool First, class A, class B>
[[nodiscard]] constexpr auto either(const A& a, const B& b) {
  if constexpr (First)
    return sql_text(a);
  else
    return sql_text(b);
}

}  // namespace cobatch
