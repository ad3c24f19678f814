#include "program/wait_list.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "os/process.hpp"
#include "store/store.hpp"

namespace cobatch::program {

namespace {

using steady = std::chrono::steady_clock;
constexpr std::chrono::hours longest_sleep{1};

}  // namespace

wait_list::wait_list(workspace& place)
    : place_(place), thread_(start_own_thread([this](const std::stop_token& quit) { watch(quit); })) {}

wait_list::~wait_list() {
  thread_.request_stop();
  const std::lock_guard hold(mutex_);
  wake();
}

void wait_list::add(std::uint64_t number, request::batch_wait wait, answer to) {
  auto added = std::make_shared<const entry>(entry{std::move(wait), std::move(to)});
  const std::lock_guard hold(mutex_);
  waits_.emplace(number, std::move(added));
  wake();
}

void wait_list::remove(std::uint64_t number) {
  const std::lock_guard hold(mutex_);
  waits_.erase(number);
}

void wait_list::end_all() {
  const std::lock_guard hold(mutex_);
  stopping_ = true;
  wake();
}

void wait_list::wake() {
  news_.request_stop();
}

void wait_list::watch(const std::stop_token& quit) {
  while (!quit.stop_requested()) {
    std::stop_token news;
    bool stopping = false;
    {
      const std::lock_guard hold(mutex_);
      if (news_.stop_requested()) news_ = std::stop_source();
      news = news_.get_token();
      stopping = stopping_;
    }
    // The version is read before the look: what changes during it is seen by the next one.
    const std::int64_t seen = place_.storage().version();
    const auto next = answer_those_over(stopping);
    if (!quit.stop_requested()) place_.storage().wait_for_change(seen, next, news);
  }
}

steady::time_point wait_list::answer_those_over(bool stopping) {
  std::vector<std::pair<std::uint64_t, std::shared_ptr<const entry>>> looked_at;
  {
    const std::lock_guard hold(mutex_);
    looked_at.assign(waits_.begin(), waits_.end());
  }
  auto next = steady::now() + longest_sleep;
  request::batch_look look(place_);
  for (const auto& [number, waiting] : looked_at) {
    if (auto done = look.reply_to(waiting->wait, stopping)) {
      remove(number);
      waiting->to(std::move(*done));
    } else {
      next = std::min(next, waiting->wait.deadline);
    }
  }
  return next;
}

}  // namespace cobatch::program
