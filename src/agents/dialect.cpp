#include "agents/dialect.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "agents/turn_outcome.hpp"

namespace cobatch {

line_meaning dialect::read(const agent_line& line, const turn_key& running) {
  line_meaning meaning;
  const bool ends_turn = is_answer(line.text);
  if (line.is_cut) {
    if (ends_turn)
      meaning.end = unreadable_answer(line.text, fmt::format("it is longer than {} MiB", max_agent_line >> 20));
  } else if (ends_turn || line.text.starts_with('{')) {
    json::repairs repaired;
    if (const auto parsed = json::parse_leniently(line.text, repaired))
      understand(*parsed, running, meaning);
    else if (ends_turn)
      meaning.end = unreadable_answer(line.text, fmt::format("{}{}", parsed.error().message, advice_on_bad_json()));
  }
  meaning.message = message_;
  return meaning;
}

std::string_view first_type(std::string_view line) noexcept {
  constexpr std::string_view name = "\"type\"";
  const auto skip_space = [&](std::size_t at) { return std::min(line.find_first_not_of(" \t", at), line.size()); };
  std::size_t at = line.find(name);
  if (at == std::string_view::npos) return {};
  at = skip_space(at + name.size());
  if (line.substr(at, 1) != ":") return {};
  at = skip_space(at + 1);
  if (line.substr(at, 1) != "\"") return {};
  const std::string_view value = line.substr(at + 1);
  return value.substr(0, value.find('"'));
}

}  // namespace cobatch
