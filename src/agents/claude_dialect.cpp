#include "agents/claude_dialect.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include <cobatch/store.hpp>

#include "agents/claude_failure.hpp"
#include "agents/claude_usage.hpp"
#include "agents/json_dialect.hpp"
#include "agents/provider_error.hpp"
#include "agents/status_line.hpp"
#include "base/json.hpp"

namespace cobatch {

namespace {

using json::is_true;
using json::text_of;

// The content blocks of an `assistant` or `user` line.
const json::array* blocks_of(const json::value& line) {
  const json::value* message = line.find("message");
  return message == nullptr ? nullptr : json::array_of(*message, "content");
}

// True if the program wrote it itself, and no model.
bool is_synthetic(const json::value& line) {
  const json::value* message = line.find("message");
  return message != nullptr && text_of(*message, "model") == "<synthetic>";
}

// What the agent itself says in an `assistant` line; empty for a subagent's, and where it calls a tool.
std::string message_in(const json::value& line) {
  std::string said;
  const json::array* blocks = blocks_of(line);
  if (blocks == nullptr || !text_of(line, "parent_tool_use_id").empty()) return said;
  for (const auto& block : *blocks) {
    if (text_of(block, "type") == "tool_use") return {};
    said += text_of(block, "text");
  }
  return said;
}

// A tool call as a person would say it: the tool, and on what.
std::string describe_call(const json::value& block) {
  std::string text = text_of(block, "name");
  const json::value* input = block.find("input");
  if (input == nullptr) return text;
  for (const char* about : {"file_path", "path", "command", "pattern", "url", "description"})
    if (const std::string value = text_of(*input, about); !value.empty()) return text + " " + value;
  return text;
}

// The file or folder that a tool was to be used on; empty if it was to be used on none.
std::string path_of(const json::value& input) {
  for (const char* name : {"file_path", "path", "notebook_path"})
    if (std::string path = text_of(input, name); !path.empty()) return path;
  return {};
}

// Which tools a turn called, and which of them worked at least once.
class tool_record {
 public:
  // What the line's call is, if it has one.
  std::optional<std::string> note_calls(const json::value& line) {
    std::optional<std::string> called;
    if (const json::array* blocks = blocks_of(line))
      for (const auto& block : *blocks) {
        if (text_of(block, "type") != "tool_use") continue;
        called_[text_of(block, "id")] = text_of(block, "name");
        called = describe_call(block);
      }
    return called;
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
  // The tools that were denied and never worked in the turn, each with the path that it was first to be used on.
  [[nodiscard]] std::map<std::string, std::string> denied_for_good(const json::value& result) const {
    std::map<std::string, std::string> denied;
    if (const json::array* denials = json::array_of(result, "permission_denials"))
      for (const auto& denial : *denials)
        if (const auto tool = text_of(denial, "tool_name"); !worked_.contains(tool)) {
          const json::value* input = denial.find("tool_input");
          denied.try_emplace(tool, input == nullptr ? std::string() : path_of(*input));
        }
    return denied;
  }

 private:
  std::map<std::string, std::string> called_;  // tool_use id → tool
  std::set<std::string> worked_;
};

// Which credential pays, by what the program says of its API key.
std::string billing_of(const std::string& key_source) {
  if (key_source.empty()) return {};
  if (key_source == "none") return "a login: a subscription, or a cloud provider's account";
  return "an API key (" + key_source + ")";
}

class claude_dialect final : public json_dialect {
 public:
  explicit claude_dialect(std::vector<std::string> tools) : free_tools_(std::move(tools)) {}

  std::string ask(const turn_request& request) override {
    begin_turn();
    if (!request.task.empty()) asked_.insert(request.task);
    return message(request.prompt);
  }
  bool is_answer(std::string_view beginning) const override {
    return first_type(beginning) == "result" && beginning.find(of_its_own) == std::string_view::npos;
  }
  std::string clear_line() override { return message("/clear"); }

  std::string abort_line(const turn_key& running) override {
    return fmt::format(R"({{"type":"control_request","request_id":"turn-{}","request":{{"subtype":"interrupt"}}}})"
                       "\n",
                       running.turn.value);
  }

  std::string_view last_message() const override { return turn_.said; }

  const turn_report* passed_over() const override { return turn_.passed_over ? &*turn_.passed_over : nullptr; }

  // Nothing that a broken turn left unanswered is said of the next process's first turn.
  void process_begins() override {
    begin_turn();
    clearing_ = false;
    used_.process_begins();
  }
  std::int64_t times_cleared() const override { return times_cleared_; }
  std::string conversation() const override { return conversation_; }

 private:
  // What is known of the running turn only.
  struct turn_state {
    tool_record tools;
    claude_trouble trouble;
    std::string said;
    std::optional<turn_report> passed_over;
  };

  void begin_turn() {
    turn_ = {};
    used_.turn_begins();
  }

  std::optional<turn_report> read_object(const json::value& line, const turn_key& expected) override {
    const std::string type = text_of(line, "type");
    if (type == "system")
      if (auto refused = read_system(line)) return refused;
    if (type == "assistant") read_assistant(line);
    if (type == "user") turn_.said.clear(), turn_.tools.note_results(line);
    if (type == "rate_limit_event") read_limit(line);
    if (type == "conversation_reset") clearing_ = true;
    if (type != "result") return std::nullopt;
    if (clearing_ || text_of(line, "local_command") == "clear") return read_cleared(line), std::nullopt;
    if (is_of_its_own(line)) return used_.carry_over(line), std::nullopt;
    if (is_late(line, expected.task)) {
      used_.carry_over(line);
      settlement what;
      what.output = text_of(line, "result");
      settle_by_answer(what, expected.task);
      turn_.passed_over = turn_report{std::move(what), true};
      tell(event::kind::notice, fmt::format("an answer to an earlier task came while task \"{}\" runs; it is passed "
                                            "over, and its tokens count with this task",
                                            expected.task.str()));
      return std::nullopt;
    }
    turn_report report = read_result(line, expected.task);
    begin_turn();
    return report;
  }

  static constexpr std::string_view of_its_own = "task-notification";

  // A turn that the agent began by itself, for a subagent that ended in the background: it answers nothing that was
  // asked. Results of any other origin do.
  static bool is_of_its_own(const json::value& result) {
    const json::value* origin = result.find("origin");
    return origin != nullptr && text_of(*origin, "kind") == of_its_own;
  }

  // A background task that woke up may answer an earlier message once more.
  bool is_late(const json::value& result, const task_id& expected) const {
    const auto said = find_status_line(text_of(result, "result"));
    return said && said->task != expected.str() && asked_.contains(expected) && asked_.contains(task_id(said->task));
  }

  static std::string message(std::string_view text) {
    std::string line = R"({"type":"user","message":{"role":"user","content":)";
    json::append_string(line, text);
    line += "}}\n";
    return line;
  }

  // A turn whose credential is refused again and again is given up: the program would try for minutes.
  std::optional<turn_report> read_system(const json::value& line) {
    const std::string kind = text_of(line, "subtype");
    if (kind == "init") read_init(line);
    if (kind != "api_retry") return std::nullopt;
    const auto status = json::number_of(line, "error_status");
    const std::int64_t attempt = json::number_of(line, "attempt").value_or(1);
    if (!status) used_.note_broken_connection();
    const std::string trouble = status ? fmt::format("the provider answered {}", *status) : "the connection broke";
    if (attempt > 1 && (status == 401 || status == 403)) {
      settlement what;
      what.detail = trouble + " again and again";
      return report_provider_error(provider_error::not_logged_in, std::move(what), std::nullopt);
    }
    const std::chrono::milliseconds delay{std::clamp<std::int64_t>(json::number_of(line, "retry_delay_ms").value_or(0),
                                                                   0, std::int64_t{24} * 60 * 60 * 1000)};
    tell_retry(fmt::format("{} ({}); the agent tries again in {:.1f} s, {} of {}", trouble, text_of(line, "error"),
                           std::chrono::duration<double>(delay).count(), attempt,
                           json::number_of(line, "max_retries").value_or(attempt)),
               system_now() + delay);
    return std::nullopt;
  }

  void read_init(const json::value& line) {
    if (const auto id = text_of(line, "session_id"); is_whole(id)) conversation_ = id;
    folder_ = text_of(line, "cwd");
    agent_facts now;
    now.version = text_of(line, "claude_code_version");
    now.model = text_of(line, "model");
    now.billing = billing_of(text_of(line, "apiKeySource"));
    if (now == about_) return;  // it is repeated at each turn
    about_ = std::move(now);
    tell_about(about_);
  }

  void read_assistant(const json::value& line) {
    used_.note_request(line);
    turn_.trouble.error = text_of(line, "error");
    turn_.trouble.is_synthetic = is_synthetic(line);
    turn_.said = message_in(line);
    if (auto called = turn_.tools.note_calls(line)) tell(event::kind::tool, std::move(*called));
  }

  void read_limit(const json::value& line) {
    const json::value* info = line.find("rate_limit_info");
    if (info == nullptr || text_of(*info, "status") != "rejected") return;
    if (const auto until = read_limit_end(*info)) turn_.trouble.limit_until = until;
  }

  void read_cleared(const json::value& result) {
    clearing_ = false;
    used_.carry_over(result);
    used_.cleared();
    conversation_ = text_of(result, "session_id");
    ++times_cleared_;
  }

  turn_report read_result(const json::value& result, const task_id& asked) {
    settlement what;
    const std::string reason = text_of(result, "terminal_reason");
    what.used = used_.of_turn(result, reason.starts_with("aborted"));
    what.output = text_of(result, "result");
    // `subtype` says "success" even for API errors; only these two tell.
    if (is_true(result, "is_error") || (!reason.empty() && reason != "completed"))
      return read_claude_failure(result, turn_.trouble, std::move(what));
    if (const auto denied = turn_.tools.denied_for_good(result); !denied.empty())
      return read_denial(denied, std::move(what));
    settle_by_answer(what, asked);
    return {std::move(what), true};
  }

  // A tool that it has was denied for where it was to be used: to allow it would lift that fence.
  turn_report read_denial(const std::map<std::string, std::string>& denied, settlement what) const {
    std::string tools, allow, outside;
    for (const auto& [tool, path] : denied) {
      tools += (tools.empty() ? "" : ", ") + tool;
      const bool is_free = std::find(free_tools_.begin(), free_tools_.end(), tool) != free_tools_.end();
      if (is_free && is_outside(path))
        outside += (outside.empty() ? "" : ", ") + path;
      else
        allow += " --allow " + tool;
    }
    what.end = turn_end::denied;
    what.source = status_source::cobatch;
    what.reason = "permission_denied";
    what.detail = fmt::format("the agent was not allowed to use {}", tools);
    if (!outside.empty())
      what.detail +=
          fmt::format("; {} lies outside what it may touch: give it a folder that holds it, with --cwd", outside);
    if (!allow.empty()) what.detail += "; allow it with" + allow;
    what.detail += "; then assign the work again under another task_id";
    return {std::move(what), true};
  }

  // Of the folder that it works in, by its own word.
  bool is_outside(const std::string& path) const { return path.starts_with('/') && !path.starts_with(folder_ + "/"); }

  const std::vector<std::string> free_tools_;
  std::string folder_;
  turn_state turn_;
  std::set<task_id> asked_;
  claude_usage used_;
  std::string conversation_;
  agent_facts about_;
  bool clearing_ = false;
  std::int64_t times_cleared_ = 0;
};

}  // namespace

std::unique_ptr<dialect> make_claude_dialect(std::vector<std::string> tools) {
  return std::make_unique<claude_dialect>(std::move(tools));
}

}  // namespace cobatch
