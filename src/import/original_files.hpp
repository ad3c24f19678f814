// The files of the original, as far as they can be read.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "import/import.hpp"
#include "views/view_files.hpp"

namespace cobatch {

/// What one file says of one task.
struct told_entry {
  std::string file = {};  ///< its path in the folder
  std::string task = {};  ///< the id as it stands there; not empty
  json::value told = {};  ///< an object, without its task_id
  bool archived = false;  ///< a line of the archive
};

struct original_files {
  std::vector<told_entry> tasks = {};      ///< of the queue; of several versions of that file the latest first
  std::vector<told_entry> results = {};    ///< the archive's first
  std::vector<told_entry> telemetry = {};  ///< of the history of tokens
};

/// Reads all of them. What cannot be read, and what is left alone, is told in `findings`. The views that Cobatch
/// wrote, as noted in `ours`, are skipped. Errors: bad_value (no such folder, or none of the files in it).
[[nodiscard]] result<original_files> read_original(const std::filesystem::path& folder, const view_note& ours,
                                                   std::vector<import_finding>& findings);

/// Keeps a copy in `to` of each file in `folder` of which something was set aside, unless one is there, and says so in
/// `findings`.
void keep_copies(const std::filesystem::path& folder, const std::filesystem::path& to,
                 std::vector<import_finding>& findings);

}  // namespace cobatch
