#include "agents/claude_failure.hpp"

#include <utility>

#include <fmt/format.h>

#include "agents/provider_error.hpp"
#include "base/json.hpp"

namespace cobatch {

namespace {

// The names that Claude Code gives to errors (since 2.1), in those that all agents share.
std::optional<provider_error> named(const std::string& error) {
  if (error == "rate_limit" || error == "overloaded") return provider_error::limit;
  if (error == "model_not_found") return provider_error::no_such_model;
  if (error == "billing_error") return provider_error::no_credit;
  if (error == "authentication_failed" || error == "oauth_org_not_allowed" || error == "account_on_hold" ||
      error == "verification_required" || error == "cloud_credential_error")
    return provider_error::not_logged_in;
  return std::nullopt;
}

// The text of what went wrong: an aborted or refused start has a list instead of a result.
std::string said(const json::value& result, const std::string& output) {
  if (!output.empty()) return output;
  std::string all;
  if (const json::array* errors = json::array_of(result, "errors"))
    for (const auto& one : *errors)
      if (one.as_string() != nullptr) all += (all.empty() ? "" : "; ") + *one.as_string();
  return all;
}

turn_report broken(settlement what, std::string reason, bool usable) {
  what.end = turn_end::broke;
  what.reason = std::move(reason);
  return {std::move(what), usable};
}

turn_report out_of_budget(settlement what) {
  what.end = turn_end::error;
  what.reason = "agent_budget";
  what.detail += " (the agent's own budget for the process is spent; raise it, then assign the work again)";
  return {std::move(what), false};
}

turn_report no_such_conversation(settlement what) {
  what.end = turn_end::stopped;
  what.reason = "conversation_lost";
  turn_report report{std::move(what), false, true};
  report.forget = true;
  return report;
}

}  // namespace

turn_report read_claude_failure(const json::value& result, const claude_trouble& trouble, settlement what) {
  const std::string reason = json::text_of(result, "terminal_reason");
  const std::string kind = json::text_of(result, "subtype");
  const std::int64_t http = json::number_of(result, "api_error_status").value_or(0);
  what.source = status_source::cobatch;
  what.detail = said(result, what.output);
  const bool is_programs = what.output.empty() || json::is_true(result, "is_error") || trouble.is_synthetic;
  // An answer of the model may be about logins and limits.
  const std::string words = is_programs ? what.detail : std::string();
  if (words.find("No conversation found") != std::string::npos ||
      words.find("--resume requires a valid session") != std::string::npos)
    return no_such_conversation(std::move(what));
  if (kind == "error_max_turns") return broken(std::move(what), "max_turns", true);
  if (kind == "error_max_budget_usd") return out_of_budget(std::move(what));
  if (reason == "prompt_too_long") {
    auto report = broken(std::move(what), reason, false);
    report.forget = true;
    return report;
  }
  auto error = named(trouble.error);
  if (!error && json::text_of(result, "api_error") == "connection_failed") error = provider_error::limit;
  if (!error) error = error_of_status(http);
  if (!error) error = error_of_words(words);
  if (error) return report_provider_error(*error, std::move(what), trouble.limit_until);
  std::string broke_by = json::text_of(result, "api_error");
  if (broke_by.empty() && http != 0) broke_by = fmt::format("api_error_{}", http);
  if (broke_by.empty()) broke_by = reason.empty() ? "agent_error" : reason;
  auto report = broken(std::move(what), std::move(broke_by), true);
  report.agent_error = !reason.starts_with("aborted");
  return report;
}

}  // namespace cobatch
