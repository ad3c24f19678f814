// The JSON files that people and other tools read, kept up with the store.
//
//   data/claude_task_queue.json     {"tasks": {"<task_id>": {…}}}      the tasks, ended ones included
//   data/claude_task_results.json   {"results": {"<task_id>": {…}}}    what the ended ones came to
//   data/token_telemetry.json       {"sessions": [{…}], …}             what they used
//
// They show the live tasks and those of the last 1000 that ended; earlier results go to data/task_archive, and the store
// keeps all. They are copies: an edit changes nothing. A file that somebody else wrote there is set aside under another
// name and told of.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <cobatch/core/error.hpp>
#include <cobatch/store.hpp>

#include "store/store.hpp"

namespace cobatch {

/// How many ended tasks the views show.
inline constexpr std::size_t ended_tasks_in_views = 1000;

/// Views of more bytes than this in all are long (a queue of some hundreds of tasks, or results with much output): only
/// the thread writes them while work goes on, so that no session waits for what others have queued.
inline constexpr std::int64_t long_views = 256 * 1024;

/// Keeps the views of one workspace up to date: a thread of its own follows the store, from construction to
/// destruction, at most every 50 ms and with at most a tenth of the time. All signals are blocked in it. Writers of all
/// processes take turns, and each reads the store after its turn has come, so a newer view is never replaced by an
/// older one.
///
/// What goes wrong is a warning, never a failure: `view_edited` (a file that we did not write was there; the message
/// says where it is kept), `view_not_written` and `archive_not_written` (and why).
///
/// May be used from any thread. The store must outlive it.
class view_writer {
 public:
  /// The folders must exist; `state_folder` is ours alone and can lock.
  view_writer(store& from, std::filesystem::path data_folder, std::filesystem::path state_folder, clock_fn clock);
  view_writer(const view_writer&) = delete;
  view_writer& operator=(const view_writer&) = delete;
  /// Brings the views up to date.
  ~view_writer();

  /// Brings the views up to date with what the store holds now. If they already are, nothing is written. The warnings
  /// are those of this call and of the thread since the last one. Waits for another writer's turn up to 5 seconds.
  std::vector<warning> refresh_now();
  /// The same if the views are short; long ones are left to the thread, which writes them within 10 seconds.
  std::vector<warning> refresh_soon();

 private:
  struct refreshed {
    std::chrono::milliseconds pause;  // not 0: nothing was done, because the views were written a moment ago
    bool well;
  };

  void follow(std::stop_token stop);
  // Keeps its warnings. Without `may_wait` there is no pause.
  refreshed refresh(bool may_wait);
  void keep(std::vector<warning> warnings);
  std::vector<warning> take_warnings();

  store& store_;
  std::filesystem::path data_, state_;
  clock_fn clock_;
  std::mutex writing_;  // one writer a process
  std::mutex warnings_mutex_;
  std::vector<warning> warnings_;  // not given to a caller yet
  std::jthread thread_;            // last: it uses all of the above
};

/// The text of `claude_task_queue.json`: pretty-printed, a line feed at the end.
[[nodiscard]] std::string queue_view_text(const view_snapshot& snapshot);
/// The text of `claude_task_results.json`.
[[nodiscard]] std::string results_view_text(const view_snapshot& snapshot);
/// The text of `token_telemetry.json`: what each ended task used, in the original's shape. Those of which nothing is
/// known are left out.
[[nodiscard]] std::string history_view_text(const view_snapshot& snapshot);

// The archive, data/task_archive/results_YYYY-MM.jsonl: the results that no longer stand among the latest in
// claude_task_results.json, a line each, in the month in which they were completed (UTC).
//
// Lines are added and never changed: a task that is run again has another line, and one that is deleted keeps its own.
// The store knows what has been archived; it is told after the lines have been synced. What a crash left half done is
// completed: the file `archive` of the state folder says which files were being added to, and from where on, so that no
// line comes twice and none stays half.

inline constexpr const char* archive_folder = "task_archive";

/// Results go to the archive once more than `kept` have ended since, and then this many earlier than they would have
/// to, so that it is not written anew for each.
inline constexpr std::size_t archived_ahead = 100;

/// Adds what has left the latest `kept`. What is there already, also of somebody else, stays as it is. Nothing is made
/// before there is something to add. One caller at a time for a state folder: whoever has the turn to write the views.
/// not_writable, disk_full, io_error, unsafe_file (what is there is no plain file), and the store's.
[[nodiscard]] result<void> archive_results(store& from, std::size_t kept, const std::filesystem::path& data_folder,
                                           const std::filesystem::path& state_folder);

}  // namespace cobatch
