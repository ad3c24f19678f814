#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <cobatch/core/time.hpp>

#include "base/json.hpp"
#include "os/descriptor.hpp"
#include "os/files.hpp"
#include "store/store.hpp"
#include "views/record_json.hpp"
#include "views/views.hpp"

namespace cobatch {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t read_at_once = 500;
constexpr std::size_t largest_mark_file = 65536;

// The files that are being added to, and how long they were before: what follows there may be ours. They stand in the
// state folder's `archive`; a note that cannot be read counts as none: then lines come twice, which loses nothing.
using files_added_to = std::map<std::string, std::int64_t>;

files_added_to read_note(const fs::path& path) {
  files_added_to files;
  const auto text = read_file(path, largest_mark_file);
  const auto parsed = text ? json::parse(*text) : json::value();
  if (!parsed || parsed->as_object() == nullptr) return files;
  for (const auto& file : *parsed->as_object())
    if (const auto* size = file.content.as_int()) files[file.name] = *size;
  return files;
}

result<void> write_note(const fs::path& path, const files_added_to& files) {
  json::object text;
  for (const auto& [file, size] : files) text.push_back({file, size});
  return write_file_atomically(path, json::write(text) + "\n", true);
}

// "results_2025-11.jsonl"
std::string file_of(timestamp completed_at) {
  return "results_" + to_iso(completed_at).substr(0, std::string_view("2025-11").size()) + ".jsonl";
}

using lines = std::vector<std::string>;

std::map<std::string, lines> lines_of_files(const archive_part& part) {
  std::map<std::string, lines> files;
  for (std::size_t i = 0; i < part.results.size(); ++i) {
    const result_record& r = part.results[i];
    files[file_of(r.completed_at)].push_back(json::write(result_json(r, &part.tasks[i])) + "\n");
  }
  return files;
}

// What is to be added so that all of these lines stand there, of which some do already, and the last perhaps in part.
// `after_half`: what was there before does not end a line.
std::string missing_from(std::string_view there, const lines& wanted, bool after_half) {
  std::string completed, others;
  if (after_half && there.empty()) completed = "\n";
  if (after_half && there.starts_with('\n')) there.remove_prefix(1);
  std::set<std::string_view> whole;
  for (std::size_t end; (end = there.find('\n')) != there.npos; there.remove_prefix(end + 1))
    whole.insert(there.substr(0, end + 1));
  const std::string_view begun = there;
  for (const auto& line : wanted) {
    if (whole.contains(line)) continue;
    if (completed.empty() && !begun.empty() && line.starts_with(begun))
      completed = line.substr(begun.size());
    else
      others += line;
  }
  if (completed.empty() && !begun.empty() && !others.empty()) completed = "\n";
  return completed + others;
}

class archive_file {
 public:
  static result<archive_file> open(const fs::path& path) {
    // Not to wait if somebody has put a pipe there.
    archive_file file;
    file.path_ = path;
    file.fd_ = unique_fd(::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
    if (!file.fd_.open()) return fail(system_error(errno, "open", path));
    struct stat info {};
    if (::fstat(file.fd_.get(), &info) != 0) return fail(system_error(errno, "look at", path));
    if (!S_ISREG(info.st_mode)) return fail(errc::unsafe_file, path.string() + " is not a plain file");
    file.size_ = info.st_size;
    return file;
  }

  [[nodiscard]] std::int64_t size() const { return size_; }

  // Adds those of the lines that do not stand after the first `before` bytes.
  result<void> add(const lines& wanted, std::int64_t before) {
    before = std::min(before, size_);
    const auto last = read(std::max<std::int64_t>(before - 1, 0), before);
    if (!last) return fail(last.error());
    const auto there = read(before, size_);
    if (!there) return fail(there.error());
    const std::string text = missing_from(*there, wanted, !last->empty() && *last != "\n");
    if (auto done = write_all(fd_.get(), text, path_); !done) return done;
    return sync_file(fd_.get(), path_);
  }

 private:
  [[nodiscard]] result<std::string> read(std::int64_t from, std::int64_t until) const {
    std::string text(static_cast<std::size_t>(until - from), '\0');
    std::size_t have = 0;
    while (have < text.size()) {
      const ssize_t n =
          ::pread(fd_.get(), text.data() + have, text.size() - have, from + static_cast<std::int64_t>(have));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return fail(system_error(errno, "read", path_));
      if (n == 0) break;
      have += static_cast<std::size_t>(n);
    }
    text.resize(have);
    return text;
  }

  unique_fd fd_;
  fs::path path_;
  std::int64_t size_ = 0;
};

result<void> add_part(const archive_part& part, const fs::path& folder, const fs::path& note_path) {
  if (auto done = make_folder(folder, 0700); !done) return done;
  auto note = read_note(note_path);
  std::map<std::string, archive_file> files;
  const auto wanted = lines_of_files(part);
  for (const auto& [name, its_lines] : wanted) {
    auto file = archive_file::open(folder / name);
    if (!file) return fail(file.error());
    note.try_emplace(name, file->size());
    files.emplace(name, std::move(*file));
  }
  if (auto done = write_note(note_path, note); !done) return done;
  for (auto& [name, file] : files)
    if (auto done = file.add(wanted.at(name), note.at(name)); !done) return done;
  return sync_folder(folder);
}

}  // namespace

result<void> archive_results(store& from, std::size_t kept, const fs::path& data_folder, const fs::path& state_folder) {
  const fs::path note_path = state_folder / "archive";
  const auto due = from.read_archive(kept, 1);
  if (!due) return fail(due.error());
  if (due->results.empty()) return {};
  for (;;) {
    const auto part = from.read_archive(kept - std::min(kept, archived_ahead), read_at_once);
    if (!part) return fail(part.error());
    if (part->results.empty()) return {};
    if (auto done = add_part(*part, data_folder / archive_folder, note_path); !done) return done;
    if (auto done = from.note_archived(*part); !done) return done;
    if (auto done = write_note(note_path, {}); !done) return done;
  }
}

}  // namespace cobatch
