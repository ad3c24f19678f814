// The time zone of a test.
#pragma once

#include <cstdlib>
#include <ctime>

namespace cobatch_test {

/// The zone of this process's clocks, as POSIX writes it ("CET-1": an hour ahead of UTC).
class zone {
 public:
  explicit zone(const char* name) { set(name); }
  zone(const zone&) = delete;
  zone& operator=(const zone&) = delete;
  ~zone() { set("UTC0"); }

 private:
  static void set(const char* name) {
    ::setenv("TZ", name, 1);
    ::tzset();
  }
};

}  // namespace cobatch_test
