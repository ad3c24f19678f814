#include "program/signals.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>

namespace cobatch::program {

namespace {

// The last one comes when a terminal is closed.
constexpr std::array watched{SIGINT, SIGTERM, SIGHUP};
constexpr int signals_heard = 2;

// What the handler can reach. Lock-free atomics are all that a handler may touch.
std::atomic<wake_signal*> bell_of_handler{nullptr};
std::atomic<int> signals_seen{0};
static_assert(std::atomic<wake_signal*>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

void set_disposition(void (*handler)(int)) {
  struct sigaction action {
  }, before{};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  ::sigemptyset(&action.sa_mask);
  for (const int number : watched) {
    // Who started it with nohup wants it to live on.
    const bool ignored = ::sigaction(number, nullptr, &before) == 0 && before.sa_handler == SIG_IGN;
    if (!(number == SIGHUP && ignored)) ::sigaction(number, &action, nullptr);
  }
}

void on_raised(int) {
  const int saved = errno;
  if (++signals_seen >= signals_heard) set_disposition(SIG_DFL);
  if (wake_signal* bell = bell_of_handler.load()) bell->notify();
  errno = saved;
}

}  // namespace

result<std::unique_ptr<stop_signals>> stop_signals::watch(std::function<void(int)> on_signal) {
  auto bell = wake_signal::make();
  if (!bell) return fail(bell.error());
  return std::unique_ptr<stop_signals>(new stop_signals(std::move(*bell), std::move(on_signal)));
}

stop_signals::stop_signals(wake_signal bell, std::function<void(int)> on_signal)
    : bell_(std::move(bell)), on_signal_(std::move(on_signal)) {
  signals_seen = 0;
  bell_of_handler = &bell_;
  set_disposition(on_raised);
  thread_ = std::jthread([this](std::stop_token done) { listen(std::move(done)); });
}

stop_signals::~stop_signals() {
  set_disposition(SIG_DFL);
  bell_of_handler = nullptr;
  thread_.request_stop();
  bell_.notify();
}

void stop_signals::listen(std::stop_token done) {
  int told = 0;
  while (!done.stop_requested()) {
    wait_readable({bell_.descriptor()}, std::chrono::steady_clock::time_point::max());
    bell_.clear();
    for (const int seen = signals_seen; told < seen && told < signals_heard;) on_signal_(++told);
  }
}

}  // namespace cobatch::program
