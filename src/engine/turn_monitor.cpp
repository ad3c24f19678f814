#include "engine/turn_monitor.hpp"

#include <utility>

#include "os/process.hpp"
#include "store/store.hpp"

namespace cobatch {

namespace {
using steady = std::chrono::steady_clock;
// Longest wait for a change; only a bound, changes wake at once.
constexpr std::chrono::hours forever{1};
}  // namespace

turn_monitor::turn_monitor(store& storage, epoch session, std::stop_token engine_stop,
                           std::chrono::milliseconds stop_grace, std::stop_token hurry)
    : storage_(storage),
      session_(session),
      engine_stop_(std::move(engine_stop)),
      hurry_(std::move(hurry)),
      grace_(stop_grace) {
  thread_ = start_own_thread([this](const std::stop_token& quit) { watch(quit); });
}

turn_monitor::~turn_monitor() {
  thread_.request_stop();
  waiting_.request_stop();
}

std::stop_token turn_monitor::begin(const task_id& task) {
  {
    const std::lock_guard lock(mutex_);
    task_ = task;
    turn_ = std::stop_source{};
    why_ = stopping_ ? interruption::stopping : interruption::none;
    if (stopping_) turn_.request_stop();
  }
  changed_.notify_all();
  // A cancel may have come between the turn's record and here.
  look();
  const std::lock_guard lock(mutex_);
  return turn_.get_token();
}

interruption turn_monitor::end() {
  const std::lock_guard lock(mutex_);
  task_.reset();
  return why_;
}

bool turn_monitor::end_requested() {
  look();  // who asked has been answered, and the watch may not have seen it yet
  const std::lock_guard lock(mutex_);
  return end_requested_;
}

void turn_monitor::watch(const std::stop_token& quit) {
  const std::stop_callback on_stop(engine_stop_, [this] { waiting_.request_stop(); });
  std::int64_t seen = storage_.version();
  while (!quit.stop_requested() && !engine_stop_.stop_requested()) {
    look();
    seen = storage_.wait_for_change(seen, steady::now() + forever, waiting_.get_token());
  }
  if (!quit.stop_requested()) await_stop_grace(quit);
}

// From the stop on the grace is what counts; a cancel in that time is settled with the turn.
void turn_monitor::await_stop_grace(const std::stop_token& quit) {
  const auto deadline = steady::now() + grace_;
  const std::stop_callback on_hurry(hurry_, [this] {
    const std::lock_guard lock(mutex_);  // not between the look at hurry_ and the wait
    changed_.notify_all();
  });
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, quit, deadline, [this] { return hurry_.stop_requested(); });
  if (quit.stop_requested()) return;
  stopping_ = true;  // for a turn that begins only now
  lock.unlock();
  interrupt(interruption::stopping);
}

void turn_monitor::look() {
  std::optional<task_id> task;
  {
    const std::lock_guard lock(mutex_);
    task = task_;
  }
  const auto session = storage_.find_session(session_);
  if (session && *session && (*session)->end_requested) {
    {
      const std::lock_guard lock(mutex_);
      end_requested_ = true;
    }
    interrupt(interruption::end_requested);
    return;
  }
  if (!task) return;
  const auto record = storage_.find_task(*task);
  if (record && *record && (*record)->state == task_state::cancelled) interrupt(interruption::task_cancelled);
}

void turn_monitor::interrupt(interruption why) {
  const std::lock_guard lock(mutex_);
  if (!task_ || why_ != interruption::none) return;
  why_ = why;
  turn_.request_stop();
}

}  // namespace cobatch
