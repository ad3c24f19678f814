// cobatch unlock.
#include <filesystem>
#include <system_error>

#include "program/options.hpp"
#include "program/speak.hpp"
#include "run/layout.hpp"

namespace cobatch::program {

namespace {

// A lock file may be there where no workspace is.
bool is_lock_file_there(const common_options& options) {
  const auto paths = find_paths({.root = options.root, .state = options.state});
  std::error_code ignored;
  return paths && std::filesystem::exists(paths->marker, ignored);
}

}  // namespace

int run_unlock(const unlock_options& options) {
  auto place = is_lock_file_there(options.common) ? open_workspace(options.common) : open_existing(options.common);
  if (!place) return fail_with(place.error(), options.common.json);
  return print_reply(ask(*place, "unlock", {{"force", options.force}}), options.common.json);
}

}  // namespace cobatch::program
