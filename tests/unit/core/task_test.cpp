#include <set>
#include <string_view>

#include <doctest/doctest.h>

#include <cobatch/core/task.hpp>

using namespace cobatch;

namespace {

// Who has a task, where that makes a difference.
struct standing {
  task_state state;
  task_owner owner;
};
constexpr standing standings[] = {
    {task_state::queued, task_owner::nobody},      {task_state::in_progress, task_owner::session},
    {task_state::in_progress, task_owner::manual}, {task_state::done, task_owner::nobody},
    {task_state::error, task_owner::nobody},       {task_state::cancelled, task_owner::nobody}};
constexpr task_state states[] = {task_state::queued, task_state::in_progress, task_state::done, task_state::error,
                                 task_state::cancelled};
constexpr task_action actions[] = {task_action::cancel, task_action::update, task_action::reset, task_action::remove,
                                   task_action::mark_manually};

// The answer as one word, so that a table of them reads like the one in the documentation.
std::string_view word(const task_decision& d) {
  switch (d.what) {
    case task_decision::kind::becomes: return name_of(d.state);
    case task_decision::kind::unchanged: return "unchanged";
    case task_decision::kind::removed: return "removed";
    case task_decision::kind::refused: return name_of(d.code);
  }
  return {};
}

}  // namespace

TEST_CASE("every action on every state is answered as the table says") {
  constexpr std::string_view table[5][6] = {
      // queued      a session's         a person's          done          error         cancelled
      {"cancelled", "cancelled", "cancelled", "task_ended", "task_ended", "unchanged"},              // cancel
      {"queued", "task_in_progress", "task_in_progress", "task_ended", "task_ended", "task_ended"},  // update
      {"unchanged", "task_in_progress", "queued", "queued", "queued", "queued"},                     // reset
      {"removed", "task_in_progress", "task_in_progress", "removed", "removed", "removed"},          // remove
      {"in_progress", "task_in_progress", "unchanged", "task_ended", "task_ended", "task_ended"},    // mark_manually
  };
  for (std::size_t a = 0; a < std::size(actions); ++a)
    for (std::size_t s = 0; s < std::size(standings); ++s) {
      CAPTURE(a);
      CAPTURE(s);
      const auto decision = decide(actions[a], standings[s].state, standings[s].owner);
      CHECK(word(decision) == table[a][s]);
      if (decision.what != task_decision::kind::becomes) CHECK(decision.state == standings[s].state);
    }
}

TEST_CASE("a task that a session has in progress is never removed, reset or changed") {
  for (const auto action : {task_action::update, task_action::reset, task_action::remove, task_action::mark_manually})
    CHECK(decide(action, task_state::in_progress, task_owner::session).what == task_decision::kind::refused);
}

TEST_CASE("every end of a turn within all limits leads where the rules say") {
  for (int limit = 1; limit <= 3; ++limit)
    for (int interruption_limit = 1; interruption_limit <= 6; ++interruption_limit)
      for (int attempts = 0; attempts < limit; ++attempts)
        for (int interruptions = 0; interruptions < interruption_limit; ++interruptions) {
          const attempt_counts before{attempts, interruptions};
          const attempt_limits limits{limit, interruption_limit};
          const auto after = [&](turn_end end) { return after_turn(end, before, limits); };
          CHECK(after(turn_end::done) == task_after_turn{task_state::done, before, ""});
          CHECK(after(turn_end::error) == task_after_turn{task_state::error, before, ""});
          CHECK(after(turn_end::denied) == task_after_turn{task_state::error, before, ""});
          CHECK(after(turn_end::cancelled) == task_after_turn{task_state::cancelled, before, ""});
          CHECK(after(turn_end::stopped) == task_after_turn{task_state::queued, before, ""});
          const attempt_counts charged{attempts + 1, interruptions};
          const bool exhausted = attempts + 1 == limit;
          const task_after_turn broken = exhausted ? task_after_turn{task_state::error, charged, "attempts_exhausted"}
                                                   : task_after_turn{task_state::queued, charged, ""};
          CHECK(after(turn_end::broke) == broken);
          CHECK(after(turn_end::timed_out) == broken);
          const attempt_counts interrupted{attempts, interruptions + 1};
          if (limit == 1)
            CHECK(after(turn_end::interrupted) ==
                  task_after_turn{task_state::error, interrupted, "interrupted_unknown"});
          else if (interruptions + 1 == interruption_limit)
            CHECK(after(turn_end::interrupted) ==
                  task_after_turn{task_state::error, interrupted, "interruptions_exhausted"});
          else
            CHECK(after(turn_end::interrupted) == task_after_turn{task_state::queued, interrupted, ""});
        }
}

TEST_CASE("limits lowered below what was charged already end the task") {
  CHECK(after_turn(turn_end::broke, {5, 0}, {2, 5}).state == task_state::error);
  CHECK(after_turn(turn_end::interrupted, {0, 9}, {2, 5}).state == task_state::error);
}

TEST_CASE("with the default limits a task is tried twice, and interrupted up to five times") {
  attempt_counts counts;
  CHECK(counts.next_attempt() == 1);
  auto after = after_turn(turn_end::broke, counts, {});
  CHECK(after.state == task_state::queued);
  CHECK(after.counts.next_attempt() == 2);
  CHECK(after_turn(turn_end::timed_out, after.counts, {}).state == task_state::error);
  for (int i = 0; i < 4; ++i) {
    after = after_turn(turn_end::interrupted, counts, {});
    CHECK(after.state == task_state::queued);
    counts = after.counts;
  }
  CHECK(after_turn(turn_end::interrupted, counts, {}).reason == "interruptions_exhausted");
}

TEST_CASE("the same content is the same work, whoever assigned it") {
  task_spec a{task_id("t"), "do", "{}", priority::high, "me", 2};
  task_spec b = a;
  b.assigned_by = "you";
  CHECK(a.same_content(b));
  const auto differs = [&](auto change) {
    task_spec c = a;
    change(c);
    return !a.same_content(c);
  };
  CHECK(differs([](task_spec& c) { c.id = task_id("u"); }));
  CHECK(differs([](task_spec& c) { c.description += "!"; }));
  CHECK(differs([](task_spec& c) { c.context.clear(); }));
  CHECK(differs([](task_spec& c) { c.prio = priority::low; }));
  CHECK(differs([](task_spec& c) { c.max_attempts = 1; }));
  CHECK(differs([](task_spec& c) { c.needs = {task_id("u")}; }));
  CHECK(differs([](task_spec& c) { c.check = {"make"}; }));
  CHECK(differs([](task_spec& c) { c.model = "small"; }));
  CHECK(differs([](task_spec& c) { c.tools = {"Read"}; }));
  CHECK(differs([](task_spec& c) { c.limit = std::chrono::seconds{1}; }));
}

TEST_CASE("priorities are read from the guide's words and from nothing else") {
  for (const auto p : {priority::low, priority::medium, priority::high}) CHECK(parse_priority(name_of(p)) == p);
  for (const auto* text : {"", "High", "urgent", "lo", "low "}) CHECK_FALSE(parse_priority(text));
  CHECK(priority::high > priority::medium);
  CHECK(priority::medium > priority::low);
}

TEST_CASE("every state and every end has a name of its own") {
  std::set<std::string_view> names;
  for (const auto s : states) names.insert(name_of(s));
  CHECK(names == std::set<std::string_view>{"queued", "in_progress", "done", "error", "cancelled"});
  names.clear();
  for (std::size_t i = 0; i < turn_end_count; ++i) names.insert(name_of(static_cast<turn_end>(i)));
  CHECK(names.size() == turn_end_count);
}

TEST_CASE("done, error and cancelled are ends, and nothing else is") {
  CHECK_FALSE(has_ended(task_state::queued));
  CHECK_FALSE(has_ended(task_state::in_progress));
  CHECK(has_ended(task_state::done));
  CHECK(has_ended(task_state::error));
  CHECK(has_ended(task_state::cancelled));
}
