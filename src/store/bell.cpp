#include "store/bell.hpp"

#include <unistd.h>
#include <utility>

#include "store/sqlite_files.hpp"

namespace cobatch {

result<bell> bell::open(const std::filesystem::path& folder) {
  auto fd = open_own_file(folder, "bell");
  if (!fd) return fail(fd.error());
  return bell(std::move(*fd), folder / "bell");
}

void bell::ring(std::int64_t change) noexcept {
  // A bell that cannot be written is a lost hint: those who wait look for themselves now and then.
  if (::pwrite(fd_.get(), &change, sizeof change, 0) != static_cast<ssize_t>(sizeof change)) return;
}

std::int64_t bell::heard() const noexcept {
  std::int64_t change = 0;
  return ::pread(fd_.get(), &change, sizeof change, 0) == static_cast<ssize_t>(sizeof change) ? change : 0;
}

}  // namespace cobatch
