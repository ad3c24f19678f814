// The cost of running N like tasks, in closed form: when one session pays, and when it stops paying.
//
// Unit: the price of an uncached input token. A session that makes M requests on one context costs
//
//   S(M) = w·C + r·(M−1)·C + w·M·g + r·g·M·(M−1)/2 + M·o·p
//
// (load the context once, read it again on each later request; write what each request leaves behind, read it again on
// all later ones; write outputs). With m requests a task, N tasks cost
//
//   separate, cold caches      N · S(m)
//   separate, hit rate h       S(m) + (N−1)·(S(m) − h·(w−r)·C)      h = 1: warm
//   one session                S(N·m)
//   fork                       w·C + o·p + N·(S(m) − (w−r)·C)       one request loads, each task goes on from there
//
// so one session saves (N−1)·[(1−h)·(w−r)·C − r·g·N·m²/2]: what the tasks leave behind is read again by all later ones,
// and from N* on that eats up what sharing the context saves. Against warm sessions one session never pays by itself.
#pragma once

#include <cmath>
#include <limits>

namespace cobatch {
inline namespace v1 {

/// The tasks and the prices; all figures are averages.
struct cost_model {
  double context = 0;       ///< C: tokens loaded at the start
  double requests = 1;      ///< m: requests a task
  double growth = 0;        ///< g: tokens that a request leaves behind in the context
  double output = 0;        ///< o: output tokens a request
  double write = 1.25;      ///< w: price of a cache write; 2 for caches that live an hour
  double read = 0.1;        ///< r: price of a cache read
  double output_price = 5;  ///< p

  /// S(M).
  [[nodiscard]] constexpr double session(double total_requests) const noexcept {
    const double rereads = total_requests * (total_requests - 1) / 2;
    return write * context + read * (total_requests - 1) * context + write * total_requests * growth +
           read * growth * rereads + total_requests * output * output_price;
  }
  [[nodiscard]] constexpr double one_session(double tasks) const noexcept { return session(tasks * requests); }
  /// `hit_rate`: how much of the context later sessions find in the cache; 0 cold, 1 warm.
  [[nodiscard]] constexpr double separate(double tasks, double hit_rate) const noexcept {
    return session(requests) + (tasks - 1) * (session(requests) - hit_rate * (write - read) * context);
  }
  [[nodiscard]] constexpr double fork(double tasks) const noexcept {
    return write * context + output * output_price + tasks * (session(requests) - (write - read) * context);
  }

  /// N*: with more tasks than this one session costs more than separate ones. Infinite if nothing is left behind.
  [[nodiscard]] constexpr double break_even_tasks(double hit_rate) const noexcept {
    const double left_behind = read * growth * requests * requests;
    if (left_behind <= 0) return std::numeric_limits<double>::infinity();
    return 2 * (1 - hit_rate) * (write - read) * context / left_behind;
  }
  /// √N*: with this many tasks the share saved against cold separate sessions is largest.
  [[nodiscard]] double best_tasks() const noexcept { return std::sqrt(break_even_tasks(0)); }
};

}  // namespace v1
}  // namespace cobatch
