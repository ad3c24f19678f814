#include "engine/turn_monitor.hpp"

#include <condition_variable>
#include <mutex>

#include <doctest/doctest.h>

#include "unit/memory_store.hpp"

using namespace cobatch;
using cobatch_test::make_memory_store;

namespace {

bool is_interrupted_soon(const std::stop_token& turn) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait_for(lock, turn, std::chrono::seconds{10}, [] { return false; });
  return turn.stop_requested();
}

}  // namespace

TEST_CASE("a turn that begins after the grace of a stop is interrupted, too") {
  const auto storage = make_memory_store();
  for (int round = 0; round < 50; ++round) {  // before, while and after the watching thread sees the stop
    std::stop_source stop, hurry;
    turn_monitor monitor(*storage, epoch{1}, stop.get_token(), std::chrono::minutes{10}, hurry.get_token());
    stop.request_stop();
    hurry.request_stop();
    for (int i = 0; i < round * 20; ++i) std::this_thread::yield();
    CHECK(is_interrupted_soon(monitor.begin(task_id("t"))));
    CHECK(monitor.end() == interruption::stopping);
  }
}
