#!/usr/bin/env python3
"""The C interface from cffi, from the declarations that it is installed with: a session that this program drives.

usage: cffi_batch.py [PROJECT_FOLDER]      (without a folder: in one of its own, which is removed)

The library is the one that COBATCH_LIBRARY names, else the system's; the declarations are cobatch.cdef.h, which is
installed beside cobatch.h, or what COBATCH_CDEF names.
"""

import os
import sys
import tempfile

try:
    import cffi
except ImportError:
    print("SKIPPED: cffi is not installed (python3 -m pip install cffi)", file=sys.stderr)
    sys.exit(77)

HERE = os.path.dirname(os.path.abspath(__file__))
CDEF = os.environ.get("COBATCH_CDEF", os.path.join(HERE, "..", "..", "capi", "cobatch.cdef.h"))

ffi = cffi.FFI()
with open(CDEF, encoding="utf-8") as declarations:
    ffi.cdef(declarations.read())
lib = ffi.dlopen(os.environ.get("COBATCH_LIBRARY", "libcobatch.so.0"))
alive = []  # what the library reads during a call has to live so long


def text(value: str):
    data = ffi.from_buffer(value.encode())
    alive.append(data)
    return ffi.new("cobatch_text *", {"data": data, "size": len(data)})[0]


def sized(kind: str, **members):
    return ffi.new(f"{kind} *", {"struct_size": ffi.sizeof(kind), **members})


def string(value) -> str:
    return ffi.buffer(value.data, value.size)[:].decode()


def call(function, *arguments) -> bool:
    """False at the end of something."""
    err = ffi.new("cobatch_error **")
    status = function(*arguments, err)
    if status in (lib.COBATCH_OK, lib.COBATCH_E_END):
        return status == lib.COBATCH_OK
    message = string(lib.cobatch_error_message(err[0]))
    lib.cobatch_error_free(err[0])
    sys.exit(message)


def main(folder: str) -> bool:
    out = ffi.new("cobatch_workspace **")
    call(lib.cobatch_open, sized("cobatch_workspace_options", root=text(folder)), out)
    ws = ffi.gc(out[0], lib.cobatch_close)

    tasks = ffi.new("cobatch_task_spec[3]")
    for task, name in zip(tasks, "ABC"):
        task.struct_size = ffi.sizeof("cobatch_task_spec")
        task.id, task.description = text(f"cffi_{name}"), text(f"Document feature {name}")
    options = sized("cobatch_assign_options", batch=text("cffi_batch"))
    call(lib.cobatch_assign_batch, ws, tasks, len(tasks), options, ffi.NULL)

    out = ffi.new("cobatch_session **")
    if call(lib.cobatch_session_begin, ws, sized("cobatch_session_options", batch=text("cffi_batch")), out):
        session = ffi.gc(out[0], lib.cobatch_session_free)
        request = sized("cobatch_turn_request")
        while call(lib.cobatch_session_next, session, request):
            output = text(f"{string(request.description)}: done")  # your model would do it
            done = sized("cobatch_completion", end=lib.COBATCH_TURN_DONE, output=output)
            call(lib.cobatch_session_complete, session, request.turn, done, ffi.NULL)
        call(lib.cobatch_session_end, session)

    out = ffi.new("cobatch_reply **")
    call(lib.cobatch_list_results, ws, sized("cobatch_filter", batch=text("cffi_batch")), out)
    reply = ffi.gc(out[0], lib.cobatch_reply_free)
    result, done = sized("cobatch_result_info"), 0
    while call(lib.cobatch_reply_next_result, reply, result):
        print(f"{string(result.task)}: {string(result.output)}")
        done += result.state == lib.COBATCH_TASK_DONE
    return done == 3


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        sys.exit(not main(sys.argv[1] if len(sys.argv) > 1 else scratch))
