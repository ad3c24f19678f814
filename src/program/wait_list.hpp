// Every wait of the server, in one thread: it sleeps until the store changes or a deadline passes, and looks.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

#include <cobatch/protocol.hpp>
#include <cobatch/workspace.hpp>

#include "api/request.hpp"

namespace cobatch::program {

class wait_list {
 public:
  using answer = std::function<void(reply)>;  ///< called once, in the list's thread

  explicit wait_list(workspace& place);
  wait_list(const wait_list&) = delete;
  wait_list& operator=(const wait_list&) = delete;
  ~wait_list();  ///< waits that are left are not answered

  /// The number is of the caller's choosing; no two waits have the same.
  void add(std::uint64_t number, request::batch_wait wait, answer to);
  /// Nobody wants the answer any more. It may be on its way already.
  void remove(std::uint64_t number);
  /// Answers all waits with the present state, from now on.
  void end_all();

 private:
  struct entry {
    request::batch_wait wait;
    answer to;
  };

  void watch(const std::stop_token& quit);
  /// When the next deadline passes.
  std::chrono::steady_clock::time_point answer_those_over(bool stopping);
  void wake();

  workspace& place_;
  std::mutex mutex_;
  std::map<std::uint64_t, std::shared_ptr<const entry>> waits_;
  bool stopping_ = false;
  std::stop_source news_;  // ends the thread's sleep; a new one each time
  std::jthread thread_;    // the last member: the first to go
};

}  // namespace cobatch::program
