#include "os/birth_time.hpp"

#include <fcntl.h>
#include <sys/stat.h>

namespace cobatch {

#ifdef STATX_BTIME

namespace {
std::int64_t birth_time_at(int fd, const char* path, int flags) noexcept {
  struct statx info {};
  if (::statx(fd, path, flags, STATX_BTIME, &info) != 0 || (info.stx_mask & STATX_BTIME) == 0) return 0;
  return info.stx_btime.tv_sec * 1'000'000'000 + static_cast<std::int64_t>(info.stx_btime.tv_nsec);
}
}  // namespace

std::int64_t birth_time_of(int fd) noexcept {
  return birth_time_at(fd, "", AT_EMPTY_PATH);
}
std::int64_t birth_time_of(const char* path) noexcept {
  return birth_time_at(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW);
}

#elif defined(__APPLE__)

namespace {
std::int64_t from(const struct stat& info) noexcept {
  return info.st_birthtimespec.tv_sec * std::int64_t{1'000'000'000} + info.st_birthtimespec.tv_nsec;
}
}  // namespace

std::int64_t birth_time_of(int fd) noexcept {
  struct stat info {};
  return ::fstat(fd, &info) == 0 ? from(info) : 0;
}
std::int64_t birth_time_of(const char* path) noexcept {
  struct stat info {};
  return ::lstat(path, &info) == 0 ? from(info) : 0;
}

#else

std::int64_t birth_time_of(int) noexcept {
  return 0;
}
std::int64_t birth_time_of(const char*) noexcept {
  return 0;
}

#endif

}  // namespace cobatch
