// When a file was made. A birth time tells two files apart that had one inode number after another.
#pragma once

#include <cstdint>

namespace cobatch {

/// Nanoseconds since 1970 of the file that `fd` is; 0 where the file system or the system does not tell.
[[nodiscard]] std::int64_t birth_time_of(int fd) noexcept;
/// The same of a path, links not followed.
[[nodiscard]] std::int64_t birth_time_of(const char* path) noexcept;

}  // namespace cobatch
