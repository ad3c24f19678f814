/* A session that the program drives itself, with a model of its own in place of an agent.
**
** `ask_model` stands for your model: it answers at once, and its token counts are made up.
*/
#include <cobatch.h>
#include <stdio.h>
#include <stdlib.h>

static cobatch_error* err;

static void must(cobatch_status status) {
  if (status == COBATCH_OK) return;
  fprintf(stderr, "%s: %s\n", cobatch_status_name(status), cobatch_error_message(err).data);
  exit(1);
}

static cobatch_text ask_model(cobatch_text prompt, cobatch_model_tokens* used) {
  used->model = cobatch_str("pretend-1");
  used->tokens.uncached_input = (int64_t)prompt.size / 4;
  used->tokens.output = 12;
  return cobatch_str("It is documented.");
}

static void assign(cobatch_workspace* ws, const char* id, const char* description) {
  cobatch_task_spec task = COBATCH_TASK_SPEC_INIT;
  cobatch_assign_options options = COBATCH_ASSIGN_OPTIONS_INIT;
  task.id = cobatch_str(id);
  task.description = cobatch_str(description);
  options.batch = cobatch_str("docs");
  options.flags = COBATCH_ASSIGN_KEEP_OPEN;
  must(cobatch_assign_task(ws, &task, &options, NULL, &err));
}

int main(void) {
  cobatch_workspace* ws;
  cobatch_session* session;
  cobatch_turn_request task = COBATCH_TURN_REQUEST_INIT;
  cobatch_status status;

  must(cobatch_open(NULL, &ws, &err));
  assign(ws, "doc_1", "Document feature A");
  assign(ws, "doc_2", "Document feature B");
  must(cobatch_seal(ws, cobatch_str("docs"), NULL, &err));

  status = cobatch_session_begin(ws, NULL, &session, &err);
  if (status == COBATCH_E_END) {
    printf("there is nothing to do\n");
    return 0;
  }
  must(status); /* this process holds the lock now */
  while ((status = cobatch_session_next(session, &task, &err)) == COBATCH_OK) {
    cobatch_completion done = COBATCH_COMPLETION_INIT;
    cobatch_usage usage = COBATCH_USAGE_INIT;
    cobatch_model_tokens used = {{NULL, 0}, {0, 0, 0, 0, 0, 0}};
    done.end = COBATCH_TURN_DONE;
    done.output = ask_model(task.prompt, &used);
    usage.models = &used;
    usage.model_count = 1;
    done.usage = &usage;
    printf("%s: %s\n", task.task.data, done.output.data);
    must(cobatch_session_complete(session, task.turn, &done, NULL, &err));
  }
  if (status != COBATCH_E_END) must(status);
  must(cobatch_session_end(session, &err));

  cobatch_session_free(session);
  cobatch_close(ws);
}
