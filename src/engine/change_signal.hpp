// Changes of the store, as a descriptor that can be waited for together with others.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <thread>

#include <cobatch/store.hpp>

#include "os/process.hpp"
#include "os/watch.hpp"
#include "store/store.hpp"

namespace cobatch {

/// Notifies `wake` of each change of the store that comes after the constructor has begun, and of the stop, as long as
/// it lives.
class change_signal {
 public:
  change_signal(store& storage, wake_signal& wake, const std::stop_token& stop)
      : on_stop_(stop, [&wake] { wake.notify(); }),
        listener_(start_own_thread([&storage, &wake, seen = storage.version()](const std::stop_token& quit) mutable {
          while (!quit.stop_requested()) {
            const auto deadline = std::chrono::steady_clock::now() + std::chrono::hours{1};
            const auto now = storage.wait_for_change(seen, deadline, quit);
            if (now != seen) wake.notify();
            seen = now;
          }
        })) {}

 private:
  std::stop_callback<std::function<void()>> on_stop_;
  std::jthread listener_;
};

}  // namespace cobatch
