// Whose fault an error is: that of the request, which nobody can understand; that of storage and system; or nobody's:
// it was understood, and refused.
#pragma once

#include <cobatch/core/error.hpp>

namespace cobatch {

/// True if the request could not be understood: the first group of codes.
[[nodiscard]] constexpr bool is_misunderstood(errc code) noexcept {
  return code < errc::task_exists;
}

/// True if the request was fine and storage or the system was not.
[[nodiscard]] constexpr bool is_fault(errc code) noexcept {
  switch (code) {
    case errc::storage_fault:
    case errc::disk_full:
    case errc::not_writable:
    case errc::cannot_lock:
    case errc::unsafe_file:
    case errc::workspace_replaced:
    case errc::store_newer:
    case errc::store_damaged:
    case errc::io_error:
    case errc::outcome_unknown:
    case errc::internal:
      return true;
    default:
      return false;
  }
}

}  // namespace cobatch
