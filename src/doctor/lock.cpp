#include "workspace/lock.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "doctor/checks.hpp"
#include "os/lock_file.hpp"
#include "os/presence.hpp"
#include "os/programs.hpp"

namespace cobatch {

namespace {

std::string_view about_marker(marker_state marker) {
  switch (marker) {
    case marker_state::absent:
      return "There is no lock file.";
    case marker_state::ours:
      return "The lock file is one of Cobatch.";
    case marker_state::foreign:
      break;
  }
  return "The lock file is not one of Cobatch.";
}

// A folder with something in it is not for Cobatch to remove.
std::string how_to_remove(const std::filesystem::path& marker, const findings& out) {
  std::error_code unseen;
  const bool is_folder = std::filesystem::is_directory(std::filesystem::symlink_status(marker, unseen));
  if (!is_folder || std::filesystem::is_empty(marker, unseen)) return out.command("unlock");
  return fmt::format("mv {0} {0}.old", shell_quoted(marker.string()));
}

// Without a store that could know it, a lock file is somebody else's.
result<lock_view> look_without_store(const workspace_paths& paths) {
  auto marker = look_at_marker(paths.marker);
  if (!marker) return fail(marker.error());
  lock_view seen;
  seen.facts.guard = guard_state::free;
  seen.facts.marker = *marker ? marker_state::foreign : marker_state::absent;
  seen.marker = std::move(*marker);
  return seen;
}

}  // namespace

void check_lock(const workspace_paths& paths, store* storage, findings& out) {
  const auto seen = storage != nullptr ? look_at_lock(paths, *storage) : look_without_store(paths);
  if (!seen) return out.unknown("lock_file", seen.error().message + ".");
  const std::string message = fmt::format("{} {}", about_marker(seen->facts.marker), advice_on(*seen, paths));
  if (seen->facts.marker == marker_state::foreign)
    out.no("lock_file", message, how_to_remove(paths.marker, out));
  else
    out.yes("lock_file", message);
}

void check_engines(const workspace_paths& paths, findings& out) {
  const auto engines = live_engines(paths.state);
  if (!engines) return out.unknown("engine", engines.error().message + ".");
  for (const auto& engine : *engines)
    out.yes("engine", fmt::format("An engine runs: pid {}, agents {}.", engine.pid, fmt::join(engine.agents, ", ")));
  if (engines->empty())
    out.unknown("engine",
                "No engine is running, so a batch waits after its last task, unless you run it with cobatch run.",
                out.command("engine"));
}

}  // namespace cobatch
