#include "agent/codex_dialect.hpp"

#include <charconv>
#include <map>
#include <system_error>
#include <utility>

#include "agent/json_dialect.hpp"
#include "agent/provider_error.hpp"
#include "agent/status_line.hpp"
#include "json/members.hpp"

namespace cobatch {
inline namespace v1 {

namespace {

using json::text_of;

// Its `input_tokens` include what was read from and written to the cache; ours do not overlap.
std::optional<tokens> read_totals(const json::value& used) {
  const auto count = [&](std::string_view name) { return json::number_of(used, name).value_or(0); };
  const std::int64_t input = count("input_tokens");
  tokens total;
  total.cache_read = count("cached_input_tokens");
  total.cache_write_5m = count("cache_write_input_tokens");
  total.uncached_input = input - total.cache_read - total.cache_write_5m;
  total.output = count("output_tokens");
  total.reasoning = count("reasoning_output_tokens");
  return is_plausible(total) ? std::optional(total) : std::nullopt;
}

// Nothing in its lines is a number of the provider's answer; the words of the error are all there is.
std::int64_t status_in(std::string_view message) {
  for (const std::string_view mark : {"unexpected status ", "last status: "}) {
    const auto at = message.find(mark);
    if (at == std::string_view::npos) continue;
    const auto digits = message.substr(at + mark.size(), 3);
    std::int64_t status = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), status);
    if (read.ec == std::errc{}) return status;
  }
  return 0;
}

class codex_dialect final : public json_dialect {
 public:
  std::string ask(const turn_request& request) override { return request.prompt; }
  std::string conversation() const override { return thread_; }

  void process_begins() override {
    answer_.clear();
    trouble_.clear();
  }

 private:
  std::optional<turn_report> read_object(const json::value& line) override {
    const std::string type = text_of(line, "type");
    if (type == "thread.started") thread_ = text_of(line, "thread_id");
    if (type == "error") trouble_ = text_of(line, "message");
    if (type == "item.started" || type == "item.completed") read_item(line, type == "item.completed");
    if (type == "turn.completed") return completed(line);
    if (type == "turn.failed") return failed(line);
    return std::nullopt;
  }

  void read_item(const json::value& line, bool completed) {
    const json::value* item = line.find("item");
    if (item == nullptr) return;
    const std::string type = text_of(*item, "type");
    if (type == "agent_message") {
      if (completed) answer_ = text_of(*item, "text");
      return;
    }
    const bool is_tool =
        type == "command_execution" || type == "file_change" || type == "mcp_tool_call" || type == "web_search";
    if (!is_tool || completed != (type == "file_change")) return;
    const std::string about = text_of(*item, type == "mcp_tool_call" ? "tool" : "command");
    tell(agent_news::kind::tool, about.empty() ? type : type + " " + about);
  }

  turn_report completed(const json::value& line) {
    settlement what;
    if (const json::value* used = line.find("usage")) what.used = difference(*used);
    what.output = std::exchange(answer_, {});
    settle_by_answer(what);
    return {std::move(what), true};
  }

  // The figures of a thread add up over its turns, and over the processes that went on with it.
  std::optional<usage> difference(const json::value& reported) {
    const auto total = read_totals(reported);
    if (!total) return std::nullopt;
    tokens& before = totals_[thread_];
    const tokens turn = *total - before;
    before = *total;
    if (!is_plausible(turn)) return std::nullopt;
    usage used;
    used.source = usage_source::difference;
    used.by_model.push_back({{}, turn});
    return used;
  }

  turn_report failed(const json::value& line) {
    settlement what;
    what.output = std::exchange(answer_, {});
    if (const json::value* error = line.find("error")) what.detail = text_of(*error, "message");
    if (what.detail.empty()) what.detail = std::exchange(trouble_, {});
    const std::int64_t http = status_in(what.detail);
    auto report = report_failed_turn(http, std::move(what));
    report.forget = report.what.detail.find("ran out of room in the model's context") != std::string::npos;
    return report;
  }

  std::string thread_;
  std::map<std::string, tokens> totals_;  // of each thread so far
  std::string answer_;
  std::string trouble_;
};

}  // namespace

std::unique_ptr<dialect> make_codex_dialect() {
  return std::make_unique<codex_dialect>();
}

}  // namespace v1
}  // namespace cobatch
