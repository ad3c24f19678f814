#include <algorithm>
#include <array>
#include <string>

#include "doctor/checks.hpp"
#include "store/store.hpp"
#include "views/view_files.hpp"

namespace cobatch {

void check_views(const workspace_paths& paths, store& storage, findings& out) {
  const std::string renew = out.command("status");
  const std::array files{paths.queue_view, paths.results_view, paths.history_view};
  const view_note note = glance_at_note(paths.state);
  for (const auto& file : files)
    if (stamp_of(file) && !is_ours(file, note))
      return out.no("views",
                    file.string() +
                        " was written by something other than Cobatch. It is a copy: to edit it changes no task. The "
                        "next command keeps it under another name and writes the file anew.",
                    renew);
  const bool all_there = std::all_of(files.begin(), files.end(), [](const auto& file) { return stamp_of(file); });
  if (all_there && note.version == storage.version())
    return out.yes("views", "The JSON files in data/ show what is stored.");
  out.unknown(
      "views",
      "The JSON files in data/ do not show the latest changes yet. Whoever has the workspace open writes them in "
      "a moment; if nobody has, the next command does.",
      renew);
}

}  // namespace cobatch
