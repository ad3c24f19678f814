// Google's Gemini CLI, headless: how it is started, and what `gemini -o stream-json` writes. A process answers one
// prompt.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <cobatch/agent.hpp>

#include "agents/agent_process.hpp"
#include "agents/dialect.hpp"
#include "agents/reported.hpp"
#include "agents/turn_outcome.hpp"
#include "base/json.hpp"

namespace cobatch {

namespace {

using json::text_of;

// The provider's answer stands as JSON in the message: [API Error: {"error":{"code":401,…}}].
std::int64_t status_quoted_in(const std::string& message) {
  const auto from = message.find('{');
  const auto to = message.rfind('}');
  if (from == std::string::npos || to == std::string::npos || to < from) return 0;
  const auto answer = json::parse(std::string_view(message).substr(from, to - from + 1));
  return answer ? json::number_of(at(*answer, "error"), "code").value_or(0) : 0;
}

class gemini_dialect final : public dialect {
 public:
  std::string ask(const turn_request& request) override { return request.prompt; }

  void process_begins() override {
    message_.clear();
    trouble_.clear();
  }

  // Its own exit codes: no credential, and a folder that the user has not trusted.
  std::optional<provider_error> meaning_of_exit(int code) const override {
    return code == 41 || code == 55 ? std::optional(provider_error::not_logged_in) : std::nullopt;
  }

 protected:
  bool is_answer(std::string_view beginning) const override { return first_type(beginning) == "result"; }

  void understand(const json::value& line, const turn_key& running, line_meaning& to) override {
    const std::string type = text_of(line, "type");
    if (type == "init") to.news = event{.what = event::kind::agent_known, .about = {.model = text_of(line, "model")}};
    if (type == "message" && text_of(line, "role") == "assistant") message_ += text_of(line, "content");
    if (type == "error") trouble_ = text_of(line, "message");
    if (type == "result") to.end = read_result(line, running.task);
    if (type == "tool_use") {
      message_.clear();  // the answer is what was said after the last tool
      to.tell(event::kind::tool, text_of(line, "tool_name"));
    }
  }

 private:
  turn_report read_result(const json::value& line, const task_id& asked) {
    settlement outcome;
    const auto models = read_models(at(line, "stats", "models"), {.input = "input_tokens",
                                                                  .output = "output_tokens",
                                                                  .cache_read = "cached",
                                                                  .total = "total_tokens",
                                                                  .input_is_all = true});
    if (models) outcome.used = usage{.by_model = *models};
    outcome.output = std::exchange(message_, {});
    if (text_of(line, "status") == "success") {
      // A model has answered, so that no model's figures means unknown, not 0.
      if (outcome.used && outcome.used->by_model.empty()) outcome.used.reset();
      settle_by_answer(outcome, asked);
      return {std::move(outcome), true};
    }
    outcome.detail = text_of(at(line, "error"), "message");
    if (outcome.detail.empty()) outcome.detail = std::exchange(trouble_, {});
    const std::int64_t http = status_quoted_in(outcome.detail);
    return report_failed_turn(http, std::move(outcome));
  }

  std::string trouble_;  // what it said before a result that says nothing
};

class gemini_agent final : public program_agent {
 public:
  explicit gemini_agent(gemini_agent_options options) : options_(std::move(options)) {}

  std::string_view name() const override { return "gemini"; }
  std::string objection(const task_spec& task) const override { return objection_to_tools(task, name()); }

 protected:
  result<agent_program> program(const session_start& session) override {
    std::vector<std::string> argv{options_.program, "--output-format", "stream-json", "--skip-trust"};
    add_option(argv, "--approval-mode", options_.approval_mode);
    add_option(argv, "--model", session.model.empty() ? options_.model : session.model);
    argv.insert(argv.end(), options_.extra_arguments.begin(), options_.extra_arguments.end());
    return agent_program{
        .argv = std::move(argv), .grace = options_.grace, .dialect = make_dialect(), .one_turn_a_process = true};
  }

  std::unique_ptr<dialect> make_dialect() const override { return make_gemini_dialect(); }

 private:
  const gemini_agent_options options_;
};

}  // namespace

std::unique_ptr<dialect> make_gemini_dialect() { return std::make_unique<gemini_dialect>(); }

std::shared_ptr<agent> v1::make_gemini_agent(gemini_agent_options options) {
  return std::make_shared<gemini_agent>(std::move(options));
}

}  // namespace cobatch
