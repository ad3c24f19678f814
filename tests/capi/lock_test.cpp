#include <csignal>
#include <thread>

#include "capi/host.hpp"

using namespace cobatch_test;

namespace {

// What lock_status says, and the reply that it is lent from.
struct status_of_lock : lent_record<cobatch_lock_info> {
  explicit status_of_lock(cobatch_workspace* place)
      : lent_record(first_in(make<cobatch_reply>(cobatch_lock_status, place), cobatch_reply_lock)) {
    CHECK(record.advice.size > 0);
  }
  [[nodiscard]] std::size_t sessions() const {
    return all_in(from.get(), cobatch_reply_next_session, [](const auto& s) { return s.session; }).size();
  }
};

answer unlock(cobatch_workspace* place, std::uint32_t flags = 0) { return call(cobatch_unlock, place, flags, nullptr); }

}  // namespace

TEST_CASE("an idle lock is free, and there is nothing to remove") {
  const scratch_workspace place;
  const status_of_lock idle(place);
  CHECK(idle->held == 0);
  CHECK(idle->orchestrator_lost == 0);
  CHECK(idle->marker == COBATCH_MARKER_ABSENT);
  CHECK(copy_of(idle->marker_content).empty());
  CHECK(idle.sessions() == 0);
  CHECK(unlock(place) == COBATCH_E_NO_MARKER);
  CHECK(unlock(place, COBATCH_UNLOCK_FORCE) == COBATCH_E_NO_MARKER);
}

TEST_CASE("while a session lives the lock is held, its marker is ours, and only force asks it to end") {
  const scratch_workspace place;
  assign_all(place, {"a", "b"}, "b1");
  host works([&](const cobatch_turn_request&, cobatch_turn* turn) {
    const status_of_lock busy(place);
    CHECK(busy->held != 0);
    CHECK(busy->orchestrator_lost == 0);
    CHECK(busy->marker == COBATCH_MARKER_OURS);
    CHECK(copy_of(busy->marker_content).find("\"batch_id\":\"b1\"") != std::string::npos);
    CHECK(busy.sessions() == 1);
    CHECK(unlock(place) == COBATCH_E_SESSION_LIVE);
    CHECK(unlock(place, COBATCH_UNLOCK_FORCE) == COBATCH_OK);
    return complete(turn).status;
  });
  const auto ran = run_all(place, works.agent());
  // The first session was asked to end behind its first task, the second behind its only one.
  CHECK(ran.sessions == 2);
  CHECK(batch_of(place, "b1")->done == 2);
  const status_of_lock idle(place);
  CHECK(idle->held == 0);
  CHECK(idle->marker == COBATCH_MARKER_ABSENT);
}

TEST_CASE("a lock file of somebody else is shown made safe for a terminal, and removed when that is asked for") {
  const scratch_workspace place;
  std::ofstream(place.data() / "execute_queue.lock") << "by \x1b[31m hand\n";
  const status_of_lock foreign(place);
  CHECK(foreign->held == 0);
  CHECK(foreign->marker == COBATCH_MARKER_FOREIGN);
  CHECK(copy_of(foreign->marker_content).find("hand") != std::string::npos);
  CHECK(copy_of(foreign->marker_content).find('\x1b') == std::string::npos);
  const auto queue = make<cobatch_reply>(cobatch_execute_queue, place.handle.get(), cobatch_text{nullptr, 0});
  CHECK(cobatch_reply_outcome(queue.get()) == COBATCH_ALREADY_RUNNING);
  CHECK(warnings_in(queue.get()) == list{"foreign_marker"});
  const auto removed = make<cobatch_reply>(cobatch_unlock, place.handle.get(), 0U);
  CHECK(cobatch_reply_outcome(removed.get()) == COBATCH_MARKER_REMOVED);
  CHECK(status_of_lock(place)->marker == COBATCH_MARKER_ABSENT);
}

TEST_CASE("to remove the lock file of a live session lets no second one begin") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  assign_all(place, {"b"}, "b2");
  const auto session = make<cobatch_session>(cobatch_session_begin, place.handle.get(), nullptr);
  std::filesystem::remove(place.data() / "execute_queue.lock");
  cobatch_session* second = nullptr;
  CHECK(call(cobatch_session_begin, place.handle.get(), nullptr, &second) == COBATCH_E_SESSION_LIVE);
  const status_of_lock held(place);
  CHECK(held->held != 0);
  CHECK(held->marker == COBATCH_MARKER_ABSENT);
}

TEST_CASE(
    "when the process that runs an agent is killed, the keeper lets the turn finish, and what it answered counts") {
  const scratch_folder folder;
  open_workspace(folder.path()).reset();
  const auto go = folder.path() / "go", working = folder.path() / "working";
  const std::string script = R"({"otherwise":{"touch":")" + working.native() + R"(","wait_for_file":")" + go.native() +
                             R"(","output":"done all the same"}})";
  const std::string died = in_child([&]() -> std::string {
    const auto place = open_workspace(folder.path());
    assign_all(place.get(), {"a"}, "b1");
    std::thread killer([&] {
      while (content_of(working).empty()) std::this_thread::yield();
      ::kill(::getpid(), SIGKILL);
    });
    run_all(place.get(), scripted(folder.path(), script));
    return "it was not killed";
  });
  REQUIRE(died == " (killed by signal 9)");
  const auto place = open_workspace(folder.path());
  {
    const status_of_lock lost(place.get());
    CHECK(lost->held != 0);
    CHECK(lost->orchestrator_lost != 0);
    CHECK(lost->marker == COBATCH_MARKER_OURS);
    CHECK(lost.sessions() == 1);
  }
  std::ofstream(go) << "go";
  run_all(place.get(), scripted(folder.path(), script));
  CHECK(copy_of(result_of(place.get(), "a")->output) == "done all the same");
  const auto turns = make<cobatch_reply>(cobatch_list_turns, place.get(), nullptr);
  CHECK(all_in(turns.get(), cobatch_reply_next_turn, [](const auto& turn) { return turn.recovered; }) ==
        std::vector<std::int32_t>{1});
}
