#include "os/programs.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <dlfcn.h>
#include <iterator>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "os/files.hpp"
#include "os/system.h"

#ifdef __APPLE__
#include <crt_externs.h>
#define environ (*_NSGetEnviron())  // a shared library has no other there
#endif

namespace cobatch {

namespace fs = std::filesystem;

namespace {

bool is_program(const fs::path& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

// What the loader calls the file that this code is in: the shared library; or the program, if it was linked in.
std::string_view name_of_this_code() {
  static const char here = 0;
  Dl_info info{};
  return ::dladdr(&here, &info) != 0 && info.dli_fname != nullptr ? info.dli_fname : "";
}

fs::path folder_of_this_code() {
  std::error_code none;
  return fs::weakly_canonical(name_of_this_code(), none).parent_path();
}

std::vector<fs::path> helper_folders() {
  std::vector<fs::path> folders;
  for (const fs::path& base : {this_program().parent_path(), folder_of_this_code()}) {
    if (base.empty()) continue;
    folders.push_back(base);
    folders.push_back(base / "../libexec/cobatch");
    folders.push_back(base / "../../libexec/cobatch");  // from lib/<triplet>
  }
#ifdef COBATCH_BUILD_BIN_DIR
  folders.emplace_back(COBATCH_BUILD_BIN_DIR);
#endif
  folders.emplace_back(COBATCH_LIBEXEC_DIR);
  return folders;
}

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

// Where the system does not tell, the program's name for the loader is as it was called: a path, or a name in PATH.
fs::path this_program() {
  std::array<char, 4096> path;
  const ssize_t length = ::cobatch_program_path(path.data(), path.size());
  if (length > 0) return std::string(path.data(), static_cast<std::size_t>(length));
  const auto found = find_program(name_of_this_code());
  return found ? *found : fs::path();
}

std::string shell_quoted(std::string_view text) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-";
  if (!text.empty() && text.find_first_not_of(plain) == std::string_view::npos) return std::string(text);
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::vector<std::string> agent_environment() {
  std::vector<std::string> kept;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
    if (!is_session_variable(*entry)) kept.emplace_back(*entry);
  return kept;
}

result<fs::path> find_helper(std::string_view name) {
  for (const fs::path& folder : helper_folders())
    if (const fs::path path = folder / name; is_program(path)) return path.lexically_normal();
  return fail(errc::keeper_missing, "the program " + std::string(name) +
                                        " is not beside this program or library, nor in " COBATCH_LIBEXEC_DIR
                                        "; nothing was started. Install Cobatch completely");
}

result<fs::path> find_keeper() {
  if (const char* named = std::getenv("COBATCH_KEEPER"); named != nullptr && *named != '\0') {
    std::error_code none;
    if (is_program(named)) return fs::absolute(named, none);
    return fail(errc::keeper_missing, "COBATCH_KEEPER names " + std::string(named) +
                                          ", which is not a program; nothing was started. Correct it, or unset it");
  }
  auto found = find_helper("cobatch-keeper");
  if (!found) return fail(errc::keeper_missing, found.error().message + ", or name its path in COBATCH_KEEPER");
  return found;
}

result<fs::path> find_program(std::string_view program) {
  std::error_code none;
  if (program.find('/') != std::string_view::npos) {
    if (is_program(program)) return fs::absolute(program, none);
    return fail(errc::agent_missing, std::string(program) + " is not a program; nothing was started. Correct the path");
  }
  const char* const variable = std::getenv("PATH");
  std::string_view left = variable != nullptr ? variable : "/usr/local/bin:/usr/bin:/bin";
  while (!program.empty()) {
    const auto colon = left.find(':');
    // An empty entry means the current folder, as in a shell.
    const fs::path path = fs::path(left.empty() || colon == 0 ? "." : left.substr(0, colon)) / program;
    if (is_program(path)) return fs::absolute(path, none);
    if (colon == std::string_view::npos) break;
    left.remove_prefix(colon + 1);
  }
  const std::string name(program);
  return fail(errc::agent_missing, "no program named '" + name +
                                       "' is in PATH; nothing was started. Install it, or add its folder to "
                                       "PATH, or give its path, such as ./" +
                                       name);
}

}  // namespace cobatch
