#include <thread>

#include "conformance/world.hpp"

using namespace cobatch_test;
using std::chrono::steady_clock;

namespace {
constexpr auto never = steady_clock::time_point::max();
}

STORE_TEST_ONCE("the version grows with every change and with nothing else") {
  auto seen = w->version();
  const auto grew = [&] {
    const auto now = w->version();
    const bool more = now > seen;
    seen = now;
    return more;
  };
  w.stored("b"_batch, {"a", "b"}, false);
  CHECK(grew());
  w.assign("b"_batch, {"a"}, false);
  CHECK(!grew());
  must(w->seal("b"_batch));
  CHECK(grew());
  must(w->seal("b"_batch));
  CHECK(!grew());
  must(w->execute({}));
  CHECK(!grew());
  const auto session = w.claimed();
  CHECK(grew());
  w.begun(session.id, 1);
  CHECK(grew());
  w.begun(session.id, 1);
  CHECK(!grew());
  w.settle(session.id, 1);
  CHECK(grew());
  must(w->cancel("b"_task));
  CHECK(grew());
  must(w->request_end(session.id));
  CHECK(grew());
  must(w->request_end(session.id));
  CHECK(!grew());
  w.begin(session.id, 2);
  CHECK(grew());
  w.begin(session.id, 2);
  CHECK(!grew());
  w.end(session.id);
  CHECK(grew());
  w.end(session.id);
  CHECK(!grew());
  must(w->find_task("a"_task));
  must(w->read_views(10));
  CHECK(!grew());
}

STORE_TEST("a waiter wakes when another thread changes something") {
  const auto seen = w->version();
  std::int64_t after = seen;
  std::thread waiter([&] { after = w->wait_for_change(seen, never, {}); });
  w.stored("b"_batch, {"a"});
  waiter.join();
  CHECK(after > seen);
}

STORE_TEST("waiting for what has changed already returns at once") {
  const auto seen = w->version();
  w.stored("b"_batch, {"a"});
  CHECK(w->wait_for_change(seen, never, {}) == w->version());
}

STORE_TEST("a wait ends at its deadline, with the version unchanged") {
  const auto seen = w->version();
  CHECK(w->wait_for_change(seen, steady_clock::now(), {}) == seen);
  CHECK(w->wait_for_change(seen, steady_clock::now() + std::chrono::milliseconds{20}, {}) == seen);
}

STORE_TEST("a wait ends when it is asked to stop") {
  const auto seen = w->version();
  SUBCASE("meanwhile") {
    std::jthread waiter([&](std::stop_token stop) { CHECK(w->wait_for_change(seen, never, stop) == seen); });
    waiter.request_stop();
  }
  SUBCASE("before") {
    std::stop_source stop;
    stop.request_stop();
    CHECK(w->wait_for_change(seen, never, stop.get_token()) == seen);
  }
  SUBCASE("and the next wait is not hurt by it") {
    std::stop_source stop;
    stop.request_stop();
    w->wait_for_change(seen, never, stop.get_token());
    std::thread waiter([&] { CHECK(w->wait_for_change(seen, never, {}) > seen); });
    w.stored("b"_batch, {"a"});
    waiter.join();
  }
}

STORE_TEST("commands of many threads are each done once") {
  constexpr int threads = 8;
  constexpr int each = 40;
  std::vector<std::thread> callers;
  for (int t = 0; t < threads; ++t)
    callers.emplace_back([&, t] {
      for (int i = 0; i < each; ++i) {
        assign_request request;
        request.batch = batch_id("b" + std::to_string(i % 3));
        request.tasks = {task(std::to_string(t) + "/" + std::to_string(i))};
        const auto done = w->assign(request);
        if (!done) MESSAGE(done.error().message);
      }
    });
  for (auto& caller : callers) caller.join();
  CHECK(must(w->read_overview()).tally[task_state::queued] == threads * each);
  for (const auto& batch : must(w->read_overview()).unfinished) {
    task_filter filter;
    filter.batch = batch.id;
    const auto tasks = must(w->list_tasks(filter));
    CHECK(static_cast<std::int64_t>(tasks.size()) == batch.tally[task_state::queued]);
    for (std::size_t i = 0; i < tasks.size(); ++i) CHECK(tasks[i].position == static_cast<std::int64_t>(i) + 1);
  }
}

STORE_TEST("of many that claim at once one gets the session") {
  w.stored("b"_batch, {"a", "b"});
  std::atomic<int> claimed = 0;
  std::vector<std::thread> engines;
  for (int t = 0; t < 8; ++t)
    engines.emplace_back([&, t] {
      claim_request request;
      request.nonce = "engine " + std::to_string(t);
      request.serves = {{"claude"}, "claude"};
      const auto out = w->claim(request);
      if (out && out->what == claim_outcome::kind::claimed) ++claimed;
    });
  for (auto& engine : engines) engine.join();
  CHECK(claimed == 1);
}
