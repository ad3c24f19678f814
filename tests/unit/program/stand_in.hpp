// A stand-in for the engine: sessions and turns as an agent would have left them, with no agent.
#pragma once

#include <cobatch/workspace.hpp>

#include "store/store.hpp"
#include "unit/program/support.hpp"

namespace cobatch_test {

inline workspace open(const folder& f) {
  auto place = workspace::open({.root = f.str()});
  REQUIRE(place);
  return std::move(*place);
}

/// Starts a session for the next batch.
inline session_record begin_session(workspace& place) {
  const auto claimed = place.storage().claim({.nonce = "n", .owner = {"boot", 1, 1, 1}, .serves = {{"test"}, "test"}});
  REQUIRE(claimed);
  REQUIRE(claimed->what == claim_outcome::kind::claimed);
  return claimed->session;
}

enum class turn_of : std::uint8_t { next_task, preamble };

/// Begins the session's next turn and settles it.
inline void play_turn(workspace& place, const session_record& session, const settlement& what,
                      turn_of whose = turn_of::next_task) {
  const auto before = place.turns({.session = session.id});
  REQUIRE(before);
  const auto ordinal = static_cast<std::int64_t>(before->size()) + 1;
  const auto begun = place.storage().begin_turn(
      {.session = session.id, .ordinal = ordinal, .process_turn = ordinal, .preamble = whose == turn_of::preamble});
  REQUIRE(begun);
  REQUIRE(begun->what == begin_outcome::kind::begun);
  REQUIRE(place.storage().settle_turn(session.id, begun->turn.turn, what));
}

}  // namespace cobatch_test
