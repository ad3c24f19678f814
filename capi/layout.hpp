// Structs that begin with struct_size, across versions: what the caller has no room for is not touched, what the
// library does not know must be zero.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>

#include "boundary.hpp"

namespace cobatch::capi {

// Room for struct_size and something behind it. Less is a struct that nobody initialised.
inline constexpr std::uint32_t least_struct_size = 8;

[[nodiscard]] inline verdict wrong_size(const char* name, std::uint32_t size, const char* why) {
  return {COBATCH_E_STRUCT_SIZE, std::string("struct_size of ") + name + " is " + std::to_string(size) + ": " + why};
}

[[nodiscard]] inline verdict check_initialised(const char* name, std::uint32_t size) {
  if (size >= least_struct_size) return {};
  return wrong_size(name, size, "set it to sizeof the struct, with its COBATCH_..._INIT or cobatch_init");
}

/// Takes what the caller gave, as far as the library knows it, also if more makes it refuse the rest; NULL stands for
/// all defaults.
template <class T>
[[nodiscard]] verdict take(const T* given, const char* name, T& own) {
  static_assert(std::is_trivially_copyable_v<T> && offsetof(T, struct_size) == 0);
  own = {};
  own.struct_size = sizeof(T);
  if (given == nullptr) return {};
  const std::uint32_t size = given->struct_size;
  if (auto v = check_initialised(name, size); v.failed()) return v;
  std::memcpy(&own, given, std::min<std::size_t>(size, sizeof(T)));
  own.struct_size = sizeof(T);
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  if (size > sizeof(T) && std::any_of(bytes + sizeof(T), bytes + size, [](unsigned char b) { return b != 0; }))
    return wrong_size(name, size, "the caller uses members that this version of the library does not know");
  return {};
}

/// Gives a record to the caller, as far as there is room; what a later version would fill is zeroed.
template <class T>
[[nodiscard]] verdict give(const T& own, const char* name, T* to) {
  static_assert(std::is_trivially_copyable_v<T> && offsetof(T, struct_size) == 0);
  if (to == nullptr) return null_argument(name);
  const std::uint32_t size = to->struct_size;
  if (auto v = check_initialised(name, size); v.failed()) return v;
  auto* bytes = reinterpret_cast<unsigned char*>(to);
  std::memcpy(bytes, &own, std::min<std::size_t>(size, sizeof(T)));
  if (size > sizeof(T)) std::memset(bytes + sizeof(T), 0, size - sizeof(T));
  std::memcpy(bytes, &size, sizeof size);
  return {};
}

/// Gives an empty record: for before something is done whose answer would be lost if there were no room for it.
template <class T>
[[nodiscard]] verdict give_blank(const char* name, T* to) {
  return give(T{}, name, to);
}

/// Refuses flags that this version does not know.
[[nodiscard]] inline verdict check_flags(std::uint32_t given, std::uint32_t known, const char* which) {
  if ((given & ~known) == 0) return {};
  return bad_value(std::string("flags holds one that this version does not know; see ") + which);
}

/// Takes a count of which 0 is the default.
[[nodiscard]] inline verdict take_count(std::int32_t given, const char* name, int& own) {
  if (given < 0) return bad_value(std::string(name) + " is negative");
  if (given > 0) own = given;
  return {};
}

}  // namespace cobatch::capi
