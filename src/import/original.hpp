// The original's files, as far as they can be read, and what each of its tasks is here.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <cobatch/core/error.hpp>
#include <cobatch/core/id.hpp>
#include <cobatch/core/time.hpp>
#include <cobatch/store.hpp>

#include "base/json.hpp"
#include "import/import.hpp"
#include "views/view_files.hpp"

namespace cobatch {

// ----------------------------------------------------------------------------------------------- files.cpp

/// What one file says of one task.
struct original_entry {
  std::string file = {};     ///< its path in the folder
  std::string task = {};     ///< the id as it stands there; not empty
  json::value content = {};  ///< an object, without its task_id
  bool archived = false;     ///< a line of the archive
};

struct original_files {
  std::vector<original_entry> tasks = {};      ///< of the queue; of several versions of that file the latest first
  std::vector<original_entry> results = {};    ///< the archive's first
  std::vector<original_entry> telemetry = {};  ///< of the history of tokens
};

/// Reads all of them. What cannot be read, and what is left alone, is said in `findings`. The views that Cobatch
/// wrote, as noted in `ours`, are skipped. Errors: bad_value (no such folder, or none of the files in it).
[[nodiscard]] result<original_files> read_original(const std::filesystem::path& folder, const view_note& ours,
                                                   std::vector<import_finding>& findings);

/// Keeps a copy in `to` of each file in `folder` of which something was set aside, unless one is there, and says so in
/// `findings`.
void keep_copies(const std::filesystem::path& folder, const std::filesystem::path& to,
                 std::vector<import_finding>& findings);

// ------------------------------------------------------------------------------------------------ task.cpp

/// All that the files say of one task; the entries are the reader's.
struct original_task {
  task_id id = {};
  const original_entry* task = nullptr;             ///< null: it stands in no queue
  std::vector<const original_entry*> results = {};  ///< no two are equal
  std::vector<const original_entry*> telemetry = {};
};

struct taken_task {
  adopted_task as = {};
  std::string note = {};         ///< a sentence about what is not as it was there; may be empty
  bool local_times = false;      ///< a time of it had no zone
  bool blocked = false;          ///< it has not ended there; it is cancelled so that engines leave it alone
  bool created_unread = false;   ///< its created_at cannot be read
  bool priority_unread = false;  ///< its priority is none that is known
};

/// The task as it is put in here. `now` stands in where the files have no time. Each member of the files that our own
/// records do not show just so is in `extra`. `archived` is set if the result is a line of the archive. Errors:
/// bad_value, too_large; the message says what is wrong with it.
[[nodiscard]] result<taken_task> take_over(const original_task& original, timestamp now);

// ------------------------------------------------------------------------------------------------ time.cpp

/// A time as the original wrote it: mostly a local one without a zone, with microseconds.
struct original_time {
  timestamp at = {};
  bool local = false;  ///< no zone stood there; it was taken as this machine's
};

/// Reads `YYYY-MM-DDTHH:MM:SS[.fraction][Z or ±HH:MM]`, also with a space for the T; cut to milliseconds. Nothing for
/// any other text.
[[nodiscard]] std::optional<original_time> read_original_time(std::string_view text);

/// The original's default, `batch_YYYYMMDD_HHMMSS_<first 8 characters of the task's id>`, in local time.
[[nodiscard]] batch_id default_batch_id(timestamp created, const task_id& task);

}  // namespace cobatch
