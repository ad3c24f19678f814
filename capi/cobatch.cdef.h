const char* cobatch_version(void);

int32_t cobatch_abi_version(void);

typedef struct cobatch_text {
  const char* data;
  size_t size;
} cobatch_text;

typedef struct cobatch_texts {
  const cobatch_text* items;
  size_t count;
} cobatch_texts;

typedef struct cobatch_owned_text {
  char* data;
  size_t size;
} cobatch_owned_text;

cobatch_text cobatch_str(const char* zero_terminated);

void cobatch_text_free(cobatch_owned_text* text);

void cobatch_init(void* options, uint32_t size);

typedef int32_t cobatch_status;

enum {
  COBATCH_OK = 0,

  COBATCH_E_BAD_JSON = -1,
  COBATCH_E_NOT_AN_OBJECT = -2,
  COBATCH_E_WRONG_TYPE = -3,
  COBATCH_E_MISSING_FIELD = -4,
  COBATCH_E_UNKNOWN_TOOL = -5,
  COBATCH_E_UNKNOWN_ACTION = -6,
  COBATCH_E_TOO_LARGE = -7,
  COBATCH_E_BAD_ENCODING = -8,
  COBATCH_E_BAD_ID = -9,
  COBATCH_E_BAD_VALUE = -10,
  COBATCH_E_DUPLICATE_IN_BATCH = -11,

  COBATCH_E_TASK_EXISTS = -100,
  COBATCH_E_TASK_NOT_FOUND = -101,
  COBATCH_E_BATCH_NOT_FOUND = -102,
  COBATCH_E_EMPTY_BATCH = -103,
  COBATCH_E_TASK_IN_PROGRESS = -104,
  COBATCH_E_TASK_ENDED = -105,
  COBATCH_E_TASK_QUEUED = -106,
  COBATCH_E_ALREADY_COMPLETED = -107,
  COBATCH_E_STALE_SESSION = -108,
  COBATCH_E_AGENT_CONFLICT = -109,
  COBATCH_E_FOREIGN_MARKER = -110,
  COBATCH_E_SESSION_LIVE = -111,
  COBATCH_E_NO_MARKER = -112,
  COBATCH_E_NO_USAGE = -113,
  COBATCH_E_BATCH_CONFLICT = -114,
  COBATCH_E_NEED_UNKNOWN = -115,
  COBATCH_E_UNPRICED_MODEL = -116,

  COBATCH_E_AGENT_UNKNOWN = -200,
  COBATCH_E_AGENT_MISSING = -201,
  COBATCH_E_AGENT_FAILED = -202,
  COBATCH_E_KEEPER_MISSING = -203,

  COBATCH_E_STORAGE_FAULT = -300,
  COBATCH_E_DISK_FULL = -301,
  COBATCH_E_NOT_WRITABLE = -302,
  COBATCH_E_CANNOT_LOCK = -303,
  COBATCH_E_UNSAFE_FILE = -304,
  COBATCH_E_WORKSPACE_REPLACED = -305,
  COBATCH_E_STORE_NEWER = -306,
  COBATCH_E_STORE_DAMAGED = -307,
  COBATCH_E_IO_ERROR = -308,
  COBATCH_E_OUTCOME_UNKNOWN = -309,

  COBATCH_E_TIMED_OUT = -400,
  COBATCH_E_INTERRUPTED = -401,
  COBATCH_E_PORT_IN_USE = -402,
  COBATCH_E_INTERNAL = -403,
  COBATCH_E_FORKED = -404,
  COBATCH_E_BUSY = -405,

  COBATCH_E_END = -500,
  COBATCH_E_NO_MEMORY = -501,
  COBATCH_E_STRUCT_SIZE = -502,
  COBATCH_E_CALLBACK = -503
};

typedef struct cobatch_error cobatch_error;

const char* cobatch_status_name(cobatch_status status);

cobatch_status cobatch_error_status(const cobatch_error* error);
cobatch_text cobatch_error_message(const cobatch_error* error);

void cobatch_error_free(cobatch_error* error);

typedef struct cobatch_workspace cobatch_workspace;

typedef struct cobatch_workspace_options {
  uint32_t struct_size;
  int32_t max_tasks_per_session;
  cobatch_text root;
  cobatch_text state;
} cobatch_workspace_options;

cobatch_status cobatch_open(const cobatch_workspace_options* options, cobatch_workspace** workspace,
                                        cobatch_error** err);

void cobatch_close(cobatch_workspace* workspace);

cobatch_text cobatch_root(const cobatch_workspace* workspace);

void cobatch_interrupt(cobatch_workspace* workspace);

enum { COBATCH_LOG_INFO = 1, COBATCH_LOG_WARNING = 2 };

typedef void (*cobatch_log_fn)(void* user_data, int32_t level, cobatch_text message);

cobatch_status cobatch_set_log(cobatch_workspace* workspace, cobatch_log_fn log, void* user_data,
                                           void (*destroy)(void* user_data), cobatch_error** err);

enum { COBATCH_PRIORITY_DEFAULT = 0, COBATCH_PRIORITY_LOW = 1, COBATCH_PRIORITY_MEDIUM = 2, COBATCH_PRIORITY_HIGH = 3 };

enum {
  COBATCH_TASK_QUEUED = 1,
  COBATCH_TASK_IN_PROGRESS = 2,
  COBATCH_TASK_DONE = 3,
  COBATCH_TASK_ERROR = 4,
  COBATCH_TASK_CANCELLED = 5
};

enum {
  COBATCH_BATCH_OPEN = 1,
  COBATCH_BATCH_SEALED = 2,
  COBATCH_BATCH_RUNNING = 3,
  COBATCH_BATCH_ENDING = 4,
  COBATCH_BATCH_FINISHED = 5,
  COBATCH_BATCH_HELD = 6
};

enum {
  COBATCH_TURN_RUNNING = 0,
  COBATCH_TURN_DONE = 1,
  COBATCH_TURN_ERROR = 2,
  COBATCH_TURN_DENIED = 3,
  COBATCH_TURN_BROKE = 4,
  COBATCH_TURN_TIMED_OUT = 5,
  COBATCH_TURN_INTERRUPTED = 6,
  COBATCH_TURN_STOPPED = 7,
  COBATCH_TURN_CANCELLED = 8
};

enum {
  COBATCH_SESSION_LIVE = 0,
  COBATCH_SESSION_FINISHED = 1,
  COBATCH_SESSION_FULL = 2,
  COBATCH_SESSION_NOT_STARTED = 3,
  COBATCH_SESSION_STOPPED = 4,
  COBATCH_SESSION_AGENT_LOST = 5,
  COBATCH_SESSION_CRASHED = 6,
  COBATCH_SESSION_CANCELLED = 7,
  COBATCH_SESSION_BLOCKED = 8,
  COBATCH_SESSION_BUDGET = 9,
  COBATCH_SESSION_USAGE_UNKNOWN = 10
};

enum {
  COBATCH_WAY_DEFAULT = 0,
  COBATCH_WAY_ONE_SESSION = 1,
  COBATCH_WAY_FORK = 2,
  COBATCH_WAY_SEPARATE = 3
};

enum {
  COBATCH_ON_ERROR_DEFAULT = 0,
  COBATCH_ON_ERROR_CONTINUE = 1,
  COBATCH_ON_ERROR_STOP = 2
};

enum {
  COBATCH_USAGE_REPORTED = 0,
  COBATCH_USAGE_DIFFERENCE = 1,
  COBATCH_USAGE_TRANSCRIPT = 2,
  COBATCH_USAGE_SCRIPTED = 3,

  COBATCH_USAGE_TOLD = 4
};

enum {
  COBATCH_SAID_BY_AGENT = 0,
  COBATCH_SAID_BY_NOBODY = 1,
  COBATCH_SAID_BY_COBATCH = 2
};

typedef struct cobatch_tokens {
  int64_t uncached_input;
  int64_t cache_write_5m;
  int64_t cache_write_1h;
  int64_t cache_read;
  int64_t output;
  int64_t reasoning;
} cobatch_tokens;

typedef struct cobatch_model_tokens {
  cobatch_text model;
  cobatch_tokens tokens;
} cobatch_model_tokens;

typedef struct cobatch_usage {
  uint32_t struct_size;
  int32_t source;
  int32_t incomplete;
  const cobatch_model_tokens* models;
  size_t model_count;
  cobatch_tokens total;

  int32_t has_requests;
  int32_t has_inherited_read;
  int64_t requests;
  int64_t inherited_read;
} cobatch_usage;

typedef struct cobatch_budget {
  uint32_t struct_size;
  int64_t nano_dollars;
  int64_t tokens;
  int64_t time_ms;

  int32_t allow_unknown;
} cobatch_budget;

typedef struct cobatch_changes {
  uint32_t struct_size;
  int32_t incomplete;
  cobatch_texts files;
  cobatch_texts commits;
} cobatch_changes;

typedef struct cobatch_warning_info {
  uint32_t struct_size;
  cobatch_text code;
  cobatch_text message;
} cobatch_warning_info;

typedef struct cobatch_batch_info {
  uint32_t struct_size;
  int32_t state;
  int32_t priority;
  int32_t fruitless_sessions;
  cobatch_text id;
  cobatch_text agent;
  cobatch_text hold_reason;
  int64_t round;
  int64_t queued, in_progress, done, error, cancelled;
  int64_t created_at, last_assign_at, sealed_at, held_until;

  int32_t way;
  int32_t on_error;
  int32_t preamble;
  cobatch_text model;
  const cobatch_budget* budget;
} cobatch_batch_info;

typedef struct cobatch_task_info {
  uint32_t struct_size;
  int32_t state;
  int32_t duplicate;
  int32_t priority;
  int32_t max_attempts, attempts, interruptions;
  cobatch_text id, batch;
  cobatch_text description;
  cobatch_text context;
  cobatch_text assigned_by;
  int64_t position;
  int64_t round;
  int64_t session, turn;
  int64_t created_at, started_at, ended_at;

  cobatch_texts needs, check, tools;
  cobatch_text model;
  cobatch_text reason;
  int64_t limit_ms;
} cobatch_task_info;

typedef struct cobatch_result_info {
  uint32_t struct_size;
  int32_t state;
  int32_t end;
  int32_t said_by;
  int32_t loaded_context;
  cobatch_text task, batch;
  cobatch_text reason;
  cobatch_text detail;
  cobatch_text output, output_summary;
  cobatch_text actions_taken;
  cobatch_text errors;
  int64_t position, session, turn;
  int64_t completed_at, duration_ms;
  const cobatch_usage* usage;

  const cobatch_usage* preamble_usage;
  const cobatch_changes* changes;
} cobatch_result_info;

typedef struct cobatch_turn_info {
  uint32_t struct_size;
  int32_t end;
  int32_t attempt;
  int32_t recovered;
  cobatch_text task;
  cobatch_text batch, reason, detail;
  int64_t session, turn, position;
  int64_t process, process_turn;
  int64_t started_at, ended_at;
  const cobatch_usage* usage;

  int32_t loaded_context;
  cobatch_text conversation;
  const cobatch_changes* changes;
} cobatch_turn_info;

typedef struct cobatch_session_info {
  uint32_t struct_size;
  int32_t end;
  int32_t end_requested;
  cobatch_text batch, agent, end_detail;
  int64_t session, round;
  int64_t owner_pid;
  int64_t turns_settled;
  int64_t started_at, ended_at;

  cobatch_text agent_version, agent_model;
  cobatch_text agent_billing;
  cobatch_text pause_reason;
  int64_t paused_until;
} cobatch_session_info;

typedef struct cobatch_reply cobatch_reply;

cobatch_status cobatch_reply_next_batch(cobatch_reply* reply, cobatch_batch_info* record,
                                                    cobatch_error** err);
cobatch_status cobatch_reply_next_task(cobatch_reply* reply, cobatch_task_info* record,
                                                   cobatch_error** err);
cobatch_status cobatch_reply_next_result(cobatch_reply* reply, cobatch_result_info* record,
                                                     cobatch_error** err);
cobatch_status cobatch_reply_next_turn(cobatch_reply* reply, cobatch_turn_info* record,
                                                   cobatch_error** err);
cobatch_status cobatch_reply_next_session(cobatch_reply* reply, cobatch_session_info* record,
                                                      cobatch_error** err);
cobatch_status cobatch_reply_next_warning(cobatch_reply* reply, cobatch_warning_info* record,
                                                      cobatch_error** err);

enum {
  COBATCH_NO_OUTCOME = 0,
  COBATCH_STORED = 1,
  COBATCH_DUPLICATE = 2,
  COBATCH_SEALED = 3,
  COBATCH_UNCHANGED = 4,
  COBATCH_STARTED = 5,
  COBATCH_ALREADY_RUNNING = 6,
  COBATCH_NOTHING_TO_DO = 7,
  COBATCH_CANCELLED = 8,
  COBATCH_MARKER_REMOVED = 9,
  COBATCH_END_REQUESTED = 10,

  COBATCH_QUEUED_AGAIN = 11
};

int32_t cobatch_reply_outcome(const cobatch_reply* reply);

void cobatch_reply_free(cobatch_reply* reply);

typedef struct cobatch_task_spec {
  uint32_t struct_size;
  int32_t priority;
  int32_t max_attempts;
  cobatch_text id;
  cobatch_text description;
  cobatch_text context;
  cobatch_text assigned_by;

  cobatch_texts needs;
  cobatch_texts check;
  cobatch_texts tools;
  cobatch_text model;
  int64_t limit_ms;
} cobatch_task_spec;

enum { COBATCH_ASSIGN_KEEP_OPEN = 1 };

typedef struct cobatch_assign_options {
  uint32_t struct_size;
  uint32_t flags;
  cobatch_text batch;
  cobatch_text agent;

  int32_t way;
  int32_t on_error;
  cobatch_text model;
  cobatch_text preamble;
  cobatch_texts context_files;
  const cobatch_budget* budget;
} cobatch_assign_options;

cobatch_status cobatch_assign_task(cobatch_workspace* workspace, const cobatch_task_spec* task,
                                               const cobatch_assign_options* options, cobatch_reply** reply,
                                               cobatch_error** err);

cobatch_status cobatch_assign_batch(cobatch_workspace* workspace, const cobatch_task_spec* tasks,
                                                size_t count, const cobatch_assign_options* options,
                                                cobatch_reply** reply, cobatch_error** err);

cobatch_status cobatch_seal(cobatch_workspace* workspace, cobatch_text batch, cobatch_reply** reply,
                                        cobatch_error** err);

cobatch_status cobatch_execute_queue(cobatch_workspace* workspace, cobatch_text batch,
                                                 cobatch_reply** reply, cobatch_error** err);

cobatch_status cobatch_cancel(cobatch_workspace* workspace, cobatch_text task, cobatch_reply** reply,
                                          cobatch_error** err);

cobatch_status cobatch_reset(cobatch_workspace* workspace, cobatch_text task, cobatch_reply** reply,
                                         cobatch_error** err);

cobatch_status cobatch_retry(cobatch_workspace* workspace, cobatch_text batch, cobatch_reply** reply,
                                         cobatch_error** err);

cobatch_status cobatch_find_task(cobatch_workspace* workspace, cobatch_text task, cobatch_reply** reply,
                                             cobatch_error** err);

cobatch_status cobatch_find_batch(cobatch_workspace* workspace, cobatch_text batch, cobatch_reply** reply,
                                              cobatch_error** err);

cobatch_status cobatch_wait(cobatch_workspace* workspace, cobatch_text batch, int64_t timeout_ms,
                                        cobatch_reply** reply, cobatch_error** err);

cobatch_status cobatch_overview(cobatch_workspace* workspace, cobatch_reply** reply, cobatch_error** err);

typedef struct cobatch_engine_info {
  uint32_t struct_size;
  cobatch_text description;
} cobatch_engine_info;

cobatch_status cobatch_reply_next_engine(cobatch_reply* reply, cobatch_engine_info* record,
                                                     cobatch_error** err);

typedef struct cobatch_filter {
  uint32_t struct_size;
  int32_t state;
  cobatch_text batch;
  cobatch_text task;
  int64_t session;
} cobatch_filter;

cobatch_status cobatch_list_batches(cobatch_workspace* workspace, const cobatch_filter* filter,
                                                cobatch_reply** reply, cobatch_error** err);
cobatch_status cobatch_list_tasks(cobatch_workspace* workspace, const cobatch_filter* filter,
                                              cobatch_reply** reply, cobatch_error** err);
cobatch_status cobatch_list_results(cobatch_workspace* workspace, const cobatch_filter* filter,
                                                cobatch_reply** reply, cobatch_error** err);
cobatch_status cobatch_list_turns(cobatch_workspace* workspace, const cobatch_filter* filter,
                                              cobatch_reply** reply, cobatch_error** err);
cobatch_status cobatch_list_sessions(cobatch_workspace* workspace, const cobatch_filter* filter,
                                                 cobatch_reply** reply, cobatch_error** err);

typedef struct cobatch_agent cobatch_agent;

void cobatch_agent_free(cobatch_agent* agent);

typedef struct cobatch_claude_options {
  uint32_t struct_size;
  uint32_t allowed_tool_count;
  const cobatch_text* allowed_tools;
  cobatch_text program;
  cobatch_text model;
  cobatch_text permission_mode;
  const cobatch_text* extra_arguments;
  size_t extra_argument_count;

  int32_t max_turns;
  cobatch_texts tools;
  cobatch_text system_prompt;
  cobatch_text mcp_config;
  int64_t max_nano_dollars;
  int64_t grace_ms;
} cobatch_claude_options;

cobatch_status cobatch_agent_claude(const cobatch_claude_options* options, cobatch_agent** agent,
                                                cobatch_error** err);

typedef struct cobatch_codex_options {
  uint32_t struct_size;
  int32_t no_app_server;
  cobatch_text program;
  cobatch_text model;
  cobatch_text sandbox;
  cobatch_texts extra_arguments;
  int64_t grace_ms;
} cobatch_codex_options;

cobatch_status cobatch_agent_codex(const cobatch_codex_options* options, cobatch_agent** agent,
                                               cobatch_error** err);

typedef struct cobatch_gemini_options {
  uint32_t struct_size;
  cobatch_text program;
  cobatch_text model;
  cobatch_text approval_mode;
  cobatch_texts extra_arguments;
  int64_t grace_ms;
} cobatch_gemini_options;

cobatch_status cobatch_agent_gemini(const cobatch_gemini_options* options, cobatch_agent** agent,
                                                cobatch_error** err);

cobatch_status cobatch_agent_command(cobatch_text name, const cobatch_text* argv, size_t argc,
                                                 cobatch_agent** agent, cobatch_error** err);

typedef struct cobatch_prompt_options {
  uint32_t struct_size;
  cobatch_texts argv;

  cobatch_text call;
  int64_t grace_ms;
} cobatch_prompt_options;

cobatch_status cobatch_agent_prompt(const cobatch_prompt_options* options, cobatch_agent** agent,
                                                cobatch_error** err);

cobatch_status cobatch_agent_scripted(cobatch_text script, cobatch_agent** agent, cobatch_error** err);

typedef struct cobatch_turn_request {
  uint32_t struct_size;
  int32_t attempt;
  cobatch_text task;
  cobatch_text batch;
  cobatch_text description;
  cobatch_text context;
  cobatch_text prompt;
  int64_t session, turn, position;
  int64_t limit_ms;
} cobatch_turn_request;

typedef struct cobatch_completion {
  uint32_t struct_size;
  int32_t end;
  cobatch_text reason;
  cobatch_text detail;
  cobatch_text output;
  cobatch_text output_summary;
  cobatch_text actions_taken;
  cobatch_text errors;
  const cobatch_usage* usage;
} cobatch_completion;

typedef struct cobatch_agent_start {
  uint32_t struct_size;
  cobatch_text batch;
  cobatch_text working_directory;
  int64_t session;
  int64_t process;
} cobatch_agent_start;

typedef struct cobatch_turn cobatch_turn;

typedef struct cobatch_agent_vtable {
  uint32_t struct_size;
  cobatch_status (*start)(void* user_data, const cobatch_agent_start* how, void** session);
  cobatch_status (*turn)(void* user_data, void* session, const cobatch_turn_request* request, cobatch_turn* turn);
  void (*interrupt)(void* user_data, void* session);
  void (*stop)(void* user_data, void* session);
  void (*destroy)(void* user_data);
} cobatch_agent_vtable;

cobatch_status cobatch_agent_host(cobatch_text name, const cobatch_agent_vtable* vtable, void* user_data,
                                              cobatch_agent** agent, cobatch_error** err);

cobatch_status cobatch_turn_complete(cobatch_turn* turn, const cobatch_completion* completion,
                                                 cobatch_error** err);

cobatch_status cobatch_turn_progress(cobatch_turn* turn, cobatch_text line, cobatch_error** err);

int32_t cobatch_turn_interrupted(const cobatch_turn* turn);

typedef struct cobatch_run_options {
  uint32_t struct_size;
  int32_t max_tasks_per_session;
  cobatch_agent* const* agents;
  size_t agent_count;
  cobatch_text batch;
  cobatch_text working_directory;
  int64_t turn_limit_ms;
  int64_t session_limit_ms;
  int64_t stop_grace_ms;
  int64_t linger_ms;

  int32_t allow_checks;
  int64_t check_limit_ms;
  int64_t quiet_after_ms;
  int64_t limit_wait_ms;
  cobatch_text prices;
  const cobatch_budget* day_budget;

  int64_t idle_limit_ms;
  int32_t wait_for_lock_file;
} cobatch_run_options;

typedef struct cobatch_run_report {
  uint32_t struct_size;
  int64_t sessions;
  int64_t turns;

  int64_t tasks_done;
  int64_t tasks_failed;
  int64_t tasks_left;
  int64_t tasks_held;
  char why_left[512];
} cobatch_run_report;

cobatch_status cobatch_run(cobatch_workspace* workspace, const cobatch_run_options* options,
                                       cobatch_run_report* report, cobatch_error** err);

typedef struct cobatch_engine cobatch_engine;

cobatch_status cobatch_engine_start(cobatch_workspace* workspace, const cobatch_run_options* options,
                                                cobatch_engine** engine, cobatch_error** err);

int32_t cobatch_engine_is_running(const cobatch_engine* engine);

cobatch_status cobatch_engine_stop(cobatch_engine* engine, int32_t at_once, cobatch_run_report* report,
                                               cobatch_error** err);

void cobatch_engine_free(cobatch_engine* engine);

typedef struct cobatch_session cobatch_session;

typedef struct cobatch_session_options {
  uint32_t struct_size;
  int32_t max_tasks;
  int32_t only_named;
  cobatch_text agent;
  cobatch_text batch;
  int64_t turn_limit_ms;
  int64_t session_limit_ms;
} cobatch_session_options;

cobatch_status cobatch_session_begin(cobatch_workspace* workspace, const cobatch_session_options* options,
                                                 cobatch_session** session, cobatch_error** err);

cobatch_status cobatch_session_read(cobatch_session* session, cobatch_session_info* record,
                                                cobatch_error** err);

cobatch_status cobatch_session_next(cobatch_session* session, cobatch_turn_request* request,
                                                cobatch_error** err);

cobatch_status cobatch_session_complete(cobatch_session* session, int64_t turn,
                                                    const cobatch_completion* completion, cobatch_reply** reply,
                                                    cobatch_error** err);

cobatch_status cobatch_session_extend(cobatch_session* session, int64_t turn, int64_t more_ms,
                                                  int64_t* deadline, cobatch_error** err);

cobatch_status cobatch_session_end(cobatch_session* session, cobatch_error** err);

void cobatch_session_free(cobatch_session* session);

typedef struct cobatch_events cobatch_events;

enum {

  COBATCH_EVENT_SESSION_STARTED = 1,
  COBATCH_EVENT_TURN_STARTED = 2,
  COBATCH_EVENT_TURN_ENDED = 3,
  COBATCH_EVENT_SESSION_ENDED = 4,

  COBATCH_EVENT_CHANGED = 5,

  COBATCH_EVENT_PROGRESS = 6,
  COBATCH_EVENT_WAITING = 7,
  COBATCH_EVENT_TROUBLE = 8,
  COBATCH_EVENT_RECOVERED = 9,
  COBATCH_EVENT_DROPPED = 10,

  COBATCH_EVENT_AGENT_KNOWN = 11,
  COBATCH_EVENT_TOOL = 12,
  COBATCH_EVENT_NOTICE = 13,
  COBATCH_EVENT_PAUSED = 14,
  COBATCH_EVENT_RESUMED = 15
};

typedef struct cobatch_event_info {
  uint32_t struct_size;
  int32_t kind;
  int32_t turn_end;
  int32_t task_state;
  int32_t session_end;
  cobatch_text batch, task, agent;
  cobatch_text text;
  int64_t session, turn;
  int64_t at;
  int64_t count;
  int64_t resume_session, resume_step;
  const cobatch_usage* usage;
} cobatch_event_info;

enum { COBATCH_EVENTS_RESUME = 1 };

typedef struct cobatch_events_options {
  uint32_t struct_size;
  uint32_t flags;
  int64_t resume_session, resume_step;
} cobatch_events_options;

cobatch_status cobatch_events_open(cobatch_workspace* workspace, const cobatch_events_options* options,
                                               cobatch_events** events, cobatch_error** err);

int32_t cobatch_events_fd(const cobatch_events* events);

cobatch_status cobatch_events_next(cobatch_events* events, cobatch_event_info* event, cobatch_error** err);

cobatch_status cobatch_events_wait(cobatch_events* events, int64_t timeout_ms, cobatch_event_info* event,
                                               cobatch_error** err);

void cobatch_events_close(cobatch_events* events);

enum { COBATCH_MARKER_ABSENT = 0, COBATCH_MARKER_OURS = 1, COBATCH_MARKER_FOREIGN = 2 };

typedef struct cobatch_lock_info {
  uint32_t struct_size;
  int32_t held;
  int32_t orchestrator_lost;
  int32_t marker;
  cobatch_text marker_content;
  cobatch_text advice;
} cobatch_lock_info;

cobatch_status cobatch_lock_status(cobatch_workspace* workspace, cobatch_reply** reply,
                                               cobatch_error** err);

cobatch_status cobatch_reply_lock(cobatch_reply* reply, cobatch_lock_info* record, cobatch_error** err);

enum { COBATCH_UNLOCK_FORCE = 1 };

cobatch_status cobatch_unlock(cobatch_workspace* workspace, uint32_t flags, cobatch_reply** reply,
                                          cobatch_error** err);

typedef struct cobatch_account_info {
  uint32_t struct_size;
  int32_t incomplete;
  int32_t scripted;
  cobatch_text task;
  int64_t position;
  int64_t turns;
  int64_t wasted_turns;
  int64_t turns_without_usage;
  cobatch_tokens used;
  cobatch_tokens waste;

  int64_t preamble_turns;

  int32_t has_cost;
  int32_t told;
  int64_t nano_dollars;
  const cobatch_model_tokens* models;
  size_t model_count;

  int32_t cost_at_least;
} cobatch_account_info;

typedef struct cobatch_savings_info {
  uint32_t struct_size;
  int32_t has_guide;
  int32_t has_processed;
  int64_t guide_without, guide_with, guide_saved, guide_saved_permille;
  int64_t processed;
  int64_t cache_read;
} cobatch_savings_info;

cobatch_status cobatch_savings(cobatch_workspace* workspace, cobatch_text batch, cobatch_reply** reply,
                                           cobatch_error** err);

cobatch_status cobatch_savings_at_prices(cobatch_workspace* workspace, cobatch_text batch,
                                                     cobatch_text prices, cobatch_reply** reply, cobatch_error** err);

cobatch_status cobatch_reply_next_account(cobatch_reply* reply, cobatch_account_info* record,
                                                      cobatch_error** err);

cobatch_status cobatch_reply_savings(cobatch_reply* reply, cobatch_savings_info* record,
                                                 cobatch_error** err);

enum {
  COBATCH_CALL_DONE = 0,
  COBATCH_CALL_REFUSED = 1,
  COBATCH_CALL_MALFORMED = 2,
  COBATCH_CALL_FAULT = 3
};

cobatch_status cobatch_call(cobatch_workspace* workspace, cobatch_text request, cobatch_owned_text* reply,
                                        int32_t* kind, cobatch_error** err);

cobatch_status cobatch_supported_actions(cobatch_owned_text* json, cobatch_error** err);

enum {
  COBATCH_ANSWER_YES = 1,
  COBATCH_ANSWER_NO = 2,
  COBATCH_ANSWER_UNKNOWN = 3
};

typedef struct cobatch_finding_info {
  uint32_t struct_size;
  int32_t answer;
  cobatch_text check;
  cobatch_text message;
  cobatch_text fix;
} cobatch_finding_info;

cobatch_status cobatch_diagnose(const cobatch_workspace_options* options, cobatch_text batch,
                                            cobatch_reply** reply, cobatch_error** err);

cobatch_status cobatch_diagnose_agents(const cobatch_workspace_options* options, cobatch_reply** reply,
                                                   cobatch_error** err);

cobatch_status cobatch_reply_next_finding(cobatch_reply* reply, cobatch_finding_info* record,
                                                      cobatch_error** err);
