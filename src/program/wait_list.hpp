// Every wait of the server, in one thread: it sleeps until the store changes or a deadline passes, and looks.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include <cobatch/protocol.hpp>
#include <cobatch/workspace.hpp>

#include "api/request.hpp"
#include "os/process.hpp"
#include "store/store.hpp"

namespace cobatch::program {

class wait_list {
 public:
  using answer = std::function<void(reply)>;  ///< called once, in the list's thread

  explicit wait_list(workspace& place)
      : place_(place), thread_(start_own_thread([this](const std::stop_token& quit) { watch(quit); })) {}
  wait_list(const wait_list&) = delete;
  wait_list& operator=(const wait_list&) = delete;
  /// Waits that are left are not answered.
  ~wait_list() {
    thread_.request_stop();
    const std::lock_guard hold(mutex_);
    news_.request_stop();
  }

  /// Returns the wait's number.
  std::uint64_t add(request::batch_wait wait, answer to) {
    auto added = std::make_shared<const entry>(entry{std::move(wait), std::move(to)});
    const std::lock_guard hold(mutex_);
    waits_.emplace(++latest_, std::move(added));
    news_.request_stop();
    return latest_;
  }
  /// Nobody wants the answer any more. It may be on its way already.
  void remove(std::uint64_t number) {
    const std::lock_guard hold(mutex_);
    waits_.erase(number);
  }
  /// Answers all waits with the present state, from now on.
  void end_all() {
    const std::lock_guard hold(mutex_);
    stopping_ = true;
    news_.request_stop();
  }

 private:
  using steady = std::chrono::steady_clock;
  struct entry {
    request::batch_wait wait;
    answer to;
  };

  void watch(const std::stop_token& quit) {
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

  // When the next deadline passes.
  steady::time_point answer_those_over(bool stopping) {
    constexpr std::chrono::hours longest_sleep{1};
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

  workspace& place_;
  std::mutex mutex_;
  std::map<std::uint64_t, std::shared_ptr<const entry>> waits_;
  std::uint64_t latest_ = 0;
  bool stopping_ = false;
  std::stop_source news_;  // ends the thread's sleep; a new one each time
  std::jthread thread_;    // the last member: the first to go
};

}  // namespace cobatch::program
