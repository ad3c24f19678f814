#include <algorithm>
#include <stdexcept>
#include <thread>

#include "capi/host.hpp"

using namespace cobatch_test;

namespace {

// A turn with hardly any time may be interrupted as soon as it is called.
bool was_called(const host& works, const list& expected) {
  const list calls = works.calls();
  return std::is_permutation(calls.begin(), calls.end(), expected.begin(), expected.end());
}

}  // namespace

TEST_CASE("a host's agent is started once a session, worked task by task, stopped, and destroyed with its handle") {
  const scratch_workspace place;
  assign_all(place, {"a", "b"}, "b1");
  assign_all(place, {"c"}, "b2");
  host works([](const cobatch_turn_request& request, cobatch_turn* turn) {
    CHECK(copy_of(request.batch) == (request.session == 1 ? "b1" : "b2"));
    CHECK(copy_of(request.description) == "what is to be done");
    CHECK(copy_of(request.context).empty());
    CHECK(copy_of(request.prompt).find("what is to be done") != std::string::npos);
    CHECK(request.attempt == 1);
    CHECK(request.turn == request.position);
    CHECK(request.limit_ms == 30 * 60'000);
    return complete(turn).status;
  });
  works.on_start = [&](const cobatch_agent_start& how) {
    CHECK(copy_of(how.batch) == (how.session == 1 ? "b1" : "b2"));
    CHECK(copy_of(how.working_directory) == copy_of(cobatch_root(place)));
    CHECK(how.process == 1);
    return COBATCH_OK;
  };
  auto agent = works.agent();
  const auto ran = run_all(place, agent);
  CHECK(ran.sessions == 2);
  CHECK(ran.turns == 3);
  const list called{"start 1", "turn 1 a", "turn 1 b", "stop 1", "start 2", "turn 2 c", "stop 2"};
  CHECK(works.calls() == called);
  agent.reset();
  CHECK(works.calls().back() == "destroy");
  CHECK(works.calls().size() == called.size() + 1);
  CHECK(session_ends(place) == ends{COBATCH_SESSION_FINISHED, COBATCH_SESSION_FINISHED});
}

TEST_CASE("of an agent's callbacks only `turn` is needed") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  auto calls = fresh<cobatch_agent_vtable>();
  calls.turn = [](void* user_data, void* session, const cobatch_turn_request*, cobatch_turn* turn) {
    CHECK(user_data == nullptr);
    CHECK(session == nullptr);
    return complete(turn).status;
  };
  const auto agent = make<cobatch_agent>(cobatch_agent_host, cobatch_str("bare"), &calls, nullptr);
  CHECK(run_all(place, agent).turns == 1);
}

TEST_CASE("user_data is destroyed once, also if no agent could be made") {
  host never;
  const auto calls = host::vtable();
  cobatch_agent* agent = nullptr;
  const auto refused = [&](std::string_view name, const cobatch_agent_vtable& vtable) {
    return call(cobatch_agent_host, text(name), &vtable, static_cast<void*>(&never), &agent);
  };
  for (const char* taken : {"claude", "codex", "gemini", "command", "prompt", "scripted"})
    CHECK(refused(taken, calls) == COBATCH_E_BAD_VALUE);
  CHECK(refused("", calls) == COBATCH_E_BAD_ID);
  CHECK(refused("two\nlines", calls) == COBATCH_E_BAD_ID);
  auto without_turn = calls;
  without_turn.turn = nullptr;
  CHECK(refused("mine", without_turn) == COBATCH_E_BAD_VALUE);
  struct newer {
    cobatch_agent_vtable known = host::vtable();
    void* unknown = &known;
  } later;
  later.known.struct_size = sizeof later;
  CHECK(refused("mine", later.known) == COBATCH_E_STRUCT_SIZE);
  CHECK(call(cobatch_agent_host, cobatch_str("mine"), &calls, static_cast<void*>(&never), nullptr) ==
        COBATCH_E_BAD_VALUE);
  CHECK(agent == nullptr);
  CHECK(never.calls() == list(11, "destroy"));
}

TEST_CASE("an agent lives as long as a run uses it") {
  const scratch_workspace place;
  endless_host works;
  auto agent = works.agent();
  const run_with with(agent);
  const auto engine = make<cobatch_engine>(cobatch_engine_start, place.handle.get(), &with.options);
  agent.reset();
  assign_all(place, {"a"}, "b1");
  works.begun.wait();
  must(cobatch_engine_stop, engine.get(), 1, nullptr);
  CHECK(works.calls() == list{"start 1", "turn 1 a", "interrupt 1", "stop 1"});
}

TEST_CASE(
    "if an agent cannot be started the run fails, no task is charged, and after three sessions the batch is held") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  host fails;
  fails.on_start = [](const auto&) { return COBATCH_E_CALLBACK; };
  {
    const auto agent = fails.agent();
    const run_with with(agent);
    const auto ran = run(place, with.options);
    CHECK(ran == COBATCH_E_AGENT_FAILED);
    CHECK(ran.message.find("\"host\"") != std::string::npos);
  }
  CHECK(fails.calls() == list{"start 1", "start 2", "start 3", "destroy"});
  CHECK(session_ends(place) == ends(3, COBATCH_SESSION_AGENT_LOST));
  CHECK(hold_reason(place, "b1").find("\"host\"") != std::string::npos);
  CHECK(task_of(place, "a")->attempts == 0);
  CHECK(task_of(place, "a")->state == COBATCH_TASK_QUEUED);
}

TEST_CASE("a turn that fails, or comes to no completion, has broken: the agent is started anew and the task again") {
  struct broken_turn {
    const char* reason;
    host::turn_function turn;
  };
  const broken_turn turns[]{
      {"agent_failed", [](const auto&, cobatch_turn*) { return COBATCH_E_CALLBACK; }},
      {"agent_failed", [](const auto&, cobatch_turn*) { return 17; }},
      {"agent_failed", [](const auto&, cobatch_turn*) -> cobatch_status { throw std::runtime_error("no"); }},
      {"agent_failed", [](const auto&, cobatch_turn*) -> cobatch_status { throw 17; }},
      {"agent_failed",
       [](const auto&, cobatch_turn* turn) {
         CHECK(complete(turn) == COBATCH_OK);
         return COBATCH_E_CALLBACK;
       }},
      {"no_completion", [](const auto&, cobatch_turn*) { return COBATCH_OK; }},
  };
  for (const auto& [reason, turn] : turns) {
    INFO(std::string(reason));
    const scratch_workspace place;
    assign_all(place, {"a", "b"}, "b1");
    host works;
    works.on_turn = [&, break_it = turn](const cobatch_turn_request& request, cobatch_turn* t) {
      CHECK(request.attempt == (works.calls().size() < 3 || copy_of(request.task) == "b" ? 1 : 2));
      return works.calls().size() < 3 ? break_it(request, t) : complete(t).status;
    };
    run_all(place, works.agent());
    CHECK(works.calls() ==
          list{"start 1", "turn 1 a", "stop 1", "start 2", "turn 2 a", "turn 2 b", "stop 2", "destroy"});
    CHECK(turn_ends(place) == ends{COBATCH_TURN_BROKE, COBATCH_TURN_DONE, COBATCH_TURN_DONE});
    CHECK(session_ends(place) == ends{COBATCH_SESSION_FINISHED});
    const auto all = make<cobatch_reply>(cobatch_list_turns, place.handle.get(), nullptr);
    auto first = fresh<cobatch_turn_info>();
    must(cobatch_reply_next_turn, all.get(), &first);
    CHECK(copy_of(first.reason) == reason);
    CHECK(first.process == 1);
    CHECK(task_of(place, "a")->state == COBATCH_TASK_DONE);
  }
}

TEST_CASE("a task whose turns break as often as it has attempts ends as an error") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  host breaks([](const auto&, cobatch_turn*) { return COBATCH_E_CALLBACK; });
  run_all(place, breaks.agent());
  const auto outcome = result_of(place, "a");
  CHECK(outcome->state == COBATCH_TASK_ERROR);
  CHECK(outcome->said_by == COBATCH_SAID_BY_COBATCH);
  CHECK(outcome->end == COBATCH_TURN_BROKE);
  CHECK(turn_ends(place).size() == 2);
}

TEST_CASE("the first completion of a turn stands") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  host works([](const cobatch_turn_request&, cobatch_turn* turn) {
    CHECK(complete(turn, COBATCH_TURN_DONE, "first") == COBATCH_OK);
    CHECK(complete(turn, COBATCH_TURN_ERROR, "second") == COBATCH_E_ALREADY_COMPLETED);
    return COBATCH_OK;
  });
  run_all(place, works.agent());
  CHECK(copy_of(result_of(place, "a")->output) == "first");
  CHECK(result_of(place, "a")->state == COBATCH_TASK_DONE);
}

TEST_CASE("a turn may be completed from a thread that its callback waits for") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  host works([](const cobatch_turn_request&, cobatch_turn* turn) {
    std::thread([=] { CHECK(complete(turn) == COBATCH_OK); }).join();
    return COBATCH_OK;
  });
  run_all(place, works.agent());
  CHECK(task_of(place, "a")->state == COBATCH_TASK_DONE);
}

TEST_CASE("a completion that is not sound is refused, and a sound one can follow") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  host works([](const cobatch_turn_request&, cobatch_turn* turn) {
    const auto refused = [&](const auto& change) {
      cobatch_completion completion = COBATCH_COMPLETION_INIT;
      completion.end = COBATCH_TURN_DONE;
      change(completion);
      return call(cobatch_turn_complete, turn, &completion);
    };
    const auto with_end = [&](std::int32_t end) { return refused([&](cobatch_completion& c) { c.end = end; }); };
    for (const std::int32_t end :
         std::initializer_list<std::int32_t>{0, -1, COBATCH_TURN_INTERRUPTED, COBATCH_TURN_CANCELLED, 9, INT32_MAX})
      CHECK(with_end(end) == COBATCH_E_BAD_VALUE);

    const auto with_text = [&](cobatch_text cobatch_completion::*member, cobatch_text value) {
      return refused([&](cobatch_completion& c) { c.*member = value; });
    };
    using c = cobatch_completion;
    for (const auto member : {&c::reason, &c::detail, &c::output, &c::output_summary, &c::actions_taken, &c::errors}) {
      CHECK(with_text(member, cobatch_str("cut \xe2\x82")) == COBATCH_E_BAD_ENCODING);
      CHECK(with_text(member, {nullptr, 1}) == COBATCH_E_BAD_VALUE);
    }
    CHECK(with_text(&c::actions_taken, cobatch_str("{}")) == COBATCH_E_BAD_JSON);
    CHECK(with_text(&c::actions_taken, cobatch_str("wrote a file")) == COBATCH_E_BAD_JSON);
    CHECK(with_text(&c::errors, cobatch_str("[1,]")) == COBATCH_E_BAD_JSON);
    const std::string too_much(8 * 1024 * 1024 + 1, 'x');
    CHECK(with_text(&c::output, text(too_much)) == COBATCH_E_TOO_LARGE);
    CHECK(with_text(&c::output, {"x", SIZE_MAX}) == COBATCH_E_TOO_LARGE);

    cobatch_model_tokens models[1]{};
    cobatch_usage usage = COBATCH_USAGE_INIT;
    usage.models = models;
    usage.model_count = 1;
    const auto with_usage = [&] { return refused([&](cobatch_completion& done) { done.usage = &usage; }); };
    using t = cobatch_tokens;
    for (const auto count :
         {&t::uncached_input, &t::cache_write_5m, &t::cache_write_1h, &t::cache_read, &t::output, &t::reasoning})
      for (const std::int64_t impossible : {std::int64_t{-1}, std::int64_t{1'000'000'000'001}, INT64_MIN, INT64_MAX}) {
        models[0].tokens = {};
        models[0].tokens.*count = impossible;
        CHECK(with_usage() == COBATCH_E_BAD_VALUE);
      }
    models[0].tokens = {};
    models[0].model = cobatch_str("\xff");
    CHECK(with_usage() == COBATCH_E_BAD_ENCODING);
    models[0].model = {nullptr, 1};
    CHECK(with_usage() == COBATCH_E_BAD_VALUE);
    models[0].model = cobatch_str("m");
    usage.source = COBATCH_USAGE_TOLD + 1;
    CHECK(with_usage() == COBATCH_E_BAD_VALUE);
    usage.source = COBATCH_USAGE_REPORTED;
    usage.models = nullptr;
    CHECK(with_usage() == COBATCH_E_BAD_VALUE);
    return complete(turn).status;
  });
  run_all(place, works.agent());
  CHECK(copy_of(result_of(place, "a")->output) == "ok");
}

TEST_CASE("all that a completion says is stored with the task's result") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  host works([](const cobatch_turn_request&, cobatch_turn* turn) {
    const cobatch_model_tokens models[]{{cobatch_str("large"), {1, 2, 3, 4, 5, 1}},
                                        {cobatch_str("small"), {10, 20, 30, 40, 50, 10}}};
    cobatch_usage usage = COBATCH_USAGE_INIT;
    usage.source = COBATCH_USAGE_DIFFERENCE;
    usage.incomplete = 1;
    usage.models = models;
    usage.model_count = 2;
    cobatch_completion completion = COBATCH_COMPLETION_INIT;
    completion.end = COBATCH_TURN_ERROR;
    completion.reason = cobatch_str("a_reason");
    completion.detail = cobatch_str("A detail.");
    completion.output = text(std::string_view("with a \0", 8));
    completion.output_summary = cobatch_str("in short");
    completion.actions_taken = cobatch_str(R"([ "one", 2 ])");
    completion.errors = cobatch_str(R"("an error")");
    completion.usage = &usage;
    return call(cobatch_turn_complete, turn, &completion).status;
  });
  run_all(place, works.agent());
  const auto outcome = result_of(place, "a");
  CHECK(outcome->state == COBATCH_TASK_ERROR);
  CHECK(copy_of(outcome->reason) == "a_reason");
  CHECK(copy_of(outcome->detail) == "A detail.");
  CHECK(copy_of(outcome->output) == std::string_view("with a \0", 8));
  CHECK(copy_of(outcome->output_summary) == "in short");
  CHECK(copy_of(outcome->actions_taken) == R"(["one",2])");
  CHECK(copy_of(outcome->errors) == R"("an error")");
  REQUIRE(outcome->usage != nullptr);
  CHECK(outcome->usage->struct_size == sizeof(cobatch_usage));
  CHECK(outcome->usage->source == COBATCH_USAGE_DIFFERENCE);
  CHECK(outcome->usage->incomplete == 1);
  REQUIRE(outcome->usage->model_count == 2);
  CHECK(copy_of(outcome->usage->models[0].model) == "large");
  CHECK(copy_of(outcome->usage->models[1].model) == "small");
  CHECK(outcome->usage->models[1].tokens.cache_write_1h == 30);
  CHECK(outcome->usage->total.uncached_input == 11);
  CHECK(outcome->usage->total.cache_write_5m == 22);
  CHECK(outcome->usage->total.cache_read == 44);
  CHECK(outcome->usage->total.output == 55);
  CHECK(outcome->usage->total.reasoning == 11);
}

TEST_CASE("progress becomes an event of its turn, and a line that is too long is cut") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  const auto feed = make<cobatch_events>(cobatch_events_open, place.handle.get(), nullptr);
  const std::string line(65 * 1024, 'x');
  host works([&](const cobatch_turn_request&, cobatch_turn* turn) {
    must(cobatch_turn_progress, turn, cobatch_str("half way"));
    must(cobatch_turn_progress, turn, text(line));
    must(cobatch_turn_progress, turn, cobatch_str("not \xff UTF-8"));
    return complete(turn).status;
  });
  run_all(place, works.agent());
  list told;
  auto event = fresh<cobatch_event_info>();
  while (call(cobatch_events_next, feed.get(), &event) == COBATCH_OK) {
    if (event.kind != COBATCH_EVENT_PROGRESS) continue;
    CHECK(copy_of(event.task) == "a");
    CHECK(event.turn == 1);
    told.push_back(copy_of(event.text));
  }
  CHECK(told == list{"half way", line.substr(0, 64 * 1024), "not \xef\xbf\xbd UTF-8"});
}

TEST_CASE("a turn whose time is over is interrupted from another thread, and timed out") {
  const scratch_workspace place;
  auto once = spec("a");
  once.max_attempts = 1;
  must(cobatch_assign_task, place.handle.get(), &once, nullptr, nullptr);
  endless_host works;
  const auto agent = works.agent();
  run_with with(agent);
  with.options.turn_limit_ms = 1;
  CHECK(run(place, with.options) == COBATCH_OK);
  CHECK(was_called(works, {"start 1", "turn 1 a", "interrupt 1", "stop 1"}));
  CHECK(turn_ends(place) == ends{COBATCH_TURN_TIMED_OUT});
  CHECK(result_of(place, "a")->end == COBATCH_TURN_TIMED_OUT);
}

TEST_CASE("a turn whose task is cancelled is interrupted, and the next task follows with the agent started anew") {
  const scratch_workspace place;
  assign_all(place, {"a", "b"}, "b1");
  endless_host works;
  works.on_turn = [&](const cobatch_turn_request& request, cobatch_turn* turn) -> cobatch_status {
    if (copy_of(request.task) == "b") return complete(turn).status;
    must(cobatch_cancel, place.handle.get(), cobatch_str("a"), nullptr);
    works.interrupted.wait();
    return COBATCH_OK;
  };
  run_all(place, works.agent());
  CHECK(works.calls() ==
        list{"start 1", "turn 1 a", "interrupt 1", "stop 1", "start 2", "turn 2 b", "stop 2", "destroy"});
  CHECK(turn_ends(place) == ends{COBATCH_TURN_CANCELLED, COBATCH_TURN_DONE});
  CHECK(session_ends(place) == ends{COBATCH_SESSION_FINISHED});
  CHECK(task_of(place, "a")->state == COBATCH_TASK_CANCELLED);
}

TEST_CASE("what is thrown in a callback is caught, wherever it is thrown") {
  const scratch_workspace place;
  auto once = spec("a");
  once.max_attempts = 1;
  must(cobatch_assign_task, place.handle.get(), &once, nullptr, nullptr);
  const auto throws = [](auto&&...) { throw std::runtime_error("from a callback"); };
  must(
      cobatch_set_log, place.handle.get(), [](void*, std::int32_t, cobatch_text) { throw 1; }, nullptr,
      [](void*) { throw 2; });
  endless_host works;
  works.on_interrupt = [&] {
    works.interrupted.raise();
    throws();
  };
  works.on_stop = throws;
  works.on_destroy = throws;
  auto agent = works.agent();
  run_with with(agent);
  with.options.turn_limit_ms = 1;
  CHECK(run(place, with.options) == COBATCH_OK);
  agent.reset();
  CHECK(was_called(works, {"start 1", "turn 1 a", "interrupt 1", "stop 1", "destroy"}));

  host refuses;
  refuses.on_start = [](const auto&) -> cobatch_status { throw std::runtime_error("from start"); };
  refuses.on_destroy = throws;
  assign_all(place, {"b"}, "b2");
  {
    const auto unwilling = refuses.agent();
    const run_with refused(unwilling);
    CHECK(run(place, refused.options) == COBATCH_E_AGENT_FAILED);
  }
  CHECK(task_of(place, "b")->state == COBATCH_TASK_QUEUED);

  const auto calls = host::vtable();
  cobatch_agent* none = nullptr;
  CHECK(call(cobatch_agent_host, cobatch_str("claude"), &calls, static_cast<void*>(&refuses), &none) ==
        COBATCH_E_BAD_VALUE);
  must(cobatch_set_log, place.handle.get(), nullptr, nullptr, nullptr);
}

TEST_CASE("a callback may call the library") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  host works([&](const cobatch_turn_request& request, cobatch_turn* turn) {
    CHECK(task_of(place, copy_of(request.task))->state == COBATCH_TASK_IN_PROGRESS);
    CHECK(batch_of(place, "b1")->state == COBATCH_BATCH_RUNNING);
    assign(place, "b", "b1");
    const auto again = make<cobatch_reply>(cobatch_execute_queue, place.handle.get(), cobatch_text{nullptr, 0});
    CHECK(cobatch_reply_outcome(again.get()) == COBATCH_ALREADY_RUNNING);
    CHECK(call(cobatch_wait, place.handle.get(), cobatch_str("b1"), std::int64_t{0}, nullptr) == COBATCH_E_TIMED_OUT);
    return complete(turn).status;
  });
  CHECK(run_all(place, works.agent()).turns == 2);
  CHECK(batch_of(place, "b1")->state == COBATCH_BATCH_FINISHED);
}
