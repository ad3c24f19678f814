#include <doctest/doctest.h>

#include <cobatch/core/lock.hpp>

using namespace cobatch;

namespace {
constexpr guard_state guards[] = {guard_state::free, guard_state::busy, guard_state::unknown};
constexpr marker_state markers[] = {marker_state::absent, marker_state::ours, marker_state::foreign};
}  // namespace

TEST_CASE("an engine's next step is the table's, in every cell") {
  using enum engine_step;
  constexpr engine_step table[3][2][3] = {
      {{start, remove_marker, wait_marker}, {recover, recover, recover}},            // free: no live row, live row
      {{wait_guard, wait_guard, wait_guard}, {wait_guard, wait_guard, wait_guard}},  // busy
      {{ask_again, ask_again, ask_again}, {ask_again, ask_again, ask_again}},        // unknown
  };
  for (std::size_t g = 0; g < 3; ++g)
    for (std::size_t live = 0; live < 2; ++live)
      for (std::size_t m = 0; m < 3; ++m)
        CHECK(next_engine_step({guards[g], markers[m], live == 1}) == table[g][live][m]);
}

TEST_CASE("execute_queue's answer is the table's, in every cell, whatever the session row says") {
  using enum execute_answer;
  constexpr execute_answer table[3][3] = {
      {go_on, go_on, already_running_elsewhere},
      {already_running, already_running, already_running},
      {ask_again, ask_again, ask_again},
  };
  for (std::size_t g = 0; g < 3; ++g)
    for (std::size_t m = 0; m < 3; ++m)
      for (const bool live : {false, true}) CHECK(on_execute({guards[g], markers[m], live}) == table[g][m]);
}

TEST_CASE("unlock's answer is the table's, in every cell") {
  using enum unlock_answer;
  for (const auto m : markers)
    for (const bool live : {false, true})
      for (const bool force : {false, true}) {
        CHECK(on_unlock({guard_state::free, m, live}, force) == (m == marker_state::absent ? refuse_absent : remove));
        CHECK(on_unlock({guard_state::busy, m, live}, force) == (force && live ? cancel_session : refuse_live));
        CHECK(on_unlock({guard_state::unknown, m, live}, force) == ask_again);
      }
}

TEST_CASE("a removed marker never admits a second session") {
  for (const bool live : {false, true}) {
    CHECK(next_engine_step({guard_state::busy, marker_state::absent, live}) == engine_step::wait_guard);
    CHECK(on_execute({guard_state::busy, marker_state::absent, live}) == execute_answer::already_running);
  }
}

TEST_CASE("a foreign marker is never removed by an engine") {
  for (const auto g : guards)
    for (const bool live : {false, true}) {
      const auto step = next_engine_step({g, marker_state::foreign, live});
      CHECK(step != engine_step::remove_marker);
      CHECK(step != engine_step::start);
    }
}

TEST_CASE("nothing removes a marker while the guard is not known to be free") {
  for (const auto g : {guard_state::busy, guard_state::unknown})
    for (const auto m : markers)
      for (const bool live : {false, true})
        for (const bool force : {false, true}) {
          CHECK(on_unlock({g, m, live}, force) != unlock_answer::remove);
          CHECK(next_engine_step({g, m, live}) != engine_step::remove_marker);
        }
}

TEST_CASE("an engine that does what it is told starts within two steps when nobody holds the guard") {
  for (const auto m : {marker_state::absent, marker_state::ours})
    for (const bool live : {false, true}) {
      lock_facts facts{guard_state::free, m, live};
      int steps = 0;
      for (auto step = next_engine_step(facts); step != engine_step::start; step = next_engine_step(facts)) {
        REQUIRE(++steps <= 2);
        if (step == engine_step::recover) facts.session_row_live = false;
        if (step == engine_step::remove_marker) facts.marker = marker_state::absent;
      }
    }
}

TEST_CASE("a marker is ours only if all of it is as recorded, or if it names a session of ours") {
  for (int bits = 0; bits < 32; ++bits) {
    const auto bit = [&](int n) { return (bits >> n & 1) != 0; };
    const marker_evidence e{bit(0), bit(1), bit(2), bit(3), bit(4)};
    marker_state expected = marker_state::foreign;
    if (!bit(0))
      expected = marker_state::absent;
    else if (bits == 0b01111 || bit(4))
      expected = marker_state::ours;
    CHECK(marker_standing(e) == expected);
  }
}

TEST_CASE("a refused unlock has a code, one that acts has none") {
  CHECK(refusal_of(unlock_answer::refuse_live) == errc::session_live);
  CHECK(refusal_of(unlock_answer::refuse_absent) == errc::no_marker);
  CHECK(refusal_of(unlock_answer::ask_again) == errc::cannot_lock);
  CHECK_FALSE(refusal_of(unlock_answer::remove));
  CHECK_FALSE(refusal_of(unlock_answer::cancel_session));
}
