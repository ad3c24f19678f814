#include "program/open_files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/resource.h>

#include <fmt/core.h>

namespace cobatch::program {

result<std::size_t> connections_possible(std::size_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return fail(errc::io_error, fmt::format("could not read the limit on open files: {}", std::strerror(errno)));
  const rlim_t needed = wanted + descriptors_reserved;
  if (limit.rlim_cur < needed) {
    limit.rlim_cur = std::min(needed, limit.rlim_max);
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
      return fail(errc::io_error, fmt::format("could not raise the limit on open files: {}", std::strerror(errno)));
  }
  if (limit.rlim_cur < descriptors_reserved + fewest_connections)
    return fail(errc::io_error, fmt::format("The limit on open files is {}; a server needs {} at least. Raise it with "
                                            "`ulimit -n`, or LimitNOFILE= of a systemd unit.",
                                            limit.rlim_cur, descriptors_reserved + fewest_connections));
  return std::min<std::size_t>(wanted, limit.rlim_cur - descriptors_reserved);
}

}  // namespace cobatch::program
