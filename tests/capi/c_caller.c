/* A program in C99 that calls every function of cobatch.h: what is declared can be linked and called from C. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cobatch.h"

static void check(int ok, const char* what, int line) {
  if (ok) return;
  fprintf(stderr, "c_caller.c:%d: %s\n", line, what);
  exit(1);
}
#define CHECK(what) check((what) ? 1 : 0, #what, __LINE__)
#define OK(call) CHECK((call) == COBATCH_OK)
#define END(call) CHECK((call) == COBATCH_E_END)

static int destroyed;
static int lines_logged;

static void count_destroyed(void* user_data) { ++*(int*)user_data; }

static void count_line(void* user_data, int32_t level, cobatch_text message) {
  (void)level;
  CHECK(message.size > 0);
  ++*(int*)user_data;
}

static cobatch_status work_turn(void* user_data, void* session, const cobatch_turn_request* request,
                                cobatch_turn* turn) {
  cobatch_completion done = COBATCH_COMPLETION_INIT;
  cobatch_model_tokens model = {{"m", 1}, {1, 2, 3, 4, 5, 0}};
  cobatch_usage usage = COBATCH_USAGE_INIT;
  (void)user_data;
  (void)session;
  CHECK(request->task.size > 0);
  OK(cobatch_turn_progress(turn, cobatch_str("at it"), NULL));
  CHECK(cobatch_turn_interrupted(turn) == 0);
  usage.models = &model;
  usage.model_count = 1;
  done.end = COBATCH_TURN_DONE;
  done.usage = &usage;
  return cobatch_turn_complete(turn, &done, NULL);
}

static void ask_for_versions(void) {
  struct {
    uint32_t struct_size;
    int32_t member;
  } any;
  CHECK(strcmp(cobatch_version(), COBATCH_VERSION) == 0);
  CHECK(cobatch_abi_version() >= COBATCH_ABI_VERSION);
  CHECK(strcmp(cobatch_status_name(COBATCH_E_BAD_VALUE), "bad_value") == 0);
  cobatch_init(&any, sizeof any);
  CHECK(any.struct_size == sizeof any && any.member == 0);
}

static void read_an_error(void) {
  cobatch_error* err = NULL;
  CHECK(cobatch_open(NULL, NULL, &err) == COBATCH_E_BAD_VALUE);
  CHECK(cobatch_error_status(err) == COBATCH_E_BAD_VALUE);
  CHECK(cobatch_error_message(err).size > 0);
  cobatch_error_free(err);
}

static void assign(cobatch_workspace* place) {
  cobatch_task_spec tasks[3] = {COBATCH_TASK_SPEC_INIT, COBATCH_TASK_SPEC_INIT, COBATCH_TASK_SPEC_INIT};
  cobatch_assign_options options = COBATCH_ASSIGN_OPTIONS_INIT;
  cobatch_reply* reply = NULL;
  cobatch_warning_info warning = COBATCH_WARNING_INFO_INIT;
  const char* const ids[3] = {"a", "b", "c"};
  int i;
  for (i = 0; i < 3; ++i) tasks[i].id = tasks[i].description = cobatch_str(ids[i]);
  options.batch = cobatch_str("b1");
  options.flags = COBATCH_ASSIGN_KEEP_OPEN;
  OK(cobatch_assign_batch(place, tasks, 2, &options, NULL, NULL));
  OK(cobatch_assign_task(place, &tasks[2], &options, NULL, NULL));
  OK(cobatch_cancel(place, cobatch_str("c"), NULL, NULL));
  OK(cobatch_reset(place, cobatch_str("c"), NULL, NULL));
  OK(cobatch_cancel(place, cobatch_str("c"), NULL, NULL));
  OK(cobatch_seal(place, cobatch_str("b1"), &reply, NULL));
  CHECK(cobatch_reply_outcome(reply) == COBATCH_SEALED);
  OK(cobatch_reply_next_warning(reply, &warning, NULL));
  cobatch_reply_free(reply);
  OK(cobatch_execute_queue(place, cobatch_str("b1"), NULL, NULL));
}

static void drive_a_session(cobatch_workspace* place) {
  cobatch_session_options options = COBATCH_SESSION_OPTIONS_INIT;
  cobatch_session* session = NULL;
  cobatch_session_info record = COBATCH_SESSION_INFO_INIT;
  cobatch_turn_request request = COBATCH_TURN_REQUEST_INIT;
  cobatch_completion done = COBATCH_COMPLETION_INIT;
  options.max_tasks = 1;
  done.end = COBATCH_TURN_DONE;
  OK(cobatch_session_begin(place, &options, &session, NULL));
  OK(cobatch_session_read(session, &record, NULL));
  CHECK(record.end == COBATCH_SESSION_LIVE);
  OK(cobatch_session_next(session, &request, NULL));
  OK(cobatch_session_extend(session, request.turn, 60000, NULL, NULL));
  OK(cobatch_session_complete(session, request.turn, &done, NULL, NULL));
  OK(cobatch_session_end(session, NULL));
  cobatch_session_free(session);
}

static void run_the_rest(cobatch_workspace* place) {
  const cobatch_text argv[1] = {{"true", 4}};
  cobatch_claude_options claude = COBATCH_CLAUDE_OPTIONS_INIT;
  cobatch_codex_options codex = COBATCH_CODEX_OPTIONS_INIT;
  cobatch_gemini_options gemini = COBATCH_GEMINI_OPTIONS_INIT;
  cobatch_prompt_options prompt = COBATCH_PROMPT_OPTIONS_INIT;
  cobatch_agent_vtable calls = COBATCH_AGENT_VTABLE_INIT;
  cobatch_run_options options = COBATCH_RUN_OPTIONS_INIT;
  cobatch_run_report report = COBATCH_RUN_REPORT_INIT;
  cobatch_agent* agents[7] = {NULL, NULL, NULL, NULL, NULL, NULL, NULL};
  cobatch_engine* engine = NULL;
  int i;
  calls.turn = work_turn;
  calls.destroy = count_destroyed;
  OK(cobatch_agent_host(cobatch_str("host"), &calls, &destroyed, &agents[0], NULL));
  OK(cobatch_agent_claude(&claude, &agents[1], NULL));
  OK(cobatch_agent_command(cobatch_str("mine"), argv, 1, &agents[2], NULL));
  OK(cobatch_agent_scripted(cobatch_str(NULL), &agents[3], NULL));
  OK(cobatch_agent_codex(&codex, &agents[4], NULL));
  OK(cobatch_agent_gemini(&gemini, &agents[5], NULL));
  prompt.argv.items = argv;
  prompt.argv.count = 1;
  OK(cobatch_agent_prompt(&prompt, &agents[6], NULL));
  options.agents = agents;
  options.agent_count = 7;
  OK(cobatch_run(place, &options, &report, NULL));
  CHECK(report.turns == 1);
  OK(cobatch_engine_start(place, &options, &engine, NULL));
  CHECK(cobatch_engine_is_running(engine) != 0);
  OK(cobatch_engine_stop(engine, 1, NULL, NULL));
  cobatch_engine_free(engine);
  for (i = 0; i < 7; ++i) cobatch_agent_free(agents[i]);
  CHECK(destroyed == 1);
}

/* Puts a file into the folder; its path, until the next one is put there. */
static cobatch_text put_file(cobatch_text folder, const char* name, const char* content) {
  static char path[4096];
  FILE* file = NULL;
  CHECK(snprintf(path, sizeof path, "%s/%s", folder.data, name) < (int)sizeof path);
  file = fopen(path, "w");
  CHECK(file != NULL);
  CHECK(fputs(content, file) >= 0);
  CHECK(fclose(file) == 0);
  return cobatch_str(path);
}

static void read_all(cobatch_workspace* place) {
  cobatch_filter filter = COBATCH_FILTER_INIT;
  cobatch_batch_info batch = COBATCH_BATCH_INFO_INIT;
  cobatch_task_info task = COBATCH_TASK_INFO_INIT;
  cobatch_result_info result = COBATCH_RESULT_INFO_INIT;
  cobatch_turn_info turn = COBATCH_TURN_INFO_INIT;
  cobatch_session_info session = COBATCH_SESSION_INFO_INIT;
  cobatch_engine_info engine = COBATCH_ENGINE_INFO_INIT;
  cobatch_account_info account = COBATCH_ACCOUNT_INFO_INIT;
  cobatch_savings_info savings = COBATCH_SAVINGS_INFO_INIT;
  cobatch_lock_info lock = COBATCH_LOCK_INFO_INIT;
  cobatch_reply* reply = NULL;

  CHECK(cobatch_root(place).size > 0);
  OK(cobatch_list_batches(place, &filter, &reply, NULL));
  OK(cobatch_reply_next_batch(reply, &batch, NULL));
  cobatch_reply_free(reply);
  OK(cobatch_list_tasks(place, &filter, &reply, NULL));
  OK(cobatch_reply_next_task(reply, &task, NULL));
  cobatch_reply_free(reply);
  OK(cobatch_list_results(place, &filter, &reply, NULL));
  OK(cobatch_reply_next_result(reply, &result, NULL));
  cobatch_reply_free(reply);
  OK(cobatch_list_turns(place, &filter, &reply, NULL));
  OK(cobatch_reply_next_turn(reply, &turn, NULL));
  cobatch_reply_free(reply);
  OK(cobatch_list_sessions(place, &filter, &reply, NULL));
  OK(cobatch_reply_next_session(reply, &session, NULL));
  cobatch_reply_free(reply);
  OK(cobatch_find_task(place, cobatch_str("a"), NULL, NULL));
  OK(cobatch_find_batch(place, cobatch_str("b1"), NULL, NULL));
  OK(cobatch_wait(place, cobatch_str("b1"), 0, NULL, NULL));
  OK(cobatch_overview(place, &reply, NULL));
  END(cobatch_reply_next_engine(reply, &engine, NULL));
  cobatch_reply_free(reply);
  OK(cobatch_savings(place, cobatch_str("b1"), &reply, NULL));
  OK(cobatch_reply_next_account(reply, &account, NULL));
  OK(cobatch_reply_savings(reply, &savings, NULL));
  cobatch_reply_free(reply);
  OK(cobatch_lock_status(place, &reply, NULL));
  OK(cobatch_reply_lock(reply, &lock, NULL));
  cobatch_reply_free(reply);
  CHECK(cobatch_unlock(place, 0, NULL, NULL) == COBATCH_E_NO_MARKER);
  OK(cobatch_savings_at_prices(place, cobatch_str("b1"), put_file(cobatch_root(place), "prices.json", "{}"), NULL,
                               NULL));
}

static void look_from_outside(const cobatch_workspace_options* where) {
  cobatch_finding_info finding = COBATCH_FINDING_INFO_INIT;
  cobatch_reply* reply = NULL;
  OK(cobatch_diagnose(where, cobatch_str("b1"), &reply, NULL));
  OK(cobatch_reply_next_finding(reply, &finding, NULL));
  CHECK(finding.answer != 0);
  cobatch_reply_free(reply);
  OK(cobatch_diagnose_agents(where, &reply, NULL));
  cobatch_reply_free(reply);
}

static void follow(cobatch_workspace* place) {
  cobatch_events_options options = COBATCH_EVENTS_OPTIONS_INIT;
  cobatch_event_info event = COBATCH_EVENT_INFO_INIT;
  cobatch_events* events = NULL;
  options.flags = COBATCH_EVENTS_RESUME;
  OK(cobatch_events_open(place, &options, &events, NULL));
  CHECK(cobatch_events_fd(events) >= 0);
  OK(cobatch_events_wait(events, -1, &event, NULL));
  OK(cobatch_events_next(events, &event, NULL));
  cobatch_events_close(events);
}

static void call_with_json(cobatch_workspace* place) {
  cobatch_owned_text json = {NULL, 0};
  int32_t kind = -1;
  OK(cobatch_supported_actions(&json, NULL));
  cobatch_text_free(&json);
  OK(cobatch_call(place, cobatch_str("{\"tool_name\":\"claude_assistant\",\"action\":\"lock_status\"}"), &json, &kind,
                  NULL));
  CHECK(kind == COBATCH_CALL_DONE);
  cobatch_text_free(&json);
}

/* usage: c_caller FOLDER, which is there and empty */
int main(int argc, char** argv) {
  cobatch_workspace_options where = COBATCH_WORKSPACE_OPTIONS_INIT;
  cobatch_workspace* place = NULL;
  CHECK(argc == 2);
  ask_for_versions();
  read_an_error();
  where.root = cobatch_str(argv[1]);
  OK(cobatch_open(&where, &place, NULL));
  OK(cobatch_set_log(place, count_line, &lines_logged, NULL, NULL));
  assign(place);
  drive_a_session(place);
  run_the_rest(place);
  read_all(place);
  follow(place);
  call_with_json(place);
  look_from_outside(&where);
  OK(cobatch_retry(place, cobatch_str("b1"), NULL, NULL));
  cobatch_interrupt(place);
  CHECK(lines_logged > 0);
  cobatch_close(place);
  return 0;
}
