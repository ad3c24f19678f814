#include "views/view_files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <initializer_list>
#include <sys/file.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include <cobatch/core/id.hpp>

#include "base/json.hpp"

namespace cobatch {

namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr std::size_t largest_note = 4096;

json::array as_json(const file_stamp& stamp) {
  return {stamp.device, stamp.inode, stamp.size, stamp.modified_ns, stamp.changed_ns};
}

file_stamp stamp_in(const json::value& given) {
  const auto* fields = given.as_array();
  if (fields == nullptr || fields->size() != 5) return {};
  std::array<std::int64_t, 5> n{};
  for (std::size_t i = 0; i < n.size(); ++i)
    if (const auto* field = (*fields)[i].as_int()) n[i] = *field;
  return {n[0], n[1], n[2], n[3], n[4]};
}

// The renaming that puts a file in place sets the time of its change.
bool is_same_but_for_its_name(const file_stamp& a, file_stamp b) {
  b.changed_ns = a.changed_ns;
  return a == b;
}

bool is_ours(const file_stamp& there, const view_stamps& known) {
  return there == known.shown || is_same_but_for_its_name(there, known.next);
}

// A view, and the text that is to take its place.
class replacement {
 public:
  replacement(fs::path view, const std::string& text, view_stamps& known)
      : view_(std::move(view)),
        part_(view_.parent_path() / ("." + view_.filename().string() + ".part")),
        text_(text),
        known_(known) {}

  // Writes the text beside the view.
  result<void> prepare() {
    const auto there = stamp_of(view_);
    known_.shown = there && is_ours(*there, known_) ? *there : file_stamp{};
    ::unlink(part_.c_str());  // what a crash has left; only we write there
    part_fd_ = unique_fd(::open(part_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!part_fd_.open()) return fail(system_error(errno, "write", view_));
    auto written = write_all(part_fd_.get(), text_, view_);
    const auto stamp = stamp_of(part_fd_.get());
    if (written && !stamp) written = fail(system_error(errno, "write", view_));
    if (!written) ::unlink(part_.c_str());
    known_.next = stamp.value_or(file_stamp{});
    return written;
  }

  result<void> put_in_place(timestamp now, std::vector<warning>& warnings) {
    if (is_edited()) {
      const auto kept = set_aside(view_, now);
      if (!kept) return fail(kept.error());
      warnings.push_back({"view_edited", view_.string() +
                                             " was written by something other than Cobatch. It is kept as " +
                                             kept->filename().string() +
                                             "; this file only shows what the store holds, and editing it changes "
                                             "nothing."});
    }
    if (::rename(part_.c_str(), view_.c_str()) != 0) return fail(system_error(errno, "replace", view_));
    known_.shown = std::exchange(known_.next, {});
    if (const auto stamp = stamp_of(part_fd_.get())) known_.shown.changed_ns = stamp->changed_ns;
    part_fd_ = {};
    return {};
  }

 private:
  // Something is there, and it is not ours to lose.
  [[nodiscard]] bool is_edited() const {
    const auto there = stamp_of(view_);
    if (!there || is_ours(*there, known_)) return false;
    std::error_code unseen;
    if (!fs::is_regular_file(fs::symlink_status(view_, unseen))) return true;
    if (there->size != 0 && there->size != static_cast<std::int64_t>(text_.size())) return true;
    const auto text = read_file(view_, text_.size());
    return !text || (!text->empty() && *text != text_);
  }

  fs::path view_, part_;
  const std::string& text_;
  view_stamps& known_;
  unique_fd part_fd_;
};

}  // namespace

milliseconds view_note::pause_left(std::int64_t now_ms) const noexcept {
  constexpr std::int64_t shortest = 50, longest = 10'000;  // whatever a note says that a write took
  const std::int64_t pause = std::clamp(std::clamp<std::int64_t>(cost_ms, 0, longest) * 10, shortest, longest);
  // A note of before the machine was started again may lie in the future.
  if (written_ms > now_ms || written_ms < now_ms - pause) return milliseconds{0};
  return milliseconds{pause - (now_ms - written_ms)};
}

std::string note_text(const view_note& note) {
  json::array files;
  for (const auto& file : note.files) files.emplace_back(json::array{as_json(file.shown), as_json(file.next)});
  return json::write(json::object{{"version", note.version},
                                  {"written_ms", note.written_ms},
                                  {"cost_ms", note.cost_ms},
                                  {"files", std::move(files)}}) +
         "\n";
}

view_note parse_note(std::string_view text) {
  view_note note;
  const auto parsed = json::parse(text);
  if (!parsed) return note;
  note.version = json::number_of(*parsed, "version").value_or(note.version);
  note.written_ms = json::number_of(*parsed, "written_ms").value_or(0);
  note.cost_ms = json::number_of(*parsed, "cost_ms").value_or(0);
  const json::array* files = json::array_of(*parsed, "files");
  for (std::size_t i = 0; files != nullptr && i < std::min(files->size(), view_count); ++i)
    if (const json::array* stamps = (*files)[i].as_array(); stamps != nullptr && stamps->size() == 2)
      note.files[i] = {stamp_in(stamps->front()), stamp_in(stamps->back())};
  return note;
}

view_note glance_at_note(const fs::path& state_folder) {
  const auto text = read_file(state_folder / "views", largest_note);
  return text ? parse_note(*text) : view_note{};
}

bool is_ours(const fs::path& path, const view_note& note) {
  const auto there = stamp_of(path);
  return there && std::any_of(note.files.begin(), note.files.end(),
                              [&](const view_stamps& known) { return is_ours(*there, known); });
}

view_turn::view_turn(unique_fd fd, fs::path path) : fd_(std::move(fd)), path_(std::move(path)) {}

result<view_turn> view_turn::take(const fs::path& state_folder, std::chrono::steady_clock::time_point deadline) {
  const auto path = state_folder / "views";
  unique_fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.open()) return fail(system_error(errno, "open", path));
  // The system has no wait for a lock that ends by itself; a writer that hangs must not hang the others.
  for (auto pause = std::chrono::microseconds{200};;) {
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return view_turn(std::move(fd), path);
    if (errno != EWOULDBLOCK && errno != EINTR) return fail(system_error(errno, "lock", path));
    if (std::chrono::steady_clock::now() >= deadline)
      return fail(errc::timed_out, "another process has been writing the views for a long time");
    std::this_thread::sleep_for(pause);
    pause = std::min<std::chrono::microseconds>(pause * 2, milliseconds{10});
  }
}

view_note view_turn::read() const {
  std::string text(largest_note, '\0');
  const ssize_t n = ::pread(fd_.get(), text.data(), text.size(), 0);
  text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return parse_note(text);
}

result<void> view_turn::write(const view_note& note) {
  const std::string text = note_text(note);
  const ssize_t n = ::pwrite(fd_.get(), text.data(), text.size(), 0);
  if (n != static_cast<ssize_t>(text.size())) return fail(system_error(n < 0 ? errno : ENOSPC, "write", path_));
  if (::ftruncate(fd_.get(), static_cast<off_t>(text.size())) != 0) return fail(system_error(errno, "write", path_));
  return {};
}

result<void> replace_views(view_turn& turn, view_note& note, const fs::path& folder, const view_texts& texts,
                           timestamp now, std::vector<warning>& warnings) {
  std::vector<replacement> views;
  for (std::size_t i = 0; i < view_count; ++i) views.emplace_back(folder / view_names[i], texts[i], note.files[i]);
  for (auto& view : views)
    if (auto done = view.prepare(); !done) return done;
  note.version = -1;  // until all are in place
  if (auto done = turn.write(note); !done) return done;
  for (auto& view : views)
    if (auto done = view.put_in_place(now, warnings); !done) return done;
  return {};
}

std::string moment_text(timestamp moment) {
  return make_batch_id(moment).str().substr(std::string_view("batch_").size());
}

result<fs::path> set_aside(const fs::path& view, timestamp now) {
  const std::string name = view.string() + std::string(set_aside_mark) + moment_text(now);
  for (int n = 1; n < 1000; ++n) {
    fs::path kept = n == 1 ? name : name + "-" + std::to_string(n);
    const int failed = move_to_free_name(view, kept);
    if (failed == 0) return kept;
    if (failed != EEXIST) return fail(system_error(failed, "keep under another name what is in", view));
  }
  return fail(errc::io_error, "could not keep under another name what is in " + view.string() +
                                  ": there are a thousand such files of this second already");
}

}  // namespace cobatch
