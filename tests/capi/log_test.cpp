#include "capi/host.hpp"

using namespace cobatch_test;

TEST_CASE("the log hears of sessions, and whoever gave it is told when it is replaced or the workspace goes") {
  struct listener {
    list lines;
    int destroyed = 0;
  } first, second;
  const cobatch_log_fn note = [](void* user_data, std::int32_t level, cobatch_text message) {
    CHECK(level == COBATCH_LOG_INFO);
    static_cast<listener*>(user_data)->lines.push_back(copy_of(message));
  };
  const auto destroy = [](void* user_data) { ++static_cast<listener*>(user_data)->destroyed; };
  scratch_workspace place;
  host works;
  const auto agent = works.agent();
  must(cobatch_set_log, place.handle.get(), note, static_cast<void*>(&first), +destroy);
  assign_all(place, {"a"}, "b1");
  run_all(place, agent);
  REQUIRE(first.lines.size() == 2);
  CHECK(first.lines[0] == "session 1 of batch \"b1\" (agent host) began");
  CHECK(first.lines[1].find("session 1 of batch \"b1\" (agent host) ended: finished") == 0);
  must(cobatch_set_log, place.handle.get(), note, static_cast<void*>(&second), +destroy);
  CHECK(first.destroyed == 1);
  assign_all(place, {"b"}, "b2");
  run_all(place, agent);
  CHECK(first.lines.size() == 2);
  CHECK(second.lines.size() == 2);
  auto feed = make<cobatch_events>(cobatch_events_open, place.handle.get(), nullptr);
  place.handle.reset();
  CHECK(second.destroyed == 0);
  feed.reset();
  CHECK(second.destroyed == 1);

  listener refused;
  CHECK(call(cobatch_set_log, nullptr, note, static_cast<void*>(&refused), +destroy) == COBATCH_E_BAD_VALUE);
  CHECK(refused.destroyed == 1);
}
