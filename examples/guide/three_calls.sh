#!/usr/bin/env bash
# The batch guide's three curl calls, as they stand there. The port is 5001, or the first argument.
# shellcheck disable=SC2086
set -euo pipefail
port=${1:-5001}

# Task 1 - auto_execute=false
curl -X POST http://localhost:${port}/execute_task \
  -H 'Content-Type: application/json' \
  -d '{
    "tool_name": "claude_assistant",
    "action": "assign_task",
    "params": {
      "task_id": "create_doc_1",
      "description": "Create documentation for feature A",
      "batch_id": "batch_20251107_214500",
      "auto_execute": false
    }
  }'

# Task 2 - auto_execute=false
curl -X POST http://localhost:${port}/execute_task \
  -H 'Content-Type: application/json' \
  -d '{
    "tool_name": "claude_assistant",
    "action": "assign_task",
    "params": {
      "task_id": "create_doc_2",
      "description": "Create documentation for feature B",
      "batch_id": "batch_20251107_214500",
      "auto_execute": false
    }
  }'

# Task 3 - auto_execute=true (LAST TASK)
curl -X POST http://localhost:${port}/execute_task \
  -H 'Content-Type: application/json' \
  -d '{
    "tool_name": "claude_assistant",
    "action": "assign_task",
    "params": {
      "task_id": "create_doc_3",
      "description": "Create documentation for feature C",
      "batch_id": "batch_20251107_214500",
      "auto_execute": true
    }
  }'
