#include <algorithm>
#include <iterator>
#include <string_view>
#include <unistd.h>

#include "os/keeper.hpp"

namespace cobatch {

namespace {

// What a coding agent sets for the processes of one session of its own. Exact names: settings and credentials begin
// alike (CLAUDE_CODE_OAUTH_TOKEN, CLAUDE_CODE_USE_BEDROCK, CODEX_HOME, GEMINI_API_KEY) and are passed on.
constexpr std::string_view session_variables[] = {
    "CLAUDECODE",  // claude 2.1.50 refuses to start with it
    "CLAUDE_CODE_CHILD_SESSION",
    "CLAUDE_CODE_ENTRYPOINT",
    "CLAUDE_CODE_EXECPATH",
    "CLAUDE_CODE_MESSAGING_SOCKET",
    "CLAUDE_CODE_PARENT_SESSION_ID",
    "CLAUDE_CODE_REMOTE_SESSION_ID",
    "CLAUDE_CODE_SESSION_ID",
    "CLAUDE_CODE_SSE_PORT",  // an IDE's; the agent would connect to it
    "CLAUDE_ENV_FILE",       // of a session's hooks
    "CLAUDE_PROJECT_DIR",    // of a session's hooks
    "COBATCH_SESSION",       // our own token: an agent gets that of its session, or none
    "CODEX_CI",
    "CODEX_SANDBOX",
    "CODEX_SANDBOX_NETWORK_DISABLED",
    "CODEX_THREAD_ID",
    "GEMINI_CLI",
};

bool is_session_variable(std::string_view entry) {
  const auto name = entry.substr(0, entry.find('='));
  return std::find(std::begin(session_variables), std::end(session_variables), name) != std::end(session_variables);
}

}  // namespace

std::vector<std::string> agent_environment() {
  std::vector<std::string> kept;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
    if (!is_session_variable(*entry)) kept.emplace_back(*entry);
  return kept;
}

}  // namespace cobatch
