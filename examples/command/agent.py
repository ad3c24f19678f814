#!/usr/bin/env python3
"""An agent for `cobatch --agent command`: for each task one JSON line in, one out. Put your own work into `do`."""
import json
import sys


def do(task):
    return f"Did: {task['description']}"


for line in sys.stdin:
    task = json.loads(line)
    result = {"type": "result", "turn": task["turn"], "task_id": task["task_id"], "status": "done", "output": do(task)}
    print(json.dumps(result), flush=True)
