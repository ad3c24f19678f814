// Whose fault an error is: storage and system, or the request.
#pragma once

#include <cobatch/core/error.hpp>

namespace cobatch {
inline namespace v1 {

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

}  // namespace v1
}  // namespace cobatch
