#!/usr/bin/env bash
# The same agent, telling of its tasks over HTTP, to the server on port 5001 or that of the first argument.
set -euo pipefail
post() { # ACTION PARAMS
  curl -sS -X POST "http://localhost:${port}/execute_task" -H 'Content-Type: application/json' \
    -d "{\"tool_name\": \"claude_assistant\", \"action\": \"$1\", \"params\": {\"session\": \"$COBATCH_SESSION\", $2}}"
}
port=${1:-5001}
mapfile -t tasks < <(sed -n 's/^Task [0-9]* (task id \(.*\))$/\1/p')
input=45000 # what the first task loads; as the guide counts, the others load nothing
for task in "${tasks[@]}"; do
  post mark_task_in_progress "\"task_id\": \"$task\""
  echo "Here is what $task asks for." >"$task.md" # your work
  echo "{\"tokens_input\": $input, \"tokens_output\": 1500}" >data/last_execution_telemetry.json
  post log_task_completion "\"task_id\": \"$task\", \"status\": \"done\", \"output_summary\": \"Wrote $task.md\""
  input=0
done
rm -v data/execute_queue.lock
