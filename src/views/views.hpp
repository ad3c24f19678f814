// The JSON files that people and other tools read, kept up with the store.
//
//   data/claude_task_queue.json     {"tasks": {"<task_id>": {…}}}      the tasks, ended ones included
//   data/claude_task_results.json   {"results": {"<task_id>": {…}}}    what the ended ones came to
//   data/token_telemetry.json       {"sessions": [{…}], …}             what they used
//
// They show the live tasks and those of the last 1000 that ended; earlier results go to data/task_archive
// (archive.hpp), and the store keeps all. They are copies: an edit changes nothing. A file that somebody else wrote
// there is never lost: it is set aside under another name and told of.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <stop_token>
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
  using milliseconds = std::chrono::milliseconds;

  std::vector<warning> take_warnings();
  void follow(std::stop_token stop);
  std::optional<milliseconds> refresh(bool may_wait, std::vector<warning>& warnings);
  void keep(std::vector<warning> warnings);

  store& store_;
  std::filesystem::path data_, state_;
  clock_fn clock_;
  std::mutex writing_;  // one writer a process
  std::mutex warnings_mutex_;
  std::vector<warning> warnings_;  // of the thread, not told yet
  std::jthread thread_;            // last: it uses all of the above
};

}  // namespace cobatch
