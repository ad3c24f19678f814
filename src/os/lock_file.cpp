#include "os/lock_file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <random>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.hpp"
#include "os/files.hpp"
#include "os/system.h"

namespace cobatch {

namespace fs = std::filesystem;

namespace {

// Of the open file, or of what has that name. False: errno says why.
bool look_at(int fd, const char* name, lock_file_identity& seen, mode_t& mode) {
  cobatch_file file{};
  if (::cobatch_look_at_file(fd, name, &file) != 0) return false;
  seen = {.device = file.device, .inode = file.inode, .birth_ns = file.birth_ns, .size = file.size, .bytes = {}};
  mode = file.mode;
  return true;
}

std::optional<std::string> first_bytes(int fd) {
  std::string bytes(max_lock_file_bytes, '\0');
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t n = ::pread(fd, bytes.data() + have, bytes.size() - have, static_cast<off_t>(have));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::nullopt;
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  bytes.resize(have);
  return bytes;
}

// Some programs lock with a folder. 0, or errno.
int remove_file_or_empty_folder(const fs::path& path) {
  if (::unlink(path.c_str()) == 0) return 0;
  if (errno != EISDIR && errno != EPERM) return errno;  // EPERM is what POSIX has of a folder
  const int why = errno;
  if (::rmdir(path.c_str()) == 0) return 0;
  return errno == ENOTDIR ? why : errno;
}

// Beside the file; nobody else uses it.
fs::path private_name(const fs::path& path) {
  std::random_device random;
  return path.parent_path() / ("." + path.filename().string() + "." + std::to_string(::getpid()) + "-" +
                               std::to_string(random()) + ".removed");
}

}  // namespace

std::string lock_file_bytes(const batch_id& batch, timestamp locked_at) {
  std::string out = R"({"locked_at":")" + to_iso_seconds(locked_at) + R"(","batch_id":)";
  json::append_string(out, batch.str());
  out += "}\n";
  return out;
}

std::optional<lock_file_content> parse_lock_file(std::string_view bytes) {
  const auto parsed = json::parse(bytes);
  if (!parsed || parsed->as_object() == nullptr || parsed->as_object()->size() != 2) return std::nullopt;
  const json::value* const batch = parsed->find("batch_id");
  const json::value* const locked_at = parsed->find("locked_at");
  if (batch == nullptr || locked_at == nullptr) return std::nullopt;
  if (batch->as_string() == nullptr || locked_at->as_string() == nullptr) return std::nullopt;
  auto id = batch_id::parse(*batch->as_string());
  const auto when = parse_iso(*locked_at->as_string());
  if (!id || !when) return std::nullopt;
  return lock_file_content{std::move(*id), *when};
}

result<std::optional<lock_file_identity>> look_at_lock_file(const fs::path& path) {
  lock_file_identity seen;
  mode_t mode = 0;
  if (!look_at(-1, path.c_str(), seen, mode)) {
    if (errno == ENOENT) return std::nullopt;
    return fail(system_error(errno, "look at", path));
  }
  if (!S_ISREG(mode)) return seen;
  const unique_fd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.open() && errno == ENOENT) return std::nullopt;
  // One that we may not read is not ours: its bytes need not be known.
  if (!fd.open() && (errno == EACCES || errno == ELOOP)) return seen;
  if (!fd.open()) return fail(system_error(errno, "open", path));
  if (!look_at(fd.get(), nullptr, seen, mode)) return fail(system_error(errno, "look at", path));
  auto bytes = S_ISREG(mode) ? first_bytes(fd.get()) : std::string();
  if (!bytes) return fail(system_error(errno, "read", path));
  seen.bytes = std::move(*bytes);
  return seen;
}

result<lock_file_identity> write_lock_file(const fs::path& path, const batch_id& batch, timestamp locked_at) {
  const auto temporary = make_temporary_file(path);
  if (!temporary) return fail(temporary.error());
  const auto give_up = [&](error e) {
    ::unlink(temporary->name.c_str());
    return fail(std::move(e));
  };
  const std::string bytes = lock_file_bytes(batch, locked_at);
  if (auto written = write_all(temporary->fd.get(), bytes, path); !written) return give_up(written.error());
  const int failed = move_to_free_name(temporary->name, path);
  if (failed == EEXIST)
    return give_up({errc::foreign_marker, path.string() +
                                              " is there already and is not ours; it was left alone and nothing was "
                                              "started. See who made it, and remove it if its session is over"});
  if (failed != 0) return give_up(system_error(failed, "make", path));
  lock_file_identity made;
  mode_t mode = 0;
  if (!look_at(temporary->fd.get(), nullptr, made, mode)) return fail(system_error(errno, "look at", path));
  made.bytes = bytes;
  return made;
}

result<bool> remove_lock_file(const fs::path& path, const lock_file_identity& seen) {
  const auto now = look_at_lock_file(path);
  if (!now) return fail(now.error());
  if (*now != seen) return false;
  const fs::path aside = private_name(path);
  if (::rename(path.c_str(), aside.c_str()) != 0) {
    if (errno == ENOENT) return false;
    return fail(system_error(errno, "remove", path));
  }
  // Between the look and the rename another lock file may have come under the name.
  const auto taken = look_at_lock_file(aside);
  const bool is_it = taken && *taken == seen;
  const int problem = is_it ? remove_file_or_empty_folder(aside) : 0;
  if (is_it && problem == 0) return true;
  if (const int failed = move_to_free_name(aside, path); failed != 0)
    return fail(errc::foreign_marker, "another lock file came while " + path.string() +
                                          " was removed; it was kept as " + aside.string() +
                                          ". Remove it if its session is over");
  if (problem == ENOTEMPTY || problem == EEXIST)
    return fail(errc::unsafe_file, path.string() +
                                       " is a folder with something in it, so it was left as it is. See whose it is, "
                                       "and move it away if its session is over");
  if (problem != 0) return fail(system_error(problem, "remove", path));
  return false;
}

}  // namespace cobatch
