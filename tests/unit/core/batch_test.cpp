#include <optional>
#include <utility>

#include <doctest/doctest.h>

#include <cobatch/core/batch.hpp>

using namespace cobatch;
using enum batch_state;

TEST_CASE("assigning does to each state of a batch what the guide's rules say") {
  struct row {
    std::optional<batch_state> before;
    assign_effect collecting, last;  // auto_execute false, true
  };
  const row table[] = {
      {std::nullopt, {open, false, false}, {sealed, false, true}},
      {open, {open, false, false}, {sealed, false, true}},
      {sealed, {sealed, false, false}, {sealed, false, false}},
      {running, {running, false, false}, {running, false, false}},
      {ending, {sealed, true, false}, {sealed, true, false}},
      {finished, {sealed, true, false}, {sealed, true, false}},
      {held, {held, false, false}, {held, false, false}},
  };
  for (const auto& r : table) {
    CHECK(on_assign(r.before, false) == r.collecting);
    CHECK(on_assign(r.before, true) == r.last);
  }
}

TEST_CASE("once sealed, no assign and no seal opens a batch again") {
  for (const auto state : {sealed, running, ending, finished, held}) {
    CHECK(on_assign(state, false).state != open);
    CHECK(on_assign(state, true).state != open);
    CHECK(on_seal(state) == state);
  }
  CHECK(on_seal(open) == sealed);
}

TEST_CASE("when a session ends its batch becomes what is left to do") {
  struct row {
    batch_state before;
    std::int64_t round, session_round, queued;
    int fruitless;
    batch_state after;
  };
  const row table[] = {
      {ending, 1, 1, 0, 0, finished},  {running, 1, 1, 0, 0, finished},  {running, 1, 1, 3, 0, sealed},
      {running, 1, 1, 3, 2, sealed},   {running, 1, 1, 3, 3, held},      {running, 1, 1, 3, 7, held},
      {running, 1, 1, 0, 3, finished}, {ending, 1, 1, 1, 0, sealed},     {sealed, 2, 1, 1, 0, sealed},
      {running, 2, 1, 1, 3, sealed},   {finished, 1, 1, 0, 0, finished}, {open, 1, 1, 1, 0, open},
      {held, 1, 1, 1, 3, held},
  };
  for (const auto& r : table) {
    CAPTURE(r.before);
    CAPTURE(r.queued);
    CAPTURE(r.fruitless);
    CHECK(on_session_end(r.before, r.round, r.session_round, r.queued, r.fruitless) == r.after);
  }
}

TEST_CASE("a waiting batch whose last task is cancelled has ended") {
  for (const auto state : {open, sealed, running, ending, finished, held}) {
    CHECK(on_cancel(state, 1) == state);
    CHECK(on_cancel(state, 0) == (state == sealed || state == held ? finished : state));
  }
}

TEST_CASE("a batch is held for a minute after three fruitless sessions, then twice as long each time, up to an hour") {
  using std::chrono::minutes;
  const minutes expected[] = {minutes{0}, minutes{0},  minutes{0},  minutes{1},  minutes{2}, minutes{4},
                              minutes{8}, minutes{16}, minutes{32}, minutes{60}, minutes{60}};
  for (int fruitless = 0; fruitless < 11; ++fruitless) CHECK(hold_time(fruitless) == expected[fruitless]);
  CHECK(hold_time(1'000'000) == minutes{60});
}

TEST_CASE("settings are added to a batch that does not run, and never changed") {
  const batch_settings none;
  const batch_settings all{"small", running_way::fork, error_rule::stop, spending_cap{1, 2, std::chrono::seconds{3}}};
  CHECK(merge_settings(none, none, true) == none);
  CHECK(merge_settings(none, all, false) == all);
  CHECK(merge_settings(all, none, true) == all);
  CHECK(merge_settings(all, all, true) == all);
  CHECK(!merge_settings(none, {.model = "small"}, true));
  CHECK(!merge_settings(none, {.way = running_way::one_session}, true));
  CHECK(!merge_settings(none, {.on_error = error_rule::go_on}, true));
  CHECK(!merge_settings(all, {.model = "large"}, false));
  CHECK(!merge_settings(all, {.way = running_way::one_session}, false));
  CHECK(!merge_settings(all, {.on_error = error_rule::go_on}, false));
  const auto merged = merge_settings({.model = "small"}, {.way = running_way::separate}, false);
  CHECK(merged == batch_settings{.model = "small", .way = running_way::separate});
}

TEST_CASE("of budgets the latest stands, also while the batch runs") {
  const spending_cap old{1, 0, {}};
  const spending_cap latest{0, 7, {}};
  CHECK(merge_settings({.budget = old}, {.budget = latest}, true)->budget == latest);
  CHECK(merge_settings({}, {.budget = latest}, true)->budget == latest);
  CHECK(merge_settings({.budget = old}, {}, true)->budget == old);
}

TEST_CASE("ways and error rules are read from their names and from nothing else") {
  for (const auto way : {running_way::one_session, running_way::fork, running_way::separate})
    CHECK(parse_running_way(name_of(way)) == way);
  for (const auto rule : {error_rule::go_on, error_rule::stop}) CHECK(parse_error_rule(name_of(rule)) == rule);
  CHECK(parse_error_rule("continue") == error_rule::go_on);
  for (const auto* text : {"", "Fork", "one session", "go_on"}) {
    CHECK(!parse_running_way(text));
    CHECK(!parse_error_rule(text));
  }
}

TEST_CASE("a preamble is empty if it has neither text nor files") {
  CHECK(preamble{}.empty());
  CHECK(!preamble{"text", {}}.empty());
  CHECK(!preamble{{}, {"file"}}.empty());
}

TEST_CASE("a tally counts each state and their sum") {
  task_tally tally;
  tally[task_state::queued] = 2;
  tally[task_state::done] = 3;
  CHECK(tally.total() == 5);
  CHECK(std::as_const(tally)[task_state::done] == 3);
  CHECK(std::as_const(tally)[task_state::error] == 0);
}

TEST_CASE("every state has its name") {
  CHECK(name_of(open) == "open");
  CHECK(name_of(sealed) == "sealed");
  CHECK(name_of(running) == "running");
  CHECK(name_of(ending) == "ending");
  CHECK(name_of(finished) == "finished");
  CHECK(name_of(held) == "held");
}
