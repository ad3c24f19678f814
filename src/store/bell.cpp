#include "store/bell.hpp"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include "system/files.hpp"

namespace cobatch {
inline namespace v1 {

result<bell> bell::open(const std::filesystem::path& folder) {
  auto path = folder / "bell";
  const unique_fd folder_fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder_fd.open()) return fail(system_error(errno, "open", folder));
  unique_fd fd(::openat(folder_fd.get(), "bell", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.open() && errno == ELOOP)
    return fail(errc::unsafe_file, path.string() + " is a symbolic link; remove it, it is none of ours");
  if (!fd.open()) return fail(system_error(errno, "open", path));
  if (auto plain = check_plain_file(fd.get(), folder_fd.get(), path); !plain) return fail(plain.error());
  return bell(std::move(fd), std::move(path));
}

void bell::ring(std::int64_t change) noexcept {
  // A bell that cannot be written is a lost hint: those who wait look for themselves now and then.
  if (::pwrite(fd_.get(), &change, sizeof change, 0) != static_cast<ssize_t>(sizeof change)) return;
}

std::int64_t bell::heard() const noexcept {
  std::int64_t change = 0;
  return ::pread(fd_.get(), &change, sizeof change, 0) == static_cast<ssize_t>(sizeof change) ? change : 0;
}

}  // namespace v1
}  // namespace cobatch
