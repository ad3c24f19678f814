#!/usr/bin/env bash
# The guide's debugging commands, on the files that Cobatch writes.
# shellcheck source=examples/guide/common.sh
source "$(dirname "$0")/common.sh"
batch=batch_20251107_214500
start_server
"$here/three_calls.sh" "$server_port" >/dev/null 2>&1
finish "$batch"
wait_for "the lock file's removal" is_gone "$marker"
cd "$work"

# The guide says python3 -m json.tool; jq does the same where Python is not there.
pretty() { if command -v python3 >/dev/null; then python3 -m json.tool; else jq --indent 4 .; fi; }
view_is_current() { [[ $(jq '[.. | objects | select(.task_id? == "create_doc_3" and .status? == "done")] | length' "$1") -gt 0 ]]; }
wait_for "the queue view" view_is_current data/claude_task_queue.json
wait_for "the results view" view_is_current data/claude_task_results.json

title "Check batch status"
say "cat data/claude_task_queue.json | python3 -m json.tool | grep -A 10 batch_20251107"
found=$(pretty <data/claude_task_queue.json | grep -A 10 "batch_20251107")
head -n 11 <<<"$found" | shown
check "three tasks, done" "$(grep -c '"status": "done"' <<<"$found")" 3

title "View batch telemetry"
say "cat data/claude_task_results.json | python3 -m json.tool | grep -B 5 -A 15 batch_id"
found=$(pretty <data/claude_task_results.json | grep -B 5 -A 15 "batch_id")
head -n 12 <<<"$found" | shown
check "input of the first task" "$(grep -c '"tokens_input": 45000' <<<"$found")" 1
check "as the guide counts, the others load nothing" "$(grep -c '"tokens_input_guide": 0' <<<"$found")" 2

title "View lockfile"
say "ls data/execute_queue.lock"
check "there is none when nothing runs" "$(ls data/execute_queue.lock 2>/dev/null || echo none)" none

title "Check automation engine"
say "cobatch status"
"$cobatch" status | shown
check "an engine is there" "$("$cobatch" status --json | jq '.engines | length')" 1

title "Manually trigger execute_queue"
reply=$(curl -sS -X POST "http://localhost:$server_port/execute_task" \
  -H 'Content-Type: application/json' \
  -d '{"tool_name": "claude_assistant", "action": "execute_queue"}')
jq -r .message <<<"$reply" | shown
check "there is nothing to run" "$(jq -c '[.status, .task_count]' <<<"$reply")" '["success",0]'
