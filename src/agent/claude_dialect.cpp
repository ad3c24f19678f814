#include "agent/claude_dialect.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cobatch/core/text.hpp>

#include "agent/process_agent.hpp"
#include "agent/reported_usage.hpp"
#include "agent/status_line.hpp"
#include "json/json.hpp"
#include "system/keeper.hpp"

namespace cobatch {
inline namespace v1 {

namespace {

constexpr std::size_t summary_limit = 200;

std::string text_of(const json::value& object, std::string_view name) {
  const json::value* found = object.find(name);
  return found != nullptr && found->as_string() != nullptr ? *found->as_string() : std::string{};
}

bool is_true(const json::value& object, std::string_view name) {
  const json::value* found = object.find(name);
  return found != nullptr && *found == json::value(true);
}

// The content blocks of an `assistant` or `user` line.
const json::array* blocks_of(const json::value& line) {
  const json::value* message = line.find("message");
  const json::value* content = message == nullptr ? nullptr : message->find("content");
  return content == nullptr ? nullptr : content->as_array();
}

// Which tools a turn called, and which of them worked at least once.
class tool_record {
 public:
  void note_calls(const json::value& line) {
    const json::array* blocks = blocks_of(line);
    if (blocks == nullptr) return;
    for (const auto& block : *blocks)
      if (text_of(block, "type") == "tool_use") called_[text_of(block, "id")] = text_of(block, "name");
  }
  void note_results(const json::value& line) {
    const json::array* blocks = blocks_of(line);
    if (blocks == nullptr) return;
    for (const auto& block : *blocks) {
      if (text_of(block, "type") != "tool_result" || is_true(block, "is_error")) continue;
      if (const auto call = called_.find(text_of(block, "tool_use_id")); call != called_.end())
        worked_.insert(call->second);
    }
  }
  // The tools that were denied and never worked in the turn.
  [[nodiscard]] std::set<std::string> denied_for_good(const json::value& result) const {
    std::set<std::string> denied;
    const json::value* denials = result.find("permission_denials");
    if (denials == nullptr || denials->as_array() == nullptr) return denied;
    for (const auto& denial : *denials->as_array())
      if (const auto tool = text_of(denial, "tool_name"); !worked_.contains(tool)) denied.insert(tool);
    return denied;
  }
  void clear() {
    called_.clear();
    worked_.clear();
  }

 private:
  std::map<std::string, std::string> called_;  // tool_use id → tool
  std::set<std::string> worked_;
};

// Per-turn usage. `model_usage_since_last_result` is that already; `modelUsage` is cumulative in the process and starts
// again with a new session_id; `usage` leaves subagents out and serves only where neither is there.
class usage_meter {
 public:
  [[nodiscard]] std::optional<usage> of_turn(const json::value& result) {
    const std::string session = text_of(result, "session_id");
    if (session != session_) baseline_.clear();
    session_ = session;
    const json::value* cumulative = result.find("modelUsage");
    auto total = cumulative == nullptr ? std::nullopt : read_model_usage(*cumulative);
    auto used = turn_figures(result, total);
    if (total) baseline_ = std::move(*total);
    return used;
  }

 private:
  [[nodiscard]] std::optional<usage> turn_figures(const json::value& result,
                                                  const std::optional<std::vector<model_tokens>>& total) const {
    if (const json::value* since = result.find("model_usage_since_last_result"))
      if (auto models = read_model_usage(*since)) return usage{std::move(*models), usage_source::reported, true};
    if (total) return usage{difference(*total), usage_source::difference, true};
    if (const json::value* plain = result.find("usage")) return read_usage(*plain, {}, usage_source::reported);
    return std::nullopt;
  }

  [[nodiscard]] std::vector<model_tokens> difference(const std::vector<model_tokens>& total) const {
    std::vector<model_tokens> parts;
    for (const auto& now : total) {
      const auto before =
          std::find_if(baseline_.begin(), baseline_.end(), [&](const model_tokens& m) { return m.model == now.model; });
      const tokens count = before == baseline_.end() ? now.count : now.count - before->count;
      if (count != tokens{} && is_plausible(count)) parts.push_back({now.model, count});
    }
    return parts;
  }

  std::string session_;
  std::vector<model_tokens> baseline_;
};

class claude_dialect final : public dialect {
 public:
  std::string ask(const turn_request& request) override {
    std::string line = R"({"type":"user","message":{"role":"user","content":)";
    json::append_string(line, request.prompt);
    line += "}}\n";
    return line;
  }

  std::string abort_line(const turn_key& running) override {
    return fmt::format(R"({{"type":"control_request","request_id":"turn-{}","request":{{"subtype":"interrupt"}}}})"
                       "\n",
                       running.turn.value);
  }

  std::optional<turn_report> read(std::string_view line, const turn_key&) override {
    if (line.empty() || line.front() != '{') return std::nullopt;
    const auto parsed = json::parse(line);
    if (!parsed) return std::nullopt;
    const std::string type = text_of(*parsed, "type");
    if (type == "assistant") tools_.note_calls(*parsed);
    if (type == "user") tools_.note_results(*parsed);
    if (type != "result") return std::nullopt;
    turn_report report = read_result(*parsed);
    tools_.clear();
    return report;
  }

 private:
  turn_report read_result(const json::value& result) {
    settlement what;
    what.used = meter_.of_turn(result);
    what.output = text_of(result, "result");
    const std::string reason = text_of(result, "terminal_reason");
    // `subtype` says "success" even for API errors; only these two tell.
    if (is_true(result, "is_error") || (!reason.empty() && reason != "completed"))
      return read_failure(result, std::move(what), reason);
    if (const auto denied = tools_.denied_for_good(result); !denied.empty())
      return read_denial(denied, std::move(what));
    const auto said = find_status_line(what.output);
    what.end = said && !said->done ? turn_end::error : turn_end::done;
    what.source = said ? status_source::reported : status_source::inferred;
    what.output_summary = said ? said->summary : first_line(what.output);
    if (what.end == turn_end::error) what.detail = said->summary;
    return {std::move(what), true};
  }

  // A failed prompt stays in the agent's history and would be merged into the next message: so the process is not used
  // any further.
  static turn_report read_failure(const json::value& result, settlement what, const std::string& reason) {
    const json::value* status = result.find("api_error_status");
    const std::int64_t http = status != nullptr && status->as_int() != nullptr ? *status->as_int() : 0;
    what.source = status_source::cobatch;
    what.detail = what.output;
    if (http == 401 || http == 403 || what.output.starts_with("Not logged in")) {
      what.end = turn_end::stopped;
      what.reason = "not_authenticated";
      what.detail += " (log the agent in, then run the batch again; its tasks are still queued)";
    } else {
      what.end = turn_end::broke;
      what.reason = http != 0 ? fmt::format("api_error_{}", http) : reason.empty() ? "agent_error" : reason;
    }
    return {std::move(what), false};
  }

  static turn_report read_denial(const std::set<std::string>& denied, settlement what) {
    std::string names;
    for (const auto& tool : denied) names += (names.empty() ? "" : ", ") + tool;
    what.end = turn_end::denied;
    what.source = status_source::cobatch;
    what.reason = "permission_denied";
    what.detail = fmt::format(
        "the agent was not allowed to use {}; allow it with --allow {}, then assign the work again under another "
        "task_id",
        names, *denied.begin());
    return {std::move(what), true};
  }

  static std::string first_line(std::string_view text) {
    const auto from = text.find_first_not_of(" \t\r\n");
    if (from == std::string_view::npos) return {};
    return std::string(utf8_prefix(text.substr(from, text.find('\n', from) - from), summary_limit));
  }

  tool_record tools_;
  usage_meter meter_;
};

std::vector<std::string> claude_argv(const claude_agent_options& options) {
  std::vector<std::string> argv{options.program,   "-p",          "--input-format", "stream-json",
                                "--output-format", "stream-json", "--verbose"};
  if (!options.permission_mode.empty()) argv.insert(argv.end(), {"--permission-mode", options.permission_mode});
  if (!options.allowed_tools.empty()) {
    std::string tools;
    for (const auto& tool : options.allowed_tools) tools += (tools.empty() ? "" : ",") + tool;
    argv.insert(argv.end(), {"--allowedTools", tools});
  }
  if (!options.model.empty()) argv.insert(argv.end(), {"--model", options.model});
  argv.insert(argv.end(), options.extra_arguments.begin(), options.extra_arguments.end());
  return argv;
}

}  // namespace

std::unique_ptr<dialect> make_claude_dialect() {
  return std::make_unique<claude_dialect>();
}

std::shared_ptr<agent> make_claude_agent(claude_agent_options options) {
  process_agent_options process;
  process.name = "claude";
  process.grace = options.grace;
  process.argv = [argv = claude_argv(options)]() -> result<std::vector<std::string>> { return argv; };
  process.make_dialect = make_claude_dialect;
  return make_process_agent(std::move(process));
}

}  // namespace v1
}  // namespace cobatch
