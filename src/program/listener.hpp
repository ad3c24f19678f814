// A listening TCP socket.
#pragma once

#include <string>

#include <cobatch/core/error.hpp>

#include "os/descriptor.hpp"

namespace cobatch::program {

class listener {
 public:
  /// Port 0: any that is free. Errors: port_in_use, bad_value (no address of this machine), not_writable (a port that
  /// needs privileges), io_error.
  [[nodiscard]] static result<listener> open(const std::string& address, int port);

  [[nodiscard]] int port() const noexcept { return port_; }
  [[nodiscard]] int descriptor() const noexcept { return fd_.get(); }
  /// The next connection, close-on-exec; not open if there is none right now.
  [[nodiscard]] unique_fd accept() const noexcept;

  /// Sends away whoever waits to be accepted, and lets go the port.
  void close() noexcept { fd_.reset(); }

 private:
  unique_fd fd_;
  int port_ = 0;
};

/// True for 127.0.0.0/8 and ::1.
[[nodiscard]] bool is_loopback_address(const std::string& address);

}  // namespace cobatch::program
