#!/usr/bin/env bash
# An agent for `cobatch --agent prompt`: it gets one prompt with all tasks, does them, and tells of each by calls.
set -euo pipefail
mapfile -t tasks < <(sed -n 's/^Task [0-9]* (task id \(.*\))$/\1/p')
input=45000 # what the first task loads; as the guide counts, the others load nothing
for task in "${tasks[@]}"; do
  cobatch call mark_task_in_progress "task_id=$task"
  echo "Here is what $task asks for." >"$task.md" # your work
  echo "{\"tokens_input\": $input, \"tokens_output\": 1500}" >data/last_execution_telemetry.json
  cobatch call log_task_completion "task_id=$task" status=done "output_summary=Wrote $task.md"
  input=0
done
rm -v data/execute_queue.lock
