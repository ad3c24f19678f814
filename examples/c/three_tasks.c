/* Three tasks as one batch, done by a program that speaks the line protocol: three_tasks ./agent.py */
#include <cobatch.h>
#include <stdio.h>
#include <stdlib.h>

static cobatch_error* err;

static void must(cobatch_status status) {
  if (status == COBATCH_OK) return;
  fprintf(stderr, "%s: %s\n", cobatch_status_name(status), cobatch_error_message(err).data);
  exit(1);
}

int main(int argc, char** argv) {
  const char* todo[][2] = {
      {"doc_1", "Document feature A"}, {"doc_2", "Document feature B"}, {"doc_3", "Document feature C"}};
  cobatch_workspace* ws;
  must(cobatch_open(NULL, &ws, &err)); /* the current folder */

  cobatch_task_spec tasks[3] = {COBATCH_TASK_SPEC_INIT, COBATCH_TASK_SPEC_INIT, COBATCH_TASK_SPEC_INIT};
  for (int i = 0; i < 3; ++i) {
    tasks[i].id = cobatch_str(todo[i][0]);
    tasks[i].description = cobatch_str(todo[i][1]);
  }
  must(cobatch_assign_batch(ws, tasks, 3, NULL, NULL, &err));

  cobatch_text program = cobatch_str(argc > 1 ? argv[1] : "./agent.py");
  cobatch_agent* agent;
  must(cobatch_agent_command(cobatch_str(NULL), &program, 1, &agent, &err));
  cobatch_run_options run = COBATCH_RUN_OPTIONS_INIT;
  run.agents = &agent;
  run.agent_count = 1;
  cobatch_run_report ran = COBATCH_RUN_REPORT_INIT;
  must(cobatch_run(ws, &run, &ran, &err)); /* blocks until nothing is left to run */
  printf("sessions: %lld\n", (long long)ran.sessions);

  cobatch_reply* reply;
  cobatch_result_info result = COBATCH_RESULT_INFO_INIT;
  must(cobatch_list_results(ws, NULL, &reply, &err));
  while (cobatch_reply_next_result(reply, &result, NULL) == COBATCH_OK)
    printf("%s: %s, %s\n", result.task.data, result.state == COBATCH_TASK_DONE ? "done" : "error", result.output.data);

  cobatch_reply_free(reply);
  cobatch_agent_free(agent);
  cobatch_close(ws);
}
