// The common part of dialects whose program writes one JSON object a line.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "agents/dialect.hpp"
#include "base/json.hpp"

namespace cobatch {

class json_dialect : public dialect {
 public:
  std::optional<turn_report> read(std::string_view line, const turn_key& expected) final {
    if (!line.starts_with('{') && !is_answer(line)) return std::nullopt;
    json::repairs repaired;
    const auto parsed = json::parse_leniently(line, repaired);
    if (parsed) return read_object(*parsed, expected);
    return is_answer(line) ? std::optional(unreadable_answer(line, parsed.error().message)) : std::nullopt;
  }

  std::optional<event> take_news() final { return std::exchange(news_, std::nullopt); }

 protected:
  /// What the object means: as `read`.
  [[nodiscard]] virtual std::optional<turn_report> read_object(const json::value& line, const turn_key& expected) = 0;

  void tell(event::kind what, std::string text) { news_ = event{.what = what, .text = std::move(text)}; }
  void tell_retry(std::string text, timestamp until) {
    news_ = event{.what = event::kind::paused, .text = std::move(text), .until = until};
  }
  void tell_about(const agent_facts& about) { news_ = event{.what = event::kind::agent_known, .about = about}; }

 private:
  std::optional<event> news_;
};

}  // namespace cobatch
