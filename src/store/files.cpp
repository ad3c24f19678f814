#include "store/files.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace cobatch {

namespace fs = std::filesystem;

namespace {

result<void> create_empty(const fs::path& file, const fs::path& folder) {
  const unique_fd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.open()) return fail(system_error(errno, "create", file));
  return sync_folder(folder);
}

result<unique_fd> open_folder(const fs::path& folder) {
  unique_fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.open()) return fail(system_error(errno, "open", folder));
  return fd;
}

bool has_content(const fs::path& file) {
  struct stat info {};
  return ::lstat(file.c_str(), &info) == 0 && info.st_size > 0;
}

error replaced(const fs::path& path) {
  return {errc::workspace_replaced, path.string() +
                                        " was replaced or deleted while it was in use; nothing was written and nothing "
                                        "was created anew. Restart Cobatch to use what is there now"};
}

}  // namespace

result<void> check_identity(const fs::path& path, const file_identity& expected) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return fail(replaced(path));
    return fail(system_error(errno, "look at", path));
  }
  const file_identity now{static_cast<std::uint64_t>(info.st_dev), static_cast<std::uint64_t>(info.st_ino)};
  if (now != expected) return fail(replaced(path));
  return {};
}

result<unique_fd> open_own_file(const fs::path& folder, const char* name) {
  const auto path = folder / name;
  const auto folder_fd = open_folder(folder);
  if (!folder_fd) return fail(folder_fd.error());
  unique_fd fd(::openat(folder_fd->get(), name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.open() && errno == ELOOP)
    return fail(errc::unsafe_file, path.string() + " is a symbolic link; remove it, it is none of ours");
  if (!fd.open()) return fail(system_error(errno, "open", path));
  if (auto plain = check_plain_file(fd.get(), folder_fd->get(), path); !plain) return fail(plain.error());
  return fd;
}

result<fs::path> find_lockable_folder(const fs::path& folder) {
  std::error_code problem;
  auto path = fs::canonical(folder, problem);
  if (problem) return fail(system_error(problem.value(), "open", folder));
  const auto hopeless = cannot_lock(path);
  if (!hopeless) return fail(hopeless.error());
  if (!*hopeless) return path;
  return fail(errc::cannot_lock, path.string() +
                                     " lies on a file system that cannot lock files reliably (network, FUSE, virtiofs "
                                     "or 9p); nothing was created. Keep the store on a local disk with --state DIR");
}

result<store_files> store_files::prepare(const fs::path& folder) {
  store_files out;
  out.folder_ = folder;
  const auto folder_fd = open_folder(folder);
  if (!folder_fd) return fail(folder_fd.error());

  const fs::path database = out.database();
  for (const char* suffix : {"-wal", "-shm", "-journal"})
    if (auto there = check_plain_file(database.string() + suffix, folder_fd->get()); !there) return fail(there.error());
  const auto there = check_plain_file(database, folder_fd->get());
  if (!there) return fail(there.error());
  const fs::path log = database.string() + "-wal";
  if ((!*there || !has_content(database)) && has_content(log))
    return fail(errc::store_damaged,
                database.string() + " is missing or empty, but " + log.string() +
                    " holds changes to it; nothing was touched. Restore store.db from a backup, or "
                    "move the log aside to start with a new store");
  if (!*there)
    if (auto made = create_empty(database, folder); !made) return fail(made.error());

  auto folder_identity = identity_of(folder_fd->get(), folder);
  if (!folder_identity) return fail(folder_identity.error());
  auto database_identity = identity_of(database);
  if (!database_identity) return fail(database_identity.error());
  out.folder_identity_ = *folder_identity;
  out.database_identity_ = *database_identity;
  return out;
}

result<void> store_files::check_in_place() const {
  if (auto same = check_identity(folder_, folder_identity_); !same) return same;
  return check_identity(database(), database_identity_);
}

result<bell> bell::open(const fs::path& folder) {
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
