// One accepted connection, with a time by which the request must have come and one by which the reply must have gone.
#pragma once

#include <chrono>
#include <string>

#include <httplib.h>

#include "system/unique_fd.hpp"

namespace cobatch::program {

class connection final : public httplib::Stream {
 public:
  using steady = std::chrono::steady_clock;

  /// `stop`: a descriptor that becomes readable when the server stops; reading ends then, writing does not.
  connection(unique_fd fd, int stop, std::chrono::milliseconds read_limit, std::chrono::milliseconds write_limit);
  /// Lets the client read the reply even if it has not sent all of its request: closing with bytes unread would reset.
  ~connection() override;

  bool is_readable() const override;
  bool is_writable() const override;
  ssize_t read(char* to, size_t size) override;
  ssize_t write(const char* from, size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  socket_t socket() const override { return fd_.get(); }

 private:
  void drain() noexcept;

  unique_fd fd_;
  int stop_;
  steady::time_point read_by_;
  std::chrono::milliseconds write_limit_;
};

}  // namespace cobatch::program
