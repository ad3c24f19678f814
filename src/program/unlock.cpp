// cobatch unlock.
#include <filesystem>
#include <optional>
#include <system_error>

#include "base/json.hpp"
#include "os/lock_file.hpp"
#include "program/options.hpp"
#include "program/speak.hpp"
#include "workspace/layout.hpp"

namespace cobatch::program {

namespace {

// A lock file may be there where no workspace is: it goes, and none is made. Nothing: there is a workspace, or no file.
std::optional<result<bool>> remove_stray(const common_options& options) {
  const auto paths = find_paths({.root = options.root, .state = options.state});
  std::error_code ignored;
  if (!paths || std::filesystem::exists(paths->state, ignored)) return std::nullopt;
  const auto seen = look_at_lock_file(paths->marker);
  if (!seen) return fail(seen.error());
  if (!*seen) return std::nullopt;
  return remove_lock_file(paths->marker, **seen);
}

}  // namespace

int run_unlock(const unlock_options& options) {
  if (const auto removed = remove_stray(options.common)) {
    if (!*removed) return fail_with(removed->error(), options.common.json);
    return print_reply({reply_kind::ok,
                        json::write(json::object{{"status", "success"},
                                                 {"message", **removed ? "The lock file is removed."
                                                                       : "The lock file changed or went while it was "
                                                                         "looked at; nothing was removed."},
                                                 {"removed_marker", **removed},
                                                 {"session_cancelled", false}}),
                        std::nullopt},
                       options.common.json);
  }
  auto place = open_existing(options.common);
  if (!place) return fail_with(place.error(), options.common.json);
  return print_reply(ask(*place, "unlock", {{"force", options.force}}), options.common.json);
}

}  // namespace cobatch::program
