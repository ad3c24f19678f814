#include "program/listener.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <fmt/core.h>

namespace cobatch::program {

namespace {

constexpr int backlog = 512;

using addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

// Numeric only: what a name resolves to is not ours to guess, and "localhost" is the one exception.
addresses resolve(const std::string& address, int port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  const std::string numeric = address == "localhost" ? "127.0.0.1" : address;
  addrinfo* found = nullptr;
  if (::getaddrinfo(numeric.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) found = nullptr;
  return {found, &::freeaddrinfo};
}

error bind_error(int number, const std::string& address, int port) {
  if (number == EADDRINUSE)
    return {errc::port_in_use,
            fmt::format("Port {} of {} is in use, perhaps by another cobatch serve. `ss -ltnp 'sport = :{}'` shows by "
                        "whom. Stop that one, or choose another port with --port; --port 0 takes any that is free.",
                        port, address, port)};
  if (number == EACCES)
    return {errc::not_writable, fmt::format("Port {} needs privileges; choose one above 1023 with --port.", port)};
  if (number == EADDRNOTAVAIL)
    return {errc::bad_value, fmt::format("--bind {}: this machine has no such address.", address)};
  return {errc::io_error, fmt::format("could not listen on {} port {}: {}", address, port, std::strerror(number))};
}

int port_of(int fd) {
  sockaddr_storage at{};
  socklen_t size = sizeof at;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) != 0) return 0;
  if (at.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(at).sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in&>(at).sin_port);
}

}  // namespace

result<listener> listener::open(const std::string& address, int port) {
  const auto found = resolve(address, port);
  if (!found)
    return fail(errc::bad_value, fmt::format("--bind {} is not an address such as 127.0.0.1 or ::1.", address));
  listener made;
  made.fd_.reset(::socket(found->ai_family, SOCK_STREAM, 0));
  if (!made.fd_.open()) return fail(bind_error(errno, address, port));
  set_close_on_exec(made.fd_.get());
  set_nonblocking(made.fd_.get());
  // Not SO_REUSEPORT: two servers would share a port without a word.
  const int on = 1;
  ::setsockopt(made.fd_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (found->ai_family == AF_INET6) ::setsockopt(made.fd_.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(made.fd_.get(), found->ai_addr, found->ai_addrlen) != 0 || ::listen(made.fd_.get(), backlog) != 0)
    return fail(bind_error(errno, address, port));
  made.port_ = port_of(made.fd_.get());
  return made;
}

unique_fd listener::accept() const noexcept {
  unique_fd accepted(::accept(fd_.get(), nullptr, nullptr));
  if (!accepted.open()) return accepted;
  set_close_on_exec(accepted.get());
  set_nonblocking(accepted.get());
  const int on = 1;
  ::setsockopt(accepted.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return accepted;
}

bool is_loopback_address(const std::string& address) {
  const auto found = resolve(address, 0);
  if (!found) return false;
  if (found->ai_family == AF_INET6)
    return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6*>(found->ai_addr)->sin6_addr) != 0;
  constexpr std::uint32_t loopback_net = 127;
  return ntohl(reinterpret_cast<const sockaddr_in*>(found->ai_addr)->sin_addr.s_addr) >> 24U == loopback_net;
}

}  // namespace cobatch::program
