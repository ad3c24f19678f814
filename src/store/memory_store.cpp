// The store in memory: one lock, no files.
#include <condition_variable>
#include <mutex>

#include "store/command_store.hpp"
#include "store/memory_rows.hpp"
#include "store/store.hpp"

namespace cobatch {

namespace {

class memory_store final : public command_store {
 public:
  using command_store::command_store;

  std::int64_t version() override {
    const std::lock_guard lock(mutex_);
    return rows_.changes();
  }

  std::int64_t wait_for_change(std::int64_t seen, std::chrono::steady_clock::time_point deadline,
                               std::stop_token stop) override {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, stop, deadline, [&] { return rows_.changes() != seen; });
    return rows_.changes();
  }

 protected:
  result<void> write(const transaction& body) override {
    const std::lock_guard lock(mutex_);
    const std::int64_t before = rows_.changes();
    auto done = run(body);
    if (rows_.changes() != before) changed_.notify_all();
    return done;
  }

  result<void> read(const transaction& body) override {
    const std::lock_guard lock(mutex_);
    return run(body);
  }

 private:
  result<void> run(const transaction& body) {
    try {
      body(rows_);
      return {};
    } catch (const store_failure& failure) {
      return fail(failure.what);
    }
  }

  std::mutex mutex_;
  std::condition_variable_any changed_;
  memory_rows rows_;
};

}  // namespace

std::unique_ptr<store> make_memory_store(clock_fn clock) {
  return std::make_unique<memory_store>(std::move(clock));
}

}  // namespace cobatch
