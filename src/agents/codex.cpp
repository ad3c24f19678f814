// OpenAI's Codex, headless: by `codex app-server`, a process a session, or by `codex exec --json`, a process a turn.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cobatch/agent.hpp>
#include <cobatch/store.hpp>

#include "agents/agent_process.hpp"
#include "agents/dialect.hpp"
#include "agents/reported.hpp"
#include "agents/turn_outcome.hpp"
#include "base/json.hpp"
#include "os/programs.hpp"

namespace cobatch {

namespace {

using json::text_of;
using strings = std::vector<std::string>;

// ---------------------------------------------------------------------------------------------- what its turns used

constexpr count_names exec_counts{.input = "input_tokens",
                                  .output = "output_tokens",
                                  .cache_read = "cached_input_tokens",
                                  .cache_write = "cache_write_input_tokens",
                                  .reasoning = "reasoning_output_tokens",
                                  .input_is_all = true};
constexpr count_names server_counts{.input = "inputTokens",
                                    .output = "outputTokens",
                                    .cache_read = "cachedInputTokens",
                                    .cache_write = "cacheWriteInputTokens",
                                    .reasoning = "reasoningOutputTokens",
                                    .input_is_all = true};

// Codex's figures are those of a thread so far, over all its turns and all processes.
class thread_figures {
 public:
  // A thread that begins here has used nothing. What one that began elsewhere has used is unknown until it is reported.
  // What is known of the thread already stands.
  void begun_here(const std::string& thread) { before_.try_emplace(thread, tokens{}); }
  void begun_elsewhere(const std::string& thread) { before_.try_emplace(thread, std::nullopt); }
  // What a thread had used before the turns that follow.
  void set_baseline(const std::string& thread, const tokens& total) { before_[thread] = total; }

  // A request of the running turn was answered.
  void note_request(const std::string& thread, const tokens& total, const std::string& model) {
    const auto since = latest_ ? latest_ : before_[thread];
    latest_ = total;
    if (since && total != *since) requests_.add(model, total - *since);  // else repeated, after a failed turn
  }
  // Tokens were used that are in none of these figures.
  void note_more() { is_complete_ = false; }

  // The usage of the turn that ends now, with this figure of its thread; or with the latest that was noted.
  std::optional<usage> of_turn(const std::string& thread, const std::optional<tokens>& total,
                               const std::string& model) {
    const auto now = total ? total : latest_;
    auto& known = before_[thread];
    const auto turn = known && now ? std::optional(*now - *known) : std::nullopt;
    if (now) known = now;
    latest_.reset();
    const auto requests = std::exchange(requests_, {});
    const bool is_complete = std::exchange(is_complete_, true);
    if (!turn || !is_plausible(*turn)) return std::nullopt;
    usage used{.by_model = {{model, *turn}}, .source = usage_source::difference, .complete = is_complete};
    requests.describe(used);
    return used;
  }
  // The usage of a turn that has not ended, as far as it is known; its process is gone. What was paid for after the
  // latest figure is part of the thread's next one, and counts with that turn.
  std::optional<usage> of_broken_turn(const std::string& thread, const std::string& model) {
    if (!latest_) return std::nullopt;
    note_more();
    return of_turn(thread, std::nullopt, model);
  }

 private:
  // What each thread had used before the running turn; nothing: not known.
  std::map<std::string, std::optional<tokens>> before_;
  // Of the running turn:
  std::optional<tokens> latest_;
  shown_requests requests_;
  bool is_complete_ = true;
};

// ------------------------------------------------------------------------------------- requests to the app-server

// Their ids are words: in the file that a dead session left there are only the answers, and they must show what was
// asked.
constexpr std::string_view initialize_id = "initialize";
constexpr std::string_view start_id = "start";    // of a new thread
constexpr std::string_view resume_id = "resume";  // of an earlier one
constexpr std::string_view fork_id = "fork";      // of a copy of an earlier one
constexpr std::string_view clear_id = "clear";    // of a new thread in the place of one
constexpr std::string_view turn_prefix = "turn-";

std::string request(std::string_view id, std::string_view method, json::object params) {
  return json::write(json::object{{"id", id}, {"method", method}, {"params", std::move(params)}}) + "\n";
}

std::string initialize() {
  // Nobody reads these, because an answer comes whole at its end.
  json::array unread;
  for (const char* method : {"item/agentMessage/delta", "item/reasoning/textDelta", "item/reasoning/summaryTextDelta",
                             "item/commandExecution/outputDelta", "turn/diff/updated"})
    unread.emplace_back(method);
  return request(initialize_id, "initialize",
                 {{"clientInfo", json::object{{"name", "cobatch"}, {"title", "Cobatch"}, {"version", "1"}}},
                  {"capabilities", json::object{{"optOutNotificationMethods", std::move(unread)}}}});
}

// It must never ask, because nobody is there to answer.
json::object thread_params(const codex_start& start) {
  json::object params{{"cwd", start.working_directory}, {"approvalPolicy", "never"}, {"sandbox", start.sandbox}};
  if (!start.model.empty()) params.push_back({"model", start.model});
  return params;
}

// Acknowledges the answer to `initialize`, and asks for the thread that `start` names.
std::string open_thread(const codex_start& start) {
  const std::string read = json::write(json::object{{"method", "initialized"}}) + "\n";
  auto params = thread_params(start);
  if (start.thread.empty()) return read + request(start_id, "thread/start", std::move(params));
  params.push_back({"threadId", start.thread});
  if (start.fork) return read + request(fork_id, "thread/fork", std::move(params));
  // Its history may be longer than a line should be. (A fork reports its figures so far only with the history.)
  params.push_back({"excludeTurns", true});
  return read + request(resume_id, "thread/resume", std::move(params));
}

std::string start_turn(const std::string& thread, std::string_view prompt, turn_no turn) {
  json::array input;
  input.emplace_back(json::object{{"type", "text"}, {"text", prompt}});
  return request(std::string(turn_prefix) + std::to_string(turn.value), "turn/start",
                 {{"threadId", thread}, {"input", std::move(input)}});
}

// The answer to a request from the server: nobody is there to decide.
std::string decline(const json::value& id) {
  json::object error{{"code", -32601}, {"message", "nobody is here to answer this"}};
  return json::write(json::object{{"id", id}, {"error", std::move(error)}}) + "\n";
}

// ------------------------------------------------------------------------------------------------------ its lines

// `codex exec` reports the status of the provider's answer only in words.
std::int64_t status_named_in(std::string_view message) {
  for (const std::string_view mark : {"unexpected status ", "last status: "}) {
    const auto found = message.find(mark);
    if (found == std::string_view::npos) continue;
    const auto digits = message.substr(found + mark.size(), 3);
    std::int64_t status = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), status);
    if (read.ec == std::errc{}) return status;
  }
  return 0;
}

// The kind of an error: a name, or an object with that name and the status of the provider's answer.
struct error_kind {
  std::string name = {};
  std::int64_t http = 0;
};

error_kind kind_of(const json::value& error) {
  const json::value& info = at(error, "codexErrorInfo");
  if (const std::string* name = info.as_string()) return {*name};
  const json::object* named = info.as_object();
  if (named == nullptr || named->empty()) return {};
  return {named->front().name, json::number_of(named->front().content, "httpStatusCode").value_or(0)};
}

std::optional<provider_error> error_of_kind(std::string_view kind) {
  if (kind == "usageLimitExceeded" || kind == "serverOverloaded") return provider_error::limit;
  if (kind == "unauthorized") return provider_error::not_logged_in;
  return std::nullopt;
}

// The kinds of items, which the two ways to drive Codex write differently.
struct item_names {
  std::string_view message, command, change, mcp, search;
};
constexpr item_names exec_items{"agent_message", "command_execution", "file_change", "mcp_tool_call", "web_search"};
constexpr item_names server_items{"agentMessage", "commandExecution", "fileChange", "mcpToolCall", "webSearch"};

// A tool that an item is about, as a person would say it.
std::optional<std::string> describe_tool(const json::value& item, const item_names& names) {
  const std::string type = text_of(item, "type");
  if (type == names.command) return "command " + text_of(item, "command");
  if (type == names.mcp) return "mcp tool " + text_of(item, "tool");
  if (type == names.search) return "web search " + text_of(item, "query");
  if (type != names.change) return std::nullopt;
  const json::array& changes = elements(at(item, "changes"));
  return "edit" + (changes.empty() ? "" : " " + text_of(changes.front(), "path"));
}

class codex_dialect final : public dialect {
 public:
  explicit codex_dialect(codex_start start) : start_(std::move(start)) {}

  std::string ask(const turn_request& request) override {
    if (!start_.thread.empty()) figures_.begun_elsewhere(start_.thread);
    if (!start_.app_server) return request.prompt;
    turn_id_.clear();
    if (is_open_) return start_turn(conversation_, request.prompt, request.turn);
    waiting_ = request;
    return initialize();
  }

  std::string abort_line(const turn_key&) override {
    if (!is_open_ || turn_id_.empty()) return {};
    return request("interrupt", "turn/interrupt", {{"threadId", conversation_}, {"turnId", turn_id_}});
  }

  std::string clear_line() override {
    return is_open_ ? request(clear_id, "thread/start", thread_params(start_)) : std::string();
  }

  std::optional<usage> used_so_far(const std::string&, timestamp) override {
    return figures_.of_broken_turn(conversation_, about_.model);
  }

  void process_begins() override {
    static_cast<void>(figures_.of_broken_turn(conversation_, about_.model));
    is_open_ = false;
    answer_.clear();
    message_.clear();
    trouble_.clear();
    turn_id_.clear();
  }

 protected:
  bool is_answer(std::string_view beginning) const override {
    const std::string_view type = first_type(beginning);
    return type == "turn.completed" || type == "turn.failed" ||
           beginning.find(R"("turn/completed")") != std::string_view::npos;
  }

  void understand(const json::value& line, const turn_key& running, line_meaning& to) override {
    asked_ = running.task;
    if (line.find("type") != nullptr) return read_event(line, to);
    const json::value& id = at(line, "id");
    const std::string* method = at(line, "method").as_string();
    if (method != nullptr && !id.is_null())
      to.reply = decline(id);
    else if (method != nullptr)
      read_notification(*method, at(line, "params"), to);
    else if (id.as_string() != nullptr)
      read_answer(*id.as_string(), line, to);
  }

 private:
  // --------------------------------------------------------------------------------------------- codex exec --json

  void read_event(const json::value& line, line_meaning& to) {
    const std::string type = text_of(line, "type");
    if (type == "thread.started" && is_whole(text_of(line, "thread_id")))
      figures_.begun_here(conversation_ = text_of(line, "thread_id"));
    if (type == "error") trouble_ = text_of(line, "message");
    if (type == "item.started" || type == "item.completed")
      read_item(at(line, "item"), type == "item.completed", exec_items, to);
    if (type == "turn.completed")
      to.end = completed(figures_.of_turn(conversation_, read_tokens(at(line, "usage"), exec_counts), start_.model));
    // It reports no figures of a failed turn; they are part of the thread's next ones.
    if (type == "turn.failed") to.end = failed({}, text_of(at(line, "error"), "message"), std::nullopt);
  }

  void read_item(const json::value& item, bool is_complete, const item_names& names, line_meaning& to) {
    const std::string type = text_of(item, "type");
    if (is_complete && type == names.message) message_ = answer_ = text_of(item, "text");
    // A change of files is reported once it is made, other tools when they start.
    if (is_complete != (type == names.change)) return;
    const auto tool = describe_tool(item, names);
    if (!tool) return;
    message_.clear();
    to.tell(event::kind::tool, *tool);
  }

  // ---------------------------------------------------------------------------------------------- codex app-server

  void read_answer(std::string_view id, const json::value& line, line_meaning& to) {
    if (const json::value* error = line.find("error")) return read_refusal(id, text_of(*error, "message"), to);
    const json::value& result = at(line, "result");
    if (id == initialize_id) {
      // "cobatch/0.169.0 (Debian 12 …"
      const std::string program = text_of(result, "userAgent");
      const auto from = program.find('/') + 1;
      about_.version = program.substr(from, program.find(' ', from) - from);
      to.reply = open_thread(start_);
    } else if (id == start_id || id == resume_id || id == fork_id) {
      read_thread(result, id != start_id, to);
      to.reply = start_turn(conversation_, waiting_.prompt, waiting_.turn);
    } else if (id == clear_id) {
      read_thread(result, false, to);
      to.is_cleared = true;
    } else if (id.starts_with(turn_prefix)) {
      turn_id_ = text_of(at(result, "turn"), "id");
    }
  }

  void read_thread(const json::value& result, bool has_turns, line_meaning& to) {
    is_open_ = true;
    conversation_ = text_of(at(result, "thread"), "id");
    has_turns ? figures_.begun_elsewhere(conversation_) : figures_.begun_here(conversation_);
    about_.model = text_of(result, "model");
    to.news = event{.what = event::kind::agent_known, .about = about_};
  }

  void read_refusal(std::string_view id, const std::string& said, line_meaning& to) {
    if (id == resume_id || id == fork_id) to.end = conversation_lost();
    if (id == initialize_id || id == start_id || id.starts_with(turn_prefix)) to.end = failed({}, said, std::nullopt);
  }

  void read_notification(std::string_view method, const json::value& params, line_meaning& to) {
    if (method == "thread/tokenUsage/updated") read_usage_update(params);
    if (method == "account/rateLimits/updated") read_limits(at(params, "rateLimits"));
    if (text_of(params, "threadId") != conversation_) return;
    if (method == "error") read_error(params, to);
    if (method == "turn/started") turn_id_ = text_of(at(params, "turn"), "id");
    if (method == "item/started" || method == "item/completed")
      read_item(at(params, "item"), method == "item/completed", server_items, to);
    if (method == "turn/completed") to.end = read_end(at(params, "turn"));
  }

  // They come for each request to the model, and when an earlier thread is opened, for its latest turn.
  void read_usage_update(const json::value& params) {
    const std::string thread = text_of(params, "threadId");
    const auto total = read_tokens(at(params, "tokenUsage", "total"), server_counts);
    if (!total) return;
    if (thread != conversation_)
      figures_.note_more();  // a subagent's
    else if (turn_id_.empty() || text_of(params, "turnId") != turn_id_)
      figures_.set_baseline(thread, *total);
    else
      figures_.note_request(thread, *total, about_.model);
  }

  void read_error(const json::value& params, line_meaning& to) {
    const std::string said = text_of(at(params, "error"), "message");
    if (json::is_true(params, "willRetry"))
      to.news = event{.what = event::kind::paused, .text = said + "; the agent tries again", .until = system_now()};
    else
      trouble_ = said;
  }

  // Of the windows that are used up, the one that ends last.
  void read_limits(const json::value& limits) {
    limit_until_.reset();
    for (const char* name : {"primary", "secondary"}) {
      const json::value& window = at(limits, name);
      const auto until = read_limit_end(window);
      const bool is_used_up = json::number_of(window, "usedPercent").value_or(0) >= 100;
      if (is_used_up && until) limit_until_ = std::max(limit_until_.value_or(timestamp{}), *until);
    }
  }

  turn_report read_end(const json::value& turn) {
    auto used = figures_.of_turn(conversation_, std::nullopt, about_.model);
    turn_id_.clear();
    const std::string status = text_of(turn, "status");
    if (status == "completed") return completed(std::move(used));
    const json::value& error = at(turn, "error");
    if (status == "interrupted" && error.is_null()) return failed({}, "the turn was interrupted", std::move(used));
    return failed(kind_of(error), text_of(error, "message"), std::move(used));
  }

  // ------------------------------------------------------------------------------------------------ the end of a turn

  settlement take_answer(std::optional<usage> used) {
    settlement outcome;
    outcome.used = std::move(used);
    outcome.output = std::exchange(answer_, {});
    message_.clear();
    return outcome;
  }

  turn_report completed(std::optional<usage> used) {
    settlement outcome = take_answer(std::move(used));
    settle_by_answer(outcome, asked_);
    return {std::move(outcome), true};
  }

  turn_report failed(const error_kind& kind, const std::string& said, std::optional<usage> used) {
    settlement outcome = take_answer(std::move(used));
    const std::string trouble = std::exchange(trouble_, {});
    outcome.detail = said.empty() ? trouble : said;
    const std::int64_t http = kind.http != 0 ? kind.http : status_named_in(outcome.detail);
    if (const auto error = error_of_kind(kind.name))
      return report_provider_error(*error, std::move(outcome), limit_until_);
    auto report = report_failed_turn(http, std::move(outcome), limit_until_);
    report.forget = kind.name == "contextWindowExceeded" ||
                    report.what.detail.find("ran out of room in the model's context") != std::string::npos;
    return report;
  }

  const codex_start start_;
  turn_request waiting_;  // until the thread is open
  task_id asked_;         // what the running turn is about
  bool is_open_ = false;
  std::string turn_id_;  // of the running turn; empty: not known yet, or none runs
  thread_figures figures_;
  agent_facts about_;
  std::optional<timestamp> limit_until_;
  std::string answer_;  // the latest message, whatever tools were used since
  std::string trouble_;
};

// ------------------------------------------------------------------------------------------------ how it is started

strings exec_argv(const codex_agent_options& options, const session_start& session, const std::string& model) {
  strings argv{options.program, "exec",          "--json", "--skip-git-repo-check",
               "--sandbox",     options.sandbox, "-c",     "approval_policy=\"never\""};
  add_option(argv, "--model", model);
  argv.insert(argv.end(), options.extra_arguments.begin(), options.extra_arguments.end());
  if (!session.conversation.empty()) argv.insert(argv.end(), {"resume", session.conversation});
  argv.emplace_back("-");  // the prompt comes on standard input
  return argv;
}

strings server_argv(const codex_agent_options& options) {
  strings argv{options.program, "app-server"};
  argv.insert(argv.end(), options.extra_arguments.begin(), options.extra_arguments.end());
  return argv;
}

// Nothing if the program did not say. One that does not know the command takes its name for a prompt, and prints its
// general help.
std::optional<bool> has_app_server(const std::string& program) {
  const auto help = run_program({.argv = {program, "app-server", "--help"},
                                 .deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20}});
  if (!help || help->exit_code != 0) return std::nullopt;
  return help->output.find("codex app-server") != std::string::npos;
}

class codex_agent final : public program_agent {
 public:
  explicit codex_agent(codex_agent_options options) : options_(std::move(options)) {}

  std::string_view name() const override { return "codex"; }
  bool takes_preamble() const override { return true; }
  bool can_fork() const override { return by_app_server(); }
  std::string objection(const task_spec& task) const override { return objection_to_tools(task, name()); }

  result<std::unique_ptr<agent_session>> start(const session_start& session) override {
    auto started = program_agent::start(session);
    if (started && options_.app_server && !has_app_server_.value_or(false) && session.process == 1)
      tell_it_is_by_exec(session);
    return started;
  }

 protected:
  result<agent_program> program(const session_start& session) override {
    const std::string& model = session.model.empty() ? options_.model : session.model;
    const bool app_server = by_app_server();
    return agent_program{.argv = app_server ? server_argv(options_) : exec_argv(options_, session, model),
                         .grace = options_.grace,
                         .dialect = make_codex_dialect({.app_server = app_server,
                                                        .working_directory = session.working_directory.string(),
                                                        .sandbox = options_.sandbox,
                                                        .model = model,
                                                        .thread = session.conversation,
                                                        .fork = session.fork}),
                         .one_turn_a_process = !app_server,
                         .turn_end = app_server ? R"("method":"turn/completed")" : ""};
  }

  std::unique_ptr<dialect> make_dialect() const override { return make_codex_dialect({.model = options_.model}); }

 private:
  bool by_app_server() const {
    if (options_.app_server && !has_app_server_) has_app_server_ = has_app_server(options_.program);
    return options_.app_server && has_app_server_.value_or(false);
  }

  void tell_it_is_by_exec(const session_start& session) const {
    if (!session.on_event) return;
    const std::string text =
        std::string(has_app_server_ ? "this codex has no app-server"
                                    : "codex did not say whether it has an app-server") +
        "; each turn is a process of its own in one thread, and what a failed turn uses is counted with the next one";
    session.on_event({.what = event::kind::notice, .text = text});
  }

  const codex_agent_options options_;
  mutable std::optional<bool> has_app_server_;  // asked for until it is known
};

}  // namespace

std::unique_ptr<dialect> make_codex_dialect(codex_start start) {
  return std::make_unique<codex_dialect>(std::move(start));
}

std::shared_ptr<agent> v1::make_codex_agent(codex_agent_options options) {
  return std::make_shared<codex_agent>(std::move(options));
}

}  // namespace cobatch
