#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>

#include "program/foreground.hpp"

namespace cobatch::program {

namespace {

constexpr std::array stops{SIGINT, SIGTERM};
constexpr int signals_heard = 2;

// What the handler can reach. Lock-free atomics are all that a handler may touch.
std::atomic<wake_signal*> bell_of_handler{nullptr};
std::atomic<int> signals_seen{0};
static_assert(std::atomic<wake_signal*>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

void handle(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(number, &action, nullptr);
}

void release_stops() {
  for (const int number : stops) handle(number, SIG_DFL);
}

// A terminal that is closed sends SIGHUP more than once (the kernel and the shell): it only ever counts as the first.
void on_raised(int number) {
  const int saved = errno;
  int none = 0;
  if (number == SIGHUP)
    signals_seen.compare_exchange_strong(none, 1);
  else if (++signals_seen >= signals_heard)
    release_stops();
  if (wake_signal* bell = bell_of_handler.load()) bell->notify();
  errno = saved;
}

// Who started it with nohup wants it to live on.
bool is_ignored(int number) {
  struct sigaction now {};
  return ::sigaction(number, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

}  // namespace

result<std::unique_ptr<stop_signals>> stop_signals::watch() {
  auto bell = wake_signal::make();
  if (!bell) return fail(bell.error());
  return std::unique_ptr<stop_signals>(new stop_signals(std::move(*bell)));
}

stop_signals::stop_signals(wake_signal bell) : bell_(std::move(bell)) {
  signals_seen = 0;
  bell_of_handler = &bell_;
  for (const int number : stops) handle(number, on_raised);
  if (!is_ignored(SIGHUP)) handle(SIGHUP, on_raised);
  thread_ = std::jthread([this](const std::stop_token& done) { listen(done); });
}

stop_signals::~stop_signals() {
  release_stops();  // SIGHUP keeps its handler: the second one of a closed terminal may come now
  bell_of_handler = nullptr;
  thread_.request_stop();
  bell_.notify();
}

void stop_signals::listen(const std::stop_token& done) {
  while (!done.stop_requested()) {
    wait_readable({bell_.descriptor()}, std::chrono::steady_clock::time_point::max());
    bell_.clear();
    if (signals_seen >= 1) stop_.request_stop();
    if (signals_seen >= signals_heard) hurry_.request_stop();
  }
}

}  // namespace cobatch::program
