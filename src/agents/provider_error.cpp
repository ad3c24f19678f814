#include "agents/provider_error.hpp"

#include <cctype>
#include <initializer_list>
#include <string>
#include <utility>

#include <cobatch/store.hpp>

#include "agents/reset_time.hpp"
#include "base/json.hpp"

namespace cobatch {

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

turn_report limited(settlement what, std::optional<timestamp> until) {
  what.reason = "provider_limit";
  turn_report report;
  report.limited = provider_limit{until, what.detail};
  report.what = std::move(what);
  return report;
}

turn_report blocked(settlement what, std::string_view reason, std::string_view what_to_do) {
  what.reason = reason;
  what.detail += (what.detail.empty() ? "" : " ");
  what.detail += what_to_do;
  turn_report report{std::move(what), false};
  report.blocked = true;
  return report;
}

}  // namespace

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

std::optional<timestamp> read_limit_end(const json::value& limit) {
  constexpr std::int64_t year_5138 = 100'000'000'000;
  const auto seconds = json::number_of(limit, "resetsAt");
  if (!seconds || *seconds <= 0 || *seconds >= year_5138) return std::nullopt;
  return timestamp{*seconds * 1000};
}

turn_report report_failed_turn(std::int64_t http, settlement what) {
  auto error = error_of_status(http);
  if (!error) error = error_of_words(what.detail);
  if (error) return report_provider_error(*error, std::move(what), std::nullopt);
  what.end = turn_end::broke;
  what.source = status_source::cobatch;
  what.reason = "agent_error";
  turn_report report{std::move(what), true};
  report.agent_error = true;
  return report;
}

turn_report report_provider_error(provider_error error, settlement what, std::optional<timestamp> until) {
  what.end = turn_end::stopped;
  what.source = status_source::cobatch;
  switch (error) {
    case provider_error::limit:
      if (!until) until = read_reset_time(what.detail, system_now());
      return limited(std::move(what), until);
    case provider_error::not_logged_in:
      return blocked(std::move(what), "not_authenticated",
                     "(log the agent in, or give it a valid API key; its tasks are still queued)");
    case provider_error::no_credit:
      return blocked(std::move(what), "no_credit", "(add credit, or use another key; its tasks are still queued)");
    case provider_error::no_such_model:
      break;
  }
  return blocked(std::move(what), "no_such_model",
                 "(name a model that this account can use; its tasks are still queued)");
}

}  // namespace cobatch
