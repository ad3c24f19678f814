#include "engine/conversation.hpp"

#include <doctest/doctest.h>

using namespace cobatch;

namespace {

conversation_wish wish(const char* task, const char* model = "", std::vector<std::string> tools = {}) {
  return {task_id(task), model, std::move(tools)};
}

turn_report ended(turn_end end) {
  turn_report report;
  report.what.end = end;
  return report;
}

// A conversation in which one task was done.
conversation conversation_after(turn_end end, running_way way = running_way::one_session) {
  conversation talk(way);
  talk.taken(conversation_step::begin, wish("a"));
  talk.turn_ended(task_id("a"), ended(end), "c1");
  return talk;
}

}  // namespace

TEST_CASE("a task goes on in the conversation of the one before") {
  CHECK(conversation(running_way::one_session).before(wish("a"), false) == conversation_step::begin);
  const auto talk = conversation_after(turn_end::done);
  CHECK(talk.before(wish("b"), true) == conversation_step::go_on);
  CHECK(talk.holds(task_id("a")));
  CHECK(talk.id() == "c1");
}

TEST_CASE("a process that ended is followed by one that goes on with its conversation") {
  CHECK(conversation_after(turn_end::done).before(wish("b"), false) == conversation_step::resume);
  CHECK(conversation_after(turn_end::broke).before(wish("a"), false) == conversation_step::resume);
}

TEST_CASE("a broken task is tried again in place, and only another one begins anew") {
  for (const auto end : {turn_end::broke, turn_end::timed_out, turn_end::stopped, turn_end::cancelled}) {
    const auto talk = conversation_after(end);
    CHECK(talk.before(wish("a"), true) == conversation_step::go_on);
    CHECK(talk.goes_on_with(task_id("a")));
    CHECK(talk.before(wish("b"), true) == conversation_step::clear);
    CHECK(talk.before(wish("b"), false) == conversation_step::begin);
  }
  for (const auto end : {turn_end::done, turn_end::error, turn_end::denied})
    CHECK(conversation_after(end).before(wish("b"), true) == conversation_step::go_on);
}

TEST_CASE("another model has a conversation of its own, other tools only a process") {
  const auto talk = conversation_after(turn_end::done);
  CHECK(talk.before(wish("b", "large"), true) == conversation_step::begin);
  CHECK(talk.before(wish("b", "", {"Read"}), true) == conversation_step::resume);
}

TEST_CASE("what was begun anew holds nothing of what was before") {
  auto talk = conversation_after(turn_end::broke);
  talk.hold_preamble();
  talk.taken(conversation_step::clear, wish("b"));
  CHECK_FALSE(talk.holds(task_id("a")));
  CHECK_FALSE(talk.holds_preamble());
  CHECK_FALSE(talk.goes_on_with(task_id("a")));
  CHECK(talk.id().empty());
}

TEST_CASE("each task of a fork goes on from the checkpoint, which has the preamble") {
  conversation talk(running_way::fork);
  CHECK(talk.before(wish("a"), false) == conversation_step::begin);
  talk.taken(conversation_step::begin, wish("a"));
  talk.turn_ended(task_id(), ended(turn_end::done), "c1");
  talk.set_checkpoint();
  talk.taken(conversation_step::fork, wish("a"));
  CHECK(talk.holds_preamble());
  talk.turn_ended(task_id("a"), ended(turn_end::done), "c2");
  CHECK(talk.before(wish("b"), true) == conversation_step::fork);
  CHECK(talk.checkpoint() == "c1");
  talk.taken(conversation_step::fork, wish("b"));
  CHECK_FALSE(talk.holds(task_id("a")));
}

TEST_CASE("separate tasks share nothing, but a broken one goes on in place") {
  CHECK(conversation_after(turn_end::done, running_way::separate).before(wish("b"), true) == conversation_step::begin);
  CHECK(conversation_after(turn_end::broke, running_way::separate).before(wish("a"), true) == conversation_step::go_on);
}

TEST_CASE("a conversation that the agent has lost is not asked for again") {
  auto talk = conversation_after(turn_end::done);
  auto report = ended(turn_end::stopped);
  report.forget = true;
  talk.turn_ended(task_id("b"), report, "c1");
  CHECK(talk.before(wish("b"), false) == conversation_step::begin);

  conversation forks(running_way::fork);
  forks.taken(conversation_step::begin, wish("a"));
  forks.turn_ended(task_id(), ended(turn_end::done), "c1");
  forks.set_checkpoint();
  forks.turn_ended(task_id("a"), report, "c2");
  CHECK(forks.before(wish("a"), false) == conversation_step::begin);
}
