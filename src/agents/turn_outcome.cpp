#include "agents/turn_outcome.hpp"

#include <cctype>
#include <initializer_list>
#include <utility>

#include <fmt/format.h>

#include <cobatch/core/text.hpp>
#include <cobatch/store.hpp>

#include "base/json.hpp"

namespace cobatch {

namespace {

constexpr std::size_t summary_limit = 200;
constexpr std::size_t quoted_bytes_of_answer = 200;

std::string first_line(std::string_view text) {
  const auto from = text.find_first_not_of(" \t\r\n");
  if (from == std::string_view::npos) return {};
  return std::string(utf8_prefix(text.substr(from, text.find('\n', from) - from), summary_limit));
}

std::optional<status_line> read_status_line(std::string_view line) {
  constexpr std::string_view frame = " \t\r`*>", tag = "COBATCH";
  const auto first = line.find_first_not_of(frame);
  if (first == std::string_view::npos || !line.substr(first).starts_with(tag)) return std::nullopt;
  const auto open = line.find('{', first);
  const auto close = line.rfind('}');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return std::nullopt;
  const auto parsed = json::parse(line.substr(open, close - open + 1));
  if (!parsed) return std::nullopt;
  const std::string status = json::text_of(*parsed, "status");
  if (status != "done" && status != "error") return std::nullopt;
  return status_line{json::text_of(*parsed, "task"), status == "done", json::text_of(*parsed, "summary")};
}

}  // namespace

settlement failed_turn(turn_end end, std::string reason, std::string detail) {
  settlement outcome;
  outcome.end = end;
  outcome.source = status_source::cobatch;
  outcome.reason = std::move(reason);
  outcome.detail = std::move(detail);
  return outcome;
}

turn_report unreadable_answer(std::string_view line, std::string_view why) {
  return {failed_turn(turn_end::broke, "unreadable_answer",
                      fmt::format("the agent's answer cannot be read: {}; the line begins: {}", why,
                                  to_line(line, quoted_bytes_of_answer))),
          false};
}

turn_report conversation_lost() {
  turn_report report{failed_turn(turn_end::stopped, "conversation_lost",
                                 "the agent could not go on with its earlier conversation; a new one is begun"),
                     false, true};
  report.what.used.emplace();  // nothing: it was not asked for anything
  report.forget = true;
  return report;
}

std::optional<status_line> find_status_line(std::string_view answer) {
  for (;;) {
    const auto newline = answer.rfind('\n');
    const auto line = newline == std::string_view::npos ? answer : answer.substr(newline + 1);
    if (auto found = read_status_line(line)) return found;
    if (newline == std::string_view::npos) return std::nullopt;
    answer = answer.substr(0, newline);
  }
}

void settle_by_answer(settlement& outcome, const task_id& asked) {
  const auto said = find_status_line(outcome.output);
  if (said && !said->task.empty() && !asked.empty() && said->task != asked.str()) {
    outcome.end = turn_end::broke;
    outcome.source = status_source::cobatch;
    outcome.reason = "wrong_task";
    outcome.detail = fmt::format("the agent's closing line is for task \"{}\", and it was asked for task \"{}\"",
                                 to_line(said->task, max_id_bytes), asked.str());
    return;
  }
  outcome.end = said && !said->done ? turn_end::error : turn_end::done;
  outcome.source = said ? status_source::reported : status_source::inferred;
  outcome.output_summary = said ? said->summary : first_line(outcome.output);
  if (outcome.end == turn_end::error) outcome.detail = said->summary;
}

// --------------------------------------------------------------------------------------------------- provider errors

namespace {

bool says(std::string_view text, std::initializer_list<std::string_view> words) {
  for (const auto word : words)
    if (text.find(word) != std::string_view::npos) return true;
  return false;
}

// The words of a text in lower case, one space around each.
std::string spaced_words(std::string_view text) {
  std::string out = " ";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || byte >= 0x80)
      out += static_cast<char>(std::tolower(byte));
    else if (out.back() != ' ')
      out += ' ';
  }
  return out + ' ';
}

// A sentence about a limit of the account, in whatever words: which limit it is, the session's, the week's, the month's
// spending, changes from version to version. Limits of a file, an output or a model's context are none.
bool says_limit(std::string_view said) {
  const std::string text = spaced_words(said);
  if (says(text, {" context ", " too long ", " max tokens "})) return false;
  if (says(text, {" quota ", " out of usage ", " out of extra usage ", " out of free "})) return true;
  if (!says(text, {" limit ", " limits "})) return false;
  return says(text, {" usage ", " session ", " hour ", " daily ", " weekly ", " monthly ", " rate ", " spend ",
                     " spending ", " hit your ", " reached your ", " exceeded your "});
}

std::optional<provider_error> error_of_status(std::int64_t http) {
  if (http == 429 || http == 529 || http == 503) return provider_error::limit;
  if (http == 401 || http == 403) return provider_error::not_logged_in;
  if (http == 402) return provider_error::no_credit;
  if (http == 404) return provider_error::no_such_model;
  return std::nullopt;
}

// As Claude Code 2.1.331, Codex 0.169.0 and Gemini CLI 0.61.0 were seen to put it.
std::optional<provider_error> error_of_words(std::string_view said) {
  if (says(said, {"Not logged in", "Please run /login", "Invalid API key", "API key not valid",
                  "Missing environment variable"}))
    return provider_error::not_logged_in;
  if (says(said, {"redit balance is too low", "Quota exceeded. Check your plan"})) return provider_error::no_credit;
  if (says(said, {"is not found for API version", "model_not_found", "does not exist or you do not have access"}))
    return provider_error::no_such_model;
  if (says_limit(said)) return provider_error::limit;
  if (says(said, {"is at capacity", "experiencing high demand", "stream disconnected before completion"}))
    return provider_error::limit;
  return std::nullopt;
}

struct remedy {
  const char *reason, *what_to_do;
};

remedy remedy_of(provider_error error) {
  switch (error) {
    case provider_error::not_logged_in:
      return {"not_authenticated", "(log the agent in, or give it a valid API key; its tasks are still queued)"};
    case provider_error::no_credit:
      return {"no_credit", "(add credit, or use another key; its tasks are still queued)"};
    case provider_error::no_such_model:
      return {"no_such_model", "(name a model that this account can use; its tasks are still queued)"};
    case provider_error::limit: break;
  }
  return {"provider_limit", ""};
}

}  // namespace

std::optional<provider_error> find_provider_error(std::int64_t http, std::string_view said) {
  const auto error = error_of_status(http);
  return error ? error : error_of_words(said);
}

std::optional<timestamp> read_limit_end(const json::value& limit) {
  constexpr std::int64_t year_5138 = 100'000'000'000;
  const auto seconds = json::number_of(limit, "resetsAt");
  if (!seconds || *seconds <= 0 || *seconds >= year_5138) return std::nullopt;
  return timestamp{*seconds * 1000};
}

turn_report report_failed_turn(std::int64_t http, settlement outcome, std::optional<timestamp> until) {
  if (const auto error = find_provider_error(http, outcome.detail))
    return report_provider_error(*error, std::move(outcome), until);
  outcome.end = turn_end::broke;
  outcome.source = status_source::cobatch;
  outcome.reason = "agent_error";
  turn_report report{std::move(outcome), true};
  report.agent_error = true;
  return report;
}

turn_report report_provider_error(provider_error error, settlement outcome, std::optional<timestamp> until) {
  const remedy helps = remedy_of(error);
  outcome.end = turn_end::stopped;
  outcome.source = status_source::cobatch;
  outcome.reason = helps.reason;
  turn_report report;
  if (error == provider_error::limit) {
    if (!until) until = read_reset_time(outcome.detail, system_now());
    report.limited = provider_limit{until, outcome.detail};
  } else {
    outcome.detail += (outcome.detail.empty() ? "" : " ");
    outcome.detail += helps.what_to_do;
    report.usable = false;
    report.blocked = true;
  }
  report.what = std::move(outcome);
  return report;
}

// ----------------------------------------------------------------------------------------------------- before a turn

std::string objection_to_tools(const task_spec& task, std::string_view agent) {
  if (task.tools.empty()) return {};
  return fmt::format("the task names the tools that it may use, and agent {} cannot be held to them; leave them out",
                     agent);
}

std::string objection_to_choices(const task_spec& task, std::string_view agent) {
  if (task.model.empty()) return objection_to_tools(task, agent);
  return fmt::format("the task asks for model {}, and agent {} cannot choose one; leave the model out", task.model,
                     agent);
}

std::string agent::objection(const task_spec& task) const { return objection_to_choices(task, name()); }

}  // namespace cobatch
