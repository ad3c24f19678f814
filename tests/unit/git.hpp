// The real git, for tests that need a repository.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "os/programs.hpp"

namespace cobatch_test {

/// All that git says to this in a folder, with nothing of the user's configuration.
inline std::string all_of_git(const std::filesystem::path& folder, const std::vector<std::string>& what) {
  cobatch::program_call call;
  call.argv = {"git", "-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"};
  call.argv.insert(call.argv.end(), what.begin(), what.end());
  call.working_directory = folder;
  for (const char* const setting : {"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1"})
    call.environment.emplace_back(setting);
  const auto end = cobatch::run_program(call);
  REQUIRE_MESSAGE(end, end.error().message);
  REQUIRE_MESSAGE(end->exit_code == 0, end->errors);
  return end->output;
}

/// The first line of it.
inline std::string git(const std::filesystem::path& folder, const std::vector<std::string>& what) {
  const std::string said = all_of_git(folder, what);
  return said.substr(0, said.find('\n'));
}

/// The commit.
inline std::string commit_all(const std::filesystem::path& folder, const std::string& message) {
  git(folder, {"add", "--all"});
  git(folder, {"commit", "--quiet", "--message", message});
  return git(folder, {"rev-parse", "HEAD"});
}

}  // namespace cobatch_test
