#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "base/json.hpp"
#include "os/files.hpp"
#include "views/view_files.hpp"

namespace cobatch {
namespace {

constexpr std::size_t largest_note = 4096;

file_stamp stamp_from(const struct stat& info) {
#ifdef __APPLE__
  const auto& modified = info.st_mtimespec;
#else
  const auto& modified = info.st_mtim;
#endif
  return {static_cast<std::int64_t>(info.st_dev), static_cast<std::int64_t>(info.st_ino),
          static_cast<std::int64_t>(info.st_size),
          static_cast<std::int64_t>(modified.tv_sec) * 1'000'000'000 + modified.tv_nsec};
}

json::array as_json(const std::vector<written_file>& files) {
  json::array out;
  for (const auto& f : files)
    out.push_back(json::array{f.stamp.device, f.stamp.inode, f.stamp.size, f.stamp.modified_ns, f.digest});
  return out;
}

std::vector<written_file> files_from(const json::value& v) {
  std::vector<written_file> out;
  if (v.as_array() == nullptr) return out;
  for (const auto& entry : *v.as_array()) {
    const auto* fields = entry.as_array();
    if (fields == nullptr || fields->size() != 5) continue;
    std::array<std::int64_t, 5> n{};
    for (std::size_t i = 0; i < n.size(); ++i)
      if (const auto* field = (*fields)[i].as_int()) n[i] = *field;
    out.push_back({{n[0], n[1], n[2], n[3]}, n[4]});
  }
  return out;
}

}  // namespace

std::optional<file_stamp> stamp_of(const std::filesystem::path& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return std::nullopt;
  return stamp_from(info);
}

std::optional<file_stamp> stamp_of(int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return std::nullopt;
  return stamp_from(info);
}

std::int64_t digest_of(std::string_view text) noexcept {
  constexpr std::uint64_t odd = 0x9E3779B97F4A7C15U;
  std::uint64_t state = text.size() * odd;
  while (!text.empty()) {
    std::uint64_t word = 0;
    const std::size_t n = std::min(text.size(), sizeof word);
    std::memcpy(&word, text.data(), n);
    text.remove_prefix(n);
    state = (state ^ word) * odd;
    state ^= state >> 29U;
  }
  return static_cast<std::int64_t>(state);
}

std::chrono::milliseconds pause_left(const view_note& note, std::int64_t now_ms) noexcept {
  using std::chrono::milliseconds;
  const std::int64_t longest = milliseconds(longest_view_pause).count();
  const std::int64_t cost = std::clamp<std::int64_t>(note.cost_ms, 0, longest);
  const std::int64_t pause = std::clamp<std::int64_t>(cost * view_pause_factor, shortest_view_pause.count(), longest);
  // A note of before the machine was started again may lie in the future.
  if (note.written_ms > now_ms || note.written_ms < now_ms - pause) return milliseconds{0};
  return milliseconds{pause - (now_ms - note.written_ms)};
}

std::string note_text(const view_note& note) {
  return json::write(json::object{{"version", note.version},
                                  {"written_ms", note.written_ms},
                                  {"cost_ms", note.cost_ms},
                                  {"queue", as_json(note.files[0])},
                                  {"results", as_json(note.files[1])},
                                  {"history", as_json(note.files[2])}}) +
         "\n";
}

view_note parse_note(std::string_view text) {
  view_note note;
  const auto parsed = json::parse(text);
  if (!parsed) return note;
  const auto number = [&](std::string_view name, std::int64_t& to) {
    to = json::number_of(*parsed, name).value_or(to);
  };
  number("version", note.version);
  number("written_ms", note.written_ms);
  number("cost_ms", note.cost_ms);
  if (const auto* queue = parsed->find("queue")) note.files[0] = files_from(*queue);
  if (const auto* results = parsed->find("results")) note.files[1] = files_from(*results);
  if (const auto* history = parsed->find("history")) note.files[2] = files_from(*history);
  return note;
}

view_note glance_at_note(const std::filesystem::path& state_folder) {
  const auto text = read_file(state_folder / "views", largest_note);
  return text ? parse_note(*text) : view_note{};
}

view_turn::view_turn(unique_fd fd, std::filesystem::path path) : fd_(std::move(fd)), path_(std::move(path)) {}

result<view_turn> view_turn::take(const std::filesystem::path& state_folder,
                                  std::chrono::steady_clock::time_point deadline) {
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
    pause = std::min<std::chrono::microseconds>(pause * 2, std::chrono::milliseconds{10});
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

}  // namespace cobatch
