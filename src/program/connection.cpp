#include "program/connection.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <poll.h>
#include <sys/socket.h>

namespace cobatch::program {

namespace {

using steady = connection::steady;

enum class ready : std::uint8_t { yes, stopped, late };

// `stop` below 0: none.
ready wait_for(int fd, short events, int stop, steady::time_point deadline) {
  std::array<pollfd, 2> polled{pollfd{fd, events, 0}, pollfd{stop, POLLIN, 0}};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady::now()).count();
    if (left <= 0) return ready::late;
    const int timeout = static_cast<int>(std::min<std::int64_t>(left, std::numeric_limits<int>::max()));
    const int n = ::poll(polled.data(), polled.size(), timeout);
    if (n < 0 && errno != EINTR) return ready::late;
    if (n > 0) return polled[0].revents != 0 ? ready::yes : ready::stopped;
  }
}

}  // namespace

connection::connection(unique_fd fd, int stop, std::chrono::milliseconds read_limit,
                       std::chrono::milliseconds write_limit)
    : fd_(std::move(fd)), stop_(stop), read_by_(steady::now() + read_limit), write_limit_(write_limit) {}

connection::~connection() {
  drain();
}

bool connection::is_readable() const {
  return wait_for(fd_.get(), POLLIN, stop_, read_by_) == ready::yes;
}

bool connection::is_writable() const {
  return wait_for(fd_.get(), POLLOUT, -1, steady::now() + write_limit_) == ready::yes;
}

ssize_t connection::read(char* to, size_t size) {
  for (;;) {
    if (!is_readable()) return -1;
    const ssize_t n = ::recv(fd_.get(), to, size, MSG_DONTWAIT);
    if (n >= 0 || (errno != EINTR && errno != EAGAIN)) return n;
  }
}

ssize_t connection::write(const char* from, size_t size) {
  const auto write_by = steady::now() + write_limit_;
  for (size_t done = 0;;) {
    const ssize_t n = ::send(fd_.get(), from + done, size - done, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0) done += static_cast<size_t>(n);
    if (done == size) return static_cast<ssize_t>(size);
    if (n < 0 && errno != EINTR && errno != EAGAIN) return -1;
    if (n < 0 && errno == EAGAIN && wait_for(fd_.get(), POLLOUT, -1, write_by) != ready::yes) return -1;
  }
}

// Nobody needs the peers' addresses: what may be asked does not depend on them.
void connection::get_remote_ip_and_port(std::string& ip, int& port) const {
  ip.clear();
  port = 0;
}

void connection::get_local_ip_and_port(std::string& ip, int& port) const {
  ip.clear();
  port = 0;
}

void connection::drain() noexcept {
  constexpr std::size_t most = std::size_t{1} << 20U;
  constexpr std::chrono::milliseconds patience{500};
  ::shutdown(fd_.get(), SHUT_WR);
  std::array<char, 16384> unread{};
  const auto deadline = steady::now() + patience;
  for (std::size_t n = 0; n < most && wait_for(fd_.get(), POLLIN, stop_, deadline) == ready::yes;) {
    const ssize_t got = ::recv(fd_.get(), unread.data(), unread.size(), MSG_DONTWAIT);
    if (got <= 0) return;
    n += static_cast<std::size_t>(got);
  }
}

}  // namespace cobatch::program
