#include "os/watch.hpp"

#include <array>
#include <cerrno>
#include <limits>
#include <vector>

#include <cobatch/store.hpp>

#include "os/system.h"

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

bool wait_ready(std::span<pollfd> polled, std::chrono::steady_clock::time_point deadline) {
  for (;;) {
    const int timeout = poll_timeout(deadline);
    const int ready = ::poll(polled.data(), static_cast<nfds_t>(polled.size()), timeout);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
    if (timeout == 0 || std::chrono::steady_clock::now() >= deadline) return false;
  }
}

bool wait_readable(std::initializer_list<int> descriptors, std::chrono::steady_clock::time_point deadline) {
  std::vector<pollfd> polled;
  polled.reserve(descriptors.size());
  for (const int fd : descriptors) polled.push_back({fd, POLLIN, 0});  // poll passes over -1 by itself
  return wait_ready(polled, deadline);
}

result<wake_signal> wake_signal::make() {
  auto ends = make_pipe();
  if (!ends) return fail(ends.error());
  set_nonblocking(ends->read.get());
  set_nonblocking(ends->write.get());
  wake_signal made;
  made.ends_ = std::move(*ends);
  return made;
}

void wake_signal::notify() noexcept {
  const int saved = errno;
  const char byte = 0;
  // A full pipe is readable already: nothing is lost by not writing.
  while (::write(ends_.write.get(), &byte, 1) < 0 && errno == EINTR) continue;
  errno = saved;
}

void wake_signal::clear() noexcept { drain(ends_.read.get()); }

file_watch file_watch::of(const std::filesystem::path& file) {
  file_watch made;
  made.fd_.reset(::cobatch_watch_file(file.c_str()));
  return made;
}

void file_watch::clear() noexcept {
  if (fd_.open()) drain(fd_.get());
}

timestamp v1::system_now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
}

}  // namespace cobatch
