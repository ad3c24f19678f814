#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cobatch/agent.hpp>

#include "agent/codex_dialect.hpp"
#include "agent/process_agent.hpp"

namespace cobatch {
inline namespace v1 {

namespace {

using names = std::vector<std::string>;

names argv_of(const codex_agent_options& options, const session_start& how) {
  names argv{options.program, "exec",          "--json", "--skip-git-repo-check",
             "--sandbox",     options.sandbox, "-c",     "approval_policy=\"never\""};
  const std::string& model = how.model.empty() ? options.model : how.model;
  if (!model.empty()) argv.insert(argv.end(), {"--model", model});
  argv.insert(argv.end(), options.extra_arguments.begin(), options.extra_arguments.end());
  if (!how.conversation.empty()) argv.insert(argv.end(), {"resume", how.conversation});
  argv.emplace_back("-");  // the prompt comes on standard input
  return argv;
}

}  // namespace

std::shared_ptr<agent> make_codex_agent(codex_agent_options options) {
  process_agent_options process;
  process.name = "codex";
  process.grace = options.grace;
  process.one_turn_a_process = true;
  process.takes_preamble = true;
  process.make_dialect = make_codex_dialect;
  process.takes_model = true;
  process.argv = [options = std::move(options)](const session_start& how) -> result<names> {
    return argv_of(options, how);
  };
  return make_process_agent(std::move(process));
}

}  // namespace v1
}  // namespace cobatch
