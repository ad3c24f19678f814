#include "engine/engine.hpp"

#include <future>
#include <thread>

#include "engine/engine.hpp"
#include "unit/engine/fixture.hpp"

using namespace cobatch;
using namespace cobatch_test;

TEST_CASE("the tasks of a batch run in one session, in order, and their results are kept") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign(place, "a", "b1", false);
  assign(place, "b", "b1", false);
  assign(place, "c", "b1", true);
  const auto works = agent_that_does_all();
  const auto report = run_until_idle(place, options_with(works));
  CHECK(report.sessions == 1);
  CHECK(report.turns == 3);
  CHECK(works->starts == 1);
  CHECK(works->finishes == 1);
  CHECK(works->asked == std::vector<std::string>{"a", "b", "c"});
  CHECK(batch_of(place, "b1").state == batch_state::finished);
  const auto status = place.task(task_id("b"));
  REQUIRE(status->result);
  CHECK(status->task.state == task_state::done);
  CHECK(status->result->what.output == "did b");
  CHECK(status->result->position == 2);
}

TEST_CASE("the files are up to date when a run has returned, however long the queue is") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  std::vector<std::string> many;
  for (int i = 0; i < 1000; ++i) many.push_back("t" + std::to_string(i));
  assign_all(place, many, "others");
  CHECK(place.refresh_views().empty());
  assign(place, "a", "b1", true);
  auto options = options_with(agent_that_does_all());
  options.only = batch_id("b1");
  run_until_idle(place, options);
  CHECK(content_of(place.paths().results_view).find("did a") != std::string::npos);
}

TEST_CASE("an engine that was announced is there before it runs, once while it runs, and not when it has ended") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  const auto engines = [&] { return live_engines(place.paths().state).value().size(); };
  std::size_t during = 0;
  const auto works = agent_that([&](const turn_request&, const std::stop_token&) {
    during = engines();
    return turn_report{done(), true};
  });
  auto here = announce_engine(place, options_with(works));
  REQUIRE(here);
  CHECK(engines() == 1);
  assign(place, "a", "b1", true);
  REQUIRE(run_announced(place, options_with(works), std::move(*here), {}, run_until::idle));
  CHECK(during == 1);
  CHECK(engines() == 0);
}

TEST_CASE("the marker names the batch while its session runs and is gone before the batch has ended") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  std::string during;
  bool seen_at_end = true;
  const auto works = agent_that([&](const turn_request&, const std::stop_token&) {
    during = content_of(place.paths().marker);
    return turn_report{done(), true};
  });
  auto options = options_with(works);
  options.on_event = [&](const event& e) {
    if (e.what == event::kind::session_ended) seen_at_end = std::filesystem::exists(place.paths().marker);
  };
  assign(place, "a", "batch_20251107_214500", true);
  run_until_idle(place, options);
  CHECK(during.find("\"batch_id\":\"batch_20251107_214500\"") != std::string::npos);
  CHECK(during.find("\"locked_at\":\"") != std::string::npos);
  CHECK_FALSE(seen_at_end);
}

TEST_CASE("a removed marker never admits a second session") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  auto second_place = open_workspace(folder.path());
  const auto second = agent_that_does_all();
  const auto first = agent_that([&](const turn_request&, const std::stop_token&) {
    std::filesystem::remove(place.paths().marker);
    assign(second_place, "other", "b2", true);
    std::stop_source stop;
    auto options = options_with(second);
    options.on_event = [&](const event& e) {
      if (e.what == event::kind::waiting) stop.request_stop();
    };
    const auto report = run(second_place, options, stop.get_token(), run_until::stopped);
    CHECK(report);
    CHECK(second_place.lock()->guard_busy);
    return turn_report{done(), true};
  });
  auto options = options_with(first);
  options.only = batch_id("b1");
  assign(place, "a", "b1", true);
  run_until_idle(place, options);
  CHECK(second->starts == 0);
  CHECK(task_of(place, "other").state == task_state::queued);
}

TEST_CASE("execute_queue during a run answers already_running and changes nothing") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign(place, "later", "open_batch", false);
  assign(place, "a", "b1", true);
  const auto works = agent_that([&](const turn_request&, const std::stop_token&) {
    const auto reply = place.execute_queue(std::nullopt);
    REQUIRE(reply);
    CHECK(reply->outcome.what == execute_outcome::kind::already_running);
    REQUIRE(reply->outcome.live);
    CHECK(reply->outcome.live->batch == batch_id("b1"));
    return turn_report{done(), true};
  });
  run_until_idle(place, options_with(works));
  CHECK(batch_of(place, "open_batch").state == batch_state::open);
}

TEST_CASE("a foreign marker is honoured and explained, not waited for unasked, and the batch starts when it goes") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  std::ofstream(place.paths().marker) << R"({"created_at":"2025-11-07T21:45:00","pid":1,"note":"older"})";
  assign(place, "a", "b1", true);
  CHECK(place.lock()->marker == marker_state::foreign);
  const auto executed = place.execute_queue(std::nullopt);
  REQUIRE(executed);
  CHECK(executed->outcome.what == execute_outcome::kind::already_running);
  REQUIRE_FALSE(executed->warnings.empty());
  CHECK(executed->warnings.front().code == "foreign_marker");
  CHECK(place.execute_queue(batch_id("b1"))->outcome.what == execute_outcome::kind::already_running);
  CHECK(place.execute_queue(batch_id("none")).error().code == errc::batch_not_found);

  const auto works = agent_that_does_all();
  auto options = options_with(works);
  CHECK(run_until_idle(place, options).behind_lock_file);
  CHECK(works->starts == 0);
  CHECK(std::filesystem::exists(place.paths().marker));

  options.wait_for_lock_file = true;
  std::string told;
  options.on_event = [&](const event& e) {
    if (e.what != event::kind::waiting) return;
    told = e.text;
    CHECK(works->starts == 0);
    CHECK(std::filesystem::exists(place.paths().marker));
    std::filesystem::remove(place.paths().marker);
  };
  CHECK_FALSE(run_until_idle(place, options).behind_lock_file);
  CHECK(told.find("cobatch unlock") != std::string::npos);
  CHECK(task_of(place, "a").state == task_state::done);
}

TEST_CASE("unlock removes a foreign marker that nobody stands behind, and refuses while a session lives") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  CHECK(place.unlock(false).error().code == errc::no_marker);
  std::ofstream(place.paths().marker) << "whatever";
  const auto removed = place.unlock(false);
  REQUIRE(removed);
  CHECK(removed->removed_marker);
  CHECK_FALSE(std::filesystem::exists(place.paths().marker));

  assign(place, "a", "b1", true);
  const auto works = agent_that([&](const turn_request&, const std::stop_token&) {
    CHECK(place.unlock(false).error().code == errc::session_live);
    CHECK(std::filesystem::exists(place.paths().marker));
    return turn_report{done(), true};
  });
  run_until_idle(place, options_with(works));
}

TEST_CASE("unlock with force ends the live session, and its tasks stay queued") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a", "b"}, "b1");
  const auto works = agent_that([&](const turn_request&, const std::stop_token& interrupt) {
    const auto reply = place.unlock(true);
    REQUIRE(reply);
    CHECK(reply->session_cancelled);
    await(interrupt);
    return turn_report{{.end = turn_end::stopped}, false};
  });
  std::stop_source stop;
  auto options = options_with(works);
  options.on_event = [&](const event& e) {
    if (e.what != event::kind::session_ended) return;
    CHECK(e.session->end == session_end::cancelled);
    stop.request_stop();
  };
  REQUIRE(run(place, options, stop.get_token(), run_until::idle));
  CHECK(works->asked == std::vector<std::string>{"a"});
  CHECK(task_of(place, "a").state == task_state::queued);
  CHECK(task_of(place, "a").counts == attempt_counts{});
  CHECK(task_of(place, "b").state == task_state::queued);
}

TEST_CASE("a turn that broke is tried again, and the batch goes on after the last attempt") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"bad", "good"}, "b1");
  std::vector<int> attempts;
  std::string second_prompt;
  const auto works = agent_that([&](const turn_request& r, const std::stop_token&) {
    if (r.task.str() == "good") return turn_report{done(), true};
    attempts.push_back(r.attempt);
    if (r.attempt == 2) second_prompt = r.prompt;
    return turn_report{{.end = turn_end::broke, .reason = "agent_ended", .detail = "exit 1"}, false};
  });
  run_until_idle(place, options_with(works));
  CHECK(attempts == std::vector<int>{1, 2});
  CHECK(second_prompt.find("attempt 2") != std::string::npos);
  const auto bad = place.task(task_id("bad"));
  CHECK(bad->task.state == task_state::error);
  REQUIRE(bad->result);
  CHECK(bad->result->what.reason == "attempts_exhausted");
  CHECK(task_of(place, "good").state == task_state::done);
  const auto turns = place.turns({.batch = batch_id("b1")});
  CHECK(turns->size() == 3);
  CHECK(works->starts == 3);
}

TEST_CASE("a task cancelled during its turn ends the turn, and what the turn cost is kept") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a", "b"}, "b1");
  const auto works = agent_that([&](const turn_request& r, const std::stop_token& interrupt) {
    if (r.task.str() == "b") return turn_report{done(), true};
    REQUIRE(place.cancel(task_id("a")));
    await(interrupt);
    settlement what{.end = turn_end::stopped};
    what.used = usage{{{"m", tokens{5, 0, 0, 0, 7, 0}}}, usage_source::reported, false};
    return turn_report{what, false};
  });
  run_until_idle(place, options_with(works));
  CHECK(task_of(place, "a").state == task_state::cancelled);
  CHECK(task_of(place, "b").state == task_state::done);
  const auto turns = place.turns({.task = task_id("a")});
  REQUIRE(turns->size() == 1);
  CHECK(turns->front().end == turn_end::cancelled);
  REQUIRE(turns->front().used);
  CHECK(turns->front().used->total().output == 7);
}

TEST_CASE("a stop lets the running turn finish within its grace and begins no other") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a", "b"}, "b1");
  std::stop_source stop;
  const auto works = agent_that([&](const turn_request&, const std::stop_token& interrupt) {
    stop.request_stop();
    CHECK_FALSE(interrupt.stop_requested());
    return turn_report{done(), true};
  });
  REQUIRE(run(place, options_with(works), stop.get_token(), run_until::stopped));
  CHECK(task_of(place, "a").state == task_state::done);
  CHECK(task_of(place, "b").state == task_state::queued);
  CHECK(batch_of(place, "b1").state == batch_state::sealed);
  CHECK_FALSE(std::filesystem::exists(place.paths().marker));
}

TEST_CASE("a turn that outlasts the grace of a stop is interrupted, uncharged, and runs again later") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a"}, "b1");
  std::stop_source stop;
  const auto stubborn = agent_that([&](const turn_request&, const std::stop_token& interrupt) {
    stop.request_stop();
    await(interrupt);
    return turn_report{{.end = turn_end::stopped}, false};
  });
  auto options = options_with(stubborn);
  options.stop_grace = std::chrono::milliseconds{1};
  REQUIRE(run(place, options, stop.get_token(), run_until::stopped));
  CHECK(task_of(place, "a").state == task_state::queued);
  CHECK(task_of(place, "a").counts == attempt_counts{});
  const auto works = agent_that_does_all();
  run_until_idle(place, options_with(works));
  CHECK(task_of(place, "a").state == task_state::done);
}

TEST_CASE("hurry ends the grace of a stop") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a"}, "b1");
  std::stop_source stop;
  std::stop_source hurry;
  const auto stubborn = agent_that([&](const turn_request&, const std::stop_token& interrupt) {
    stop.request_stop();
    hurry.request_stop();
    await(interrupt);
    return turn_report{{.end = turn_end::stopped}, false};
  });
  auto options = options_with(stubborn);
  options.stop_grace = std::chrono::hours{1};
  options.hurry = hurry.get_token();
  REQUIRE(run(place, options, stop.get_token(), run_until::stopped));
  CHECK(task_of(place, "a").state == task_state::queued);
}

TEST_CASE("a session whose folder cannot be made charges nothing and is not tried without end") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a"}, "b1");
  std::filesystem::remove_all(place.paths().sessions);
  std::ofstream(place.paths().sessions) << "in the way";
  const auto works = agent_that_does_all();
  const auto report = run(place, options_with(works), {}, run_until::idle);
  REQUIRE_FALSE(report);
  CHECK(works->starts == 0);
  CHECK(task_of(place, "a").state == task_state::queued);
  CHECK(task_of(place, "a").counts == attempt_counts{});
  CHECK_FALSE(std::filesystem::exists(place.paths().marker));
}

TEST_CASE("a session takes at most its limit of tasks, the batch goes on in a new one") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a", "b", "c", "d", "e"}, "b1");
  const auto works = agent_that_does_all();
  auto options = options_with(works);
  options.max_tasks_per_session = 2;
  const auto report = run_until_idle(place, options);
  CHECK(report.sessions == 3);
  CHECK(works->asked == std::vector<std::string>{"a", "b", "c", "d", "e"});
  CHECK(works->sessions.size() == 3);
  CHECK(works->sessions[0] < works->sessions[1]);
  CHECK(batch_of(place, "b1").state == batch_state::finished);
}

TEST_CASE("a task that comes late starts the next round and runs with no further call") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign(place, "a", "b1", true);
  const auto works = agent_that_does_all();
  run_until_idle(place, options_with(works));
  const auto late = assign(place, "b", "b1", false);
  CHECK(late.outcome.next_round);
  REQUIRE_FALSE(late.warnings.empty());
  CHECK(late.warnings.front().code == "late_task");
  run_until_idle(place, options_with(works));
  CHECK(task_of(place, "b").state == task_state::done);
  CHECK(task_of(place, "b").position == 2);
}

TEST_CASE("a batch sealed by its very first task keeps its session for stragglers") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  std::promise<void> first_ended;
  const auto works = agent_that_does_all();
  auto options = options_with(works);
  options.linger = std::chrono::minutes{5};
  std::stop_source stop;
  options.on_event = [&](const event& e) {
    if (e.what != event::kind::turn_ended) return;
    if (e.task->spec.id.str() == "a") first_ended.set_value();
    if (e.task->spec.id.str() == "b") stop.request_stop();
  };
  assign(place, "a", "b1", true);
  std::jthread straggler([&] {
    first_ended.get_future().wait();
    assign(place, "b", "b1", false);
  });
  REQUIRE(run(place, options, stop.get_token(), run_until::idle));
  CHECK(works->starts == 1);
  CHECK(works->asked == std::vector<std::string>{"a", "b"});
}

TEST_CASE("an agent whose program is missing fails the run and charges no task, and the batch is held at once") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a", "b"}, "b1");
  const auto works = agent_that_does_all();
  works->fail_start = true;
  int sessions = 0;
  auto options = options_with(works);
  options.on_event = [&](const event& e) {
    if (e.what == event::kind::session_ended) ++sessions;
  };
  const auto ran = run(place, options, {}, run_until::idle);
  REQUIRE_FALSE(ran);
  CHECK(ran.error().code == errc::agent_missing);
  CHECK(sessions == 1);
  const auto held = batch_of(place, "b1");
  CHECK(held.state == batch_state::held);
  CHECK(held.hold_reason.find("no such program") != std::string::npos);
  CHECK(task_of(place, "a").state == task_state::queued);
  CHECK(task_of(place, "a").counts == attempt_counts{});
  CHECK_FALSE(std::filesystem::exists(place.paths().marker));

  works->fail_start = false;
  REQUIRE(place.execute_queue(batch_id("b1")));
  run_until_idle(place, options);
  CHECK(task_of(place, "b").state == task_state::done);
}

TEST_CASE("the report of a run says what was done, what failed, and what is left and why") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  const auto failed = [] {
    auto what = done();
    what.end = turn_end::error;
    return what;
  };
  const auto works = agent_that([&](const turn_request& turn, const std::stop_token&) {
    return turn_report{turn.task == task_id("bad") ? failed() : done(), true};
  });
  assign_all(place, {"a", "bad", "b"}, "b1");
  auto report = run_until_idle(place, options_with(works));
  CHECK(report.tasks_done == 2);
  CHECK(report.tasks_failed == 1);
  CHECK(report.left.empty());
  CHECK(report.why_left.empty());

  assign_request blocked, foreign;
  blocked.batch = batch_id("b2");
  blocked.tasks = {spec("c"), spec("d")};
  blocked.settings.budget = spending_cap{.tokens = 5};
  foreign.batch = batch_id("b3");
  foreign.tasks = {spec("e")};
  foreign.agent = "other";
  REQUIRE(place.assign(blocked));
  REQUIRE(place.assign(foreign));
  report = run_until_idle(place, options_with(works));
  CHECK(report.tasks_done == 1);
  CHECK(report.tasks_left() == 2);
  CHECK(report.tasks_held() == 1);
  CHECK(report.why_left.find("\"b2\" is held because its budget cannot be kept") != std::string::npos);

  auto options = options_with(works);
  options.only = batch_id("b3");
  report = run_until_idle(place, options);
  CHECK(report.tasks_left() == 1);
  CHECK(report.why_left.find("agent \"other\", which this run does not serve") != std::string::npos);
}

TEST_CASE("a run beside another session says that it is the other one's") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a"}, "b1");
  std::optional<run_report> beside;
  const auto works = agent_that([&](const turn_request&, const std::stop_token&) {
    auto other = open_workspace(folder.path());
    beside = run_until_idle(other, options_with(agent_that_does_all()));
    return turn_report{done(), true};
  });
  run_until_idle(place, options_with(works));
  REQUIRE(beside);
  CHECK(beside->turns == 0);
  CHECK(beside->tasks_left() == 1);
  CHECK(beside->why_left == "another session runs batch \"b1\"");
}

TEST_CASE("an engine leaves batches alone that name another agent") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_request request;
  request.batch = batch_id("b1");
  request.tasks = {spec("a")};
  request.agent = "other";
  const auto reply = place.assign(request);
  REQUIRE(reply);
  REQUIRE_FALSE(reply->warnings.empty());
  const auto works = agent_that_does_all();
  run_until_idle(place, options_with(works));
  CHECK(works->starts == 0);
  const auto other = std::make_shared<function_agent>(
      [](const turn_request&, const std::stop_token&) {
        return turn_report{done(), true};
      },
      "other");
  run_until_idle(place, options_with(other));
  CHECK(task_of(place, "a").state == task_state::done);
}

TEST_CASE("a workspace that is replaced under an engine is left alone") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a", "b"}, "b1");
  const auto works = agent_that([&](const turn_request&, const std::stop_token&) {
    replace_data(place);
    return turn_report{done(), true};
  });
  const auto report = run(place, options_with(works), {}, run_until::idle);
  REQUIRE_FALSE(report);
  CHECK(report.error().code == errc::workspace_replaced);
  CHECK(std::filesystem::is_empty(folder.path() / "data"));
}

TEST_CASE("an engine that waits starts a batch that is assigned later, without being asked") {
  const scratch_folder folder;
  auto place = open_workspace(folder.path());
  auto elsewhere = open_workspace(folder.path());
  std::stop_source stop;
  const auto works = agent_that([&](const turn_request&, const std::stop_token&) {
    stop.request_stop();
    return turn_report{done(), true};
  });
  std::jthread engine([&] { CHECK(run(place, options_with(works), stop.get_token(), run_until::stopped)); });
  assign(elsewhere, "a", "b1", true);
  engine.join();
  CHECK(task_of(elsewhere, "a").state == task_state::done);
}
