// Import: takes over the tasks and results of the original system, which kept them in JSON files.
//
//   claude_task_queue.json       {"tasks": {"<task_id>": {…}}}
//   claude_task_results.json     {"results": {"<task_id>": {…}}}, the latest ones
//   task_archive/results_*.jsonl the earlier ones, a line each
//   token_telemetry.json         {"sessions": [{"task_id", …}]}: what tasks used
//
// Import changes nothing in the folder. In the data/ of its own workspace Cobatch goes on writing what it writes there
// in any case: its views have the names of these files (what is there when the workspace is opened is set aside under
// another name, where import finds it), and the results that leave the views are added to the archive.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <cobatch/core/batch.hpp>
#include <cobatch/core/error.hpp>
#include <cobatch/fwd.hpp>

namespace cobatch {

/// Something to say about a file or a task of the original. All texts may hold what the files say (untrusted).
struct import_finding {
  enum class kind : std::uint8_t {
    note,       ///< nothing is missing, but this is good to know
    conflict,   ///< what stands here of the task differs; it stays, and the original's was not put in
    set_aside,  ///< it could not be taken over
  };
  kind what = kind::note;
  std::string file = {};  ///< its path in the folder; empty: no single one
  std::string task = {};  ///< the task's id as it stands there; empty: the file as a whole
  std::string message = {};

  friend bool operator==(const import_finding&, const import_finding&) = default;
};

[[nodiscard]] constexpr std::string_view name_of(import_finding::kind kind) noexcept {
  constexpr std::array<std::string_view, 3> names{"note", "conflict", "set_aside"};
  return names[static_cast<std::size_t>(kind)];
}

/// What an import has done. Every task id that stands in a readable part of a file is in the store or in `findings`.
struct import_report {
  task_tally put_in = {};  ///< the tasks that are new, by the state that they have here
  std::int64_t there_already = 0;
  std::vector<import_finding> findings = {};

  /// False if something was set aside or conflicts.
  [[nodiscard]] bool complete() const {
    return std::all_of(findings.begin(), findings.end(),
                       [](const import_finding& one) { return one.what == import_finding::kind::note; });
  }
};

/// Puts in what stands in `folder`, the original's data/. What has ended has ended here, with its result; what was
/// queued or in progress is queued, in batches that are open: nothing starts by itself. What was blocked is cancelled,
/// so that no engine does it unasked; `reset` queues it. Members of tasks and results that Cobatch does not know are
/// kept (`task_record::extra`, `result_record::extra`), as are a task's earlier results and its entries in the history
/// of tokens, in `extra` as `earlier_results` and `token_telemetry`. Times without a zone are taken as local ones.
/// Tasks without a usable batch_id get the original's default, `batch_<time>_<8 characters of the task_id>`.
///
/// May be repeated: what is here already stays as it is. Files that Cobatch wrote for another workspace are read like
/// any others. In the workspace's own data/ the views, and the lines of the archive whose task or turn is in the store,
/// are copies of what it stores, and are skipped.
///
/// A JSON file that cannot be read, be it for one character, is set aside as a whole; of the archive, only the lines
/// that cannot be read are. Of a file that holds something that could not be taken over a copy is kept in the
/// workspace's data/, as `<name>.unreadable-YYYYMMDD_HHMMSS`. last_execution_telemetry.json and execute_queue.lock are
/// left alone.
///
/// Errors: bad_value (no such folder, or none of these files in it), io_error, and the store's; what was put in before
/// an error stays. May be called from any thread.
[[nodiscard]] result<import_report> import_original(workspace& place, const std::filesystem::path& folder);

/// What `import_original` would do now. Opens no workspace and makes no file: where there is no store yet, it is taken
/// as empty. Errors as above.
[[nodiscard]] result<import_report> preview_import(const workspace_options& place, const std::filesystem::path& folder);

}  // namespace cobatch
