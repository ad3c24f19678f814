#include <cmath>
#include <initializer_list>

#include <doctest/doctest.h>

#include <cobatch/core/model.hpp>

using namespace cobatch;

namespace {

// Plays a session request by request: what it finds in the cache, what it writes, what it answers.
struct simulation {
  const cost_model& m;
  double cached = 0;  // context that can be read
  double unread = 0;  // context of this session that the next request has to take in
  double cost = 0;

  void request(bool context_is_cached) {
    cost += m.read * cached;
    cost += (context_is_cached ? m.read : m.write) * unread;
    cached += unread;
    unread = 0;
    cost += m.write * m.growth;
    cached += m.growth;
    cost += m.output * m.output_price;
  }
};

double play(const cost_model& m, int requests, bool context_is_cached) {
  simulation s{m};
  s.unread = m.context;
  for (int i = 0; i < requests; ++i) s.request(context_is_cached);
  return s.cost;
}

cost_model page_model(double growth, double requests) {
  return {.context = 45'000, .requests = requests, .growth = growth, .output = 300};
}

int percent_saved(double cost, double against) { return static_cast<int>(std::lround(100 * (1 - cost / against))); }

}  // namespace

TEST_CASE("the closed form is what playing each request costs") {
  for (const double growth : {0.0, 500.0, 3000.0})
    for (const int requests : {1, 2, 6, 15})
      for (const int tasks : {1, 2, 3, 10}) {
        const auto m = page_model(growth, requests);
        CHECK(m.one_session(tasks) == doctest::Approx(play(m, tasks * requests, false)));
        CHECK(m.separate(tasks, 0) == doctest::Approx(tasks * play(m, requests, false)));
        CHECK(m.separate(tasks, 1) ==
              doctest::Approx(play(m, requests, false) + (tasks - 1) * play(m, requests, true)));
        const double load = m.write * m.context + m.output * m.output_price;
        CHECK(m.fork(tasks) == doctest::Approx(load + tasks * play(m, requests, true)));
      }
}

TEST_CASE("savings against cold sessions for tasks of several requests are those that were published") {
  struct row {
    double growth, requests;
    int one[3], fork[3], warm[3];  // 3, 5 and 10 tasks, in percent
  };
  const row table[] = {{500, 2, {53, 63, 70}, {50, 62, 71}, {53, 64, 72}},
                       {1500, 6, {29, 30, 22}, {32, 40, 45}, {34, 41, 46}},
                       {3000, 15, {-14, -41, -112}, {14, 18, 20}, {15, 18, 20}}};
  const int tasks[] = {3, 5, 10};
  for (const auto& r : table) {
    const auto m = page_model(r.growth, r.requests);
    for (int i = 0; i < 3; ++i) {
      CAPTURE(r.growth);
      CAPTURE(tasks[i]);
      const double cold = m.separate(tasks[i], 0);
      CHECK(percent_saved(m.one_session(tasks[i]), cold) == r.one[i]);
      CHECK(percent_saved(m.fork(tasks[i]), cold) == r.fork[i]);
      CHECK(percent_saved(m.separate(tasks[i], 1), cold) == r.warm[i]);
    }
  }
}

TEST_CASE("one session stops paying where the formula says") {
  CHECK(page_model(500, 2).break_even_tasks(0) == doctest::Approx(517.5));
  CHECK(page_model(1500, 6).break_even_tasks(0) == doctest::Approx(19.17).epsilon(0.001));
  CHECK(page_model(3000, 15).break_even_tasks(0) == doctest::Approx(1.533).epsilon(0.001));
  for (const double hit_rate : {0.0, 0.25, 0.5, 0.9}) {
    const auto m = page_model(1500, 6);
    const double n = m.break_even_tasks(hit_rate);
    CHECK(m.one_session(n) == doctest::Approx(m.separate(n, hit_rate)));
    CHECK(m.one_session(n * 1.1) > m.separate(n * 1.1, hit_rate));
    if (n > 1.2) CHECK(m.one_session(n * 0.95) < m.separate(n * 0.95, hit_rate));
  }
}

TEST_CASE("against fully warm sessions one session never pays by itself") {
  const auto m = page_model(500, 2);
  CHECK(m.break_even_tasks(1) == 0);
  for (const int tasks : {2, 3, 10}) CHECK(m.one_session(tasks) > m.separate(tasks, 1));
}

TEST_CASE("a context that does not grow never stops paying") {
  CHECK(std::isinf(page_model(0, 6).break_even_tasks(0)));
  CHECK(std::isinf(page_model(0, 6).break_even_tasks(1)));
}

TEST_CASE("the share saved is largest at the square root of the break-even") {
  const auto m = page_model(1500, 6);
  const auto share = [&](double n) { return 1 - m.one_session(n) / m.separate(n, 0); };
  const double best = m.best_tasks();
  CHECK(best == doctest::Approx(std::sqrt(m.break_even_tasks(0))));
  for (const double factor : {0.5, 0.9, 1.1, 2.0}) CHECK(share(best) > share(best * factor));
}

TEST_CASE("the saving is the bracket of the documented formula") {
  const auto m = page_model(1500, 6);
  for (const double n : {2.0, 3.0, 10.0}) {
    const double reads = m.read * m.growth * n * m.requests * m.requests / 2;
    CHECK(m.separate(n, 0) - m.one_session(n) == doctest::Approx((n - 1) * ((m.write - m.read) * m.context - reads)));
    CHECK(m.one_session(n) - m.fork(n) ==
          doctest::Approx(n * (n - 1) * m.read * m.growth * m.requests * m.requests / 2 - m.read * m.context -
                          m.output * m.output_price));
  }
}
