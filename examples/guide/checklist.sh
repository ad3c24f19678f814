#!/usr/bin/env bash
# The guide's "Batch Assignment Checklist": each line of it as a command, before the batch and after it; and
# `cobatch doctor`, which goes through all of them.
# shellcheck source=examples/guide/common.sh
source "$(dirname "$0")/common.sh"
start_server
cd "$work"

title "Before assigning a batch"
batch=$(date -u +batch_%Y%m%d_%H%M%S)
say "batch_id: $batch"
check "ONE batch_id in format batch_YYYYMMDD_HHMMSS" "$(tr '[:digit:]' 0 <<<"$batch")" batch_00000000_000000
say "ls data/execute_queue.lock"
check "no lockfile exists" "$(LC_ALL=C ls data/execute_queue.lock 2>&1 | sed 's/.*: //')" "No such file or directory"
if command -v ps >/dev/null; then
  say "ps aux | grep 'cobatch serve'"
  check "the engine is running" "$(ps aux | grep 'cobatch serve' | awk -v pid="$server_pid" '$2 == pid' | grep -c .)" 1
fi
say "cobatch doctor"
doctor=$("$cobatch" doctor --json) || true
jq -r '.findings[] | select(.check == "lock_file" or .check == "engine") | .message' <<<"$doctor" | shown
check "the doctor says both" \
  "$(jq -c '.findings | map(select(.check == "lock_file" or .check == "engine").answer)' <<<"$doctor")" '["yes","yes"]'

title "Assigning"
check "auto_execute=false leaves it open" "$(assign task1 "$batch" false | jq -r .batch_status)" open
check "the SAME batch_id again" "$(assign task2 "$batch" false | jq -c '[.batch_id, .batch_position]')" "[\"$batch\",2]"
check "nothing has begun before the last task" "$(statuses "$batch")" "queued queued"
check "auto_execute=true ONLY on the last" "$(assign task3 "$batch" true | jq -r .batch_status)" sealed

title "After batch assignment"
say "wait_batch"
finish "$batch"
await_files task1 task2 task3
jq -c '.tasks | map_values(.status)' data/claude_task_queue.json | shown
check "all tasks have status done in data/claude_task_queue.json" \
  "$(jq -c '.tasks | map(.status)' data/claude_task_queue.json)" '["done","done","done"]'
wait_for "the lock file's removal" is_gone "$marker"
check "the lockfile was removed" "$(ls data/execute_queue.lock 2>/dev/null || echo removed)" removed
jq -c '.results | map_values(.tokens_input_guide)' data/claude_task_results.json | shown
check "token sharing: subsequent tasks have 0 input tokens" \
  "$(jq -c '[.results[] | [.batch_position, .tokens_input_guide]] | sort' data/claude_task_results.json)" \
  '[[1,45000],[2,0],[3,0]]'
say "cobatch doctor $batch"
for line in batch_ended tasks_done auto_execute one_batch telemetry first_task context_shared lock_file; do
  check "the doctor: $line" "$(diagnosis "$batch" "$line")" yes
done
