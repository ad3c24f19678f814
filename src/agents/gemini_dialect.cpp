#include "agents/gemini_dialect.hpp"

#include <utility>

#include "agents/json_dialect.hpp"
#include "agents/provider_error.hpp"
#include "agents/status_line.hpp"
#include "base/json.hpp"

namespace cobatch {

namespace {

using json::text_of;

// Nothing if one of the three is missing. `input_tokens` include the cached ones; what is missing from the total is
// reasoning, which is paid as output.
std::optional<tokens> read_counts(const json::value& stats) {
  json::told_counts told(max_reported_tokens);
  const auto total = told.read(stats, "total_tokens");
  const auto input = told.read(stats, "input_tokens");
  const auto output = told.read(stats, "output_tokens");
  if (!total || !input || !output) return std::nullopt;
  tokens t;
  t.cache_read = told.read(stats, "cached").value_or(0);
  t.uncached_input = *input - t.cache_read;
  t.reasoning = *total - *input - *output;
  t.output = *output + t.reasoning;
  return told.all_fit() && is_plausible(t) ? std::optional(t) : std::nullopt;
}

std::optional<usage> read_stats(const json::value& stats) {
  const json::value* models = stats.find("models");
  if (models == nullptr || models->as_object() == nullptr) return std::nullopt;
  usage used;
  for (const auto& [model, figures] : *models->as_object()) {
    const auto count = read_counts(figures);
    if (!count) return std::nullopt;
    used.by_model.push_back({model, *count});
  }
  return used;
}

// The provider's answer stands as JSON in the message: [API Error: {"error":{"code":401,…}}].
std::int64_t status_in(const std::string& message) {
  const auto from = message.find('{');
  const auto to = message.rfind('}');
  if (from == std::string::npos || to == std::string::npos || to < from) return 0;
  const auto answer = json::parse(std::string_view(message).substr(from, to - from + 1));
  const json::value* error = answer ? answer->find("error") : nullptr;
  return error == nullptr ? 0 : json::number_of(*error, "code").value_or(0);
}

class gemini_dialect final : public json_dialect {
 public:
  std::string ask(const turn_request& request) override { return request.prompt; }

  bool is_answer(std::string_view beginning) const override { return first_type(beginning) == "result"; }

  std::string_view last_message() const override { return answer_; }

  void process_begins() override {
    answer_.clear();
    trouble_.clear();
  }

 private:
  std::optional<turn_report> read_object(const json::value& line, const turn_key& expected) override {
    const std::string type = text_of(line, "type");
    if (type == "init") tell_about({{}, text_of(line, "model"), {}});
    if (type == "message" && text_of(line, "role") == "assistant") answer_ += text_of(line, "content");
    if (type == "tool_use") tell_tool(line);
    if (type == "error") trouble_ = text_of(line, "message");
    if (type == "result") return read_result(line, expected);
    return std::nullopt;
  }

  // The answer is what was said after the last tool.
  void tell_tool(const json::value& line) {
    answer_.clear();
    tell(event::kind::tool, text_of(line, "tool_name"));
  }

  turn_report read_result(const json::value& line, const turn_key& expected) {
    settlement what;
    if (const json::value* stats = line.find("stats")) what.used = read_stats(*stats);
    what.output = std::exchange(answer_, {});
    if (text_of(line, "status") == "success") {
      // A model has answered: of none there can only be no figures.
      if (what.used && what.used->by_model.empty()) what.used.reset();
      settle_by_answer(what, expected.task);
      return {std::move(what), true};
    }
    if (const json::value* error = line.find("error")) what.detail = text_of(*error, "message");
    if (what.detail.empty()) what.detail = std::exchange(trouble_, {});
    const std::int64_t http = status_in(what.detail);
    return report_failed_turn(http, std::move(what));
  }

  std::string answer_;
  std::string trouble_;  // what it said before a result that says nothing
};

}  // namespace

std::unique_ptr<dialect> make_gemini_dialect() {
  return std::make_unique<gemini_dialect>();
}

}  // namespace cobatch
