// Writing to somebody who may be gone, in a process whose signals are not ours to set.
#pragma once

#include <string_view>
#include <sys/types.h>

namespace cobatch {

/// write(2), but a reader that is gone is errno EPIPE and never SIGPIPE, whatever the host does about that signal.
[[nodiscard]] ssize_t write_quietly(int fd, std::string_view bytes) noexcept;

}  // namespace cobatch
