#include "agents/codex_dialect.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include <cobatch/store.hpp>

#include "agents/codex_figures.hpp"
#include "agents/codex_requests.hpp"
#include "agents/json_dialect.hpp"
#include "agents/provider_error.hpp"
#include "agents/status_line.hpp"
#include "base/json.hpp"

namespace cobatch {

namespace {

using json::text_of;

const json::value& member_of(const json::value& of, std::string_view name) {
  // Never destroyed: an agent may be at work while the process exits.
  static const json::value& none = *new json::value;
  const json::value* found = of.find(name);
  return found == nullptr ? none : *found;
}

// `codex exec` tells the status of the provider's answer in words only.
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

// The kind of an error: a name, or an object of that name that tells the status.
struct error_kind {
  std::string name;
  std::int64_t http = 0;
};

error_kind kind_of(const json::value& error) {
  const json::value& info = member_of(error, "codexErrorInfo");
  if (const std::string* name = info.as_string()) return {*name};
  const json::object* named = info.as_object();
  if (named == nullptr || named->empty()) return {};
  return {named->front().name, json::number_of(named->front().content, "httpStatusCode").value_or(0)};
}

std::optional<provider_error> error_named(std::string_view kind) {
  if (kind == "usageLimitExceeded" || kind == "serverOverloaded") return provider_error::limit;
  if (kind == "unauthorized") return provider_error::not_logged_in;
  return std::nullopt;
}

// A tool that an item is about, as a person would say it. The two ways to drive Codex write its kinds differently.
struct tool_names {
  std::string_view command, change, mcp, search;
};
constexpr tool_names exec_tools{"command_execution", "file_change", "mcp_tool_call", "web_search"};
constexpr tool_names server_tools{"commandExecution", "fileChange", "mcpToolCall", "webSearch"};

std::optional<std::string> describe_tool(const json::value& item, const tool_names& names) {
  const std::string type = text_of(item, "type");
  if (type == names.command) return "command " + text_of(item, "command");
  if (type == names.mcp) return "mcp tool " + text_of(item, "tool");
  if (type == names.search) return "web search " + text_of(item, "query");
  if (type != names.change) return std::nullopt;
  const json::array* changes = json::array_of(item, "changes");
  return "edit" + (changes == nullptr || changes->empty() ? "" : " " + text_of(changes->front(), "path"));
}

class codex_dialect final : public json_dialect {
 public:
  explicit codex_dialect(codex_start how) : how_(std::move(how)) {}

  std::string ask(const turn_request& request) override {
    if (!how_.thread.empty()) figures_.begun_elsewhere(how_.thread);
    if (!how_.app_server) return request.prompt;
    turn_id_.clear();
    if (is_open_) return codex::start_turn(thread_, request.prompt, request.turn);
    waiting_ = request;
    return codex::initialize();
  }

  bool is_answer(std::string_view beginning) const override {
    const std::string_view type = first_type(beginning);
    return type == "turn.completed" || type == "turn.failed" ||
           beginning.find(R"("turn/completed")") != std::string_view::npos;
  }

  std::string_view last_message() const override { return uses_tool_ ? std::string_view() : answer_; }

  std::string take_reply() override { return std::exchange(reply_, {}); }

  std::string abort_line(const turn_key&) override {
    return is_open_ && !turn_id_.empty() ? codex::interrupt(thread_, turn_id_) : std::string();
  }
  std::string clear_line() override { return is_open_ ? codex::clear(how_) : std::string(); }
  std::int64_t times_cleared() const override { return times_cleared_; }
  std::string conversation() const override { return thread_; }

  std::optional<usage> used_so_far() override { return figures_.of_broken_turn(thread_, about_.model); }

  void process_begins() override {
    static_cast<void>(used_so_far());
    is_open_ = false;
    reply_.clear();
    answer_.clear();
    trouble_.clear();
    turn_id_.clear();
  }

 private:
  std::optional<turn_report> read_object(const json::value& line, const turn_key& expected) override {
    asked_ = expected.task;
    if (line.find("type") != nullptr) return read_event(line);
    const json::value* id = line.find("id");
    const json::value* method = line.find("method");
    if (method != nullptr && id != nullptr) return reply_ = codex::decline(*id), std::nullopt;
    if (method != nullptr && method->as_string() != nullptr)
      return read_notification(*method->as_string(), member_of(line, "params"));
    if (id != nullptr && id->as_string() != nullptr) return read_answer(*id->as_string(), line);
    return std::nullopt;
  }

  // --------------------------------------------------------------------------------------------- codex exec --json

  std::optional<turn_report> read_event(const json::value& line) {
    const std::string type = text_of(line, "type");
    if (type == "thread.started" && is_whole(text_of(line, "thread_id")))
      figures_.begun_here(thread_ = text_of(line, "thread_id"));
    if (type == "error") trouble_ = text_of(line, "message");
    if (type == "item.started" || type == "item.completed")
      read_item(member_of(line, "item"), type == "item.completed", "agent_message", exec_tools);
    if (type == "turn.completed")
      return completed(figures_.of_turn(thread_, read_codex_exec_tokens(member_of(line, "usage")), how_.model));
    if (type != "turn.failed") return std::nullopt;
    // Of a turn that failed it tells no figures; they are in the thread's next one.
    const std::string said = text_of(member_of(line, "error"), "message");
    return failed({{}, status_in(said)}, said, std::nullopt);
  }

  void read_item(const json::value& item, bool is_complete, std::string_view message, const tool_names& names) {
    if (is_complete && text_of(item, "type") == message) answer_ = text_of(item, "text"), uses_tool_ = false;
    // A change of files is told only when it is made.
    if (is_complete != (text_of(item, "type") == names.change)) return;
    const auto tool = describe_tool(item, names);
    if (!tool) return;
    uses_tool_ = true;
    tell(event::kind::tool, *tool);
  }

  // ---------------------------------------------------------------------------------------------- codex app-server

  std::optional<turn_report> read_answer(std::string_view id, const json::value& line) {
    if (const json::value* error = line.find("error")) return refused(id, text_of(*error, "message"));
    const json::value& result = member_of(line, "result");
    if (id == codex::initialize_id) {
      // "cobatch/0.169.0 (Debian 12 …"
      const std::string program = text_of(result, "userAgent");
      const auto from = program.find('/') + 1;
      about_.version = program.substr(from, program.find(' ', from) - from);
      reply_ = codex::open_thread(how_);
    } else if (id == codex::start_id || id == codex::resume_id || id == codex::fork_id) {
      opened(result, id != codex::start_id);
      reply_ = codex::start_turn(thread_, waiting_.prompt, waiting_.turn);
    } else if (id == codex::clear_id) {
      opened(result, false);
      ++times_cleared_;
    } else if (id.starts_with(codex::turn_prefix)) {
      turn_id_ = text_of(member_of(result, "turn"), "id");
    }
    return std::nullopt;
  }

  void opened(const json::value& result, bool has_turns) {
    is_open_ = true;
    thread_ = text_of(member_of(result, "thread"), "id");
    has_turns ? figures_.begun_elsewhere(thread_) : figures_.begun_here(thread_);
    about_.model = text_of(result, "model");
    tell_about(about_);
  }

  std::optional<turn_report> refused(std::string_view id, std::string said) {
    if (id == codex::resume_id || id == codex::fork_id) return conversation_lost();
    const bool is_of_turn = id == codex::initialize_id || id == codex::start_id || id.starts_with(codex::turn_prefix);
    if (!is_of_turn) return std::nullopt;
    return failed({{}, status_in(said)}, said, std::nullopt);
  }

  std::optional<turn_report> read_notification(std::string_view method, const json::value& params) {
    const bool is_ours = text_of(params, "threadId") == thread_;
    if (method == "thread/tokenUsage/updated") read_figures(params);
    if (method == "account/rateLimits/updated") read_limits(member_of(params, "rateLimits"));
    if (method == "error" && is_ours) read_error(params);
    if (!is_ours) return std::nullopt;
    if (method == "turn/started") turn_id_ = text_of(member_of(params, "turn"), "id");
    if (method == "item/started" || method == "item/completed")
      read_item(member_of(params, "item"), method == "item/completed", "agentMessage", server_tools);
    if (method == "turn/completed") return read_end(member_of(params, "turn"));
    return std::nullopt;
  }

  // Told for each request to the model; and when a thread is opened that has had turns, of the latest of these.
  void read_figures(const json::value& params) {
    const std::string thread = text_of(params, "threadId");
    const auto total = read_codex_server_tokens(member_of(member_of(params, "tokenUsage"), "total"));
    if (!total) return;
    if (thread != thread_)
      figures_.note_more();  // a subagent's
    else if (turn_id_.empty() || text_of(params, "turnId") != turn_id_)
      figures_.set_baseline(thread, *total);
    else
      figures_.note_request(thread, *total);
  }

  void read_error(const json::value& params) {
    const std::string said = text_of(member_of(params, "error"), "message");
    if (json::is_true(params, "willRetry"))
      tell_retry(said + "; the agent tries again", system_now());
    else
      trouble_ = said;
  }

  // Of the windows that are used up, the one that ends last.
  void read_limits(const json::value& limits) {
    limit_until_.reset();
    for (const char* name : {"primary", "secondary"}) {
      const json::value& window = member_of(limits, name);
      const auto until = read_limit_end(window);
      const bool is_used_up = json::number_of(window, "usedPercent").value_or(0) >= 100;
      if (is_used_up && until) limit_until_ = std::max(limit_until_.value_or(timestamp{}), *until);
    }
  }

  turn_report read_end(const json::value& turn) {
    auto used = figures_.of_turn(thread_, std::nullopt, about_.model);
    turn_id_.clear();
    const std::string status = text_of(turn, "status");
    if (status == "completed") return completed(std::move(used));
    const json::value& error = member_of(turn, "error");
    if (status == "interrupted" && error.is_null()) return failed({}, "the turn was interrupted", std::move(used));
    return failed(kind_of(error), text_of(error, "message"), std::move(used));
  }

  // ------------------------------------------------------------------------------------------------ the end of a turn

  turn_report completed(std::optional<usage> used) {
    settlement what;
    what.used = std::move(used);
    what.output = std::exchange(answer_, {});
    settle_by_answer(what, asked_);
    return {std::move(what), true};
  }

  turn_report failed(const error_kind& kind, std::string said, std::optional<usage> used) {
    settlement what;
    what.used = std::move(used);
    what.output = std::exchange(answer_, {});
    const std::string trouble = std::exchange(trouble_, {});
    what.detail = said.empty() ? trouble : std::move(said);
    const std::int64_t http = kind.http != 0 ? kind.http : status_in(what.detail);
    if (const auto error = error_named(kind.name)) return report_provider_error(*error, std::move(what), limit_until_);
    auto report = report_failed_turn(http, std::move(what));
    if (report.limited) report.limited->until = limit_until_;
    report.forget = kind.name == "contextWindowExceeded" ||
                    report.what.detail.find("ran out of room in the model's context") != std::string::npos;
    return report;
  }

  codex_start how_;
  turn_request waiting_;  // until the thread is open
  task_id asked_;         // what the running turn is about
  std::string reply_;
  bool is_open_ = false;
  std::string thread_;
  std::string turn_id_;  // of the running turn; empty: not told yet, or none runs
  std::int64_t times_cleared_ = 0;
  codex_figures figures_;
  agent_facts about_;
  std::optional<timestamp> limit_until_;
  std::string answer_;
  bool uses_tool_ = false;  // since it said that
  std::string trouble_;
};

}  // namespace

std::unique_ptr<dialect> make_codex_dialect(codex_start how) {
  return std::make_unique<codex_dialect>(std::move(how));
}

}  // namespace cobatch
