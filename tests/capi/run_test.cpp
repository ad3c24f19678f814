#include <thread>

#include "capi/host.hpp"

using namespace cobatch_test;

TEST_CASE("the scripted agent plays the guide's three tasks in one session") {
  const scratch_workspace place;
  assign_all(place, {"create_doc_1", "create_doc_2", "create_doc_3"}, "docs");
  const auto agent = make<cobatch_agent>(cobatch_agent_scripted, cobatch_str(paths::guide_figures.c_str()));
  const auto ran = run_all(place, agent);
  CHECK(ran.sessions == 1);
  CHECK(ran.turns == 3);
  CHECK(ran.tasks_done == 3);
  CHECK(ran.tasks_left == 0);
  CHECK(std::string(ran.why_left).empty());
  const auto second = result_of(place, "create_doc_2");
  CHECK(copy_of(second->output) == "Documentation for the second feature.");
  CHECK(second->loaded_context == 0);
  REQUIRE(second->usage != nullptr);
  CHECK(second->usage->source == COBATCH_USAGE_SCRIPTED);
  CHECK(second->usage->total.cache_read == 45'000);
  CHECK(result_of(place, "create_doc_1")->loaded_context == 1);
  CHECK(batch_of(place, "docs")->state == COBATCH_BATCH_FINISHED);
  CHECK_FALSE(std::filesystem::exists(place.data() / "execute_queue.lock"));
}

TEST_CASE("a program that speaks the line protocol is run by its name in batches, in the folder that is asked for") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1", "mine");
  const std::string script = (place.folder.path() / "script.json").native();
  std::ofstream(script) << R"({"otherwise":{"output":"said by a program","touch":"was_here"}})";
  const auto elsewhere = place.folder.path() / "elsewhere";
  std::filesystem::create_directory(elsewhere);
  const cobatch_text argv[]{cobatch_str(paths::scripted.c_str()), text(script)};
  const auto agent = make<cobatch_agent>(cobatch_agent_command, cobatch_str("mine"), argv, size_t{2});
  run_with with(agent);
  const std::string folder = elsewhere.native();
  with.options.working_directory = text(folder);
  CHECK(run(place, with.options) == COBATCH_OK);
  CHECK(copy_of(result_of(place, "a")->output) == "said by a program");
  CHECK(content_of(elsewhere / "was_here") == "a\n");
}

TEST_CASE(
    "a program that is not there fails the run and leaves the task uncharged, and the batch says why it is held") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  const cobatch_text argv[]{cobatch_str("/nowhere/agent")};
  const auto agent = make<cobatch_agent>(cobatch_agent_command, cobatch_text{nullptr, 0}, argv, size_t{1});
  const run_with with(agent);
  auto report = fresh<cobatch_run_report>();
  report.turns = 7;
  const auto ran = call(cobatch_run, place.handle.get(), &with.options, &report);
  CHECK(ran == COBATCH_E_AGENT_MISSING);
  CHECK(ran.message.find("/nowhere/agent") != std::string::npos);
  CHECK(report.turns == 0);
  CHECK(session_ends(place) == ends{COBATCH_SESSION_BLOCKED});
  CHECK(batch_of(place, "b1")->state == COBATCH_BATCH_HELD);
  CHECK(hold_reason(place, "b1").find("/nowhere/agent") != std::string::npos);
  CHECK(task_of(place, "a")->attempts == 0);
}

TEST_CASE("arguments of agents that cannot be arguments are refused") {
  cobatch_agent* agent = nullptr;
  const cobatch_text zero_byte[]{text(std::string_view("a\0b", 3))};
  const cobatch_text null_with_size[]{{nullptr, 2}};
  const cobatch_text fine[]{cobatch_str("agent")};
  const cobatch_text none{nullptr, 0};
  CHECK(call(cobatch_agent_command, none, zero_byte, size_t{1}, &agent) == COBATCH_E_BAD_VALUE);
  CHECK(call(cobatch_agent_command, none, null_with_size, size_t{1}, &agent) == COBATCH_E_BAD_VALUE);
  CHECK(call(cobatch_agent_command, cobatch_str("two\nlines"), fine, size_t{1}, &agent) == COBATCH_E_BAD_ID);
  CHECK(call(cobatch_agent_scripted, zero_byte[0], &agent) == COBATCH_E_BAD_VALUE);
  cobatch_claude_options options = COBATCH_CLAUDE_OPTIONS_INIT;
  options.program = zero_byte[0];
  CHECK(call(cobatch_agent_claude, &options, &agent) == COBATCH_E_BAD_VALUE);
  options.program = none;
  options.extra_arguments = null_with_size;
  options.extra_argument_count = 1;
  CHECK(call(cobatch_agent_claude, &options, &agent) == COBATCH_E_BAD_VALUE);
  CHECK(agent == nullptr);
  const auto with_defaults = make<cobatch_agent>(cobatch_agent_claude, nullptr);
}

TEST_CASE("a named batch is sealed if it is open and run alone, when it has finished nothing is left to do") {
  const scratch_workspace place;
  assign(place, "a", "named", COBATCH_ASSIGN_KEEP_OPEN);
  assign_all(place, {"b"}, "another");
  host works;
  const auto agent = works.agent();
  run_with with(agent);
  with.options.batch = cobatch_str("named");
  auto report = fresh<cobatch_run_report>();
  must(cobatch_run, place.handle.get(), &with.options, &report);
  CHECK(report.sessions == 1);
  CHECK(task_of(place, "b")->state == COBATCH_TASK_QUEUED);
  must(cobatch_run, place.handle.get(), &with.options, &report);
  CHECK(report.sessions == 0);
  CHECK(report.turns == 0);
  with.options.batch = cobatch_str("none");
  CHECK(run(place, with.options) == COBATCH_E_BATCH_NOT_FOUND);
  assign(place, "c", "emptied", COBATCH_ASSIGN_KEEP_OPEN);
  must(cobatch_cancel, place.handle.get(), cobatch_str("c"), nullptr);
  with.options.batch = cobatch_str("emptied");
  CHECK(run(place, with.options) == COBATCH_E_EMPTY_BATCH);
}

TEST_CASE("options of a run that make no sense are refused") {
  const scratch_workspace place;
  host works;
  const auto agent = works.agent();
  const auto refused = [&](auto member, std::int32_t value) {
    run_with with(agent);
    with.options.*member = value;
    cobatch_engine* engine = nullptr;
    CHECK(call(cobatch_engine_start, place.handle.get(), &with.options, &engine) == COBATCH_E_BAD_VALUE);
    return run(place, with.options);
  };
  CHECK(refused(&cobatch_run_options::max_tasks_per_session, -1) == COBATCH_E_BAD_VALUE);
  CHECK(refused(&cobatch_run_options::turn_limit_ms, -1) == COBATCH_E_BAD_VALUE);
  CHECK(refused(&cobatch_run_options::session_limit_ms, -1) == COBATCH_E_BAD_VALUE);
  CHECK(refused(&cobatch_run_options::check_limit_ms, -1) == COBATCH_E_BAD_VALUE);
  CHECK(refused(&cobatch_run_options::limit_wait_ms, -1) == COBATCH_E_BAD_VALUE);
  run_with with(agent);
  with.options.working_directory = {nullptr, 4};
  CHECK(run(place, with.options) == COBATCH_E_BAD_VALUE);
  with.options.working_directory = text(std::string_view("a\0b", 3));
  CHECK(run(place, with.options) == COBATCH_E_BAD_VALUE);
  with.options.working_directory = {nullptr, 0};
  with.options.batch = cobatch_str("\n");
  CHECK(run(place, with.options) == COBATCH_E_BAD_ID);
}

TEST_CASE("a session takes no more tasks than its limit says, and the rest follow in the next") {
  const scratch_workspace place;
  assign_all(place, {"a", "b", "c"}, "b1");
  host works;
  const auto agent = works.agent();
  run_with with(agent);
  with.options.max_tasks_per_session = 2;
  CHECK(run(place, with.options) == COBATCH_OK);
  CHECK(session_ends(place) == ends{COBATCH_SESSION_FULL, COBATCH_SESSION_FINISHED});
}

TEST_CASE("the first agent serves batches that name none, the others theirs") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  assign_all(place, {"b"}, "b2", "second");
  assign_all(place, {"c"}, "b3", "third");
  host one, two;
  const auto first = one.agent("first"), second = two.agent("second");
  cobatch_agent* const agents[]{first.get(), second.get()};
  run_with with(first);
  with.options.agents = agents;
  with.options.agent_count = 2;
  CHECK(run(place, with.options) == COBATCH_OK);
  CHECK(one.calls() == list{"start 1", "turn 1 a", "stop 1"});
  CHECK(two.calls() == list{"start 1", "turn 1 b", "stop 1"});
  CHECK(task_of(place, "c")->state == COBATCH_TASK_QUEUED);
}

TEST_CASE("one interrupt lets the running turn end: nothing is begun any more, and what is left stays queued") {
  const scratch_workspace place;
  assign_all(place, {"a", "b"}, "b1");
  host works([&](const cobatch_turn_request&, cobatch_turn* turn) {
    std::thread([&] { cobatch_interrupt(place); }).join();
    CHECK(cobatch_turn_interrupted(turn) == 0);
    return complete(turn).status;
  });
  const auto agent = works.agent();
  const run_with with(agent);
  auto report = fresh<cobatch_run_report>();
  CHECK(call(cobatch_run, place.handle.get(), &with.options, &report) == COBATCH_E_INTERRUPTED);
  CHECK(report.sessions == 1);
  CHECK(report.turns == 1);
  CHECK(works.calls() == list{"start 1", "turn 1 a", "stop 1"});
  CHECK(task_of(place, "a")->state == COBATCH_TASK_DONE);
  CHECK(task_of(place, "b")->state == COBATCH_TASK_QUEUED);
  CHECK(session_ends(place) == ends{COBATCH_SESSION_STOPPED});
  // Calls that begin later are not affected.
  works.on_turn = [](const auto&, cobatch_turn* turn) { return complete(turn).status; };
  CHECK(run(place, with.options) == COBATCH_OK);
  CHECK(task_of(place, "b")->state == COBATCH_TASK_DONE);
}

TEST_CASE("a second interrupt, or no grace, ends the running turn, its task is queued again and charged with nothing") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  endless_host works;
  const auto agent = works.agent();
  run_with with(agent);
  with.options.stop_grace_ms = INT64_MAX;
  int interrupts = 2;
  SUBCASE("a second interrupt") {}
  SUBCASE("no grace") {
    with.options.stop_grace_ms = -1;
    interrupts = 1;
  }
  std::thread interrupter([&] {
    works.begun.wait();
    for (int i = 0; i < interrupts; ++i) cobatch_interrupt(place);
  });
  CHECK(run(place, with.options) == COBATCH_E_INTERRUPTED);
  interrupter.join();
  CHECK(works.calls() == list{"start 1", "turn 1 a", "interrupt 1", "stop 1"});
  CHECK(turn_ends(place) == ends{COBATCH_TURN_STOPPED});
  CHECK(task_of(place, "a")->state == COBATCH_TASK_QUEUED);
  CHECK(task_of(place, "a")->attempts == 0);
}

TEST_CASE("what a run leaves is counted in its report, with the reason") {
  const scratch_workspace place;
  auto budget = fresh<cobatch_budget>();
  budget.tokens = 10;
  auto options = for_batch("b1", 0);
  options.budget = &budget;
  const auto a = spec("a"), b = spec("b");
  must(cobatch_assign_task, place.handle.get(), &b, &options, nullptr);
  must(cobatch_assign_task, place.handle.get(), &a, &options, nullptr);
  host works;
  const auto ran = run_all(place, works.agent());
  CHECK(ran.tasks_done == 1);
  CHECK(ran.tasks_left == 1);
  CHECK(ran.tasks_held == 1);
  CHECK(std::string(ran.why_left).find("nobody reported what turn 1 of session 1 used") != std::string::npos);
}
