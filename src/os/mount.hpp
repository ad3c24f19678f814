// What lies under a path: which mount, and whether locks can be trusted on it.
#pragma once

#include <cstdint>

namespace cobatch {

/// True for the `f_type` (statfs) of a file system on which flock does not exclude reliably: one shared with other
/// hosts, or served by another program or machine.
[[nodiscard]] bool is_unlockable_type(std::uint64_t type) noexcept;

/// As above, of the file system that `fd` is on. -1 with errno set if it cannot be asked.
[[nodiscard]] int is_on_unlockable(int fd) noexcept;

/// A number for the mount that `fd` was opened through: two of one file system differ where the kernel can tell.
/// -1 with errno set if it cannot be asked.
[[nodiscard]] std::int64_t mount_of(int fd) noexcept;

}  // namespace cobatch
