// When the views are written, and by whom.
#include <algorithm>
#include <condition_variable>
#include <string>
#include <system_error>
#include <utility>

#include "os/process.hpp"
#include "store/store.hpp"
#include "views/view_files.hpp"
#include "views/views.hpp"

namespace cobatch {

namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using steady = std::chrono::steady_clock;

constexpr const char* not_written = "view_not_written";
constexpr const char* not_archived = "archive_not_written";

constexpr std::chrono::seconds longest_wait_for_turn{5};
constexpr std::chrono::seconds retry_after_failure{30};  // a full disk may have room again without a change
constexpr std::chrono::hours without_change{1};
constexpr std::size_t most_warnings_kept = 16;

std::int64_t steady_ms() { return std::chrono::duration_cast<milliseconds>(steady::now().time_since_epoch()).count(); }

bool in_place(const fs::path& folder, const view_note& note) {
  for (std::size_t i = 0; i < view_count; ++i)
    if (stamp_of(folder / view_names[i]) != note.files[i].shown) return false;
  return true;
}

bool are_long(const view_note& note) {
  std::int64_t size = 0;
  for (const auto& file : note.files) size += file.shown.size;
  return size > long_views;
}

// True if all that has left the views is in the archive.
bool bring_archive_up_to_date(store& from, const fs::path& data, const fs::path& state,
                              std::vector<warning>& warnings) {
  const auto done = archive_results(from, ended_tasks_in_views, data, state);
  if (done) return true;
  warnings.push_back({not_archived, "Results that no longer stand in " + (data / view_names[1]).string() +
                                        " are not all in " + (data / archive_folder).string() + ": " +
                                        done.error().message + ". The store has them, and this is tried again."});
  return false;
}

// The archive is brought up to date after the snapshot was taken and before it is shown: a result stands in one or the
// other at any moment.
result<void> write_views(store& from, view_turn& turn, view_note note, const fs::path& data, const fs::path& state,
                         timestamp now, std::vector<warning>& warnings) {
  const auto began = steady::now();
  const auto snapshot = from.read_views(ended_tasks_in_views);
  if (!snapshot) return fail(snapshot.error());
  const bool archived = bring_archive_up_to_date(from, data, state, warnings);
  const view_texts texts{queue_view_text(*snapshot), results_view_text(*snapshot), history_view_text(*snapshot)};
  if (auto done = replace_views(turn, note, data, texts, now, warnings); !done) return done;
  note.version = archived ? snapshot->version : -1;
  note.written_ms = steady_ms();
  note.cost_ms = std::chrono::duration_cast<milliseconds>(steady::now() - began).count();
  return turn.write(note);
}

// False if a stop was requested meanwhile.
bool rest(std::stop_token stop, milliseconds pause) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, pause, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace

view_writer::view_writer(store& from, std::filesystem::path data_folder, std::filesystem::path state_folder,
                         clock_fn clock)
    : store_(from), data_(std::move(data_folder)), state_(std::move(state_folder)), clock_(std::move(clock)) {
  try {
    thread_ = start_own_thread([this](std::stop_token stop) { follow(std::move(stop)); });
  } catch (const std::system_error&) {
    keep({{not_written, "no thread could be started to keep the views up to date; they are written at the end"}});
  }
}

view_writer::~view_writer() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  try {
    refresh(false);
  } catch (...) {
    // There was no memory for it: whoever uses the workspace next writes them.
  }
}

std::vector<warning> view_writer::refresh_now() {
  refresh(false);
  return take_warnings();
}

std::vector<warning> view_writer::refresh_soon() {
  return thread_.joinable() && are_long(glance_at_note(state_)) ? take_warnings() : refresh_now();
}

std::vector<warning> view_writer::take_warnings() {
  const std::lock_guard lock(warnings_mutex_);
  return std::exchange(warnings_, {});
}

void view_writer::follow(std::stop_token stop) {
  std::int64_t seen = -1;
  while (!stop.stop_requested()) {
    seen = store_.version();
    const refreshed done = refresh(true);
    if (done.pause > milliseconds{0}) {
      if (!rest(stop, done.pause)) return;
      continue;
    }
    const steady::duration at_most =
        done.well ? steady::duration(without_change) : steady::duration(retry_after_failure);
    store_.wait_for_change(seen, steady::now() + at_most, stop);
  }
}

view_writer::refreshed view_writer::refresh(bool may_wait) {
  const std::lock_guard lock(writing_);
  std::vector<warning> warnings;
  const auto work = [&]() -> result<milliseconds> {
    auto turn = view_turn::take(state_, steady::now() + longest_wait_for_turn);
    if (!turn) return fail(turn.error());
    const view_note note = turn->read();
    if (note.version == store_.version() && in_place(data_, note)) return milliseconds{0};
    const milliseconds pause = may_wait ? note.pause_left(steady_ms()) : milliseconds{0};
    if (pause > milliseconds{0}) return pause;
    auto done = write_views(store_, *turn, note, data_, state_, clock_(), warnings);
    if (!done) return fail(done.error());
    return milliseconds{0};
  };
  const auto pause = work();
  if (!pause)
    warnings.push_back({not_written, "The JSON views in " + data_.string() + " are not up to date: " +
                                         pause.error().message + ". Nothing else is affected."});
  const bool well = std::none_of(warnings.begin(), warnings.end(),
                                 [](const warning& w) { return w.code == not_written || w.code == not_archived; });
  keep(std::move(warnings));
  return {pause.value_or(milliseconds{0}), well};
}

void view_writer::keep(std::vector<warning> warnings) {
  const std::lock_guard lock(warnings_mutex_);
  for (auto& w : warnings)
    if (warnings_.size() < most_warnings_kept && std::find(warnings_.begin(), warnings_.end(), w) == warnings_.end())
      warnings_.push_back(std::move(w));
}

}  // namespace cobatch
