// What an agent program tells beside its answers, and what Cobatch sees of its work. The program speaks as Claude Code
// does: what it is told in each turn is one line, and the answer one conversation's.
#include <cstdlib>

#include "capi/host.hpp"

using namespace cobatch_test;

namespace {

constexpr std::string_view program = R"(#!/bin/sh
while IFS= read -r line; do
  echo >>said.md
  echo '{"type":"system","subtype":"init","session_id":"talk","model":"model-9","claude_code_version":"9.9"}'
  echo '{"type":"assistant","message":{"id":"m","content":[],"usage":{"input_tokens":1,"cache_read_input_tokens":4}}}'
  echo '{"type":"result","session_id":"talk","result":"ok",
         "usage":{"input_tokens":100,"cache_read_input_tokens":4,"output_tokens":10}}' | tr -d '\n'
  echo
done
)";

struct told_workspace : scratch_workspace {
  told_workspace() {
    const std::filesystem::path path = folder.path() / "agent";
    std::ofstream(path) << program;
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  }

  void assign_with_preamble() const {
    const cobatch_task_spec tasks[]{spec("a"), spec("b")};
    auto options = for_batch("b1");
    options.preamble = cobatch_str("All of it.");
    must(cobatch_assign_batch, handle.get(), tasks, size_t{2}, &options, nullptr);
  }
  void run() const {
    const std::string path = (folder.path() / "agent").native();
    auto options = fresh<cobatch_claude_options>();
    options.program = text(path);
    run_all(*this, make<cobatch_agent>(cobatch_agent_claude, &options));
  }
  // False if there is no git to ask.
  [[nodiscard]] bool becomes_repository() const {
    return std::system(("git -C '" + folder.path().native() + "' init -q 2>/dev/null").c_str()) == 0;
  }
};

}  // namespace

TEST_CASE("the turn of a preamble belongs to no task, and the result of the task right after it has its usage beside") {
  const told_workspace place;
  place.assign_with_preamble();
  place.run();
  const auto turns = make<cobatch_reply>(cobatch_list_turns, place.handle.get(), nullptr);
  CHECK(all_in(turns.get(), cobatch_reply_next_turn, [](const cobatch_turn_info& turn) {
          CHECK(copy_of(turn.conversation) == "talk");
          return std::to_string(turn.position) + copy_of(turn.task) + (turn.loaded_context != 0 ? " loaded" : "");
        }) == list{"0 loaded", "1a", "2b"});
  const auto first = result_of(place, "a"), second = result_of(place, "b");
  REQUIRE(first->preamble_usage != nullptr);
  CHECK(first->preamble_usage->total.uncached_input == 100);
  CHECK(first->usage->total.uncached_input == 100);
  CHECK(first->usage->has_requests == 1);
  CHECK(first->usage->requests == 1);
  CHECK(first->usage->has_inherited_read == 1);
  CHECK(first->usage->inherited_read == 4);
  CHECK(second->preamble_usage == nullptr);
}

TEST_CASE("the account of a preamble stands beside those of the tasks, and all add up to the batch's") {
  const told_workspace place;
  place.assign_with_preamble();
  place.run();
  const auto reply = make<cobatch_reply>(cobatch_savings, place.handle.get(), cobatch_str("b1"));
  CHECK(all_in(reply.get(), cobatch_reply_next_account, [](const cobatch_account_info& account) {
          return copy_of(account.task) + " " + std::to_string(account.turns) + " " +
                 std::to_string(account.preamble_turns) + " " + std::to_string(account.used.uncached_input);
        }) == list{" 3 1 300", " 1 1 100", "a 1 0 100", "b 1 0 100"});
  auto compared = fresh<cobatch_savings_info>();
  must(cobatch_reply_savings, reply.get(), &compared);
  CHECK(compared.guide_without == 2 * 200 + 30);  // the first task would have loaded the preamble itself
  CHECK(compared.guide_with == 300 + 30);
}

TEST_CASE(
    "the events of a preamble's turn have no task, and what the agent says of itself is an event and in the session") {
  const told_workspace place;
  place.assign_with_preamble();
  const auto feed = make<cobatch_events>(cobatch_events_open, place.handle.get(), nullptr);
  place.run();
  list seen;
  bool agent_known = false;
  for (auto event = fresh<cobatch_event_info>(); call(cobatch_events_next, feed.get(), &event) == COBATCH_OK;) {
    agent_known = agent_known || event.kind == COBATCH_EVENT_AGENT_KNOWN;
    if (event.kind == COBATCH_EVENT_TURN_STARTED) seen.push_back("started " + copy_of(event.task));
    if (event.kind == COBATCH_EVENT_TURN_ENDED) seen.push_back("ended " + copy_of(event.task));
    if (event.kind != COBATCH_EVENT_TURN_ENDED || event.task.size > 0) continue;
    CHECK(event.turn == 1);
    CHECK(event.task_state == 0);
    CHECK(event.usage != nullptr);
  }
  CHECK(seen == list{"started ", "ended ", "started a", "ended a", "started b", "ended b"});
  CHECK(agent_known);
  const auto session =
      first_in(make<cobatch_reply>(cobatch_list_sessions, place.handle.get(), nullptr), cobatch_reply_next_session);
  CHECK(copy_of(session->agent_version) == "9.9");
  CHECK(copy_of(session->agent_model) == "model-9");
  CHECK(session->paused_until == COBATCH_NO_TIME);
  CHECK(copy_of(session->pause_reason).empty());
}

TEST_CASE("what a turn changed in a git repository is in its record and in the result, and elsewhere nobody knows") {
  const told_workspace place;
  place.assign_with_preamble();
  const bool is_repository = place.becomes_repository();
  place.run();
  const auto result = result_of(place, "a");
  if (!is_repository) {
    CHECK(result->changes == nullptr);
    return;
  }
  REQUIRE(result->changes != nullptr);
  CHECK(result->changes->struct_size == sizeof(cobatch_changes));
  CHECK(result->changes->incomplete == 0);
  CHECK(copies_of(result->changes->files) == list{"said.md"});
  CHECK(copies_of(result->changes->commits).empty());
  auto filter = fresh<cobatch_filter>();
  filter.task = cobatch_str("a");
  const auto turn =
      first_in(make<cobatch_reply>(cobatch_list_turns, place.handle.get(), &filter), cobatch_reply_next_turn);
  REQUIRE(turn->changes != nullptr);
  CHECK(copies_of(turn->changes->files) == list{"said.md"});
}
