#include <string>
#include <utility>
#include <vector>

#include <cobatch/agent.hpp>

#include "agents/gemini_dialect.hpp"
#include "agents/process_agent.hpp"

namespace cobatch {

namespace {

using arguments = std::vector<std::string>;

arguments argv_of(const gemini_agent_options& options, const session_start& how) {
  arguments argv{options.program, "--output-format", "stream-json", "--skip-trust"};
  if (!options.approval_mode.empty()) argv.insert(argv.end(), {"--approval-mode", options.approval_mode});
  const std::string& model = how.model.empty() ? options.model : how.model;
  if (!model.empty()) argv.insert(argv.end(), {"--model", model});
  argv.insert(argv.end(), options.extra_arguments.begin(), options.extra_arguments.end());
  return argv;
}

// Its own exit codes: no credential, and a folder that the user has not trusted.
std::optional<provider_error> meaning_of_exit(int code) {
  return code == 41 || code == 55 ? std::optional(provider_error::not_logged_in) : std::nullopt;
}

}  // namespace

std::shared_ptr<agent> v1::make_gemini_agent(gemini_agent_options options) {
  process_agent_options process;
  process.name = "gemini";
  process.grace = options.grace;
  process.one_turn_a_process = true;
  process.make_dialect = [](const session_start&) { return make_gemini_dialect(); };
  process.exit_means = meaning_of_exit;
  process.takes_model = true;
  process.argv = [options = std::move(options)](const session_start& how) -> result<arguments> {
    return argv_of(options, how);
  };
  return make_process_agent(std::move(process));
}

}  // namespace cobatch
