#!/usr/bin/env python3
"""The C interface from plain ctypes, without the package: one batch of the guide's, by its JSON requests.

usage: ctypes_only.py [PROJECT_FOLDER]      (without a folder: in one of its own, which is removed)

The library is the one that COBATCH_LIBRARY names, else the system's.
"""

import ctypes
import json
import os
import sys
import tempfile
from ctypes import POINTER, byref, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_void_p


class Text(ctypes.Structure):
    _fields_ = [("data", c_char_p), ("size", c_size_t)]


class WorkspaceOptions(ctypes.Structure):
    _fields_ = [("struct_size", c_uint32), ("max_tasks", c_int32), ("root", Text), ("state", Text)]


class RunOptions(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("max_tasks_per_session", c_int32),
        ("agents", POINTER(c_void_p)),
        ("agent_count", c_size_t),
        ("batch", Text),
        ("working_directory", Text),
        ("turn_limit_ms", c_int64),
        ("session_limit_ms", c_int64),
        ("stop_grace_ms", c_int64),
        ("linger_ms", c_int64),
    ]


lib = ctypes.CDLL(os.environ.get("COBATCH_LIBRARY", "libcobatch.so.0"))
lib.cobatch_error_message.restype = Text
lib.cobatch_error_message.argtypes = lib.cobatch_error_free.argtypes = [c_void_p]
lib.cobatch_open.argtypes = [POINTER(WorkspaceOptions), POINTER(c_void_p), POINTER(c_void_p)]
lib.cobatch_call.argtypes = [c_void_p, Text, POINTER(Text), POINTER(c_int32), POINTER(c_void_p)]
lib.cobatch_agent_scripted.argtypes = [Text, POINTER(c_void_p), POINTER(c_void_p)]
lib.cobatch_run.argtypes = [c_void_p, POINTER(RunOptions), c_void_p, POINTER(c_void_p)]
lib.cobatch_agent_free.argtypes = lib.cobatch_close.argtypes = [c_void_p]


def text(value: str) -> Text:
    data = value.encode()
    return Text(data, len(data))


def must(function, *arguments) -> None:
    err = c_void_p()
    if function(*arguments, byref(err)) != 0:
        message = lib.cobatch_error_message(err).data.decode()
        lib.cobatch_error_free(err)
        sys.exit(message)


def request(ws: c_void_p, action: str, **params) -> dict:
    reply = Text()
    whole = {"tool_name": "claude_assistant", "action": action, "params": params}
    must(lib.cobatch_call, ws, text(json.dumps(whole)), byref(reply), None)
    answer = json.loads(reply.data)
    lib.cobatch_text_free(byref(reply))
    return answer


def main(folder: str) -> bool:
    ws, agent = c_void_p(), c_void_p()
    options = WorkspaceOptions(struct_size=ctypes.sizeof(WorkspaceOptions), root=text(folder))
    must(lib.cobatch_open, byref(options), byref(ws))
    tasks = [{"task_id": f"ctypes_{n}", "description": f"Document feature {n}"} for n in "ABC"]
    print(request(ws, "assign_batch", batch_id="ctypes_only", tasks=tasks)["message"])

    must(lib.cobatch_agent_scripted, Text(), byref(agent))  # does every task at once, and asks no model
    run = RunOptions(struct_size=ctypes.sizeof(RunOptions), agents=ctypes.pointer(agent), agent_count=1)
    run.batch = text("ctypes_only")
    must(lib.cobatch_run, ws, byref(run), None)
    lib.cobatch_agent_free(agent)

    status = request(ws, "batch_status", batch_id="ctypes_only")
    print(status["message"])
    lib.cobatch_close(ws)
    return status["tally"]["done"] == 3


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        sys.exit(not main(sys.argv[1] if len(sys.argv) > 1 else scratch))
