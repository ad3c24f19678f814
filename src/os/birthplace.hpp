// Which process made an object. In a forked child the threads behind it are gone and its locks and files are the
// parent's, so it must not be touched there.
#pragma once

#include <sys/types.h>
#include <unistd.h>

namespace cobatch {

class birthplace {
 public:
  /// True in the process that made it.
  [[nodiscard]] bool here() const noexcept { return pid_ == ::getpid(); }

 private:
  pid_t pid_ = ::getpid();
};

}  // namespace cobatch
