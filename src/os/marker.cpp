#include "os/marker.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <random>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.hpp"
#include "os/birth_time.hpp"
#include "os/files.hpp"
#include "os/unique_fd.hpp"

namespace cobatch {

namespace fs = std::filesystem;

namespace {

marker_identity identity_from(const struct stat& info, std::int64_t birth_ns) {
  return {.device = static_cast<std::uint64_t>(info.st_dev),
          .inode = static_cast<std::uint64_t>(info.st_ino),
          .birth_ns = birth_ns,
          .size = static_cast<std::int64_t>(info.st_size),
          .bytes = {}};
}

std::optional<std::string> first_bytes(int fd) {
  std::string bytes(max_marker_bytes, '\0');
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

fs::path beside(const fs::path& path, const std::string& ending) {
  return path.parent_path() / ("." + path.filename().string() + "." + ending);
}

// Gives a file a name that is free; errno (EEXIST: it is taken) if it cannot.
int move_to_free_name(const fs::path& from, const fs::path& to) {
  if (::link(from.c_str(), to.c_str()) == 0) {
    ::unlink(from.c_str());
    return 0;
  }
  const int why = errno;
#ifdef RENAME_NOREPLACE
  // FAT and some FUSE file systems have no links.
  if (why == EPERM || why == EOPNOTSUPP || why == ENOSYS)
    return ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0 ? 0 : errno;
#endif
  return why;
}

// Some programs lock with a folder. 0, or errno.
int remove_file_or_empty_folder(const fs::path& path) {
  if (::unlink(path.c_str()) == 0) return 0;
  if (errno != EISDIR && errno != EPERM) return errno;  // EPERM is what POSIX has of a folder
  const int why = errno;
  if (::rmdir(path.c_str()) == 0) return 0;
  return errno == ENOTDIR ? why : errno;
}

std::string private_ending() {
  std::random_device random;
  return std::to_string(::getpid()) + "-" + std::to_string(random()) + ".removed";
}

}  // namespace

std::string marker_bytes(const batch_id& batch, timestamp locked_at) {
  std::string out = R"({"locked_at":")" + to_iso_seconds(locked_at) + R"(","batch_id":)";
  json::append_string(out, batch.str());
  out += "}\n";
  return out;
}

std::optional<marker_content> parse_marker(std::string_view bytes) {
  const auto parsed = json::parse(bytes);
  if (!parsed || parsed->as_object() == nullptr || parsed->as_object()->size() != 2) return std::nullopt;
  const json::value* const batch = parsed->find("batch_id");
  const json::value* const locked_at = parsed->find("locked_at");
  if (batch == nullptr || locked_at == nullptr) return std::nullopt;
  if (batch->as_string() == nullptr || locked_at->as_string() == nullptr) return std::nullopt;
  auto id = batch_id::parse(*batch->as_string());
  const auto when = parse_iso(*locked_at->as_string());
  if (!id || !when) return std::nullopt;
  return marker_content{std::move(*id), *when};
}

result<std::optional<marker_identity>> look_at_marker(const fs::path& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return std::nullopt;
    return fail(system_error(errno, "look at", path));
  }
  const marker_identity without_bytes = identity_from(info, birth_time_of(path.c_str()));
  if (!S_ISREG(info.st_mode)) return without_bytes;
  const unique_fd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.open() && errno == ENOENT) return std::nullopt;
  // One that we may not read is not ours: its bytes need not be known.
  if (!fd.open() && (errno == EACCES || errno == ELOOP)) return without_bytes;
  if (!fd.open()) return fail(system_error(errno, "open", path));
  if (::fstat(fd.get(), &info) != 0) return fail(system_error(errno, "look at", path));
  marker_identity seen = identity_from(info, birth_time_of(fd.get()));
  auto bytes = S_ISREG(info.st_mode) ? first_bytes(fd.get()) : std::string();
  if (!bytes) return fail(system_error(errno, "read", path));
  seen.bytes = std::move(*bytes);
  return seen;
}

result<marker_identity> write_marker(const fs::path& path, const batch_id& batch, timestamp locked_at) {
  std::string temporary = beside(path, "XXXXXX").string();
  const unique_fd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd.open()) return fail(system_error(errno, "make a file beside", path));
  const auto give_up = [&](error e) {
    ::unlink(temporary.c_str());
    return fail(std::move(e));
  };
  const std::string bytes = marker_bytes(batch, locked_at);
  if (auto written = write_all(fd.get(), bytes, path); !written) return give_up(written.error());
  const int failed = move_to_free_name(temporary, path);
  if (failed == EEXIST)
    return give_up({errc::foreign_marker, path.string() +
                                              " is there already and is not ours; it was left alone and nothing was "
                                              "started. See who made it, and remove it if its session is over"});
  if (failed != 0) return give_up(system_error(failed, "make", path));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return fail(system_error(errno, "look at", path));
  marker_identity made = identity_from(info, birth_time_of(fd.get()));
  made.bytes = bytes;
  return made;
}

result<bool> remove_marker(const fs::path& path, const marker_identity& seen) {
  const auto now = look_at_marker(path);
  if (!now) return fail(now.error());
  if (*now != seen) return false;
  const fs::path aside = beside(path, private_ending());
  if (::rename(path.c_str(), aside.c_str()) != 0) {
    if (errno == ENOENT) return false;
    return fail(system_error(errno, "remove", path));
  }
  // Between the look and the rename another marker may have come under the name.
  const auto taken = look_at_marker(aside);
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
