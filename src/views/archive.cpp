#include "views/archive.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <map>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <cobatch/core/time.hpp>

#include "json/json.hpp"
#include "json/members.hpp"
#include "system/files.hpp"
#include "system/unique_fd.hpp"
#include "views/record_json.hpp"

namespace cobatch {
inline namespace v1 {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t read_at_once = 500;
constexpr std::size_t largest_note = 65536;

// What stands in the state folder's `archive`.
struct archive_note {
  archive_mark copied = {};
  // The files that are being added to, and how long they were before: what follows there may be ours.
  std::map<std::string, std::int64_t> adding = {};
};

// One that cannot be read counts as none: then lines come twice, which loses nothing.
archive_note read_note(const fs::path& path) {
  archive_note note;
  const auto text = read_file(path, largest_note);
  const auto parsed = text ? json::parse(*text) : json::value();
  if (!parsed) return note;
  const auto number = [&](const char* name) { return json::number_of(*parsed, name).value_or(0); };
  note.copied = {{number("ended_at")}, number("task"), number("newest_task")};
  if (const auto* adding = parsed->find("adding"); adding != nullptr && adding->as_object() != nullptr)
    for (const auto& file : *adding->as_object())
      note.adding[file.name] = file.content.as_int() != nullptr ? *file.content.as_int() : 0;
  return note;
}

result<void> write_note(const fs::path& path, const archive_note& note) {
  json::object adding;
  for (const auto& [file, size] : note.adding) adding.push_back({file, size});
  return write_file_atomically(path,
                               json::write(json::object{{"ended_at", note.copied.ended_at.ms},
                                                        {"task", note.copied.task},
                                                        {"newest_task", note.copied.newest_task},
                                                        {"adding", std::move(adding)}}) +
                                   "\n",
                               true);
}

// "results_2025-11.jsonl"
std::string file_of(timestamp completed_at) {
  return "results_" + to_iso(completed_at).substr(0, std::string_view("2025-11").size()) + ".jsonl";
}

// The lines of each file.
std::map<std::string, std::string> lines_of(const archive_part& part) {
  std::map<std::string, std::string> lines;
  for (std::size_t i = 0; i < part.results.size(); ++i) {
    const result_record& r = part.results[i];
    lines[file_of(r.completed_at)] += json::write(result_json(r, &part.tasks[i])) + "\n";
  }
  return lines;
}

class archive_file {
 public:
  static result<archive_file> open(const fs::path& path) {
    // Not to wait if somebody has put a pipe there.
    unique_fd fd(::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
    if (!fd.open()) return fail(system_error(errno, "open", path));
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) return fail(system_error(errno, "look at", path));
    if (!S_ISREG(info.st_mode)) return fail(errc::unsafe_file, path.string() + " is not a plain file");
    return archive_file(std::move(fd), path, info.st_size);
  }

  [[nodiscard]] std::int64_t size() const { return size_; }

  // Adds lines after the first `before` bytes, or what of them is not there yet.
  result<void> add(const std::string& lines, std::int64_t before) {
    std::string text = on_own_line(lines, std::min(before, size_));
    const std::string there = read(std::min(before, size_), text.size());
    text = text.starts_with(there) ? text.substr(there.size()) : on_own_line(lines, size_);
    if (auto done = write_all(fd_.get(), text, path_); !done) return done;
    return sync_file(fd_.get(), path_);
  }

 private:
  archive_file(unique_fd fd, fs::path path, std::int64_t size)
      : fd_(std::move(fd)), path_(std::move(path)), size_(size) {}

  [[nodiscard]] std::string on_own_line(const std::string& lines, std::int64_t at) const {
    return at > 0 && read(at - 1, 1) != "\n" ? "\n" + lines : lines;
  }

  // What is there of it.
  [[nodiscard]] std::string read(std::int64_t from, std::size_t count) const {
    std::string text(count, '\0');
    std::size_t have = 0;
    while (have < count) {
      const ssize_t n = ::pread(fd_.get(), text.data() + have, count - have, from + static_cast<std::int64_t>(have));
      if (n <= 0) break;
      have += static_cast<std::size_t>(n);
    }
    text.resize(have);
    return text;
  }

  unique_fd fd_;
  fs::path path_;
  std::int64_t size_;
};

result<void> add_part(const archive_part& part, const fs::path& folder, const fs::path& note_path, archive_note& note) {
  const auto lines = lines_of(part);
  if (!lines.empty())
    if (auto done = make_folder(folder, 0700); !done) return done;
  for (const auto& [name, text] : lines) {
    const auto file = archive_file::open(folder / name);
    if (!file) return fail(file.error());
    note.adding.try_emplace(name, file->size());
  }
  if (auto done = write_note(note_path, note); !done) return done;
  for (const auto& [name, text] : lines) {
    auto file = archive_file::open(folder / name);
    if (!file) return fail(file.error());
    if (auto done = file->add(text, note.adding.at(name)); !done) return done;
  }
  if (!lines.empty())
    if (auto done = sync_folder(folder); !done) return done;
  note = {part.next, {}};
  return write_note(note_path, note);
}

}  // namespace

result<void> archive_results(store& from, std::size_t kept, const fs::path& data_folder, const fs::path& state_folder) {
  const fs::path folder = data_folder / archive_folder;
  const fs::path note_path = state_folder / "archive";
  archive_note note = read_note(note_path);
  if (note.adding.empty()) {
    const auto due = from.read_archive(note.copied, kept, 1);
    if (!due) return fail(due.error());
    if (due->next == note.copied) return {};
  }
  for (;;) {
    const auto part = from.read_archive(note.copied, kept - std::min(kept, archived_ahead), read_at_once);
    if (!part) return fail(part.error());
    if (part->next == note.copied) return {};
    if (auto done = add_part(*part, folder, note_path, note); !done) return done;
  }
}

}  // namespace v1
}  // namespace cobatch
