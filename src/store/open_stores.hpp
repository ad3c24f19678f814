// How many stores this process has open, so that a child that was forked meanwhile is told instead of hanging: another
// thread may have held SQLite's locks, or ours, at the fork, and such a thread is not there to let them go.
#pragma once

#include <atomic>
#include <cstdint>
#include <unistd.h>
#include <utility>

#include <cobatch/core/error.hpp>

namespace cobatch {

/// One open store, for as long as the object lives.
class open_store_count {
 public:
  /// Errors: forked.
  [[nodiscard]] static result<open_store_count> add() {
    std::uint64_t seen = stores.load();
    do {
      if (count_in(seen) > 0 && !is_ours(seen))
        return fail(
            errc::forked,
            "this process was forked from one that had a workspace open, and cannot use one itself. Nothing was "
            "touched. Start a new program (exec, subprocess, multiprocessing's \"spawn\"), or fork before a "
            "workspace is opened");
    } while (!stores.compare_exchange_weak(seen, ours(count_in(seen) + 1)));
    return open_store_count();
  }
  open_store_count(open_store_count&& other) noexcept : counts_(std::exchange(other.counts_, false)) {}
  open_store_count& operator=(open_store_count&&) = delete;
  ~open_store_count() {
    if (!counts_) return;
    std::uint64_t seen = stores.load();
    while (is_ours(seen) && !stores.compare_exchange_weak(seen, ours(count_in(seen) - 1))) continue;
  }

 private:
  open_store_count() = default;

  // The process that opened them and their number, in one word: a lock might have been held at the fork, too.
  static inline std::atomic<std::uint64_t> stores{0};
  static std::uint32_t count_in(std::uint64_t word) noexcept { return static_cast<std::uint32_t>(word); }
  static std::uint64_t ours(std::uint32_t count) noexcept {
    return std::uint64_t{static_cast<std::uint32_t>(::getpid())} << 32 | count;
  }
  static bool is_ours(std::uint64_t word) noexcept { return word == ours(count_in(word)); }

  bool counts_ = true;
};

}  // namespace cobatch
