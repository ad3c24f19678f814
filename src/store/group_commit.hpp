// Commands of concurrent threads in one transaction, so that one sync serves them all.
//
// A caller that finds nobody leading takes everything that waits, its own command included, and commits it; those
// that come meanwhile wait, and the first of them leads the next group. No thread of its own, no timer: a single
// caller pays nothing, and the busier it is the larger the groups.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

namespace cobatch {

/// `Job` is what one caller wants done and what came of it. `commit` does a group of jobs on the thread that leads;
/// when it returns, the jobs are done. `after` runs on the same thread when the callers of the group
/// have been told, before the next group: what nobody needs to wait for. Neither may throw.
template <class Job>
class group_commit {
 public:
  using commit_fn = std::function<void(std::span<Job* const>)>;

  group_commit(commit_fn commit, std::function<void()> after) : commit_(std::move(commit)), after_(std::move(after)) {}

  /// Returns when `job` is done. Throws std::bad_alloc before anything of it is begun.
  void run(Job& job) {
    ticket* mine = nullptr;
    if (enter(job, mine) || wait(*mine) == progress::leads) lead();
    leave(mine);
  }

 private:
  enum class progress : int { waiting, leads, done };

  // Tickets are used again and live as long as this object. A condition of its own each: everybody is woken once, when
  // there is something for him.
  struct ticket {
    std::mutex mutex;
    std::condition_variable told;
    progress state = progress::waiting;
  };

  // A group, as its tickets and, in the same order, its jobs.
  struct group {
    std::vector<ticket*> tickets;
    std::vector<Job*> jobs;
  };

  // True if the caller leads. Memory is taken here, so that whoever leads or leaves needs none: a caller that could not
  // go on would leave the others waiting for ever.
  bool enter(Job& job, ticket*& mine) {
    const std::lock_guard lock(mutex_);
    if (unused_.empty()) add_ticket();
    ticket* const next = unused_.back();
    waiting_.tickets.push_back(next);
    try {
      waiting_.jobs.push_back(&job);
    } catch (...) {
      waiting_.tickets.pop_back();
      throw;
    }
    unused_.pop_back();
    next->state = progress::waiting;
    mine = next;
    return !std::exchange(led_, true);
  }

  void add_ticket() {
    unused_.reserve(tickets_.size() + 1);
    unused_.push_back(&tickets_.emplace_back());
  }

  static progress wait(ticket& mine) {
    std::unique_lock lock(mine.mutex);
    mine.told.wait(lock, [&] { return mine.state != progress::waiting; });
    return mine.state;
  }

  void leave(ticket* mine) {
    const std::lock_guard lock(mutex_);
    unused_.push_back(mine);
  }

  // The leader's own ticket is the first of its group.
  void lead() {
    group now;
    {
      const std::lock_guard lock(mutex_);
      std::swap(now, waiting_);
    }
    commit_(now.jobs);
    for (std::size_t i = 1; i < now.tickets.size(); ++i) tell(*now.tickets[i], progress::done);
    after_();
    hand_over();
  }

  void hand_over() {
    const std::lock_guard lock(mutex_);
    led_ = !waiting_.tickets.empty();
    if (led_) tell(*waiting_.tickets.front(), progress::leads);
  }

  static void tell(ticket& t, progress p) {
    {
      const std::lock_guard lock(t.mutex);
      t.state = p;
    }
    t.told.notify_one();
  }

  commit_fn commit_;
  std::function<void()> after_;
  std::mutex mutex_;
  std::deque<ticket> tickets_;
  std::vector<ticket*> unused_;
  group waiting_;
  bool led_ = false;
};

}  // namespace cobatch
