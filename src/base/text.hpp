// Words in messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cobatch {

/// "1 task", "2 tasks".
[[nodiscard]] inline std::string counted(std::int64_t count, std::string_view noun) {
  std::string text = std::to_string(count) + ' ';
  text += noun;
  return count == 1 ? text : text + 's';
}

/// The message of an error as a sentence: with a capital letter and a full stop, if it lacks them. Messages begin small
/// and end without one, so that a caller can put something before and after them. A name at the beginning (task_id,
/// data/…) stays as it is.
[[nodiscard]] inline std::string sentence(std::string message) {
  const auto is_small = [](char c) { return c >= 'a' && c <= 'z'; };
  std::size_t word = 0;
  while (word < message.size() && is_small(message[word])) ++word;
  const bool is_word =
      word > 0 && word < message.size() && std::string_view(" ,:").find(message[word]) != std::string_view::npos;
  if (is_word) message.front() = static_cast<char>(message.front() - 'a' + 'A');
  constexpr std::string_view ends = ".?!";
  if (!message.empty() && ends.find(message.back()) == std::string_view::npos) message += '.';
  return message;
}

}  // namespace cobatch
