#include "program/worker_pool.hpp"

#include "os/process.hpp"

namespace cobatch::program {

worker_pool::worker_pool(std::size_t threads) {
  threads_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i)
    threads_.push_back(start_own_thread([this](const std::stop_token& stop) { work(stop); }));
}

worker_pool::~worker_pool() {
  for (auto& thread : threads_) thread.request_stop();
}

void worker_pool::add(std::function<void()> job) {
  {
    const std::lock_guard hold(mutex_);
    jobs_.push_back(std::move(job));
  }
  changed_.notify_one();
}

void worker_pool::work(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::function<void()> job;
    {
      std::unique_lock hold(mutex_);
      if (!changed_.wait(hold, stop, [this] { return !jobs_.empty(); }) || stop.stop_requested()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

}  // namespace cobatch::program
