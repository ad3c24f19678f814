#ifdef __linux__

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <signal.h>
#include <string_view>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/process_table.hpp"

namespace cobatch {

namespace {

// The start of a small file in /proc; nothing with errno set if it cannot be read.
std::optional<std::string> read_proc(const char* path) {
  const unique_fd fd(::open(path, O_RDONLY | O_CLOEXEC));
  if (!fd.open()) return std::nullopt;
  std::array<char, 2048> bytes;
  ssize_t n = 0;
  do n = ::read(fd.get(), bytes.data(), bytes.size());
  while (n < 0 && errno == EINTR);
  if (n < 0) return std::nullopt;
  return std::string(bytes.data(), static_cast<std::size_t>(n));
}

// A /proc mounted for another pid namespace shows other processes under our numbers.
bool proc_is_ours() {
  std::array<char, 32> target;
  const ssize_t n = ::readlink("/proc/self", target.data(), target.size());
  return n > 0 && std::string_view(target.data(), static_cast<std::size_t>(n)) == std::to_string(::getpid());
}

// Where /proc hides other users' processes (hidepid), only kill tells whether there is one.
bool exists(std::int64_t pid) {
  return ::kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM;
}

// Fields of /proc/pid/stat by their number in proc(5), from 3 on. The name, field 2, may hold blanks and brackets.
class stat_fields {
 public:
  explicit stat_fields(std::string_view line) {
    const auto bracket = line.rfind(')');
    if (bracket != std::string_view::npos && bracket + 2 <= line.size()) rest_ = line.substr(bracket + 2);
  }
  [[nodiscard]] char state() const { return rest_.empty() ? '\0' : rest_.front(); }
  [[nodiscard]] std::optional<std::int64_t> number(int field) const {
    std::string_view at = rest_;
    for (int skip = 3; skip < field; ++skip) {
      const auto blank = at.find(' ');
      if (blank == std::string_view::npos) return std::nullopt;
      at.remove_prefix(blank + 1);
    }
    std::int64_t value = 0;
    if (std::from_chars(at.data(), at.data() + at.size(), value).ec != std::errc{}) return std::nullopt;
    return value;
  }

 private:
  std::string_view rest_;
};

}  // namespace

std::string current_boot_id() {
  std::string id = read_proc("/proc/sys/kernel/random/boot_id").value_or("");
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

std::int64_t current_pid_namespace() {
  struct stat info {};
  return ::stat("/proc/self/ns/pid", &info) == 0 ? static_cast<std::int64_t>(info.st_ino) : 0;
}

process_entry look_up_process(std::int64_t pid) {
  using answer = process_entry::answer;
  if (pid <= 0) return {};
  if (!proc_is_ours()) return {.what = exists(pid) ? answer::unreadable : answer::gone};
  const auto line = read_proc(("/proc/" + std::to_string(pid) + "/stat").c_str());
  if (!line) return {.what = exists(pid) ? answer::unreadable : answer::gone};
  const stat_fields fields(*line);
  const auto session = fields.number(6);
  const auto threads = fields.number(20);
  const auto start = fields.number(22);
  if (!session || !threads || !start) return {.what = answer::unreadable};
  // A leader that has ended while other threads go on is shown as a zombie too.
  const bool ended = (fields.state() == 'Z' && *threads <= 1) || fields.state() == 'X';
  return {.what = answer::found, .session = *session, .start_time = *start, .ended = ended};
}

std::vector<std::int64_t> all_pids() {
  std::vector<std::int64_t> pids;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc"), ::closedir);
  if (!folder) return pids;
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string_view name = entry->d_name;
    std::int64_t pid = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec == std::errc{} && parsed.ptr == name.data() + name.size()) pids.push_back(pid);
  }
  return pids;
}

unique_fd open_death_watch(std::int64_t pid) {
  if (std::getenv("COBATCH_NO_PIDFD") != nullptr) return {};
  return unique_fd(static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0U)));
}

void send_signal(const unique_fd& watch, std::int64_t pid, int signal_number) {
  if (watch.open())
    ::syscall(SYS_pidfd_send_signal, watch.get(), signal_number, nullptr, 0U);
  else
    ::kill(static_cast<pid_t>(pid), signal_number);
}

}  // namespace cobatch

#endif
