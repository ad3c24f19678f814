#include "store/write_lock.hpp"

#include <cerrno>
#include <sys/file.h>
#include <unistd.h>
#include <utility>

#include "store/files.hpp"

namespace cobatch {

namespace {

constexpr char poison_mark = 'P';

// 0, or errno.
int lock_file(int fd, int how) {
  while (::flock(fd, how) != 0)
    if (errno != EINTR) return errno;
  return 0;
}

error lock_error(int error_number, const std::filesystem::path& path) {
  if (error_number == ENOLCK || error_number == EOPNOTSUPP || error_number == ENOSYS || error_number == EINVAL)
    return {errc::cannot_lock,
            "the file system of " + path.string() + " cannot lock files; keep the store elsewhere with --state DIR"};
  return system_error(error_number, "lock", path);
}

}  // namespace

write_lock::hold::~hold() {
  if (threads_.owns_lock()) ::flock(fd_, LOCK_UN);
}

result<std::unique_ptr<write_lock>> write_lock::open(const std::filesystem::path& folder) {
  auto queue = open_own_file(folder, "write.queue");
  if (!queue) return fail(queue.error());
  auto fd = open_own_file(folder, "write");
  if (!fd) return fail(fd.error());
  auto path = folder / "write";
  auto identity = identity_of(fd->get(), path);
  if (!identity) return fail(identity.error());
  return std::unique_ptr<write_lock>(new write_lock(std::move(*fd), std::move(*queue), std::move(path), *identity));
}

result<write_lock::hold> write_lock::acquire() {
  std::unique_lock threads(threads_);
  int problem = lock_file(queue_.get(), LOCK_EX);
  if (problem == 0) {
    problem = lock_file(fd_.get(), LOCK_EX);
    ::flock(queue_.get(), LOCK_UN);
  }
  if (problem != 0) return fail(lock_error(problem, path_));
  return hold(std::move(threads), fd_.get());
}

result<std::optional<write_lock::hold>> write_lock::try_acquire() {
  std::unique_lock threads(threads_, std::try_to_lock);
  if (!threads.owns_lock()) return std::optional<hold>();
  const int problem = lock_file(fd_.get(), LOCK_EX | LOCK_NB);
  if (problem == EWOULDBLOCK) return std::optional<hold>();
  if (problem != 0) return fail(lock_error(problem, path_));
  return std::optional<hold>(hold(std::move(threads), fd_.get()));
}

bool write_lock::poisoned() const noexcept {
  char mark = 0;
  return ::pread(fd_.get(), &mark, 1, 0) == 1 && mark == poison_mark;
}

void write_lock::poison() noexcept {
  // If even this cannot be written, the other processes meet the failing disk themselves.
  if (::pwrite(fd_.get(), &poison_mark, 1, 0) == 1) ::fsync(fd_.get());
}

result<void> write_lock::clear_poison() {
  if (::ftruncate(fd_.get(), 0) != 0) return fail(system_error(errno, "write", path_));
  if (::fsync(fd_.get()) != 0) return fail(system_error(errno, "sync", path_));
  return {};
}

error poisoned_error(const std::filesystem::path& folder) {
  return {
      errc::storage_fault,
      "the disk failed to store something in " + folder.string() +
          " durably, so nothing more is written there: what was acknowledged before is kept and can be read. Look "
          "at the disk and the system's log, then run `cobatch doctor`, which verifies the store and lets it go on"};
}

}  // namespace cobatch
