// Where programs are: the agents', in PATH, and our own helpers.
#include <cstdlib>
#include <dlfcn.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "os/keeper.hpp"

namespace cobatch {

namespace fs = std::filesystem;

namespace {

bool is_program(const fs::path& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

fs::path folder_of_this_program() {
#ifdef __linux__
  std::error_code none;
  return fs::read_symlink("/proc/self/exe", none).parent_path();
#else
  return {};
#endif
}

// Of the shared library this code is in; of the program, if it was linked in.
fs::path folder_of_this_library() {
  static const char here = 0;
  Dl_info info{};
  if (::dladdr(&here, &info) == 0 || info.dli_fname == nullptr) return {};
  std::error_code none;
  return fs::weakly_canonical(info.dli_fname, none).parent_path();
}

std::vector<fs::path> helper_folders() {
  std::vector<fs::path> folders;
  for (const fs::path& base : {folder_of_this_program(), folder_of_this_library()}) {
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

}  // namespace

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
