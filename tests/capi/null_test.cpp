// NULL where a function needs something: BAD_VALUE, never a crash.
#include <functional>

#include "capi/host.hpp"

using namespace cobatch_test;

namespace {

struct needy_call {
  std::string what;
  std::function<cobatch_status(cobatch_error**)> made;
};

// What calls that lack one thing are given of the others.
struct the_others {
  cobatch_workspace* place = nullptr;
  cobatch_reply* reply = nullptr;
  cobatch_session* session = nullptr;
  cobatch_events* events = nullptr;
  cobatch_turn* turn = nullptr;

  cobatch_batch_info batch = COBATCH_BATCH_INFO_INIT;
  cobatch_task_info task = COBATCH_TASK_INFO_INIT;
  cobatch_result_info outcome = COBATCH_RESULT_INFO_INIT;
  cobatch_turn_info turn_record = COBATCH_TURN_INFO_INIT;
  cobatch_session_info session_record = COBATCH_SESSION_INFO_INIT;
  cobatch_warning_info warning = COBATCH_WARNING_INFO_INIT;
  cobatch_engine_info engine = COBATCH_ENGINE_INFO_INIT;
  cobatch_account_info account = COBATCH_ACCOUNT_INFO_INIT;
  cobatch_lock_info lock = COBATCH_LOCK_INFO_INIT;
  cobatch_savings_info savings = COBATCH_SAVINGS_INFO_INIT;
  cobatch_finding_info finding = COBATCH_FINDING_INFO_INIT;
  cobatch_turn_request request = COBATCH_TURN_REQUEST_INIT;
  cobatch_event_info event = COBATCH_EVENT_INFO_INIT;
  cobatch_completion completion = COBATCH_COMPLETION_INIT;
  cobatch_task_spec spec = cobatch_test::spec("a");
  cobatch_prompt_options without_program = COBATCH_PROMPT_OPTIONS_INIT;
  cobatch_prompt_options null_argv = argv(nullptr);
  cobatch_prompt_options prompt = argv(&cat);
  cobatch_agent_vtable without_turn = COBATCH_AGENT_VTABLE_INIT;
  cobatch_agent_vtable with_turn = only_turn();
  cobatch_agent* none = nullptr;
  cobatch_run_options no_agents = COBATCH_RUN_OPTIONS_INIT;
  cobatch_run_options null_agents = agents(nullptr);
  cobatch_run_options null_agent = agents(&none);

  cobatch_reply* out_reply = nullptr;
  cobatch_agent* out_agent = nullptr;
  cobatch_engine* out_engine = nullptr;
  cobatch_session* out_session = nullptr;
  cobatch_events* out_events = nullptr;
  cobatch_owned_text out_text = {nullptr, 0};

  [[nodiscard]] std::vector<needy_call> calls();

 private:
  static inline const cobatch_text cat = cobatch_str("cat");
  static cobatch_prompt_options argv(const cobatch_text* program) {
    cobatch_prompt_options options = COBATCH_PROMPT_OPTIONS_INIT;
    options.argv = {program, 1};
    return options;
  }
  static cobatch_run_options agents(cobatch_agent* const* one) {
    cobatch_run_options options = COBATCH_RUN_OPTIONS_INIT;
    options.agents = one;
    options.agent_count = 1;
    return options;
  }
  static cobatch_agent_vtable only_turn() {
    cobatch_agent_vtable calls = COBATCH_AGENT_VTABLE_INIT;
    calls.turn = host::vtable().turn;
    return calls;
  }
};

#define NEEDY(function, ...)                                                                               \
  {                                                                                                        \
#function "(" #__VA_ARGS__ ")", [=, this](cobatch_error * *err) { return function(__VA_ARGS__, err); } \
  }

std::vector<needy_call> the_others::calls() {
  const cobatch_text id = cobatch_str("a"), absent{nullptr, 0};
  const cobatch_text null_with_size{nullptr, 1};
  return {
      NEEDY(cobatch_open, nullptr, nullptr),
      NEEDY(cobatch_set_log, nullptr, nullptr, nullptr, nullptr),
      NEEDY(cobatch_reply_next_batch, nullptr, &batch),
      NEEDY(cobatch_reply_next_batch, reply, nullptr),
      NEEDY(cobatch_reply_next_task, nullptr, &task),
      NEEDY(cobatch_reply_next_task, reply, nullptr),
      NEEDY(cobatch_reply_next_result, nullptr, &outcome),
      NEEDY(cobatch_reply_next_result, reply, nullptr),
      NEEDY(cobatch_reply_next_turn, nullptr, &turn_record),
      NEEDY(cobatch_reply_next_turn, reply, nullptr),
      NEEDY(cobatch_reply_next_session, nullptr, &session_record),
      NEEDY(cobatch_reply_next_session, reply, nullptr),
      NEEDY(cobatch_reply_next_warning, nullptr, &warning),
      NEEDY(cobatch_reply_next_warning, reply, nullptr),
      NEEDY(cobatch_reply_next_engine, nullptr, &engine),
      NEEDY(cobatch_reply_next_engine, reply, nullptr),
      NEEDY(cobatch_reply_next_account, nullptr, &account),
      NEEDY(cobatch_reply_next_account, reply, nullptr),
      NEEDY(cobatch_reply_lock, nullptr, &lock),
      NEEDY(cobatch_reply_lock, reply, nullptr),
      NEEDY(cobatch_reply_savings, nullptr, &savings),
      NEEDY(cobatch_reply_savings, reply, nullptr),
      NEEDY(cobatch_reply_next_finding, nullptr, &finding),
      NEEDY(cobatch_reply_next_finding, reply, nullptr),
      NEEDY(cobatch_assign_task, nullptr, &spec, nullptr, &out_reply),
      NEEDY(cobatch_assign_task, place, nullptr, nullptr, &out_reply),
      NEEDY(cobatch_assign_batch, nullptr, &spec, 1, nullptr, &out_reply),
      NEEDY(cobatch_assign_batch, place, nullptr, 1, nullptr, &out_reply),
      NEEDY(cobatch_assign_batch, place, &spec, 0, nullptr, &out_reply),
      NEEDY(cobatch_seal, nullptr, id, &out_reply),
      NEEDY(cobatch_seal, place, null_with_size, &out_reply),
      NEEDY(cobatch_execute_queue, nullptr, id, &out_reply),
      NEEDY(cobatch_execute_queue, place, null_with_size, &out_reply),
      NEEDY(cobatch_cancel, nullptr, id, &out_reply),
      NEEDY(cobatch_cancel, place, null_with_size, &out_reply),
      NEEDY(cobatch_reset, nullptr, id, &out_reply),
      NEEDY(cobatch_reset, place, null_with_size, &out_reply),
      NEEDY(cobatch_retry, nullptr, id, &out_reply),
      NEEDY(cobatch_retry, place, null_with_size, &out_reply),
      NEEDY(cobatch_find_task, nullptr, id, &out_reply),
      NEEDY(cobatch_find_task, place, null_with_size, &out_reply),
      NEEDY(cobatch_find_batch, nullptr, id, &out_reply),
      NEEDY(cobatch_find_batch, place, null_with_size, &out_reply),
      NEEDY(cobatch_wait, nullptr, id, 0, &out_reply),
      NEEDY(cobatch_wait, place, null_with_size, 0, &out_reply),
      NEEDY(cobatch_overview, nullptr, &out_reply),
      NEEDY(cobatch_list_batches, nullptr, nullptr, &out_reply),
      NEEDY(cobatch_list_batches, place, nullptr, nullptr),
      NEEDY(cobatch_list_tasks, nullptr, nullptr, &out_reply),
      NEEDY(cobatch_list_tasks, place, nullptr, nullptr),
      NEEDY(cobatch_list_results, nullptr, nullptr, &out_reply),
      NEEDY(cobatch_list_results, place, nullptr, nullptr),
      NEEDY(cobatch_list_turns, nullptr, nullptr, &out_reply),
      NEEDY(cobatch_list_turns, place, nullptr, nullptr),
      NEEDY(cobatch_list_sessions, nullptr, nullptr, &out_reply),
      NEEDY(cobatch_list_sessions, place, nullptr, nullptr),
      NEEDY(cobatch_agent_claude, nullptr, nullptr),
      NEEDY(cobatch_agent_codex, nullptr, nullptr),
      NEEDY(cobatch_agent_gemini, nullptr, nullptr),
      NEEDY(cobatch_agent_command, id, &id, 1, nullptr),
      NEEDY(cobatch_agent_command, id, nullptr, 1, &out_agent),
      NEEDY(cobatch_agent_command, id, &id, 0, &out_agent),
      NEEDY(cobatch_agent_prompt, nullptr, &out_agent),
      NEEDY(cobatch_agent_prompt, &without_program, &out_agent),
      NEEDY(cobatch_agent_prompt, &null_argv, &out_agent),
      NEEDY(cobatch_agent_prompt, &prompt, nullptr),
      NEEDY(cobatch_agent_scripted, id, nullptr),
      NEEDY(cobatch_agent_scripted, null_with_size, &out_agent),
      NEEDY(cobatch_agent_host, id, nullptr, nullptr, &out_agent),
      NEEDY(cobatch_agent_host, id, &without_turn, nullptr, &out_agent),
      NEEDY(cobatch_agent_host, id, &with_turn, nullptr, nullptr),
      NEEDY(cobatch_turn_complete, nullptr, &completion),
      NEEDY(cobatch_turn_complete, turn, nullptr),
      NEEDY(cobatch_turn_progress, nullptr, id),
      NEEDY(cobatch_turn_progress, turn, null_with_size),
      NEEDY(cobatch_run, nullptr, &no_agents, nullptr),
      NEEDY(cobatch_run, place, nullptr, nullptr),
      NEEDY(cobatch_run, place, &no_agents, nullptr),
      NEEDY(cobatch_run, place, &null_agents, nullptr),
      NEEDY(cobatch_run, place, &null_agent, nullptr),
      NEEDY(cobatch_engine_start, nullptr, &no_agents, &out_engine),
      NEEDY(cobatch_engine_start, place, nullptr, &out_engine),
      NEEDY(cobatch_engine_start, place, &null_agents, &out_engine),
      NEEDY(cobatch_engine_start, place, &null_agent, &out_engine),
      NEEDY(cobatch_engine_start, place, &null_agent, nullptr),
      NEEDY(cobatch_engine_stop, nullptr, 0, nullptr),
      NEEDY(cobatch_session_begin, nullptr, nullptr, &out_session),
      NEEDY(cobatch_session_begin, place, nullptr, nullptr),
      NEEDY(cobatch_session_read, nullptr, &session_record),
      NEEDY(cobatch_session_read, session, nullptr),
      NEEDY(cobatch_session_next, nullptr, &request),
      NEEDY(cobatch_session_next, session, nullptr),
      NEEDY(cobatch_session_complete, nullptr, 1, &completion, &out_reply),
      NEEDY(cobatch_session_complete, session, 1, nullptr, &out_reply),
      NEEDY(cobatch_session_extend, nullptr, 1, 1, nullptr),
      NEEDY(cobatch_session_end, nullptr),
      NEEDY(cobatch_events_open, nullptr, nullptr, &out_events),
      NEEDY(cobatch_events_open, place, nullptr, nullptr),
      NEEDY(cobatch_events_next, nullptr, &event),
      NEEDY(cobatch_events_next, events, nullptr),
      NEEDY(cobatch_events_wait, nullptr, 0, &event),
      NEEDY(cobatch_events_wait, events, 0, nullptr),
      NEEDY(cobatch_lock_status, nullptr, &out_reply),
      NEEDY(cobatch_unlock, nullptr, 0, &out_reply),
      NEEDY(cobatch_unlock, place, 2, &out_reply),
      NEEDY(cobatch_savings, nullptr, id, &out_reply),
      NEEDY(cobatch_savings, place, null_with_size, &out_reply),
      NEEDY(cobatch_savings_at_prices, nullptr, id, id, &out_reply),
      NEEDY(cobatch_savings_at_prices, place, null_with_size, id, &out_reply),
      NEEDY(cobatch_savings_at_prices, place, id, null_with_size, &out_reply),
      NEEDY(cobatch_savings_at_prices, place, id, absent, &out_reply),
      NEEDY(cobatch_call, nullptr, id, &out_text, nullptr),
      NEEDY(cobatch_call, place, id, nullptr, nullptr),
      NEEDY(cobatch_call, place, null_with_size, &out_text, nullptr),
      NEEDY(cobatch_supported_actions, nullptr),
      NEEDY(cobatch_diagnose, nullptr, id, nullptr),
      NEEDY(cobatch_diagnose, nullptr, null_with_size, &out_reply),
      NEEDY(cobatch_diagnose_agents, nullptr, nullptr),
  };
}

#undef NEEDY

}  // namespace

TEST_CASE("NULL where something is needed is BAD_VALUE, for every function, with and without err") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  assign_all(place, {"b"}, "b2");
  const auto reply = make<cobatch_reply>(cobatch_overview, place.handle.get());
  const auto events = make<cobatch_events>(cobatch_events_open, place.handle.get(), nullptr);
  auto only_b2 = fresh<cobatch_session_options>();
  only_b2.batch = cobatch_str("b2");
  const auto session = make<cobatch_session>(cobatch_session_begin, place.handle.get(), &only_b2);
  must(cobatch_session_end, session.get());

  the_others given{place, reply.get(), session.get(), events.get()};
  // A turn is there only while its callback runs.
  host works([&](const cobatch_turn_request&, cobatch_turn* turn) {
    given.turn = turn;
    for (const auto& needy : given.calls()) {
      INFO(needy.what);
      CHECK(answer_of(needy.made) == COBATCH_E_BAD_VALUE);
      CHECK(needy.made(nullptr) == COBATCH_E_BAD_VALUE);
    }
    return complete(turn).status;
  });
  CHECK(run_all(place, works.agent()).turns == 2);
}

TEST_CASE("what answers without a status takes NULL, too") {
  CHECK(cobatch_str(nullptr).size == 0);
  cobatch_text_free(nullptr);
  cobatch_owned_text absent{nullptr, 0};
  cobatch_text_free(&absent);
  CHECK(absent.data == nullptr);
  cobatch_init(nullptr, 16);
  CHECK(cobatch_error_status(nullptr) == COBATCH_OK);
  CHECK(copy_of(cobatch_error_message(nullptr)).empty());
  CHECK(copy_of(cobatch_root(nullptr)).empty());
  CHECK(cobatch_reply_outcome(nullptr) == COBATCH_NO_OUTCOME);
  CHECK(cobatch_turn_interrupted(nullptr) == 0);
  CHECK(cobatch_engine_is_running(nullptr) == 0);
  CHECK(cobatch_events_fd(nullptr) == -1);
  cobatch_interrupt(nullptr);
  cobatch_error_free(nullptr);
  cobatch_close(nullptr);
  cobatch_reply_free(nullptr);
  cobatch_agent_free(nullptr);
  cobatch_engine_free(nullptr);
  cobatch_session_free(nullptr);
  cobatch_events_close(nullptr);
}
