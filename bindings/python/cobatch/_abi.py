"""capi/cobatch.h in ctypes: every constant, struct and function, under the names that they have there."""

from __future__ import annotations

from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char,
    c_char_p,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
    c_void_p,
    sizeof,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

COBATCH_ABI_VERSION = 4
COBATCH_NO_TIME = -(2**63)

COBATCH_OK = 0
COBATCH_E_BAD_JSON = -1
COBATCH_E_NOT_AN_OBJECT = -2
COBATCH_E_WRONG_TYPE = -3
COBATCH_E_MISSING_FIELD = -4
COBATCH_E_UNKNOWN_TOOL = -5
COBATCH_E_UNKNOWN_ACTION = -6
COBATCH_E_TOO_LARGE = -7
COBATCH_E_BAD_ENCODING = -8
COBATCH_E_BAD_ID = -9
COBATCH_E_BAD_VALUE = -10
COBATCH_E_DUPLICATE_IN_BATCH = -11
COBATCH_E_TASK_EXISTS = -100
COBATCH_E_TASK_NOT_FOUND = -101
COBATCH_E_BATCH_NOT_FOUND = -102
COBATCH_E_EMPTY_BATCH = -103
COBATCH_E_TASK_IN_PROGRESS = -104
COBATCH_E_TASK_ENDED = -105
COBATCH_E_TASK_QUEUED = -106
COBATCH_E_ALREADY_COMPLETED = -107
COBATCH_E_STALE_SESSION = -108
COBATCH_E_AGENT_CONFLICT = -109
COBATCH_E_FOREIGN_MARKER = -110
COBATCH_E_SESSION_LIVE = -111
COBATCH_E_NO_MARKER = -112
COBATCH_E_NO_USAGE = -113
COBATCH_E_BATCH_CONFLICT = -114
COBATCH_E_NEED_UNKNOWN = -115
COBATCH_E_UNPRICED_MODEL = -116
COBATCH_E_AGENT_UNKNOWN = -200
COBATCH_E_AGENT_MISSING = -201
COBATCH_E_AGENT_FAILED = -202
COBATCH_E_KEEPER_MISSING = -203
COBATCH_E_STORAGE_FAULT = -300
COBATCH_E_DISK_FULL = -301
COBATCH_E_NOT_WRITABLE = -302
COBATCH_E_CANNOT_LOCK = -303
COBATCH_E_UNSAFE_FILE = -304
COBATCH_E_WORKSPACE_REPLACED = -305
COBATCH_E_STORE_NEWER = -306
COBATCH_E_STORE_DAMAGED = -307
COBATCH_E_IO_ERROR = -308
COBATCH_E_OUTCOME_UNKNOWN = -309
COBATCH_E_TIMED_OUT = -400
COBATCH_E_INTERRUPTED = -401
COBATCH_E_PORT_IN_USE = -402
COBATCH_E_INTERNAL = -403
COBATCH_E_END = -500
COBATCH_E_FORKED = -404
COBATCH_E_BUSY = -405
COBATCH_E_NO_MEMORY = -501
COBATCH_E_STRUCT_SIZE = -502
COBATCH_E_CALLBACK = -503

COBATCH_LOG_INFO = 1
COBATCH_LOG_WARNING = 2

COBATCH_PRIORITY_DEFAULT = 0
COBATCH_PRIORITY_LOW = 1
COBATCH_PRIORITY_MEDIUM = 2
COBATCH_PRIORITY_HIGH = 3

COBATCH_TASK_QUEUED = 1
COBATCH_TASK_IN_PROGRESS = 2
COBATCH_TASK_DONE = 3
COBATCH_TASK_ERROR = 4
COBATCH_TASK_CANCELLED = 5

COBATCH_BATCH_OPEN = 1
COBATCH_BATCH_SEALED = 2
COBATCH_BATCH_RUNNING = 3
COBATCH_BATCH_ENDING = 4
COBATCH_BATCH_FINISHED = 5
COBATCH_BATCH_HELD = 6

COBATCH_TURN_RUNNING = 0
COBATCH_TURN_DONE = 1
COBATCH_TURN_ERROR = 2
COBATCH_TURN_DENIED = 3
COBATCH_TURN_BROKE = 4
COBATCH_TURN_TIMED_OUT = 5
COBATCH_TURN_INTERRUPTED = 6
COBATCH_TURN_STOPPED = 7
COBATCH_TURN_CANCELLED = 8

COBATCH_SESSION_LIVE = 0
COBATCH_SESSION_FINISHED = 1
COBATCH_SESSION_FULL = 2
COBATCH_SESSION_NOT_STARTED = 3
COBATCH_SESSION_STOPPED = 4
COBATCH_SESSION_AGENT_LOST = 5
COBATCH_SESSION_CRASHED = 6
COBATCH_SESSION_CANCELLED = 7
COBATCH_SESSION_BLOCKED = 8
COBATCH_SESSION_BUDGET = 9
COBATCH_SESSION_USAGE_UNKNOWN = 10

COBATCH_WAY_DEFAULT = 0
COBATCH_WAY_ONE_SESSION = 1
COBATCH_WAY_FORK = 2
COBATCH_WAY_SEPARATE = 3

COBATCH_ON_ERROR_DEFAULT = 0
COBATCH_ON_ERROR_CONTINUE = 1
COBATCH_ON_ERROR_STOP = 2

COBATCH_USAGE_REPORTED = 0
COBATCH_USAGE_DIFFERENCE = 1
COBATCH_USAGE_TRANSCRIPT = 2
COBATCH_USAGE_SCRIPTED = 3
COBATCH_USAGE_TOLD = 4

COBATCH_SAID_BY_AGENT = 0
COBATCH_SAID_BY_NOBODY = 1
COBATCH_SAID_BY_COBATCH = 2

COBATCH_NO_OUTCOME = 0
COBATCH_STORED = 1
COBATCH_DUPLICATE = 2
COBATCH_SEALED = 3
COBATCH_UNCHANGED = 4
COBATCH_STARTED = 5
COBATCH_ALREADY_RUNNING = 6
COBATCH_NOTHING_TO_DO = 7
COBATCH_CANCELLED = 8
COBATCH_MARKER_REMOVED = 9
COBATCH_END_REQUESTED = 10
COBATCH_QUEUED_AGAIN = 11

COBATCH_ASSIGN_KEEP_OPEN = 1

COBATCH_EVENT_SESSION_STARTED = 1
COBATCH_EVENT_TURN_STARTED = 2
COBATCH_EVENT_TURN_ENDED = 3
COBATCH_EVENT_SESSION_ENDED = 4
COBATCH_EVENT_CHANGED = 5
COBATCH_EVENT_PROGRESS = 6
COBATCH_EVENT_WAITING = 7
COBATCH_EVENT_TROUBLE = 8
COBATCH_EVENT_RECOVERED = 9
COBATCH_EVENT_DROPPED = 10
COBATCH_EVENT_AGENT_KNOWN = 11
COBATCH_EVENT_TOOL = 12
COBATCH_EVENT_NOTICE = 13
COBATCH_EVENT_PAUSED = 14
COBATCH_EVENT_RESUMED = 15

COBATCH_EVENTS_RESUME = 1

COBATCH_MARKER_ABSENT = 0
COBATCH_MARKER_OURS = 1
COBATCH_MARKER_FOREIGN = 2

COBATCH_UNLOCK_FORCE = 1

COBATCH_CALL_DONE = 0
COBATCH_CALL_REFUSED = 1
COBATCH_CALL_MALFORMED = 2
COBATCH_CALL_FAULT = 3

COBATCH_ANSWER_YES = 1
COBATCH_ANSWER_NO = 2
COBATCH_ANSWER_UNKNOWN = 3


HANDLE = c_void_p
OUT = POINTER(HANDLE)  # a handle that a function makes
CHARS = POINTER(c_char)  # not c_char_p, which would end at the first zero byte


class _Checked(Structure):
    """A struct that does not cut numbers to size, as ctypes does."""

    def __init__(self, **members: Any) -> None:
        super().__init__(**members)
        for name, value in members.items():
            if isinstance(value, int) and getattr(self, name) != value:
                raise OverflowError(f"{name} cannot be {value}")


class _Sized(_Checked):
    """A struct that begins with its size."""

    _fields_ = [("struct_size", c_uint32)]

    def __init__(self, **members: Any) -> None:
        super().__init__(**members)
        self.struct_size = sizeof(type(self))


class cobatch_text(Structure):
    _fields_ = [
        ("data", CHARS),
        ("size", c_size_t),
    ]


class cobatch_texts(Structure):
    _fields_ = [
        ("items", POINTER(cobatch_text)),
        ("count", c_size_t),
    ]


class cobatch_owned_text(Structure):
    _fields_ = [
        ("data", CHARS),
        ("size", c_size_t),
    ]


class cobatch_workspace_options(_Sized):
    _fields_ = [
        ("max_tasks_per_session", c_int32),
        ("root", cobatch_text),
        ("state", cobatch_text),
    ]


class cobatch_tokens(_Checked):
    _fields_ = [
        ("uncached_input", c_int64),
        ("cache_write_5m", c_int64),
        ("cache_write_1h", c_int64),
        ("cache_read", c_int64),
        ("output", c_int64),
        ("reasoning", c_int64),
    ]


class cobatch_model_tokens(Structure):
    _fields_ = [
        ("model", cobatch_text),
        ("tokens", cobatch_tokens),
    ]


class cobatch_usage(_Sized):
    _fields_ = [
        ("source", c_int32),
        ("incomplete", c_int32),
        ("models", POINTER(cobatch_model_tokens)),
        ("model_count", c_size_t),
        ("total", cobatch_tokens),
        ("has_requests", c_int32),
        ("has_inherited_read", c_int32),
        ("requests", c_int64),
        ("inherited_read", c_int64),
    ]


class cobatch_budget(_Sized):
    _fields_ = [
        ("nano_dollars", c_int64),
        ("tokens", c_int64),
        ("time_ms", c_int64),
        ("allow_unknown", c_int32),
    ]


class cobatch_changes(_Sized):
    _fields_ = [
        ("incomplete", c_int32),
        ("files", cobatch_texts),
        ("commits", cobatch_texts),
    ]


class cobatch_warning_info(_Sized):
    _fields_ = [
        ("code", cobatch_text),
        ("message", cobatch_text),
    ]


class cobatch_batch_info(_Sized):
    _fields_ = [
        ("state", c_int32),
        ("priority", c_int32),
        ("fruitless_sessions", c_int32),
        ("id", cobatch_text),
        ("agent", cobatch_text),
        ("hold_reason", cobatch_text),
        ("round", c_int64),
        ("queued", c_int64),
        ("in_progress", c_int64),
        ("done", c_int64),
        ("error", c_int64),
        ("cancelled", c_int64),
        ("created_at", c_int64),
        ("last_assign_at", c_int64),
        ("sealed_at", c_int64),
        ("held_until", c_int64),
        ("way", c_int32),
        ("on_error", c_int32),
        ("preamble", c_int32),
        ("model", cobatch_text),
        ("budget", POINTER(cobatch_budget)),
    ]


class cobatch_task_info(_Sized):
    _fields_ = [
        ("state", c_int32),
        ("duplicate", c_int32),
        ("priority", c_int32),
        ("max_attempts", c_int32),
        ("attempts", c_int32),
        ("interruptions", c_int32),
        ("id", cobatch_text),
        ("batch", cobatch_text),
        ("description", cobatch_text),
        ("context", cobatch_text),
        ("assigned_by", cobatch_text),
        ("position", c_int64),
        ("round", c_int64),
        ("session", c_int64),
        ("turn", c_int64),
        ("created_at", c_int64),
        ("started_at", c_int64),
        ("ended_at", c_int64),
        ("needs", cobatch_texts),
        ("check", cobatch_texts),
        ("tools", cobatch_texts),
        ("model", cobatch_text),
        ("reason", cobatch_text),
        ("limit_ms", c_int64),
    ]


class cobatch_result_info(_Sized):
    _fields_ = [
        ("state", c_int32),
        ("end", c_int32),
        ("said_by", c_int32),
        ("loaded_context", c_int32),
        ("task", cobatch_text),
        ("batch", cobatch_text),
        ("reason", cobatch_text),
        ("detail", cobatch_text),
        ("output", cobatch_text),
        ("output_summary", cobatch_text),
        ("actions_taken", cobatch_text),
        ("errors", cobatch_text),
        ("position", c_int64),
        ("session", c_int64),
        ("turn", c_int64),
        ("completed_at", c_int64),
        ("duration_ms", c_int64),
        ("usage", POINTER(cobatch_usage)),
        ("preamble_usage", POINTER(cobatch_usage)),
        ("changes", POINTER(cobatch_changes)),
    ]


class cobatch_turn_info(_Sized):
    _fields_ = [
        ("end", c_int32),
        ("attempt", c_int32),
        ("recovered", c_int32),
        ("task", cobatch_text),
        ("batch", cobatch_text),
        ("reason", cobatch_text),
        ("detail", cobatch_text),
        ("session", c_int64),
        ("turn", c_int64),
        ("position", c_int64),
        ("process", c_int64),
        ("process_turn", c_int64),
        ("started_at", c_int64),
        ("ended_at", c_int64),
        ("usage", POINTER(cobatch_usage)),
        ("loaded_context", c_int32),
        ("conversation", cobatch_text),
        ("changes", POINTER(cobatch_changes)),
    ]


class cobatch_session_info(_Sized):
    _fields_ = [
        ("end", c_int32),
        ("end_requested", c_int32),
        ("batch", cobatch_text),
        ("agent", cobatch_text),
        ("end_detail", cobatch_text),
        ("session", c_int64),
        ("round", c_int64),
        ("owner_pid", c_int64),
        ("turns_settled", c_int64),
        ("started_at", c_int64),
        ("ended_at", c_int64),
        ("agent_version", cobatch_text),
        ("agent_model", cobatch_text),
        ("agent_billing", cobatch_text),
        ("pause_reason", cobatch_text),
        ("paused_until", c_int64),
    ]


class cobatch_task_spec(_Sized):
    _fields_ = [
        ("priority", c_int32),
        ("max_attempts", c_int32),
        ("id", cobatch_text),
        ("description", cobatch_text),
        ("context", cobatch_text),
        ("assigned_by", cobatch_text),
        ("needs", cobatch_texts),
        ("check", cobatch_texts),
        ("tools", cobatch_texts),
        ("model", cobatch_text),
        ("limit_ms", c_int64),
    ]


class cobatch_assign_options(_Sized):
    _fields_ = [
        ("flags", c_uint32),
        ("batch", cobatch_text),
        ("agent", cobatch_text),
        ("way", c_int32),
        ("on_error", c_int32),
        ("model", cobatch_text),
        ("preamble", cobatch_text),
        ("context_files", cobatch_texts),
        ("budget", POINTER(cobatch_budget)),
    ]


class cobatch_engine_info(_Sized):
    _fields_ = [
        ("description", cobatch_text),
    ]


class cobatch_filter(_Sized):
    _fields_ = [
        ("state", c_int32),
        ("batch", cobatch_text),
        ("task", cobatch_text),
        ("session", c_int64),
    ]


class cobatch_claude_options(_Sized):
    _fields_ = [
        ("allowed_tool_count", c_uint32),
        ("allowed_tools", POINTER(cobatch_text)),
        ("program", cobatch_text),
        ("model", cobatch_text),
        ("permission_mode", cobatch_text),
        ("extra_arguments", POINTER(cobatch_text)),
        ("extra_argument_count", c_size_t),
        ("max_turns", c_int32),
        ("tools", cobatch_texts),
        ("system_prompt", cobatch_text),
        ("mcp_config", cobatch_text),
        ("max_nano_dollars", c_int64),
        ("grace_ms", c_int64),
    ]


class cobatch_codex_options(_Sized):
    _fields_ = [
        ("no_app_server", c_int32),
        ("program", cobatch_text),
        ("model", cobatch_text),
        ("sandbox", cobatch_text),
        ("extra_arguments", cobatch_texts),
        ("grace_ms", c_int64),
    ]


class cobatch_gemini_options(_Sized):
    _fields_ = [
        ("program", cobatch_text),
        ("model", cobatch_text),
        ("approval_mode", cobatch_text),
        ("extra_arguments", cobatch_texts),
        ("grace_ms", c_int64),
    ]


class cobatch_prompt_options(_Sized):
    _fields_ = [
        ("argv", cobatch_texts),
        ("call", cobatch_text),
        ("grace_ms", c_int64),
    ]


class cobatch_turn_request(_Sized):
    _fields_ = [
        ("attempt", c_int32),
        ("task", cobatch_text),
        ("batch", cobatch_text),
        ("description", cobatch_text),
        ("context", cobatch_text),
        ("prompt", cobatch_text),
        ("session", c_int64),
        ("turn", c_int64),
        ("position", c_int64),
        ("limit_ms", c_int64),
    ]


class cobatch_completion(_Sized):
    _fields_ = [
        ("end", c_int32),
        ("reason", cobatch_text),
        ("detail", cobatch_text),
        ("output", cobatch_text),
        ("output_summary", cobatch_text),
        ("actions_taken", cobatch_text),
        ("errors", cobatch_text),
        ("usage", POINTER(cobatch_usage)),
    ]


class cobatch_agent_start(_Sized):
    _fields_ = [
        ("batch", cobatch_text),
        ("working_directory", cobatch_text),
        ("session", c_int64),
        ("process", c_int64),
    ]


# What the host gives the library to call.
LOG = CFUNCTYPE(None, HANDLE, c_int32, cobatch_text)
DESTROY = CFUNCTYPE(None, HANDLE)
OF_SESSION = CFUNCTYPE(None, HANDLE, HANDLE)
START = CFUNCTYPE(c_int32, HANDLE, POINTER(cobatch_agent_start), OUT)
TURN = CFUNCTYPE(c_int32, HANDLE, HANDLE, POINTER(cobatch_turn_request), HANDLE)


class cobatch_agent_vtable(_Sized):
    _fields_ = [
        ("start", START),
        ("turn", TURN),
        ("interrupt", OF_SESSION),
        ("stop", OF_SESSION),
        ("destroy", DESTROY),
    ]


class cobatch_run_options(_Sized):
    _fields_ = [
        ("max_tasks_per_session", c_int32),
        ("agents", OUT),
        ("agent_count", c_size_t),
        ("batch", cobatch_text),
        ("working_directory", cobatch_text),
        ("turn_limit_ms", c_int64),
        ("session_limit_ms", c_int64),
        ("stop_grace_ms", c_int64),
        ("linger_ms", c_int64),
        ("allow_checks", c_int32),
        ("check_limit_ms", c_int64),
        ("quiet_after_ms", c_int64),
        ("limit_wait_ms", c_int64),
        ("prices", cobatch_text),
        ("day_budget", POINTER(cobatch_budget)),
        ("idle_limit_ms", c_int64),
        ("wait_for_lock_file", c_int32),
    ]


class cobatch_run_report(_Sized):
    _fields_ = [
        ("sessions", c_int64),
        ("turns", c_int64),
        ("tasks_done", c_int64),
        ("tasks_failed", c_int64),
        ("tasks_left", c_int64),
        ("tasks_held", c_int64),
        ("why_left", c_char * 512),
    ]


class cobatch_session_options(_Sized):
    _fields_ = [
        ("max_tasks", c_int32),
        ("only_named", c_int32),
        ("agent", cobatch_text),
        ("batch", cobatch_text),
        ("turn_limit_ms", c_int64),
        ("session_limit_ms", c_int64),
    ]


class cobatch_event_info(_Sized):
    _fields_ = [
        ("kind", c_int32),
        ("turn_end", c_int32),
        ("task_state", c_int32),
        ("session_end", c_int32),
        ("batch", cobatch_text),
        ("task", cobatch_text),
        ("agent", cobatch_text),
        ("text", cobatch_text),
        ("session", c_int64),
        ("turn", c_int64),
        ("at", c_int64),
        ("count", c_int64),
        ("resume_session", c_int64),
        ("resume_step", c_int64),
        ("usage", POINTER(cobatch_usage)),
    ]


class cobatch_events_options(_Sized):
    _fields_ = [
        ("flags", c_uint32),
        ("resume_session", c_int64),
        ("resume_step", c_int64),
    ]


class cobatch_lock_info(_Sized):
    _fields_ = [
        ("held", c_int32),
        ("orchestrator_lost", c_int32),
        ("marker", c_int32),
        ("marker_content", cobatch_text),
        ("advice", cobatch_text),
    ]


class cobatch_account_info(_Sized):
    _fields_ = [
        ("incomplete", c_int32),
        ("scripted", c_int32),
        ("task", cobatch_text),
        ("position", c_int64),
        ("turns", c_int64),
        ("wasted_turns", c_int64),
        ("turns_without_usage", c_int64),
        ("used", cobatch_tokens),
        ("waste", cobatch_tokens),
        ("preamble_turns", c_int64),
        ("has_cost", c_int32),
        ("told", c_int32),
        ("nano_dollars", c_int64),
        ("models", POINTER(cobatch_model_tokens)),
        ("model_count", c_size_t),
        ("cost_at_least", c_int32),
    ]


class cobatch_savings_info(_Sized):
    _fields_ = [
        ("has_guide", c_int32),
        ("has_processed", c_int32),
        ("guide_without", c_int64),
        ("guide_with", c_int64),
        ("guide_saved", c_int64),
        ("guide_saved_permille", c_int64),
        ("processed", c_int64),
        ("cache_read", c_int64),
    ]


class cobatch_finding_info(_Sized):
    _fields_ = [
        ("answer", c_int32),
        ("check", cobatch_text),
        ("message", cobatch_text),
        ("fix", cobatch_text),
    ]


# Functions that return a cobatch_status: their parameters without the last one, the error.
FALLIBLE: dict[str, tuple[Any, ...]] = {
    "cobatch_open": (POINTER(cobatch_workspace_options), OUT),
    "cobatch_set_log": (HANDLE, LOG, HANDLE, DESTROY),
    "cobatch_reply_next_batch": (HANDLE, POINTER(cobatch_batch_info)),
    "cobatch_reply_next_task": (HANDLE, POINTER(cobatch_task_info)),
    "cobatch_reply_next_result": (HANDLE, POINTER(cobatch_result_info)),
    "cobatch_reply_next_turn": (HANDLE, POINTER(cobatch_turn_info)),
    "cobatch_reply_next_session": (HANDLE, POINTER(cobatch_session_info)),
    "cobatch_reply_next_warning": (HANDLE, POINTER(cobatch_warning_info)),
    "cobatch_assign_task": (HANDLE, POINTER(cobatch_task_spec), POINTER(cobatch_assign_options), OUT),
    "cobatch_assign_batch": (HANDLE, POINTER(cobatch_task_spec), c_size_t, POINTER(cobatch_assign_options), OUT),
    "cobatch_seal": (HANDLE, cobatch_text, OUT),
    "cobatch_execute_queue": (HANDLE, cobatch_text, OUT),
    "cobatch_cancel": (HANDLE, cobatch_text, OUT),
    "cobatch_reset": (HANDLE, cobatch_text, OUT),
    "cobatch_retry": (HANDLE, cobatch_text, OUT),
    "cobatch_find_task": (HANDLE, cobatch_text, OUT),
    "cobatch_find_batch": (HANDLE, cobatch_text, OUT),
    "cobatch_wait": (HANDLE, cobatch_text, c_int64, OUT),
    "cobatch_overview": (HANDLE, OUT),
    "cobatch_reply_next_engine": (HANDLE, POINTER(cobatch_engine_info)),
    "cobatch_list_batches": (HANDLE, POINTER(cobatch_filter), OUT),
    "cobatch_list_tasks": (HANDLE, POINTER(cobatch_filter), OUT),
    "cobatch_list_results": (HANDLE, POINTER(cobatch_filter), OUT),
    "cobatch_list_turns": (HANDLE, POINTER(cobatch_filter), OUT),
    "cobatch_list_sessions": (HANDLE, POINTER(cobatch_filter), OUT),
    "cobatch_agent_claude": (POINTER(cobatch_claude_options), OUT),
    "cobatch_agent_codex": (POINTER(cobatch_codex_options), OUT),
    "cobatch_agent_gemini": (POINTER(cobatch_gemini_options), OUT),
    "cobatch_agent_command": (cobatch_text, POINTER(cobatch_text), c_size_t, OUT),
    "cobatch_agent_prompt": (POINTER(cobatch_prompt_options), OUT),
    "cobatch_agent_scripted": (cobatch_text, OUT),
    "cobatch_agent_host": (cobatch_text, POINTER(cobatch_agent_vtable), HANDLE, OUT),
    "cobatch_turn_complete": (HANDLE, POINTER(cobatch_completion)),
    "cobatch_turn_progress": (HANDLE, cobatch_text),
    "cobatch_run": (HANDLE, POINTER(cobatch_run_options), POINTER(cobatch_run_report)),
    "cobatch_engine_start": (HANDLE, POINTER(cobatch_run_options), OUT),
    "cobatch_engine_stop": (HANDLE, c_int32, POINTER(cobatch_run_report)),
    "cobatch_session_begin": (HANDLE, POINTER(cobatch_session_options), OUT),
    "cobatch_session_read": (HANDLE, POINTER(cobatch_session_info)),
    "cobatch_session_next": (HANDLE, POINTER(cobatch_turn_request)),
    "cobatch_session_complete": (HANDLE, c_int64, POINTER(cobatch_completion), OUT),
    "cobatch_session_extend": (HANDLE, c_int64, c_int64, POINTER(c_int64)),
    "cobatch_session_end": (HANDLE,),
    "cobatch_events_open": (HANDLE, POINTER(cobatch_events_options), OUT),
    "cobatch_events_next": (HANDLE, POINTER(cobatch_event_info)),
    "cobatch_events_wait": (HANDLE, c_int64, POINTER(cobatch_event_info)),
    "cobatch_lock_status": (HANDLE, OUT),
    "cobatch_reply_lock": (HANDLE, POINTER(cobatch_lock_info)),
    "cobatch_unlock": (HANDLE, c_uint32, OUT),
    "cobatch_savings": (HANDLE, cobatch_text, OUT),
    "cobatch_savings_at_prices": (HANDLE, cobatch_text, cobatch_text, OUT),
    "cobatch_reply_next_account": (HANDLE, POINTER(cobatch_account_info)),
    "cobatch_reply_savings": (HANDLE, POINTER(cobatch_savings_info)),
    "cobatch_call": (HANDLE, cobatch_text, POINTER(cobatch_owned_text), POINTER(c_int32)),
    "cobatch_supported_actions": (POINTER(cobatch_owned_text),),
    "cobatch_diagnose": (POINTER(cobatch_workspace_options), cobatch_text, OUT),
    "cobatch_diagnose_agents": (POINTER(cobatch_workspace_options), OUT),
    "cobatch_reply_next_finding": (HANDLE, POINTER(cobatch_finding_info)),
}

# All others: what they return, and their parameters.
INFALLIBLE: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "cobatch_version": (c_char_p, ()),
    "cobatch_abi_version": (c_int32, ()),
    "cobatch_str": (cobatch_text, (c_char_p,)),
    "cobatch_text_free": (None, (POINTER(cobatch_owned_text),)),
    "cobatch_init": (None, (HANDLE, c_uint32)),
    "cobatch_status_name": (c_char_p, (c_int32,)),
    "cobatch_error_status": (c_int32, (HANDLE,)),
    "cobatch_error_message": (cobatch_text, (HANDLE,)),
    "cobatch_error_free": (None, (HANDLE,)),
    "cobatch_close": (None, (HANDLE,)),
    "cobatch_root": (cobatch_text, (HANDLE,)),
    "cobatch_interrupt": (None, (HANDLE,)),
    "cobatch_reply_outcome": (c_int32, (HANDLE,)),
    "cobatch_reply_free": (None, (HANDLE,)),
    "cobatch_agent_free": (None, (HANDLE,)),
    "cobatch_turn_interrupted": (c_int32, (HANDLE,)),
    "cobatch_engine_is_running": (c_int32, (HANDLE,)),
    "cobatch_engine_free": (None, (HANDLE,)),
    "cobatch_session_free": (None, (HANDLE,)),
    "cobatch_events_fd": (c_int32, (HANDLE,)),
    "cobatch_events_close": (None, (HANDLE,)),
}
