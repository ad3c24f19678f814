#include "os/watch.hpp"

#include <poll.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/inotify.h>
#endif

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <limits>
#include <vector>

#include "os/pipe.hpp"

namespace cobatch {

namespace {

void drain(int fd) noexcept {
  std::array<char, 4096> bytes;
  while (true) {
    const ssize_t n = ::read(fd, bytes.data(), bytes.size());
    if (n > 0 || (n < 0 && errno == EINTR)) continue;
    return;
  }
}

// Milliseconds to the deadline, rounded up so that it has passed when poll returns.
int poll_timeout(std::chrono::steady_clock::time_point deadline) {
  using namespace std::chrono;
  constexpr int longest = std::numeric_limits<int>::max();
  const auto now = steady_clock::now();
  if (deadline <= now) return 0;
  if (deadline - now >= milliseconds{longest}) return longest;
  return static_cast<int>(ceil<milliseconds>(deadline - now).count());
}

}  // namespace

result<wake_signal> wake_signal::make() {
  auto ends = make_pipe();
  if (!ends) return fail(ends.error());
  set_nonblocking(ends->read.get());
  set_nonblocking(ends->write.get());
  wake_signal made;
  made.read_ = std::move(ends->read);
  made.write_ = std::move(ends->write);
  return made;
}

void wake_signal::notify() noexcept {
  const int saved = errno;
  const char byte = 0;
  // A full pipe is readable already: nothing is lost by not writing.
  while (::write(write_.get(), &byte, 1) < 0 && errno == EINTR) continue;
  errno = saved;
}

void wake_signal::clear() noexcept {
  drain(read_.get());
}

int wake_signal::descriptor() const noexcept {
  return read_.get();
}

file_watch file_watch::of(const std::filesystem::path& file) {
  file_watch made;
#ifdef __linux__
  if (std::getenv("COBATCH_NO_INOTIFY") != nullptr) return made;
  unique_fd fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  // A file that is removed or replaced is news too: its watcher must look at the path again.
  constexpr std::uint32_t events = IN_MODIFY | IN_MOVE_SELF | IN_DELETE_SELF;
  if (fd.open() && ::inotify_add_watch(fd.get(), file.c_str(), events) >= 0) made.fd_ = std::move(fd);
#else
  static_cast<void>(file);
#endif
  return made;
}

void file_watch::clear() noexcept {
  if (fd_.open()) drain(fd_.get());
}

bool wait_readable(std::initializer_list<int> descriptors, std::chrono::steady_clock::time_point deadline) {
  std::vector<pollfd> polled;
  polled.reserve(descriptors.size());
  for (const int fd : descriptors) polled.push_back({fd, POLLIN, 0});  // poll passes over -1 by itself
  for (;;) {
    const int timeout = poll_timeout(deadline);
    const int ready = ::poll(polled.data(), static_cast<nfds_t>(polled.size()), timeout);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
    if (timeout == 0 || std::chrono::steady_clock::now() >= deadline) return false;
  }
}

}  // namespace cobatch
