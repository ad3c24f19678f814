// The calls of a workspace handle that block right now, so that another thread can end them.
#pragma once

#include <algorithm>
#include <mutex>
#include <stop_token>
#include <vector>

namespace cobatch::capi {

class interrupts {
 public:
  /// A call that blocks, for as long as the object lives. The first interrupt stops it, the second one hurries it.
  class call {
   public:
    explicit call(interrupts& of) : of_(of) {
      const std::lock_guard lock(of_.mutex_);
      of_.calls_.push_back(this);
    }
    call(const call&) = delete;
    call& operator=(const call&) = delete;
    ~call() {
      const std::lock_guard lock(of_.mutex_);
      std::erase(of_.calls_, this);
    }

    [[nodiscard]] bool interrupted() const noexcept { return stop_.stop_requested(); }
    [[nodiscard]] std::stop_token stop() const noexcept { return stop_.get_token(); }
    [[nodiscard]] std::stop_token hurry() const noexcept { return hurry_.get_token(); }

   private:
    friend interrupts;
    interrupts& of_;
    std::stop_source stop_, hurry_;
  };

  void interrupt() {
    const std::lock_guard lock(mutex_);
    for (call* blocked : calls_)
      if (!blocked->stop_.request_stop()) blocked->hurry_.request_stop();
  }

 private:
  std::mutex mutex_;
  std::vector<call*> calls_;
};

}  // namespace cobatch::capi
