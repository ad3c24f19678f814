#!/usr/bin/env python3
"""The guide's correct example, in Python over HTTP: in_python.py [PORT]. The port is 5001 without one."""

import json
import sys
import urllib.request

port = sys.argv[1] if len(sys.argv) > 1 else 5001


def assign_task(**params):
    request = {"tool_name": "claude_assistant", "action": "assign_task", "params": params}
    with urllib.request.urlopen(
        urllib.request.Request(
            f"http://localhost:{port}/execute_task",
            json.dumps(request).encode(),
            {"Content-Type": "application/json"},
        )
    ) as reply:
        print(json.load(reply)["message"])


batch_id = "batch_20251107_214500"

assign_task(
    task_id="task1",
    description="Create doc 1",
    batch_id=batch_id,
    auto_execute=False  # Not last
)

assign_task(
    task_id="task2",
    description="Create doc 2",
    batch_id=batch_id,
    auto_execute=False  # Not last
)

assign_task(
    task_id="task3",
    description="Create doc 3",
    batch_id=batch_id,
    auto_execute=True  # LAST - triggers execution
)
