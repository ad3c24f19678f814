// Whether a process has ended, for tests that kill some.
#pragma once

#include <string>

#include "os/process.hpp"
#include "unit/scratch_folder.hpp"

namespace cobatch_test {

/// With POSIX alone a zombie that its new parent has still to take is not told from a process: /proc tells it.
inline bool is_dead(const cobatch::process_identity& process) {
  if (cobatch::liveness_of(process) == cobatch::liveness::dead) return true;
  if (process.start_time != 0) return false;
  return content_of("/proc/" + std::to_string(process.pid) + "/stat").find(") Z ") != std::string::npos;
}

}  // namespace cobatch_test
