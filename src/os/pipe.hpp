// Pipes whose ends are close-on-exec from the start.
#pragma once

#include <cobatch/core/error.hpp>

#include "os/unique_fd.hpp"

namespace cobatch {

struct pipe_ends {
  unique_fd read, write;
};
[[nodiscard]] result<pipe_ends> make_pipe();

/// Makes reads and writes through this open file description answer EAGAIN instead of waiting.
void set_nonblocking(int fd) noexcept;

}  // namespace cobatch
