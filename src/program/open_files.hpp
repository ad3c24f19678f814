// How many descriptors a server may have, and which of them are for its connections.
#pragma once

#include <cstddef>

#include <cobatch/core/error.hpp>

namespace cobatch::program {

/// Kept for the store, and for the sessions that the engine beside the server runs.
inline constexpr std::size_t descriptors_reserved = 128;
inline constexpr std::size_t fewest_connections = 32;

/// Raises the soft limit on open files towards the hard one, as far as `wanted` connections need it; how many there may
/// be. Errors: io_error (the hard limit leaves too few).
[[nodiscard]] result<std::size_t> connections_possible(std::size_t wanted);

}  // namespace cobatch::program
