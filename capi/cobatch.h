/*
** Cobatch runs a batch of coding-agent tasks in one session, exactly one session at a time, and accounts for every
** token. This is its C interface: what C, Python and everything else that can load a shared library embeds.
**
** A first program: open a workspace, assign three tasks as one batch, run them here, read what came of them.
**
**     cobatch_workspace *ws = NULL;
**     cobatch_workspace_options where = COBATCH_WORKSPACE_OPTIONS_INIT;
**     where.root = cobatch_str("/home/me/project");
**     if (cobatch_open(&where, &ws, &err) != COBATCH_OK) ...
**     cobatch_assign_batch(ws, tasks, 3, NULL, NULL, &err);
**     cobatch_run(ws, &run, NULL, &err);          // with an agent: see cobatch_agent_command
**     cobatch_list_results(ws, &filter, &reply, &err);
**     while (cobatch_reply_next_result(reply, &result, &err) == COBATCH_OK) ...
**
** The sections: 1 versions, 2 text, 3 status and errors, 4 the workspace, 5 records, 6 replies, 7 assigning,
** 8 reading, 9 agents, 10 running, 11 a session that you drive yourself, 12 events, 13 the lock, 14 savings,
** 15 JSON requests, 16 the doctor. Sections 1 to 8 and 10 are all that a simple host needs.
**
** RULES THAT HOLD FOR EVERY FUNCTION
**
** Status. A function that can fail returns a cobatch_status: COBATCH_OK (0) or a negative code that never changes its
** meaning. Its last argument is `cobatch_error **err`: may be NULL; else it is set to NULL on entry and, on failure, to
** an error that you free with cobatch_error_free. There is no last error on a handle, a thread or anywhere else. Other
** out-arguments are set to NULL or 0 on entry, and stay so on failure unless the function says otherwise.
**
** Arguments. NULL where a function needs something is COBATCH_E_BAD_VALUE, never a crash. A handle that was freed is
** your error, and undefined.
**
** Text is UTF-8 as pointer and length (cobatch_text); it need not end in a zero byte. What you pass in is copied
** before the function returns. Borrowed text that comes out is always followed by a zero byte, which is not counted,
** and the function says how long it lives; owned text (cobatch_owned_text) lives until you free it. Absent text has
** size 0; in what comes out, `data` is never NULL, so that it can be printed.
**
** Structs that go in or out begin with `uint32_t struct_size`: set it to sizeof of the struct (the COBATCH_..._INIT
** macros, or cobatch_init), and leave what you do not use at zero, which means the default. New versions append
** members. The library reads and writes only what you have room for; a struct larger than it knows is accepted if the
** rest is zero, else refused (COBATCH_E_STRUCT_SIZE). Structs without struct_size (cobatch_text, cobatch_owned_text,
** cobatch_texts, cobatch_tokens, cobatch_model_tokens) never change.
**
** Numbers. Tokens are int64. Times are int64 milliseconds since 1970-01-01T00:00:00Z; COBATCH_NO_TIME stands for a time
** that is not known. Durations are int64 milliseconds. Flags and enumerations are int32. A figure that nobody measured
** is marked as absent, never given as 0.
**
** Threads. A cobatch_workspace, a cobatch_agent and a cobatch_error that is only read may be used from any thread at
** once. A cobatch_reply, cobatch_session, cobatch_events and cobatch_engine may be used from any thread, but by one at
** a time. Handles may be freed in any order: each keeps what it needs.
**
** Processes. Any number of processes may use one workspace. A handle belongs to the process that made it: in a forked
** child, functions answer COBATCH_E_FORKED and freeing does nothing, so the parent's session is not disturbed. A child
** that was forked while a workspace was open cannot open one either: threads that held locks at the fork are not there
** to let them go. Fork before a workspace is opened, or start a new program.
**
** The library has no global state that you could see and needs no initialisation. It prints nothing, installs no signal
** handler, does not touch locale or current folder; its descriptors are close-on-exec. It neither needs SIGCHLD nor
** minds SIGPIPE, whatever you have set them to. Nothing thrown crosses this interface in either direction.
**
** Every function here has been there since ABI version 1, unless it says otherwise; so has every member of a struct
** that does not stand behind the words "since ABI version 2" or "3".
*/
#ifndef COBATCH_H
#define COBATCH_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define COBATCH_API __attribute__((visibility("default")))
#else
#define COBATCH_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------------------------- 1 versions */

#define COBATCH_VERSION "0.1.0"
#define COBATCH_ABI_VERSION 4

/*
** The version of the library that was loaded, such as "0.1.0"; a string that lives as long as the library.
*/
COBATCH_API const char* cobatch_version(void);

/*
** The ABI version of the library that was loaded. It grows by one whenever something is added here; what would break
** callers changes the name of the library (libcobatch.so.0) instead. A program compiled with COBATCH_ABI_VERSION n
** runs with any library of that name whose number is n or more; bindings check this when they load it.
*/
COBATCH_API int32_t cobatch_abi_version(void);

/* ----------------------------------------------------------------------------------------------------- 2 text */

/* Text that somebody else owns. */
typedef struct cobatch_text {
  const char* data;
  size_t size; /* bytes, without the zero byte that follows text from the library */
} cobatch_text;

/* Texts that somebody else owns, in order. */
typedef struct cobatch_texts {
  const cobatch_text* items; /* NULL if there is none */
  size_t count;
} cobatch_texts;

/* Text that you own: free it with cobatch_text_free. */
typedef struct cobatch_owned_text {
  char* data;
  size_t size;
} cobatch_owned_text;

/*
** A zero-terminated string as cobatch_text, borrowed from you; NULL gives absent text.
*/
COBATCH_API cobatch_text cobatch_str(const char* zero_terminated);

/*
** Frees what `text` holds and makes it absent. NULL and absent text are fine.
*/
COBATCH_API void cobatch_text_free(cobatch_owned_text* text);

/*
** Zeroes `size` bytes of a struct and sets its struct_size, for languages that cannot use the macros. NULL is fine;
** nothing is done if size is less than 4.
*/
COBATCH_API void cobatch_init(void* options, uint32_t size);

/* ---------------------------------------------------------------------------------------- 3 status and errors */

typedef int32_t cobatch_status;

enum {
  COBATCH_OK = 0,

  /* The request could not be understood. Nothing was stored. */
  COBATCH_E_BAD_JSON = -1,
  COBATCH_E_NOT_AN_OBJECT = -2,
  COBATCH_E_WRONG_TYPE = -3,
  COBATCH_E_MISSING_FIELD = -4,
  COBATCH_E_UNKNOWN_TOOL = -5,
  COBATCH_E_UNKNOWN_ACTION = -6,
  COBATCH_E_TOO_LARGE = -7,
  COBATCH_E_BAD_ENCODING = -8, /* not UTF-8 */
  COBATCH_E_BAD_ID = -9,       /* an id is empty, longer than 128 bytes, or has a control character */
  COBATCH_E_BAD_VALUE = -10,   /* also: NULL where something is needed */
  COBATCH_E_DUPLICATE_IN_BATCH = -11,

  /* The request was understood and refused. Nothing was changed. */
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
  COBATCH_E_BATCH_CONFLICT = -114, /* what is said of a batch contradicts what was said before, or it runs already */
  COBATCH_E_NEED_UNKNOWN = -115,   /* a task needs one that does not stand before it in the same batch */
  COBATCH_E_UNPRICED_MODEL = -116, /* a budget in dollars, and a model whose price nobody knows */

  /* An agent could not be run, or broke. */
  COBATCH_E_AGENT_UNKNOWN = -200,
  COBATCH_E_AGENT_MISSING = -201,
  COBATCH_E_AGENT_FAILED = -202,
  COBATCH_E_KEEPER_MISSING = -203,

  /* Storage and system. */
  COBATCH_E_STORAGE_FAULT = -300,
  COBATCH_E_DISK_FULL = -301,
  COBATCH_E_NOT_WRITABLE = -302,
  COBATCH_E_CANNOT_LOCK = -303,
  COBATCH_E_UNSAFE_FILE = -304,
  COBATCH_E_WORKSPACE_REPLACED = -305,
  COBATCH_E_STORE_NEWER = -306,
  COBATCH_E_STORE_DAMAGED = -307,
  COBATCH_E_IO_ERROR = -308,
  COBATCH_E_OUTCOME_UNKNOWN = -309, /* it may or may not have been done; to repeat the call is safe */

  /* The call itself. */
  COBATCH_E_TIMED_OUT = -400,
  COBATCH_E_INTERRUPTED = -401,
  COBATCH_E_PORT_IN_USE = -402,
  COBATCH_E_INTERNAL = -403,
  COBATCH_E_FORKED = -404, /* the handle belongs to the parent process, or that had a workspace open at the fork */
  COBATCH_E_BUSY = -405,   /* a server had too much to do; of cobatch serve only */

  /* Only of this interface. */
  COBATCH_E_END = -500,         /* nothing more; no error is made */
  COBATCH_E_NO_MEMORY = -501,   /* as with OUTCOME_UNKNOWN, it may have been done; to repeat the call is safe */
  COBATCH_E_STRUCT_SIZE = -502, /* a struct_size is too small, or larger than known with a tail that is not zero */
  COBATCH_E_CALLBACK = -503     /* for callbacks to return: the host's code failed. No function here returns it */
};

/* An error: what happened, what was kept, and what to do next. */
typedef struct cobatch_error cobatch_error;

/*
** The name of a status, such as "task_exists": the `code` of JSON replies. Never NULL; "unknown" for a number that is
** none. A string that lives as long as the library.
*/
COBATCH_API const char* cobatch_status_name(cobatch_status status);

/*
** Code and message of an error; COBATCH_OK and absent text for NULL. The text lives as long as the error.
*/
COBATCH_API cobatch_status cobatch_error_status(const cobatch_error* error);
COBATCH_API cobatch_text cobatch_error_message(const cobatch_error* error);

/*
** NULL is fine.
*/
COBATCH_API void cobatch_error_free(cobatch_error* error);

/* -------------------------------------------------------------------------------------------- 4 the workspace */

/* A workspace: a project folder with a `data/` folder in it, in which all that Cobatch knows of the project lives. */
typedef struct cobatch_workspace cobatch_workspace;

typedef struct cobatch_workspace_options {
  uint32_t struct_size;
  int32_t max_tasks_per_session; /* 0: 10. Only for the warning `batch_too_large`; runs have their own limit */
  cobatch_text root;             /* the project folder; absent: the current one. `data/` is made in it (mode 0700) */
  cobatch_text state;            /* a folder for store and guard, if `data/` is on a file system that cannot lock */
} cobatch_workspace_options;
#define COBATCH_WORKSPACE_OPTIONS_INIT                                     \
  {                                                                        \
    (uint32_t)sizeof(cobatch_workspace_options), 0, {NULL, 0}, { NULL, 0 } \
  }

/*
** Opens a workspace. `options` may be NULL. Two paths to one folder are one workspace, and the same folder may be
** opened more than once.
**
** Errors: COBATCH_E_NOT_WRITABLE, _DISK_FULL, _CANNOT_LOCK (a file system that cannot lock: use `state`), _UNSAFE_FILE
** (a file of the store is a link), _STORE_NEWER (made by another version; untouched), _STORE_DAMAGED, _STORAGE_FAULT,
** _IO_ERROR.
*/
COBATCH_API cobatch_status cobatch_open(const cobatch_workspace_options* options, cobatch_workspace** workspace,
                                        cobatch_error** err);

/*
** Frees the handle and brings the JSON files in `data/` up to date. Calls that block in other threads must have
** returned (cobatch_interrupt); engines, sessions, events and replies of the workspace stay usable until they are freed
** themselves. NULL is fine. Handlers of atexit may call it, as they may anything here.
*/
COBATCH_API void cobatch_close(cobatch_workspace* workspace);

/*
** The absolute path of the project folder; lives as long as the workspace. Absent for NULL and after a fork.
*/
COBATCH_API cobatch_text cobatch_root(const cobatch_workspace* workspace);

/*
** Ends the calls of this workspace handle that block right now in other threads: cobatch_wait, cobatch_events_wait and
** cobatch_call return COBATCH_E_INTERRUPTED or what they have; cobatch_run stops as a background engine does, and a
** second interrupt ends its grace. Calls that begin later are not affected. Does not block. Thread-safe, but not to be
** called from a signal handler or a callback of the log. NULL is fine.
*/
COBATCH_API void cobatch_interrupt(cobatch_workspace* workspace);

enum { COBATCH_LOG_INFO = 1, COBATCH_LOG_WARNING = 2 };

/* Takes a line of the log. The text is untrusted (an agent may have a say in it) and lives during the call. */
typedef void (*cobatch_log_fn)(void* user_data, int32_t level, cobatch_text message);

/*
** Gives the log of this workspace handle to `log`: sessions that begin, rest and end, waits, notices, trouble that an
** engine will try again, and what looks wrong in a file of prices. NULL turns it off, as it is at first. `destroy`, if
** not NULL, is called with user_data once the log is replaced or the last handle of the workspace is freed, and at once
** if the call fails.
**
** The callback runs in the thread of an engine or of the call that has something to say, with no lock held that calls
** of this library need; one thread at a time. It may read the workspace and assign tasks; it must not call
** cobatch_set_log or cobatch_interrupt, nor anything that runs, stops or closes.
**
** Errors: none but the general ones.
*/
COBATCH_API cobatch_status cobatch_set_log(cobatch_workspace* workspace, cobatch_log_fn log, void* user_data,
                                           void (*destroy)(void* user_data), cobatch_error** err);

/* -------------------------------------------------------------------------------------------------- 5 records */

#define COBATCH_NO_TIME INT64_MIN

enum { COBATCH_PRIORITY_DEFAULT = 0, COBATCH_PRIORITY_LOW = 1, COBATCH_PRIORITY_MEDIUM = 2, COBATCH_PRIORITY_HIGH = 3 };

enum {
  COBATCH_TASK_QUEUED = 1,
  COBATCH_TASK_IN_PROGRESS = 2,
  COBATCH_TASK_DONE = 3,
  COBATCH_TASK_ERROR = 4,
  COBATCH_TASK_CANCELLED = 5
};

enum {
  COBATCH_BATCH_OPEN = 1,   /* collecting; does not run */
  COBATCH_BATCH_SEALED = 2, /* complete: runs without a further call */
  COBATCH_BATCH_RUNNING = 3,
  COBATCH_BATCH_ENDING = 4,   /* no task is left; its session is being settled */
  COBATCH_BATCH_FINISHED = 5, /* a task that comes later starts its next round */
  COBATCH_BATCH_HELD = 6      /* sealed, and left alone for a while: its sessions came to nothing */
};

enum {
  COBATCH_TURN_RUNNING = 0,
  COBATCH_TURN_DONE = 1,
  COBATCH_TURN_ERROR = 2,       /* the agent itself said that the task failed; final */
  COBATCH_TURN_DENIED = 3,      /* a tool that the task needed was denied; final */
  COBATCH_TURN_BROKE = 4,       /* agent or answer broke; tried again */
  COBATCH_TURN_TIMED_OUT = 5,   /* tried again */
  COBATCH_TURN_INTERRUPTED = 6, /* the orchestrator died; tried again */
  COBATCH_TURN_STOPPED = 7,     /* not the task's doing; charged with nothing */
  COBATCH_TURN_CANCELLED = 8
};

enum {
  COBATCH_SESSION_LIVE = 0,
  COBATCH_SESSION_FINISHED = 1,
  COBATCH_SESSION_FULL = 2, /* the batch goes on in a new session */
  COBATCH_SESSION_NOT_STARTED = 3,
  COBATCH_SESSION_STOPPED = 4,
  COBATCH_SESSION_AGENT_LOST = 5,
  COBATCH_SESSION_CRASHED = 6,
  COBATCH_SESSION_CANCELLED = 7,
  COBATCH_SESSION_BLOCKED = 8,       /* the agent cannot run until a person has seen to it; the batch is held */
  COBATCH_SESSION_BUDGET = 9,        /* the batch's budget is spent; the batch is held */
  COBATCH_SESSION_USAGE_UNKNOWN = 10 /* it has a budget, and nobody knows what a turn used; the batch is held */
};

/* How the tasks of a batch get to their agent: one at a time, in one session, in any case. */
enum {
  COBATCH_WAY_DEFAULT = 0,     /* not said: as COBATCH_WAY_ONE_SESSION */
  COBATCH_WAY_ONE_SESSION = 1, /* one conversation, a task after another */
  COBATCH_WAY_FORK = 2,        /* the preamble is loaded once, each task goes on from there and sees no other */
  COBATCH_WAY_SEPARATE = 3     /* each task in a conversation of its own */
};

/* What happens to the rest of a batch when a task of it ends in error. */
enum {
  COBATCH_ON_ERROR_DEFAULT = 0,  /* not said: as COBATCH_ON_ERROR_CONTINUE */
  COBATCH_ON_ERROR_CONTINUE = 1, /* only the tasks that need it are cancelled */
  COBATCH_ON_ERROR_STOP = 2      /* all that are still queued are cancelled */
};

enum {
  COBATCH_USAGE_REPORTED = 0,   /* for this turn, by the agent or the host */
  COBATCH_USAGE_DIFFERENCE = 1, /* of two cumulative figures */
  COBATCH_USAGE_TRANSCRIPT = 2, /* summed from a transcript after a crash */
  COBATCH_USAGE_SCRIPTED = 3,   /* played by the scripted agent: no model was asked */
  /* since ABI version 3: */
  COBATCH_USAGE_TOLD = 4 /* somebody said so; nobody measured */
};

enum {
  COBATCH_SAID_BY_AGENT = 0,  /* in so many words */
  COBATCH_SAID_BY_NOBODY = 1, /* inferred: the turn ended well and nothing was said about the task */
  COBATCH_SAID_BY_COBATCH = 2 /* by the rules: attempts exhausted, denied, timed out */
};

/* Token counts that do not overlap. */
typedef struct cobatch_tokens {
  int64_t uncached_input; /* neither read from nor written to a cache */
  int64_t cache_write_5m; /* written to a cache that lives 5 minutes */
  int64_t cache_write_1h; /* written to a cache that lives 1 hour */
  int64_t cache_read;
  int64_t output;    /* reasoning included */
  int64_t reasoning; /* the part of output that was reasoning, where known */
} cobatch_tokens;

typedef struct cobatch_model_tokens {
  cobatch_text model; /* the provider's name for it; absent if it was not told */
  cobatch_tokens tokens;
} cobatch_model_tokens;

/*
** What a turn used. As an argument: `models` are yours, one entry a model, and each count is from 0 to 10^12. In a
** record it is a pointer that lives as long as the record's text, and NULL where nobody knows.
*/
typedef struct cobatch_usage {
  uint32_t struct_size;
  int32_t source;     /* COBATCH_USAGE_... */
  int32_t incomplete; /* not 0: at least this much was used */
  const cobatch_model_tokens* models;
  size_t model_count;
  cobatch_tokens total; /* the sum over the models; ignored in arguments */
  /* since ABI version 2: */
  int32_t has_requests;
  int32_t has_inherited_read;
  int64_t requests;       /* to the model, without those of subagents */
  int64_t inherited_read; /* the part of the cache reads that was there before the turn */
} cobatch_usage;
#define COBATCH_USAGE_INIT \
  { (uint32_t)sizeof(cobatch_usage), 0, 0, NULL, 0, {0, 0, 0, 0, 0, 0}, 0, 0, 0, 0 }

/*
** What a batch or a day may use; looked at before each turn, so that the turn that reaches it is the last one. 0: no
** limit. In a record it is a pointer that lives as long as the record's text, and NULL where nobody has said one.
*/
typedef struct cobatch_budget {
  uint32_t struct_size;
  int64_t nano_dollars; /* 10^-9 dollars */
  int64_t tokens;       /* read or written by the model, cache reads included */
  int64_t time_ms;      /* that turns have run */
  /* since ABI version 4: */
  /* not 0: go on after a turn whose usage nobody reported, which else ends a budget in dollars or tokens */
  int32_t allow_unknown;
} cobatch_budget;
#define COBATCH_BUDGET_INIT \
  { (uint32_t)sizeof(cobatch_budget), 0, 0, 0, 0 }

/*
** What a turn changed in the agent's folder, as its git repository shows it; ignored files are not seen. It is there by
** pointer, which lives as long as the record's text, and is NULL where it is not known: there is no repository.
*/
typedef struct cobatch_changes {
  uint32_t struct_size;
  int32_t incomplete;    /* not 0: there was more than is listed */
  cobatch_texts files;   /* changed, made or removed; paths from the top of the repository */
  cobatch_texts commits; /* made by the turn, oldest first */
} cobatch_changes;
#define COBATCH_CHANGES_INIT                                     \
  {                                                              \
    (uint32_t)sizeof(cobatch_changes), 0, {NULL, 0}, { NULL, 0 } \
  }

typedef struct cobatch_warning_info {
  uint32_t struct_size;
  cobatch_text code; /* never changes: `late_task`, `no_engine`, `auto_execute_too_early`, ... */
  cobatch_text message;
} cobatch_warning_info;
#define COBATCH_WARNING_INFO_INIT                                  \
  {                                                                \
    (uint32_t)sizeof(cobatch_warning_info), {NULL, 0}, { NULL, 0 } \
  }

typedef struct cobatch_batch_info {
  uint32_t struct_size;
  int32_t state;              /* COBATCH_BATCH_... */
  int32_t priority;           /* the highest of its tasks */
  int32_t fruitless_sessions; /* in a row, that settled no turn */
  cobatch_text id;
  cobatch_text agent;                                  /* absent: the engine's default */
  cobatch_text hold_reason;                            /* with COBATCH_BATCH_HELD */
  int64_t round;                                       /* from 1 */
  int64_t queued, in_progress, done, error, cancelled; /* tasks in each state */
  int64_t created_at, last_assign_at, sealed_at, held_until;
  /* since ABI version 2: */
  int32_t way;                  /* COBATCH_WAY_... */
  int32_t on_error;             /* COBATCH_ON_ERROR_... */
  int32_t preamble;             /* not 0: it has one */
  cobatch_text model;           /* absent: the agent's own choice */
  const cobatch_budget* budget; /* NULL: none was said */
} cobatch_batch_info;
#define COBATCH_BATCH_INFO_INIT                                                                                      \
  {                                                                                                                  \
    (uint32_t)sizeof(cobatch_batch_info), 0, 0, 0, {NULL, 0}, {NULL, 0}, {NULL, 0}, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
        0, 0, {NULL, 0}, NULL                                                                                        \
  }

typedef struct cobatch_task_info {
  uint32_t struct_size;
  int32_t state;     /* COBATCH_TASK_... */
  int32_t duplicate; /* in replies to an assign: it was there already, with equal content */
  int32_t priority;
  int32_t max_attempts, attempts, interruptions;
  cobatch_text id, batch;
  cobatch_text description;
  cobatch_text context; /* JSON; absent if there is none */
  cobatch_text assigned_by;
  int64_t position; /* in its batch, from 1 */
  int64_t round;
  int64_t session, turn; /* of its latest turn; 0 if it had none */
  int64_t created_at, started_at, ended_at;
  /* since ABI version 2: */
  cobatch_texts needs, check, tools; /* as they were assigned: see cobatch_task_spec */
  cobatch_text model;
  cobatch_text reason; /* of a cancelled one: "need_failed", "batch_stopped"; absent if somebody cancelled it */
  int64_t limit_ms;    /* 0: as who runs it says */
} cobatch_task_info;
#define COBATCH_TASK_INFO_INIT                                                                                       \
  {                                                                                                                  \
    (uint32_t)sizeof(cobatch_task_info), 0, 0, 0, 0, 0, 0, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, 0, \
        0, 0, 0, 0, 0, 0, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, 0                                   \
  }

typedef struct cobatch_result_info {
  uint32_t struct_size;
  int32_t state;          /* COBATCH_TASK_DONE or COBATCH_TASK_ERROR */
  int32_t end;            /* COBATCH_TURN_... of the turn that settled it */
  int32_t said_by;        /* COBATCH_SAID_BY_... */
  int32_t loaded_context; /* the turn's conversation began with it: nothing was there from earlier turns */
  cobatch_text task, batch;
  cobatch_text reason; /* a code that never changes, or absent */
  cobatch_text detail; /* a sentence for people, or absent */
  cobatch_text output, output_summary;
  cobatch_text actions_taken; /* a JSON array, or absent */
  cobatch_text errors;        /* JSON, or absent */
  int64_t position, session, turn;
  int64_t completed_at, duration_ms;
  const cobatch_usage* usage; /* of the turn that settled it; NULL: nobody knows */
  /* since ABI version 2: */
  const cobatch_usage* preamble_usage; /* of the preamble if it was sent right before; it is not part of `usage` */
  const cobatch_changes* changes;      /* NULL: not known */
} cobatch_result_info;
#define COBATCH_RESULT_INFO_INIT                                                                              \
  {                                                                                                           \
    (uint32_t)sizeof(cobatch_result_info), 0, 0, 0, 0, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, \
        {NULL, 0}, {NULL, 0}, {NULL, 0}, 0, 0, 0, 0, 0, NULL, NULL, NULL                                      \
  }

typedef struct cobatch_turn_info {
  uint32_t struct_size;
  int32_t end;       /* COBATCH_TURN_... */
  int32_t attempt;   /* of its task, from 1 */
  int32_t recovered; /* settled after its orchestrator died, from what the agent had written */
  cobatch_text task; /* absent: the turn is that of the batch's preamble, which belongs to no task */
  cobatch_text batch, reason, detail;
  int64_t session, turn, position;
  int64_t process, process_turn; /* which agent process of the session, and which turn of that one; from 1 */
  int64_t started_at, ended_at;
  const cobatch_usage* usage; /* NULL: nobody knows */
  /* since ABI version 2: */
  int32_t loaded_context;         /* its conversation began with it: nothing was there from earlier turns */
  cobatch_text conversation;      /* the agent's own id of it; absent if it has none */
  const cobatch_changes* changes; /* NULL: not known */
} cobatch_turn_info;
#define COBATCH_TURN_INFO_INIT                                                                                     \
  {                                                                                                                \
    (uint32_t)sizeof(cobatch_turn_info), 0, 0, 0, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, 0, 0, 0, 0, 0, 0, 0, \
        NULL, 0, {NULL, 0}, NULL                                                                                   \
  }

typedef struct cobatch_session_info {
  uint32_t struct_size;
  int32_t end;           /* COBATCH_SESSION_... */
  int32_t end_requested; /* somebody asked for its end (unlock with force) */
  cobatch_text batch, agent, end_detail;
  int64_t session, round;
  int64_t owner_pid;     /* of the orchestrator */
  int64_t turns_settled; /* that came to something */
  int64_t started_at, ended_at;
  /* since ABI version 2: */
  cobatch_text agent_version, agent_model; /* as the agent says; absent where it does not */
  cobatch_text agent_billing;              /* which credential pays, as the agent says */
  cobatch_text pause_reason;               /* a sentence for people, with paused_until */
  int64_t paused_until; /* it rests until then: a limit of the agent's provider; COBATCH_NO_TIME: it does not rest */
} cobatch_session_info;
#define COBATCH_SESSION_INFO_INIT                                                                               \
  {                                                                                                             \
    (uint32_t)sizeof(cobatch_session_info), 0, 0, {NULL, 0}, {NULL, 0}, {NULL, 0}, 0, 0, 0, 0, 0, 0, {NULL, 0}, \
        {NULL, 0}, {NULL, 0}, {NULL, 0}, 0                                                                      \
  }

/* -------------------------------------------------------------------------------------------------- 6 replies */

/*
** What a call answers, when that is more than yes or no: records, read one after another with the functions below, and
** warnings. Which records a reply holds is said by the function that makes it; it has none of the others. Commands take
** `cobatch_reply **reply` that may be NULL.
**
** Text in a record lives until the next call of the same function on the reply, or until the reply is freed. Lists are
** read from the store page by page as you go on; what is stored meanwhile may or may not be in them.
*/
typedef struct cobatch_reply cobatch_reply;

/*
** Give the next record of that kind. COBATCH_E_END when there are no more. `record->struct_size` must be set.
** Errors: those of reading the store: COBATCH_E_STORAGE_FAULT, _WORKSPACE_REPLACED, _STORE_DAMAGED, _IO_ERROR.
*/
COBATCH_API cobatch_status cobatch_reply_next_batch(cobatch_reply* reply, cobatch_batch_info* record,
                                                    cobatch_error** err);
COBATCH_API cobatch_status cobatch_reply_next_task(cobatch_reply* reply, cobatch_task_info* record,
                                                   cobatch_error** err);
COBATCH_API cobatch_status cobatch_reply_next_result(cobatch_reply* reply, cobatch_result_info* record,
                                                     cobatch_error** err);
COBATCH_API cobatch_status cobatch_reply_next_turn(cobatch_reply* reply, cobatch_turn_info* record,
                                                   cobatch_error** err);
COBATCH_API cobatch_status cobatch_reply_next_session(cobatch_reply* reply, cobatch_session_info* record,
                                                      cobatch_error** err);
COBATCH_API cobatch_status cobatch_reply_next_warning(cobatch_reply* reply, cobatch_warning_info* record,
                                                      cobatch_error** err);

enum {
  COBATCH_NO_OUTCOME = 0,
  COBATCH_STORED = 1,          /* assign: at least one task is new */
  COBATCH_DUPLICATE = 2,       /* assign: all were there already, with equal content; nothing was stored */
  COBATCH_SEALED = 3,          /* seal: it was open, and is sealed now */
  COBATCH_UNCHANGED = 4,       /* seal, cancel, reset: it was so already */
  COBATCH_STARTED = 5,         /* execute_queue: the batches in the reply will run */
  COBATCH_ALREADY_RUNNING = 6, /* execute_queue: a session lives; nothing was changed */
  COBATCH_NOTHING_TO_DO = 7,   /* execute_queue: no batch is sealed with a task queued; retry: no task failed */
  COBATCH_CANCELLED = 8,       /* cancel */
  COBATCH_MARKER_REMOVED = 9,  /* unlock */
  COBATCH_END_REQUESTED = 10,  /* unlock with force: the live session was asked to end */
  /* since ABI version 3: */
  COBATCH_QUEUED_AGAIN = 11 /* reset, retry */
};

/*
** What the call came to, where it can come to more than one thing; COBATCH_NO_OUTCOME for others and for NULL.
*/
COBATCH_API int32_t cobatch_reply_outcome(const cobatch_reply* reply);

/*
** NULL is fine.
*/
COBATCH_API void cobatch_reply_free(cobatch_reply* reply);

/* ------------------------------------------------------------------------------------------------ 7 assigning */

/*
** A task to be assigned. What it needs are tasks of the same batch that were assigned before it, or stand before it in
** the same call; if one of them ends in error or is cancelled, this one is cancelled, too. Its check is run without a
** shell after the agent says that the task is done, which it is only if the program exits with 0. Engines run no check
** unless they were told that they may.
*/
typedef struct cobatch_task_spec {
  uint32_t struct_size;
  int32_t priority;         /* COBATCH_PRIORITY_...; orders batches, not the tasks inside one */
  int32_t max_attempts;     /* 1 to 100; 0: 2. With 1 it runs at most once: interrupted, it ends as an error */
  cobatch_text id;          /* 1 to 128 bytes without control characters */
  cobatch_text description; /* not blank, at most 256 KiB */
  cobatch_text context;     /* JSON, at most 1 MiB; absent: none */
  cobatch_text assigned_by; /* at most 128 bytes; absent: not said */
  /* since ABI version 2: */
  cobatch_texts needs; /* at most 100 ids of tasks that are to be done before it */
  cobatch_texts check; /* a program and its arguments; none: it is done when the agent says so */
  cobatch_texts tools; /* the only tools it may use, of those that the engine allows; none: all of these */
  cobatch_text model;  /* at most 128 bytes; absent: the batch's */
  int64_t limit_ms;    /* for each of its turns, at most a day; 0: as who runs it says */
} cobatch_task_spec;
#define COBATCH_TASK_SPEC_INIT                                                                                   \
  {                                                                                                              \
    (uint32_t)sizeof(cobatch_task_spec), 0, 0, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, \
        {NULL, 0}, {NULL, 0}, 0                                                                                  \
  }

enum { COBATCH_ASSIGN_KEEP_OPEN = 1 };

/*
** What is said of the batch. What is left out stays as the batch has it. What it has been given cannot become another
** thing, and nothing can be added once it runs (COBATCH_E_BATCH_CONFLICT). The budget alone may be given anew at any
** time.
*/
typedef struct cobatch_assign_options {
  uint32_t struct_size;
  uint32_t flags;     /* COBATCH_ASSIGN_KEEP_OPEN: more tasks follow (the guide's auto_execute false) */
  cobatch_text batch; /* absent: a batch of its own; the id is generated, batch_YYYYMMDD_HHMMSS in UTC */
  cobatch_text agent; /* names the batch's agent; absent: as the batch has it, or the default of who runs it */
  /* since ABI version 2: */
  int32_t way;                  /* COBATCH_WAY_... */
  int32_t on_error;             /* COBATCH_ON_ERROR_... */
  cobatch_text model;           /* for tasks that name none; at most 128 bytes */
  cobatch_text preamble;        /* context that all tasks share, sent once before the first one */
  cobatch_texts context_files;  /* paths below the agent's folder: their content follows the preamble */
  const cobatch_budget* budget; /* NULL: as the batch has it */
} cobatch_assign_options;
#define COBATCH_ASSIGN_OPTIONS_INIT \
  { (uint32_t)sizeof(cobatch_assign_options), 0, {NULL, 0}, {NULL, 0}, 0, 0, {NULL, 0}, {NULL, 0}, {NULL, 0}, NULL }

/*
** Stores one task; unless KEEP_OPEN, its batch is sealed. When the function returns OK, task and seal are on the disk.
** No agent is run by this call; an engine that runs anywhere takes the batch at once.
**
** To assign a task that is there with equal content is a success (COBATCH_DUPLICATE). Once sealed, a batch stays
** sealed: a task that comes later joins it, or starts its next round.
**
** `options` may be NULL. The reply holds the task, its batch and warnings.
**
** Errors: COBATCH_E_TASK_EXISTS (the id is taken by other content), _AGENT_CONFLICT, _BATCH_CONFLICT, _NEED_UNKNOWN,
** _BAD_ID, _BAD_ENCODING, _BAD_JSON (the context), _BAD_VALUE, _TOO_LARGE, and those of the store: _DISK_FULL,
** _NOT_WRITABLE, _STORAGE_FAULT, _WORKSPACE_REPLACED, _OUTCOME_UNKNOWN. On every error but the last nothing was stored.
*/
COBATCH_API cobatch_status cobatch_assign_task(cobatch_workspace* workspace, const cobatch_task_spec* task,
                                               const cobatch_assign_options* options, cobatch_reply** reply,
                                               cobatch_error** err);

/*
** Stores a whole batch in one step, all or nothing: `count` (at least 1) tasks in the order in which they will run.
** `tasks` is an array; all elements have the struct_size of the first. Otherwise as cobatch_assign_task.
** Further errors: COBATCH_E_DUPLICATE_IN_BATCH.
*/
COBATCH_API cobatch_status cobatch_assign_batch(cobatch_workspace* workspace, const cobatch_task_spec* tasks,
                                                size_t count, const cobatch_assign_options* options,
                                                cobatch_reply** reply, cobatch_error** err);

/*
** Seals an open batch: it is complete, and runs. The reply holds the batch and warnings.
** Errors: COBATCH_E_BATCH_NOT_FOUND, _EMPTY_BATCH, and the store's.
*/
COBATCH_API cobatch_status cobatch_seal(cobatch_workspace* workspace, cobatch_text batch, cobatch_reply** reply,
                                        cobatch_error** err);

/*
** The guide's execute_queue: wakes whoever runs batches here; it runs nothing itself (see cobatch_run). With a batch:
** seals it if it is open, and lets it go if it is held. Without (absent text): every sealed batch, and open ones that
** were not touched for 30 seconds. The reply holds the batches that will run, then the open ones that were left, the
** live session if there is one, and warnings (`no_engine`: nobody is there to run them).
** Errors: COBATCH_E_BATCH_NOT_FOUND, _EMPTY_BATCH (both of a named batch), and the store's.
*/
COBATCH_API cobatch_status cobatch_execute_queue(cobatch_workspace* workspace, cobatch_text batch,
                                                 cobatch_reply** reply, cobatch_error** err);

/*
** Cancels a task that has not ended. If its turn runs, that is ended; whichever is stored first stands, the cancel or
** the turn's own end, and what the turn cost is kept. The reply holds the task.
** Errors: COBATCH_E_TASK_NOT_FOUND, _TASK_ENDED, and the store's.
*/
COBATCH_API cobatch_status cobatch_cancel(cobatch_workspace* workspace, cobatch_text task, cobatch_reply** reply,
                                          cobatch_error** err);

/*
** Queues a task again that has ended, or that somebody has in progress by hand. Its result goes, what its turns cost
** stays. The reply holds the task; one that is queued already is a success (COBATCH_UNCHANGED).
** Errors: COBATCH_E_TASK_NOT_FOUND, _TASK_IN_PROGRESS, _NEED_UNKNOWN (a task that it needs is gone, or failed), and the
** store's. Since ABI version 3.
*/
COBATCH_API cobatch_status cobatch_reset(cobatch_workspace* workspace, cobatch_text task, cobatch_reply** reply,
                                         cobatch_error** err);

/*
** Resets every task of the batch that failed or was cancelled, and seals it. The reply holds the batch; nothing
** to retry is a success (COBATCH_NOTHING_TO_DO).
** Errors: COBATCH_E_BATCH_NOT_FOUND, and the store's. Since ABI version 3.
*/
COBATCH_API cobatch_status cobatch_retry(cobatch_workspace* workspace, cobatch_text batch, cobatch_reply** reply,
                                         cobatch_error** err);

/* -------------------------------------------------------------------------------------------------- 8 reading */

/*
** One task: the reply holds the task and, if it has one, its result. Errors: COBATCH_E_TASK_NOT_FOUND, the store's.
*/
COBATCH_API cobatch_status cobatch_find_task(cobatch_workspace* workspace, cobatch_text task, cobatch_reply** reply,
                                             cobatch_error** err);

/*
** One batch: the reply holds the batch, the session that works it now, if one does, and warnings (`no_engine`,
** `batch_left_open`). Errors: COBATCH_E_BATCH_NOT_FOUND, the store's.
*/
COBATCH_API cobatch_status cobatch_find_batch(cobatch_workspace* workspace, cobatch_text batch, cobatch_reply** reply,
                                              cobatch_error** err);

/*
** Waits until the round of the batch that is current now has ended, whoever runs it; at most `timeout_ms`, negative: as
** long as it takes. The reply is as of cobatch_find_batch, and it is given also when the wait was cut short by
** COBATCH_E_TIMED_OUT or COBATCH_E_INTERRUPTED. It waits for a notification, not by asking again.
** Errors: those, COBATCH_E_BATCH_NOT_FOUND, the store's.
*/
COBATCH_API cobatch_status cobatch_wait(cobatch_workspace* workspace, cobatch_text batch, int64_t timeout_ms,
                                        cobatch_reply** reply, cobatch_error** err);

/*
** The workspace at a glance; its cost does not grow with the number of tasks. The reply holds the batches that have not
** finished (at most 1,000, in the order in which they would run), the live session, the lock (cobatch_reply_lock), the
** engines (cobatch_reply_next_engine) and warnings.
** Errors: the store's.
*/
COBATCH_API cobatch_status cobatch_overview(cobatch_workspace* workspace, cobatch_reply** reply, cobatch_error** err);

/* An engine that is alive, in this process or another. */
typedef struct cobatch_engine_info {
  uint32_t struct_size;
  cobatch_text description; /* "pid 123: claude" */
} cobatch_engine_info;
#define COBATCH_ENGINE_INFO_INIT                       \
  {                                                    \
    (uint32_t)sizeof(cobatch_engine_info), { NULL, 0 } \
  }

/*
** The next engine of an overview. COBATCH_E_END when there are no more.
*/
COBATCH_API cobatch_status cobatch_reply_next_engine(cobatch_reply* reply, cobatch_engine_info* record,
                                                     cobatch_error** err);

/* What a list is to hold; what is left at zero does not restrict it. */
typedef struct cobatch_filter {
  uint32_t struct_size;
  int32_t state;      /* COBATCH_TASK_... of tasks, COBATCH_BATCH_... of batches */
  cobatch_text batch; /* tasks, results, turns, sessions: of this batch */
  cobatch_text task;  /* turns: of this task */
  int64_t session;    /* turns: of this session */
} cobatch_filter;
#define COBATCH_FILTER_INIT \
  { (uint32_t)sizeof(cobatch_filter), 0, {NULL, 0}, {NULL, 0}, 0 }

/*
** Lists: batches by id; tasks and results in order of batch and position, or of their assignment; turns in the order in
** which they began; sessions likewise. `filter` may be NULL; a filter with a member that the list does not know is
** COBATCH_E_BAD_VALUE. A batch or task that does not exist gives an empty list.
** Errors: COBATCH_E_BAD_ID, _BAD_VALUE, the store's.
*/
COBATCH_API cobatch_status cobatch_list_batches(cobatch_workspace* workspace, const cobatch_filter* filter,
                                                cobatch_reply** reply, cobatch_error** err);
COBATCH_API cobatch_status cobatch_list_tasks(cobatch_workspace* workspace, const cobatch_filter* filter,
                                              cobatch_reply** reply, cobatch_error** err);
COBATCH_API cobatch_status cobatch_list_results(cobatch_workspace* workspace, const cobatch_filter* filter,
                                                cobatch_reply** reply, cobatch_error** err);
COBATCH_API cobatch_status cobatch_list_turns(cobatch_workspace* workspace, const cobatch_filter* filter,
                                              cobatch_reply** reply, cobatch_error** err);
COBATCH_API cobatch_status cobatch_list_sessions(cobatch_workspace* workspace, const cobatch_filter* filter,
                                                 cobatch_reply** reply, cobatch_error** err);

/* --------------------------------------------------------------------------------------------------- 9 agents */

/* An agent: what drives a coding-agent program, or a model of yours, through the tasks of a session. */
typedef struct cobatch_agent cobatch_agent;

/*
** Frees the handle; runs that use the agent keep it until they end. NULL is fine.
*/
COBATCH_API void cobatch_agent_free(cobatch_agent* agent);

/* Claude Code, headless: one process a session, one message a task. */
typedef struct cobatch_claude_options {
  uint32_t struct_size;
  uint32_t allowed_tool_count;
  const cobatch_text* allowed_tools; /* further ones, used without asking: "Bash", "Bash(git *)", "mcp__server__tool" */
  cobatch_text program;              /* absent: claude, looked up in PATH */
  cobatch_text model;                /* absent: the program's own choice */
  cobatch_text permission_mode;      /* absent: acceptEdits */
  const cobatch_text* extra_arguments;
  size_t extra_argument_count;
  /* since ABI version 2: */
  int32_t max_turns;   /* requests to the model a task; 0: no limit */
  cobatch_texts tools; /* that it has, as the mode permits; items NULL: Read, Glob, Grep, Edit, Write (no Bash) */
  cobatch_text system_prompt; /* added to the program's own */
  cobatch_text mcp_config;    /* a file of MCP servers; only these are used. Absent: the user's own */
  int64_t max_nano_dollars;   /* 10^-9 dollars, by the program's own count, for each process; 0: no limit */
  int64_t grace_ms;           /* between SIGTERM and SIGKILL; 0: 5 seconds, negative: none */
} cobatch_claude_options;
#define COBATCH_CLAUDE_OPTIONS_INIT                                                                            \
  {                                                                                                            \
    (uint32_t)sizeof(cobatch_claude_options), 0, NULL, {NULL, 0}, {NULL, 0}, {NULL, 0}, NULL, 0, 0, {NULL, 0}, \
        {NULL, 0}, {NULL, 0}, 0, 0                                                                             \
  }

/*
** An agent named "claude". `options` may be NULL. Whether the program is there, and takes what it is given, shows when
** a session begins. Errors: COBATCH_E_BAD_VALUE.
*/
COBATCH_API cobatch_status cobatch_agent_claude(const cobatch_claude_options* options, cobatch_agent** agent,
                                                cobatch_error** err);

/*
** OpenAI's Codex, headless: one process a session, by its app-server. A Codex without one is a process a task, and
** tells no figures of turns that failed. Since ABI version 2.
*/
typedef struct cobatch_codex_options {
  uint32_t struct_size;
  int32_t no_app_server; /* not 0: as if it had none */
  cobatch_text program;  /* absent: codex, looked up in PATH */
  cobatch_text model;    /* absent: the program's own choice */
  cobatch_text sandbox;  /* absent: workspace-write; or read-only, danger-full-access. It never asks */
  cobatch_texts extra_arguments;
  int64_t grace_ms; /* between SIGTERM and SIGKILL; 0: 5 seconds, negative: none */
} cobatch_codex_options;
#define COBATCH_CODEX_OPTIONS_INIT \
  { (uint32_t)sizeof(cobatch_codex_options), 0, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, 0 }

/*
** An agent named "codex", otherwise as cobatch_agent_claude. Since ABI version 2.
*/
COBATCH_API cobatch_status cobatch_agent_codex(const cobatch_codex_options* options, cobatch_agent** agent,
                                               cobatch_error** err);

/* Google's Gemini CLI, headless: a process and a conversation a task. Since ABI version 2. */
typedef struct cobatch_gemini_options {
  uint32_t struct_size;
  cobatch_text program;       /* absent: gemini, looked up in PATH */
  cobatch_text model;         /* absent: the program's own choice */
  cobatch_text approval_mode; /* absent: auto_edit */
  cobatch_texts extra_arguments;
  int64_t grace_ms; /* between SIGTERM and SIGKILL; 0: 5 seconds, negative: none */
} cobatch_gemini_options;
#define COBATCH_GEMINI_OPTIONS_INIT \
  { (uint32_t)sizeof(cobatch_gemini_options), {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, 0 }

/*
** An agent named "gemini", otherwise as cobatch_agent_claude. Since ABI version 2.
*/
COBATCH_API cobatch_status cobatch_agent_gemini(const cobatch_gemini_options* options, cobatch_agent** agent,
                                                cobatch_error** err);

/*
** A program of yours that speaks the line protocol: started once a session without a shell, one JSON line in and one
** out for each task. The protocol is in the README, under "Agents". `argv` has `argc` (at least 1) elements; a program
** without a slash is looked up in PATH. `name` is how batches name the agent; absent: "command".
*/
COBATCH_API cobatch_status cobatch_agent_command(cobatch_text name, const cobatch_text* argv, size_t argc,
                                                 cobatch_agent** agent, cobatch_error** err);

/*
** The guide's own way: a program that gets one prompt on its standard input, with all tasks of a session, and tells by
** calls how each stands. The README says more, under "Agents". Since ABI version 3.
*/
typedef struct cobatch_prompt_options {
  uint32_t struct_size;
  cobatch_texts argv; /* the program (looked up in PATH if it has no slash) and its arguments; at least one */
  /* How the prompt says to call, for a POSIX shell; absent: "cobatch call", with a program that has to be in PATH. In
     place of cobatch its path may stand, quoted where a shell needs that. */
  cobatch_text call;
  int64_t grace_ms; /* between SIGTERM and SIGKILL; 0: 5 seconds, negative: none */
} cobatch_prompt_options;
#define COBATCH_PROMPT_OPTIONS_INIT \
  { (uint32_t)sizeof(cobatch_prompt_options), {NULL, 0}, {NULL, 0}, 0 }

/*
** An agent named "prompt". Whether the program is there shows when a session begins. Errors: COBATCH_E_BAD_VALUE.
** Since ABI version 3.
*/
COBATCH_API cobatch_status cobatch_agent_prompt(const cobatch_prompt_options* options, cobatch_agent** agent,
                                                cobatch_error** err);

/*
** Plays a JSON file of answers, delays and failures, for demos and tests: no model is asked, and every figure is marked
** COBATCH_USAGE_SCRIPTED. Absent: every task is done at once, with no usage. Its name is "scripted".
*/
COBATCH_API cobatch_status cobatch_agent_scripted(cobatch_text script, cobatch_agent** agent, cobatch_error** err);

/*
** A task, or without one the batch's preamble, as an agent or a session of the host gets it. Text lives as the function
** or callback that gives it says.
*/
typedef struct cobatch_turn_request {
  uint32_t struct_size;
  int32_t attempt;   /* above 1: an earlier turn of the task broke or was interrupted, and may have changed files */
  cobatch_text task; /* absent: the batch's preamble; `prompt` is all there is */
  cobatch_text batch;
  cobatch_text description;
  cobatch_text context; /* JSON, or absent */
  cobatch_text prompt;  /* all of it as one text for a model */
  int64_t session, turn, position;
  int64_t limit_ms; /* how long the turn may take */
} cobatch_turn_request;
#define COBATCH_TURN_REQUEST_INIT \
  { (uint32_t)sizeof(cobatch_turn_request), 0, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, 0, 0, 0, 0 }

/* What a turn came to. */
typedef struct cobatch_completion {
  uint32_t struct_size;
  int32_t end;         /* COBATCH_TURN_DONE, _ERROR, _DENIED, _BROKE, _TIMED_OUT or _STOPPED; 0 is refused */
  cobatch_text reason; /* a code, or absent */
  cobatch_text detail; /* a sentence for people, or absent */
  cobatch_text output; /* what the agent answered, at most 8 MiB */
  cobatch_text output_summary;
  cobatch_text actions_taken; /* a JSON array, or absent */
  cobatch_text errors;        /* JSON, or absent */
  const cobatch_usage* usage; /* NULL: nobody knows */
} cobatch_completion;
#define COBATCH_COMPLETION_INIT \
  { (uint32_t)sizeof(cobatch_completion), 0, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, NULL }

/* What an agent of yours is told when it is started. */
typedef struct cobatch_agent_start {
  uint32_t struct_size;
  cobatch_text batch;
  cobatch_text working_directory; /* absolute */
  int64_t session;
  int64_t process; /* the how-manieth start in this session, from 1 */
} cobatch_agent_start;

/* The turn that a callback is to work; lives during the callback. */
typedef struct cobatch_turn cobatch_turn;

/*
** An agent in your language. All members but `turn` may be NULL. The callbacks run in the thread of the run that uses
** the agent (`interrupt` excepted), with no lock held that calls of this library need; they may call anything here
** but cobatch_run, cobatch_engine_stop and cobatch_close on the same workspace. To fail, return COBATCH_E_CALLBACK:
** anything but COBATCH_OK counts as that. What is thrown in a callback is caught, and counts as that too.
**
** start      A session begins (also: begins anew after a turn that came to nothing). `*session` is yours; it is given
**            to the other callbacks. If it fails, no task is charged with anything.
** turn       Work one task: call cobatch_turn_complete once, and return. If you return without, or with a failure, the
**            turn has broken and the task is tried again, after a stop and a new start.
** interrupt  Called from another thread while `turn` runs, or is just about to, and ought to return soon: its time is
**            over, its task was cancelled, or the run is to stop. Until `turn` returns nothing else is begun: never two
**            tasks at a time.
** stop       The session is over; free `session`. Called once for each start that succeeded.
** destroy    Nobody uses the agent any more; free `user_data`. Also called if cobatch_agent_host fails.
**
** Structs that callbacks get are the library's: struct_size says what is there.
*/
typedef struct cobatch_agent_vtable {
  uint32_t struct_size;
  cobatch_status (*start)(void* user_data, const cobatch_agent_start* how, void** session);
  cobatch_status (*turn)(void* user_data, void* session, const cobatch_turn_request* request, cobatch_turn* turn);
  void (*interrupt)(void* user_data, void* session);
  void (*stop)(void* user_data, void* session);
  void (*destroy)(void* user_data);
} cobatch_agent_vtable;
#define COBATCH_AGENT_VTABLE_INIT \
  { (uint32_t)sizeof(cobatch_agent_vtable), NULL, NULL, NULL, NULL, NULL }

/*
** An agent that runs in this process. A batch that names it is taken by no one else but runs and sessions that serve an
** agent of this name. The names of Cobatch's own agents (claude, codex, gemini, command, prompt, scripted) are refused.
** Errors: COBATCH_E_BAD_VALUE (the name, no `turn`), _BAD_ID.
*/
COBATCH_API cobatch_status cobatch_agent_host(cobatch_text name, const cobatch_agent_vtable* vtable, void* user_data,
                                              cobatch_agent** agent, cobatch_error** err);

/*
** Says what the turn came to; copied. Only during the callback `turn`, from any thread that it waits for. The first
** call stands; a second answers COBATCH_E_ALREADY_COMPLETED.
** Errors: that, COBATCH_E_BAD_VALUE (end, a count below 0 or above 10^12), _BAD_ENCODING, _BAD_JSON, _TOO_LARGE.
*/
COBATCH_API cobatch_status cobatch_turn_complete(cobatch_turn* turn, const cobatch_completion* completion,
                                                 cobatch_error** err);

/*
** Tells something on the way: it becomes an event. Not longer than 64 KiB, or it is cut.
*/
COBATCH_API cobatch_status cobatch_turn_progress(cobatch_turn* turn, cobatch_text line, cobatch_error** err);

/*
** Not 0 once the turn ought to return soon. For agents that look now and then instead of having `interrupt` called.
*/
COBATCH_API int32_t cobatch_turn_interrupted(const cobatch_turn* turn);

/* ------------------------------------------------------------------------------------------------- 10 running */

typedef struct cobatch_run_options {
  uint32_t struct_size;
  int32_t max_tasks_per_session; /* 0: 10 */
  cobatch_agent* const* agents;  /* at least one; the first serves batches that name none */
  size_t agent_count;
  cobatch_text batch;             /* run only this one; absent: all that is sealed */
  cobatch_text working_directory; /* of the agents; absent: the project folder */
  int64_t turn_limit_ms;          /* 0: 30 minutes */
  int64_t session_limit_ms;       /* 0: 4 hours; no turn is begun after it */
  int64_t stop_grace_ms;          /* 0: 10 seconds, negative: none. For the running turn when a stop is asked for */
  int64_t linger_ms;              /* 0: 5 seconds, negative: none. For batches sealed by their very first task */
  /* since ABI version 2: */
  int32_t allow_checks;   /* not 0: checks are run, with the rights of this process; else tasks that have one fail */
  int64_t check_limit_ms; /* 0: 10 minutes */
  int64_t quiet_after_ms; /* of silence in a turn, a notice. 0: 5 minutes, negative: never */
  int64_t limit_wait_ms;  /* 0: 30 seconds. First wait for a limit of the provider that does not say when it is over */
  cobatch_text prices;    /* a file of prices, in the shape of LiteLLM's; absent: no budget in dollars can be kept */
  const cobatch_budget* day_budget; /* for each day (UTC), over all batches of the workspace; NULL: no limit */
  /* since ABI version 4: */
  int64_t idle_limit_ms;      /* of silence after a message that closes the task, its turn ends with that. 0: never */
  int32_t wait_for_lock_file; /* not 0: cobatch_run waits for a lock file that Cobatch did not write, too */
} cobatch_run_options;
#define COBATCH_RUN_OPTIONS_INIT                                                                                      \
  {                                                                                                                   \
    (uint32_t)sizeof(cobatch_run_options), 0, NULL, 0, {NULL, 0}, {NULL, 0}, 0, 0, 0, 0, 0, 0, 0, 0, {NULL, 0}, NULL, \
        0, 0                                                                                                          \
  }

typedef struct cobatch_run_report {
  uint32_t struct_size;
  int64_t sessions; /* that this run worked */
  int64_t turns;
  /* since ABI version 4: */
  int64_t tasks_done;   /* in turns of this run */
  int64_t tasks_failed; /* the same: they ended in error or were cancelled */
  int64_t tasks_left;   /* that have not ended, of the batches that were to run */
  int64_t tasks_held;   /* the part of them in held batches, which wait for a person, or for some time */
  char why_left[512];   /* a sentence, cut to fit; empty if none is left, or nobody knows */
} cobatch_run_report;
#define COBATCH_RUN_REPORT_INIT                                   \
  {                                                               \
    (uint32_t)sizeof(cobatch_run_report), 0, 0, 0, 0, 0, 0, { 0 } \
  }

/*
** Executes here, and blocks until it is done: in the calling thread, every sealed batch that the agents serve, one
** session at a time, one after another, until none is left. With `batch`: that one only, sealed first if it is open.
** If another process runs a session, it waits for its turn. What a crashed one left is settled first. If a lock file is
** there that Cobatch did not write, it returns at once, unless it is to wait: cobatch_lock_status says what to do.
**
** That tasks failed is no error of the run: read the results. Nor is that a batch is held, or the day's budget spent:
** the report says what is left and why. `report` may be NULL; it is also filled if the run was interrupted, and zero
** after any other failure.
**
** The file of prices is read before anything is run; what looks wrong in it is left out. A model without a price that
** its tokens need is unpriced, never free.
**
** Errors: COBATCH_E_INTERRUPTED (cobatch_interrupt: no task was begun any more, the running one got its grace, all is
** settled, what is left stays queued), _BAD_VALUE (no agent; a day's budget in dollars without prices),
** _BATCH_NOT_FOUND, _EMPTY_BATCH, _WORKSPACE_REPLACED, _STORAGE_FAULT; if no turn could begin as no agent could be
** started, _KEEPER_MISSING, _AGENT_MISSING or _AGENT_FAILED (nothing is charged to any task). Of the prices _IO_ERROR,
** _NOT_WRITABLE (the file cannot be read), _TOO_LARGE (above 64 MiB), _BAD_JSON, _BAD_ENCODING, _WRONG_TYPE. What may
** pass, as a full disk, is tried again five times before it is returned.
*/
COBATCH_API cobatch_status cobatch_run(cobatch_workspace* workspace, const cobatch_run_options* options,
                                       cobatch_run_report* report, cobatch_error** err);

/* An engine in the background: a thread of this process that takes sealed batches as they come. */
typedef struct cobatch_engine cobatch_engine;

/*
** Starts one. With `batch` it takes only that one. When a day's budget is spent it waits for the next day. Errors:
** COBATCH_E_BAD_VALUE, _BAD_ID, those of the prices as cobatch_run says, and whatever keeps a thread from being made
** (_INTERNAL). What keeps it from going on later is told as an event and to the log, and returned by
** cobatch_engine_stop.
*/
COBATCH_API cobatch_status cobatch_engine_start(cobatch_workspace* workspace, const cobatch_run_options* options,
                                                cobatch_engine** engine, cobatch_error** err);

/*
** Not 0 while it runs. May be called from any thread, also while another one waits in cobatch_engine_stop.
*/
COBATCH_API int32_t cobatch_engine_is_running(const cobatch_engine* engine);

/*
** Asks it to stop and waits until it has: no turn is begun any more, the running one gets its grace (with `at_once` not
** 0: none), everything is settled. `report` may be NULL. To stop it again answers the same.
** Errors: that with which it had ended by itself: COBATCH_E_WORKSPACE_REPLACED, _STORAGE_FAULT, ...
*/
COBATCH_API cobatch_status cobatch_engine_stop(cobatch_engine* engine, int32_t at_once, cobatch_run_report* report,
                                               cobatch_error** err);

/*
** Stops it at once if it still runs, and frees the handle. NULL is fine.
*/
COBATCH_API void cobatch_engine_free(cobatch_engine* engine);

/* ------------------------------------------------------------------------- 11 a session that you drive yourself */

/*
** A session of your own: you ask for a task, do it with your own means, say what came of it, and ask for the next.
** While it lives this process holds the lock; if the process dies, the next who begins settles what was left.
**
** Each turn has a limit. A turn that is neither completed nor extended in time is settled as timed out and the session
** ends, so that no lock is ever stuck behind a host that forgot; the same if you ask for nothing between two turns for
** that long. All calls answer COBATCH_E_STALE_SESSION then, and say what became of the task.
*/
typedef struct cobatch_session cobatch_session;

typedef struct cobatch_session_options {
  uint32_t struct_size;
  int32_t max_tasks;        /* 0: 10 */
  int32_t only_named;       /* not 0: only batches that name `agent`; else also those that name none */
  cobatch_text agent;       /* absent: "callback". As cobatch_agent_host says, a name of its own */
  cobatch_text batch;       /* only this one; absent: the next that is sealed */
  int64_t turn_limit_ms;    /* 0: 30 minutes */
  int64_t session_limit_ms; /* 0: 4 hours; no turn is begun after it */
} cobatch_session_options;
#define COBATCH_SESSION_OPTIONS_INIT \
  { (uint32_t)sizeof(cobatch_session_options), 0, 0, {NULL, 0}, {NULL, 0}, 0, 0 }

/*
** Begins a session with the next sealed batch; never waits. `options` may be NULL. The session must end with
** cobatch_session_end or cobatch_session_free.
** Errors: COBATCH_E_END (no batch to take; no error is made), _SESSION_LIVE (another session runs), _FOREIGN_MARKER (a
** lock file is there that Cobatch did not write; the message says what to do), _BAD_VALUE, _BAD_ID, the store's.
*/
COBATCH_API cobatch_status cobatch_session_begin(cobatch_workspace* workspace, const cobatch_session_options* options,
                                                 cobatch_session** session, cobatch_error** err);

/*
** The session as it stands; text lives until the next call on the session.
*/
COBATCH_API cobatch_status cobatch_session_read(cobatch_session* session, cobatch_session_info* record,
                                                cobatch_error** err);

/*
** The next task; its turn is recorded before you get it. Text lives until the next call on the session.
** Errors: COBATCH_E_END (no task is left, or the session is full: end it), _TASK_IN_PROGRESS (complete the running turn
** first), _STALE_SESSION, the store's.
*/
COBATCH_API cobatch_status cobatch_session_next(cobatch_session* session, cobatch_turn_request* request,
                                                cobatch_error** err);

/*
** Says what a turn came to, and stores it. The reply holds the task as it is now: one that was cancelled meanwhile
** stays cancelled, what it cost is kept. The same completion twice is a success.
** Errors: COBATCH_E_ALREADY_COMPLETED (another completion stands), _STALE_SESSION, _BAD_VALUE (end, counts, a turn that
** is not this session's), _BAD_ENCODING, _BAD_JSON, _TOO_LARGE, the store's.
*/
COBATCH_API cobatch_status cobatch_session_complete(cobatch_session* session, int64_t turn,
                                                    const cobatch_completion* completion, cobatch_reply** reply,
                                                    cobatch_error** err);

/*
** Gives the running turn `more_ms` from now. `deadline` (may be NULL) becomes the time at which it ends.
** Errors: COBATCH_E_TASK_ENDED (the task was cancelled: give up), _STALE_SESSION (somebody ended the session),
** _BAD_VALUE.
*/
COBATCH_API cobatch_status cobatch_session_extend(cobatch_session* session, int64_t turn, int64_t more_ms,
                                                  int64_t* deadline, cobatch_error** err);

/*
** Ends the session and lets the lock go. A turn that runs is given back: its task is queued again, charged with
** nothing. To end it twice is a success.
** Errors: the store's; the lock is let go all the same, and the next who begins settles the session.
*/
COBATCH_API cobatch_status cobatch_session_end(cobatch_session* session, cobatch_error** err);

/*
** Ends it if that was not done, and frees the handle. NULL is fine.
*/
COBATCH_API void cobatch_session_free(cobatch_session* session);

/* -------------------------------------------------------------------------------------------------- 12 events */

/* What happens in the workspace, whichever process does it, in order. */
typedef struct cobatch_events cobatch_events;

enum {
  /* From the store: seen in every process, none is lost, each once and in order. */
  COBATCH_EVENT_SESSION_STARTED = 1,
  COBATCH_EVENT_TURN_STARTED = 2,
  COBATCH_EVENT_TURN_ENDED = 3,
  COBATCH_EVENT_SESSION_ENDED = 4,
  /* Something was stored; several changes may be one event. Look again at what you care for. */
  COBATCH_EVENT_CHANGED = 5,
  /* Only from runs and engines of the same workspace handle. */
  COBATCH_EVENT_PROGRESS = 6,  /* a line that the agent said on the way; untrusted text */
  COBATCH_EVENT_WAITING = 7,   /* for another session, for a foreign lock file, or for the next day's budget */
  COBATCH_EVENT_TROUBLE = 8,   /* something failed that will be tried again */
  COBATCH_EVENT_RECOVERED = 9, /* a session that had crashed was settled */
  COBATCH_EVENT_DROPPED = 10,  /* `count` lines of progress were dropped, because nobody read them */
  /* since ABI version 2: */
  COBATCH_EVENT_AGENT_KNOWN = 11, /* the session says now what the agent says of itself: cobatch_session_info */
  COBATCH_EVENT_TOOL = 12,        /* the agent uses a tool, and on what; untrusted text */
  COBATCH_EVENT_NOTICE = 13,      /* worth knowing: a stalled agent, a context loaded anew */
  COBATCH_EVENT_PAUSED = 14,      /* the session rests, and why; the session says until when */
  COBATCH_EVENT_RESUMED = 15      /* it goes on */
};

typedef struct cobatch_event_info {
  uint32_t struct_size;
  int32_t kind;
  int32_t turn_end;                /* with TURN_ENDED: COBATCH_TURN_... */
  int32_t task_state;              /* with TURN_STARTED and TURN_ENDED: as it is now */
  int32_t session_end;             /* with SESSION_ENDED: COBATCH_SESSION_... */
  cobatch_text batch, task, agent; /* absent where they make no sense; the turn of a preamble has no task */
  cobatch_text text;
  int64_t session, turn;               /* 0 where they make no sense */
  int64_t at;                          /* when it happened; COBATCH_NO_TIME where nobody wrote it down */
  int64_t count;                       /* with DROPPED */
  int64_t resume_session, resume_step; /* where to go on after this event: cobatch_events_options */
  const cobatch_usage* usage;          /* with TURN_ENDED; NULL: nobody knows */
} cobatch_event_info;
#define COBATCH_EVENT_INFO_INIT                                                                                     \
  {                                                                                                                 \
    (uint32_t)sizeof(cobatch_event_info), 0, 0, 0, 0, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, 0, 0, 0, 0, 0, 0, \
        NULL                                                                                                        \
  }

enum { COBATCH_EVENTS_RESUME = 1 };

typedef struct cobatch_events_options {
  uint32_t struct_size;
  uint32_t flags; /* COBATCH_EVENTS_RESUME: what came after the position below, from the beginning if it is 0, 0 */
  int64_t resume_session, resume_step; /* of the last event that was dealt with */
} cobatch_events_options;
#define COBATCH_EVENTS_OPTIONS_INIT \
  { (uint32_t)sizeof(cobatch_events_options), 0, 0, 0 }

/*
** Follows the workspace from now on, or from a position. `options` may be NULL. Errors: the store's.
*/
COBATCH_API cobatch_status cobatch_events_open(cobatch_workspace* workspace, const cobatch_events_options* options,
                                               cobatch_events** events, cobatch_error** err);

/*
** A descriptor that is readable while events wait, for poll, epoll, asyncio, libuv and Qt. Do not read from it and do
** not close it: take the events with cobatch_events_next until that answers COBATCH_E_END. It lives as long as
** `events`. -1 for NULL and after a fork.
*/
COBATCH_API int32_t cobatch_events_fd(const cobatch_events* events);

/*
** The next event; never waits. Text lives until the next call on `events`.
** Errors: COBATCH_E_END (none waits; no error is made), the store's.
*/
COBATCH_API cobatch_status cobatch_events_next(cobatch_events* events, cobatch_event_info* event, cobatch_error** err);

/*
** The next event; waits for it at most `timeout_ms`, negative: as long as it takes.
** Errors: COBATCH_E_TIMED_OUT, COBATCH_E_INTERRUPTED (cobatch_interrupt), the store's.
*/
COBATCH_API cobatch_status cobatch_events_wait(cobatch_events* events, int64_t timeout_ms, cobatch_event_info* event,
                                               cobatch_error** err);

/*
** NULL is fine.
*/
COBATCH_API void cobatch_events_close(cobatch_events* events);

/* ------------------------------------------------------------------------------------------------ 13 the lock */

enum { COBATCH_MARKER_ABSENT = 0, COBATCH_MARKER_OURS = 1, COBATCH_MARKER_FOREIGN = 2 };

typedef struct cobatch_lock_info {
  uint32_t struct_size;
  int32_t held;                /* by an orchestrator or the keeper of an agent */
  int32_t orchestrator_lost;   /* it has died; the keeper lets the running turn finish */
  int32_t marker;              /* data/execute_queue.lock: COBATCH_MARKER_... */
  cobatch_text marker_content; /* made safe for a terminal */
  cobatch_text advice;         /* what this means and what to do, in a sentence or two */
} cobatch_lock_info;
#define COBATCH_LOCK_INFO_INIT                                           \
  {                                                                      \
    (uint32_t)sizeof(cobatch_lock_info), 0, 0, 0, {NULL, 0}, { NULL, 0 } \
  }

/*
** Who holds the lock. The reply holds the lock (cobatch_reply_lock) and the live session, if there is one. Nobody ever
** needs to remove the lock file by hand. Errors: COBATCH_E_CANNOT_LOCK, the store's.
*/
COBATCH_API cobatch_status cobatch_lock_status(cobatch_workspace* workspace, cobatch_reply** reply,
                                               cobatch_error** err);

/*
** The lock in a reply of cobatch_lock_status or cobatch_overview. COBATCH_E_END if the reply has none.
*/
COBATCH_API cobatch_status cobatch_reply_lock(cobatch_reply* reply, cobatch_lock_info* record, cobatch_error** err);

enum { COBATCH_UNLOCK_FORCE = 1 };

/*
** Removes a lock file that nobody stands behind. With COBATCH_UNLOCK_FORCE in `flags`, a live session is asked to end:
** its turn is cancelled, its other tasks stay queued. It never lets two sessions run at once.
** Errors: COBATCH_E_SESSION_LIVE, _NO_MARKER, _CANNOT_LOCK, _BAD_VALUE (flags), the store's.
*/
COBATCH_API cobatch_status cobatch_unlock(cobatch_workspace* workspace, uint32_t flags, cobatch_reply** reply,
                                          cobatch_error** err);

/* ----------------------------------------------------------------------------------------------- 14 savings */

/*
** What some turns used together: all of a batch (`task` absent), those of one task, or those of the preamble.
*/
typedef struct cobatch_account_info {
  uint32_t struct_size;
  int32_t incomplete; /* a turn still runs, or nobody knows all that it used: the sums are a lower bound */
  int32_t scripted;   /* some figures were played by the scripted agent */
  cobatch_text task;
  int64_t position;
  int64_t turns;               /* all attempts, those that came to nothing too */
  int64_t wasted_turns;        /* that ended and settled nothing */
  int64_t turns_without_usage; /* that ended, and nobody knows what they used */
  cobatch_tokens used;
  cobatch_tokens waste; /* the part of it in wasted turns */
  /* since ABI version 2: */
  int64_t preamble_turns; /* the part of turns that was the preamble's, which belong to no task */
  /* since ABI version 3: */
  int32_t has_cost;     /* not 0: nano_dollars is known; with cobatch_savings_at_prices alone */
  int32_t told;         /* some figures are what somebody said; nobody measured them */
  int64_t nano_dollars; /* 10^-9 dollars, at list prices; of an account that is incomplete, at least that */
  const cobatch_model_tokens* models; /* what `used` is made of, in order of first use; lives as long as the text */
  size_t model_count;
  /* since ABI version 4: */
  int32_t cost_at_least; /* not 0: by the prices it may be more; a warning of the reply says why */
} cobatch_account_info;
#define COBATCH_ACCOUNT_INFO_INIT                                                                                      \
  {                                                                                                                    \
    (uint32_t)sizeof(cobatch_account_info), 0, 0, {NULL, 0}, 0, 0, 0, 0, {0, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0}, 0, 0, \
        0, 0, NULL, 0, 0                                                                                               \
  }

/*
** What a batch compares to. `guide_...` is the guide's count in tokens: all that was loaded anew or written, against a
** session a task, each of which would load what the first task loaded. What cannot be said is marked absent.
** saved = without - with; it is negative if the batch was dearer. permille: tenths of a percent of `without`.
*/
typedef struct cobatch_savings_info {
  uint32_t struct_size;
  int32_t has_guide;
  int32_t has_processed;
  int64_t guide_without, guide_with, guide_saved, guide_saved_permille;
  int64_t processed;  /* tokens read and written, all tasks */
  int64_t cache_read; /* the part of it that was read from the cache */
} cobatch_savings_info;
#define COBATCH_SAVINGS_INFO_INIT \
  { (uint32_t)sizeof(cobatch_savings_info), 0, 0, 0, 0, 0, 0, 0, 0 }

/*
** What a batch really used, and what that compares to. The reply holds the batch, accounts (the batch's own first, then
** that of its preamble if it was sent, then one a task in order of their first turn) and the savings.
** Errors: COBATCH_E_BATCH_NOT_FOUND, _NO_USAGE (no turn has reported any), the store's.
*/
COBATCH_API cobatch_status cobatch_savings(cobatch_workspace* workspace, cobatch_text batch, cobatch_reply** reply,
                                           cobatch_error** err);

/*
** The same, and what each account cost at the list prices of a file in the shape of LiteLLM's (`prices`, its path). The
** costs of preamble and tasks add up to the batch's, to the nano-dollar. An account that used a model without a price
** that its tokens need has no cost. A subscription bills none of it, and what separate sessions would have cost nobody
** has measured. The reply also holds a warning for each model without a price (`unpriced_model`), which says what is
** wrong with its entry in the file, if it has one, and for each that may have cost more (`price_at_least`).
** Further errors, all of the file: COBATCH_E_BAD_VALUE (no path), _IO_ERROR, _NOT_WRITABLE (it cannot be read),
** _TOO_LARGE (above 64 MiB), _BAD_JSON, _BAD_ENCODING, _WRONG_TYPE. Since ABI version 3.
*/
COBATCH_API cobatch_status cobatch_savings_at_prices(cobatch_workspace* workspace, cobatch_text batch,
                                                     cobatch_text prices, cobatch_reply** reply, cobatch_error** err);

/*
** The next account in a reply of savings. COBATCH_E_END when there are no more.
*/
COBATCH_API cobatch_status cobatch_reply_next_account(cobatch_reply* reply, cobatch_account_info* record,
                                                      cobatch_error** err);

/*
** The comparison in a reply of savings. COBATCH_E_END if the reply has none.
*/
COBATCH_API cobatch_status cobatch_reply_savings(cobatch_reply* reply, cobatch_savings_info* record,
                                                 cobatch_error** err);

/* ------------------------------------------------------------------------------------------- 15 JSON requests */

enum {
  COBATCH_CALL_DONE = 0,
  COBATCH_CALL_REFUSED = 1,   /* understood and refused: {"status":"error","code","message"} */
  COBATCH_CALL_MALFORMED = 2, /* not a request at all */
  COBATCH_CALL_FAULT = 3      /* the request was fine, storage was not */
};

/*
** One request of the guide, {"tool_name":"claude_assistant","action":...,"params":{...}}, and its reply: the same text
** as over HTTP. Every action is there: see cobatch_supported_actions. `reply` is one JSON object on one line; free it
** with cobatch_text_free. `kind` (may be NULL) becomes COBATCH_CALL_...; a request that was refused is COBATCH_OK here,
** and the reply says why. `wait_batch` blocks up to 40 s or until cobatch_interrupt; everything else answers at once.
*/
COBATCH_API cobatch_status cobatch_call(cobatch_workspace* workspace, cobatch_text request, cobatch_owned_text* reply,
                                        int32_t* kind, cobatch_error** err);

/*
** Every action with its parameters, as JSON: what GET /get_supported_actions answers.
*/
COBATCH_API cobatch_status cobatch_supported_actions(cobatch_owned_text* json, cobatch_error** err);

/* ---------------------------------------------------------------------------------------------- 16 the doctor */

enum {
  COBATCH_ANSWER_YES = 1,    /* it is as it should be */
  COBATCH_ANSWER_NO = 2,     /* it is not */
  COBATCH_ANSWER_UNKNOWN = 3 /* it cannot be told, or not yet */
};

/* A line of the checklist, answered. Since ABI version 3. */
typedef struct cobatch_finding_info {
  uint32_t struct_size;
  int32_t answer;       /* COBATCH_ANSWER_... */
  cobatch_text check;   /* what was looked at: a code that never changes ("lock_file"); it may come several times */
  cobatch_text message; /* what is there and what it means; may hold a client's text (untrusted) */
  cobatch_text fix;     /* a command to copy to a POSIX shell; absent if there is none */
} cobatch_finding_info;
#define COBATCH_FINDING_INFO_INIT                                                \
  {                                                                              \
    (uint32_t)sizeof(cobatch_finding_info), 0, {NULL, 0}, {NULL, 0}, { NULL, 0 } \
  }

/*
** Looks at a workspace before a batch: folders, disk, store, clock, JSON files, lock, engines, and the batches that
** wait. With `batch` (absent: none), also at what came of that one. `options` (may be NULL) are those of cobatch_open,
** which is not needed for it. The reply holds findings.
**
** Nothing is made where nothing is, and nothing that is damaged is touched, so it may be called while a session runs;
** calls that write wait while the store is verified. One thing changes: a store that the disk failed to write is, if it
** is sound, written anew and let go on.
**
** What cannot be looked at is a finding. Thread-safe. Errors: COBATCH_E_BAD_VALUE, _BAD_ID. Since ABI version 3.
*/
COBATCH_API cobatch_status cobatch_diagnose(const cobatch_workspace_options* options, cobatch_text batch,
                                            cobatch_reply** reply, cobatch_error** err);

/*
** Looks at what runs tasks: the keeper, the agent programs in PATH (each is started with `--version`, for at most 20
** seconds), who would pay for them, and whether this process was started by an agent. That there is no such program is
** not held against a workspace in which an engine runs; `options` (may be NULL) say which workspace. No secret is in
** what it says. The reply holds findings. Thread-safe, as long as no thread changes the environment. Errors:
** COBATCH_E_BAD_VALUE. Since ABI version 3.
*/
COBATCH_API cobatch_status cobatch_diagnose_agents(const cobatch_workspace_options* options, cobatch_reply** reply,
                                                   cobatch_error** err);

/*
** The next finding in a reply of these two. COBATCH_E_END when there are no more. Since ABI version 3.
*/
COBATCH_API cobatch_status cobatch_reply_next_finding(cobatch_reply* reply, cobatch_finding_info* record,
                                                      cobatch_error** err);

#ifdef __cplusplus
}
#endif

#endif
