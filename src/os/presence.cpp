#include "os/presence.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <optional>
#include <string_view>
#include <sys/file.h>
#include <system_error>
#include <unistd.h>

#include "os/files.hpp"

namespace cobatch {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t max_presence_bytes = 64 * 1024;

fs::path folder_in(const fs::path& state_folder) { return state_folder / "engines"; }

std::optional<std::int64_t> pid_in(const std::string& name) {
  std::int64_t pid = 0;
  const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
  if (parsed.ec != std::errc{} || parsed.ptr == name.data() + name.size() || *parsed.ptr != '-') return std::nullopt;
  return pid;
}

struct presence_file {
  unique_fd fd;
  fs::path path;
};

bool names_file(const fs::path& path, int fd) {
  const auto named = identity_of(path);
  const auto own = identity_of(fd, path);
  return named && own && *named == *own;
}

// Locked and written under a name that starts with a dot, then named "<pid>-<six letters>": so it is never seen
// unlocked or half-written under that name. A reader may remove it before it is locked; then it is made anew.
result<presence_file> make_file(const fs::path& folder, const std::string& content) {
  for (;;) {
    auto made = make_temporary_file(folder / "engine");
    if (!made) return fail(made.error());
    auto& [fd, name] = *made;
    while (::flock(fd.get(), LOCK_EX) != 0)
      if (errno != EINTR) return fail(system_error(errno, "lock", name));
    if (auto written = write_all(fd.get(), content, name); !written) {
      ::unlink(name.c_str());
      return fail(written.error());
    }
    const fs::path path = folder / (std::to_string(::getpid()) + "-" + name.substr(name.size() - 6));
    if (::rename(name.c_str(), path.c_str()) == 0) return presence_file{std::move(fd), path};
    if (errno != ENOENT) return fail(system_error(errno, "name", path));
  }
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    if (end > 0) lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// The engine whose file it is, if it lives and has named it; the file of a dead one is removed.
std::optional<live_engine> read_presence(const fs::path& path) {
  const unique_fd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.open()) return std::nullopt;
  if (::flock(fd.get(), LOCK_SH | LOCK_NB) == 0) {
    if (names_file(path, fd.get())) ::unlink(path.c_str());
    ::flock(fd.get(), LOCK_UN);
    return std::nullopt;
  }
  const auto pid = pid_in(path.filename().string());
  const auto content = read_file(path, max_presence_bytes);
  if (!pid || !content) return std::nullopt;
  return live_engine{*pid, lines_of(*content)};
}

}  // namespace

presence::presence(private_fd fd, fs::path path) : fd_(std::move(fd)), path_(std::move(path)) {}

presence& presence::operator=(presence&& other) noexcept {
  if (this != &other) {
    withdraw();
    fd_ = std::move(other.fd_);
    path_ = std::move(other.path_);
  }
  return *this;
}

presence::~presence() { withdraw(); }

// Unlinked while locked: a reader never sees the file of a living engine as a dead one's.
void presence::withdraw() noexcept {
  if (fd_.open() && names_file(path_, fd_.get())) ::unlink(path_.c_str());
  fd_.reset();
}

result<presence> presence::announce(const fs::path& state_folder, const std::vector<std::string>& agents) {
  const fs::path folder = folder_in(state_folder);
  if (auto made = make_folder(folder, 0700); !made) return fail(made.error());
  std::string content;
  for (const auto& agent : agents) content += agent + "\n";
  auto file = make_file(folder, content);
  if (!file) return fail(file.error());
  return presence(private_fd(std::move(file->fd)), file->path);
}

result<std::vector<live_engine>> live_engines(const fs::path& state_folder) {
  std::vector<live_engine> engines;
  const fs::path folder = folder_in(state_folder);
  std::error_code failed;
  fs::directory_iterator entries(folder, failed);
  if (failed == std::errc::no_such_file_or_directory) return engines;
  for (; !failed && entries != fs::directory_iterator(); entries.increment(failed)) {
    if (auto engine = read_presence(entries->path())) engines.push_back(std::move(*engine));
  }
  if (failed) return fail(system_error(failed.value(), "list", folder));
  return engines;
}

}  // namespace cobatch
