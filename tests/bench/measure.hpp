// What the benchmarks share: how a thing is timed, and how figures are printed.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <cobatch/core/error.hpp>

namespace cobatch::bench {

using clock_type = std::chrono::steady_clock;
using micros = std::chrono::duration<double, std::micro>;

[[noreturn]] inline void give_up(const std::string& why) {
  std::fprintf(stderr, "benchmark: %s\n", why.c_str());
  std::exit(1);
}

template <class T>
T must(result<T> r) {
  if (!r) give_up(r.error().message);
  return std::move(*r);
}

inline double time_of(const std::function<void()>& work) {
  const auto start = clock_type::now();
  work();
  return micros(clock_type::now() - start).count();
}

/// Times of one thing, in microseconds.
struct sample {
  std::vector<double> times;
  void add(double t) { times.push_back(t); }
  [[nodiscard]] double quantile(double q) {
    std::sort(times.begin(), times.end());
    return times[static_cast<std::size_t>(q * static_cast<double>(times.size() - 1))];
  }
  void print(const char* name) {
    std::printf("  %-44s n=%-6zu p50 %9.1f  p90 %9.1f  p99 %9.1f us\n", name, times.size(), quantile(0.5),
                quantile(0.9), quantile(0.99));
  }
};

inline void print_ratio(const char* name, double value, const char* target) {
  std::printf("  => %-42s %.3f   (%s)\n\n", name, value, target);
}

}  // namespace cobatch::bench
