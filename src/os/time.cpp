#include <chrono>

#include <cobatch/store.hpp>

namespace cobatch {

timestamp v1::system_now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
}

}  // namespace cobatch
