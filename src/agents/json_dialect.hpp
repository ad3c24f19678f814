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

  std::optional<agent_news> take_news() final {
    if (news_) news_->text = news_text_;
    return std::exchange(news_, std::nullopt);
  }

 protected:
  /// What the object means: as `read`.
  [[nodiscard]] virtual std::optional<turn_report> read_object(const json::value& line, const turn_key& expected) = 0;

  void tell(agent_news::kind what, std::string text) {
    news_text_ = std::move(text);
    news_ = agent_news{what, {}, {}};
  }
  void tell_retry(std::string text, timestamp until) {
    tell(agent_news::kind::retry, std::move(text));
    news_->until = until;
  }
  void tell_about(const agent_facts& about) {
    news_text_.clear();
    news_ = agent_news{agent_news::kind::about, {}, about};
  }

 private:
  std::optional<agent_news> news_;
  std::string news_text_;
};

}  // namespace cobatch
