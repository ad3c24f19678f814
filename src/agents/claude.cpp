// Claude Code, headless: how it is started, its `stream-json` in both directions, one message at a time, and what it
// means that a turn of it failed.
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cobatch/agent.hpp>
#include <cobatch/store.hpp>

#include "agents/agent_process.hpp"
#include "agents/claude_usage.hpp"
#include "agents/dialect.hpp"
#include "agents/turn_outcome.hpp"
#include "base/json.hpp"

namespace cobatch {

namespace {

using json::is_true;
using json::text_of;
using strings = std::vector<std::string>;

bool contains(const strings& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// --------------------------------------------------------------------------------------------- why a turn failed

// What the turn's earlier lines said that its `result` does not repeat.
struct claude_trouble {
  std::string error = {};                     // of the last `assistant` line: "rate_limit", "model_not_found", …
  bool is_synthetic = false;                  // that line is the program's own, not the model's
  std::optional<timestamp> limit_until = {};  // of a `rate_limit_event` that refused
};

// The names that Claude Code gives to errors (since 2.1), in those that all agents share.
std::optional<provider_error> error_named_by_claude(const std::string& error) {
  if (error == "rate_limit" || error == "overloaded") return provider_error::limit;
  if (error == "model_not_found") return provider_error::no_such_model;
  if (error == "billing_error") return provider_error::no_credit;
  if (error == "authentication_failed" || error == "oauth_org_not_allowed" || error == "account_on_hold" ||
      error == "verification_required" || error == "cloud_credential_error")
    return provider_error::not_logged_in;
  return std::nullopt;
}

// The text of what went wrong: an aborted or refused start has a list instead of a result.
std::string words_of_failure(const json::value& result, const std::string& output) {
  if (!output.empty()) return output;
  std::string all;
  for (const auto& one : elements(at(result, "errors")))
    if (one.as_string() != nullptr) all += (all.empty() ? "" : "; ") + *one.as_string();
  return all;
}

turn_report broken(settlement outcome, std::string reason, bool usable) {
  outcome.end = turn_end::broke;
  outcome.reason = std::move(reason);
  return {std::move(outcome), usable};
}

turn_report out_of_budget(settlement outcome) {
  outcome.end = turn_end::error;
  outcome.reason = "agent_budget";
  outcome.detail += " (the agent's own budget for the process is spent; raise it, then assign the work again)";
  return {std::move(outcome), false};
}

turn_report no_such_conversation(settlement outcome) {
  auto report = conversation_lost();
  report.what.detail = std::move(outcome.detail);
  report.what.output = std::move(outcome.output);
  report.what.used = std::move(outcome.used);
  return report;
}

// `outcome`: with output and usage.
turn_report read_failure(const json::value& result, const claude_trouble& trouble, settlement outcome) {
  const std::string reason = text_of(result, "terminal_reason"), kind = text_of(result, "subtype"),
                    api_error = text_of(result, "api_error");
  const std::int64_t http = json::number_of(result, "api_error_status").value_or(0);
  outcome.source = status_source::cobatch;
  outcome.detail = words_of_failure(result, outcome.output);
  const bool is_programs = outcome.output.empty() || is_true(result, "is_error") || trouble.is_synthetic;
  // An answer of the model may be about logins and limits.
  const std::string words = is_programs ? outcome.detail : std::string();
  if (words.find("No conversation found") != std::string::npos ||
      words.find("--resume requires a valid session") != std::string::npos)
    return no_such_conversation(std::move(outcome));
  if (kind == "error_max_turns") return broken(std::move(outcome), "max_turns", true);
  if (kind == "error_max_budget_usd") return out_of_budget(std::move(outcome));
  if (reason == "prompt_too_long") {
    auto report = broken(std::move(outcome), reason, false);
    report.forget = true;
    return report;
  }
  auto error = error_named_by_claude(trouble.error);
  if (!error && api_error == "connection_failed") error = provider_error::limit;
  if (!error) error = find_provider_error(http, words);
  if (error) return report_provider_error(*error, std::move(outcome), trouble.limit_until);
  std::string broke_by = api_error;
  if (broke_by.empty() && http != 0) broke_by = fmt::format("api_error_{}", http);
  if (broke_by.empty()) broke_by = reason.empty() ? "agent_error" : reason;
  auto report = broken(std::move(outcome), std::move(broke_by), true);
  report.agent_error = !reason.starts_with("aborted");
  return report;
}

// ----------------------------------------------------------------------------------------------------- its lines

// The content blocks of an `assistant` or `user` line.
const json::array& blocks_of(const json::value& line) { return elements(at(line, "message", "content")); }

// What the agent itself says in an `assistant` line; empty for a subagent's, and where it calls a tool.
std::string message_in(const json::value& line) {
  std::string said;
  if (!text_of(line, "parent_tool_use_id").empty()) return said;
  for (const auto& block : blocks_of(line)) {
    if (text_of(block, "type") == "tool_use") return {};
    said += text_of(block, "text");
  }
  return said;
}

// The first of these members that there is; empty if there is none.
std::string first_text_of(const json::value& of, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (std::string text = text_of(of, name); !text.empty()) return text;
  return {};
}

// A tool call as a person would say it: the tool, and on what.
std::string describe_call(const json::value& call) {
  const std::string on =
      first_text_of(at(call, "input"), {"file_path", "path", "command", "pattern", "url", "description"});
  return text_of(call, "name") + (on.empty() ? "" : " " + on);
}

// Which credential pays, by what the program says of its API key.
std::string billing_of(const std::string& key_source) {
  if (key_source.empty()) return {};
  if (key_source == "none") return "a login: a subscription, or a cloud provider's account";
  return "an API key (" + key_source + ")";
}

std::string user_message(std::string_view text) {
  const json::object message{{"role", "user"}, {"content", text}};
  return json::write(json::object{{"type", "user"}, {"message", message}}) + "\n";
}

constexpr std::string_view of_its_own = "task-notification";

class claude_dialect final : public dialect {
 public:
  explicit claude_dialect(strings free_tools) : free_tools_(std::move(free_tools)) {}

  std::string ask(const turn_request& request) override {
    begin_turn();
    if (!request.task.empty()) asked_.insert(request.task);
    return user_message(request.prompt);
  }

  std::string clear_line() override { return user_message("/clear"); }

  std::string abort_line(const turn_key& running) override {
    return fmt::format(R"({{"type":"control_request","request_id":"turn-{}","request":{{"subtype":"interrupt"}}}})"
                       "\n",
                       running.turn.value);
  }

  // What a broken turn left unanswered does not count with the first turn of the next process.
  void process_begins() override {
    begin_turn();
    clearing_ = false;
    used_.process_begins();
  }

  std::optional<usage> used_so_far(const std::string& conversation, timestamp began) override {
    return read_claude_transcript(conversation, began);
  }

 protected:
  bool is_answer(std::string_view beginning) const override {
    return first_type(beginning) == "result" && beginning.find(of_its_own) == std::string_view::npos;
  }

  void understand(const json::value& line, const turn_key& running, line_meaning& to) override {
    const std::string type = text_of(line, "type");
    if (type == "system") read_system(line, to);
    if (type == "assistant") read_assistant(line, to);
    if (type == "user") read_tool_results(line);
    if (type == "rate_limit_event") read_limit(at(line, "rate_limit_info"));
    if (type == "conversation_reset") clearing_ = true;
    if (type == "result") read_result(line, running.task, to);
  }

 private:
  void begin_turn() {
    turn_ = {};
    message_.clear();
    used_.turn_begins();
  }

  void read_system(const json::value& line, line_meaning& to) {
    const std::string kind = text_of(line, "subtype");
    if (kind == "init") read_init(line, to);
    if (kind == "api_retry") read_retry(line, to);
  }

  void read_init(const json::value& line, line_meaning& to) {
    if (const auto id = text_of(line, "session_id"); is_whole(id)) conversation_ = id;
    folder_ = text_of(line, "cwd");
    agent_facts now;
    now.version = text_of(line, "claude_code_version");
    now.model = text_of(line, "model");
    now.billing = billing_of(text_of(line, "apiKeySource"));
    if (now == about_) return;  // it is repeated at each turn
    about_ = std::move(now);
    to.news = event{.what = event::kind::agent_known, .about = about_};
  }

  // A turn whose credential is refused again and again is given up: the program would try for minutes.
  void read_retry(const json::value& line, line_meaning& to) {
    const auto status = json::number_of(line, "error_status");
    const std::int64_t attempt = json::number_of(line, "attempt").value_or(1);
    if (!status) used_.note_broken_connection();
    const std::string trouble = status ? fmt::format("the provider answered {}", *status) : "the connection broke";
    if (attempt > 1 && (status == 401 || status == 403)) {
      settlement outcome;
      outcome.detail = trouble + " again and again";
      to.end = report_provider_error(provider_error::not_logged_in, std::move(outcome), std::nullopt);
      return;
    }
    constexpr std::int64_t day_ms = std::int64_t{24} * 60 * 60 * 1000;
    const std::chrono::milliseconds delay{
        std::clamp<std::int64_t>(json::number_of(line, "retry_delay_ms").value_or(0), 0, day_ms)};
    to.news = event{.what = event::kind::paused,
                    .text = fmt::format("{} ({}); the agent tries again in {:.1f} s, {} of {}", trouble,
                                        text_of(line, "error"), std::chrono::duration<double>(delay).count(), attempt,
                                        json::number_of(line, "max_retries").value_or(attempt)),
                    .until = system_now() + delay};
  }

  void read_assistant(const json::value& line, line_meaning& to) {
    used_.note_request(line);
    turn_.trouble.error = text_of(line, "error");
    turn_.trouble.is_synthetic = text_of(at(line, "message"), "model") == no_model;
    message_ = message_in(line);
    for (const auto& block : blocks_of(line)) {
      if (text_of(block, "type") != "tool_use") continue;
      turn_.called[text_of(block, "id")] = text_of(block, "name");
      to.tell(event::kind::tool, describe_call(block));
    }
  }

  void read_tool_results(const json::value& line) {
    message_.clear();
    for (const auto& block : blocks_of(line)) {
      if (text_of(block, "type") != "tool_result" || is_true(block, "is_error")) continue;
      if (const auto call = turn_.called.find(text_of(block, "tool_use_id")); call != turn_.called.end())
        turn_.worked.insert(call->second);
    }
  }

  void read_limit(const json::value& limit) {
    if (text_of(limit, "status") != "rejected") return;
    if (const auto until = read_limit_end(limit)) turn_.trouble.limit_until = until;
  }

  void read_result(const json::value& result, const task_id& asked, line_meaning& to) {
    const bool clears = clearing_ || text_of(result, "local_command") == "clear";
    // A turn that the agent began by itself, for a subagent that ended in the background: it answers nothing that was
    // asked. Results of any other origin do.
    const bool is_its_own = text_of(at(result, "origin"), "kind") == of_its_own;
    const bool is_late = !clears && !is_its_own && answers_earlier_task(result, asked);
    if (!clears && !is_its_own && !is_late) {
      to.end = read_end(result, asked);
      begin_turn();
      return;
    }
    used_.carry_over(result);
    if (clears) {
      clearing_ = false;
      used_.cleared();
      conversation_ = text_of(result, "session_id");
      to.is_cleared = true;
    }
    if (is_late) {
      settlement outcome;
      outcome.output = text_of(result, "result");
      settle_by_answer(outcome, asked);
      to.late_answer = turn_report{std::move(outcome), true};
      to.tell(event::kind::notice,
              fmt::format("an answer to an earlier task came while task \"{}\" runs; it is passed over, and its tokens "
                          "count with this task",
                          asked.str()));
    }
  }

  // A background task that woke up may answer an earlier message once more.
  bool answers_earlier_task(const json::value& result, const task_id& asked) const {
    const auto said = find_status_line(text_of(result, "result"));
    return said && said->task != asked.str() && asked_.contains(asked) && asked_.contains(task_id(said->task));
  }

  turn_report read_end(const json::value& result, const task_id& asked) {
    settlement outcome;
    const std::string reason = text_of(result, "terminal_reason");
    outcome.used = used_.of_turn(result, reason.starts_with("aborted"));
    outcome.output = text_of(result, "result");
    // `subtype` says "success" even for API errors; only these two tell.
    if (is_true(result, "is_error") || (!reason.empty() && reason != "completed"))
      return read_failure(result, turn_.trouble, std::move(outcome));
    if (const auto denied = denied_for_good(result); !denied.empty()) return read_denial(denied, std::move(outcome));
    settle_by_answer(outcome, asked);
    return {std::move(outcome), true};
  }

  // The tools that were denied and never worked in the turn, each with the path that it was first to be used on.
  std::map<std::string, std::string> denied_for_good(const json::value& result) const {
    std::map<std::string, std::string> denied;
    for (const auto& denial : elements(at(result, "permission_denials")))
      if (const auto tool = text_of(denial, "tool_name"); !turn_.worked.contains(tool))
        denied.try_emplace(tool, first_text_of(at(denial, "tool_input"), {"file_path", "path", "notebook_path"}));
    return denied;
  }

  // A tool that the agent has is denied where it would have been used outside its folder: to allow the tool would lift
  // that fence.
  turn_report read_denial(const std::map<std::string, std::string>& denied, settlement outcome) const {
    std::string tools, allow, outside;
    for (const auto& [tool, path] : denied) {
      tools += (tools.empty() ? "" : ", ") + tool;
      if (contains(free_tools_, tool) && is_outside(path))
        outside += (outside.empty() ? "" : ", ") + path;
      else
        allow += " --allow " + tool;
    }
    outcome.end = turn_end::denied;
    outcome.source = status_source::cobatch;
    outcome.reason = "permission_denied";
    outcome.detail = fmt::format("the agent was not allowed to use {}", tools);
    if (!outside.empty())
      outcome.detail +=
          fmt::format("; {} lies outside what it may touch: give it a folder that holds it, with --cwd", outside);
    if (!allow.empty()) outcome.detail += "; allow it with" + allow;
    outcome.detail += "; then assign the work again under another task_id";
    return {std::move(outcome), true};
  }

  // Outside of the folder that the agent says it works in.
  bool is_outside(const std::string& path) const { return path.starts_with('/') && !path.starts_with(folder_ + "/"); }

  // What is known of the running turn.
  struct turn_state {
    std::map<std::string, std::string> called;  // tools, by the id of their call
    std::set<std::string> worked;               // tools, at least once
    claude_trouble trouble;
  };

  const strings free_tools_;
  std::string folder_;
  turn_state turn_;
  std::set<task_id> asked_;
  claude_usage used_;
  agent_facts about_;
  bool clearing_ = false;
};

// ------------------------------------------------------------------------------------------------ how it is started

// A tool or a rule for one, as in "Bash(git *)": the tool.
std::string tool_of(const std::string& rule) { return rule.substr(0, rule.find('(')); }

// `--tools` is what there is; what is not used by the permission mode's leave needs `--allowedTools`, too. (That alone
// would leave the others, a shell among them, and lift the folder's fence for those that it names.)
void append_tools(strings& argv, const claude_agent_options& options, const strings& wanted) {
  strings tools, allowed;
  const auto may_use = [&](const std::string& tool) { return wanted.empty() || contains(wanted, tool); };
  for (const auto& tool : options.tools)
    if (may_use(tool)) tools.push_back(tool);
  for (const auto& rule : options.allowed_tools) {
    const std::string tool = tool_of(rule);
    if (!may_use(tool)) continue;
    allowed.push_back(rule);
    const bool is_of_mcp_server = tool.starts_with("mcp__");
    if (!is_of_mcp_server && !contains(tools, tool)) tools.push_back(tool);
  }
  argv.insert(argv.end(), {"--tools", fmt::format("{}", fmt::join(tools, ","))});
  if (!allowed.empty()) argv.insert(argv.end(), {"--allowedTools", fmt::format("{}", fmt::join(allowed, ","))});
}

strings claude_argv(const claude_agent_options& options, const session_start& session) {
  strings argv{options.program, "-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose"};
  const auto add = [&](const char* name, const std::string& value) { add_option(argv, name, value); };
  add("--permission-mode", options.permission_mode);
  append_tools(argv, options, session.tools);
  add("--model", session.model.empty() ? options.model : session.model);
  add("--append-system-prompt", options.system_prompt);
  add("--mcp-config", options.mcp_config.string());
  if (!options.mcp_config.empty()) argv.emplace_back("--strict-mcp-config");
  if (options.max_turns > 0) add("--max-turns", std::to_string(options.max_turns));
  if (options.max_nano_dollars > 0) add("--max-budget-usd", json::write_decimal(options.max_nano_dollars, 9, 2));
  add("--resume", session.conversation);
  if (session.fork && !session.conversation.empty()) argv.emplace_back("--fork-session");
  argv.insert(argv.end(), options.extra_arguments.begin(), options.extra_arguments.end());
  return argv;
}

class claude_agent final : public program_agent {
 public:
  explicit claude_agent(claude_agent_options options) : options_(std::move(options)) {}

  std::string_view name() const override { return "claude"; }
  bool takes_preamble() const override { return true; }
  bool can_fork() const override { return true; }

  std::string objection(const task_spec& task) const override {
    strings known = options_.tools;
    for (const auto& rule : options_.allowed_tools) known.push_back(tool_of(rule));
    for (const auto& tool : task.tools)
      if (!contains(known, tool))
        return fmt::format(
            "the task asks for the tool {}, which this engine does not allow; start it with --allow {}, or leave the "
            "tool out",
            tool, tool);
    return {};
  }

 protected:
  result<agent_program> program(const session_start& session) override {
    return agent_program{.argv = claude_argv(options_, session),
                         // A subagent in the background would end a turn of its own, which nobody asked for, in the
                         // middle of another task's.
                         .environment = {"CLAUDE_CODE_DISABLE_BACKGROUND_TASKS=1"},
                         .grace = options_.grace,
                         .dialect = make_dialect()};
  }

  std::unique_ptr<dialect> make_dialect() const override { return make_claude_dialect(options_.tools); }

 private:
  const claude_agent_options options_;
};

}  // namespace

std::unique_ptr<dialect> make_claude_dialect(std::vector<std::string> tools) {
  return std::make_unique<claude_dialect>(std::move(tools));
}

std::shared_ptr<agent> v1::make_claude_agent(claude_agent_options options) {
  return std::make_shared<claude_agent>(std::move(options));
}

}  // namespace cobatch
