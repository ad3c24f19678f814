#!/usr/bin/env bash
# The guide's debugging commands, on the files that Cobatch writes: while the batch runs, and after it.
# shellcheck source=examples/guide/common.sh disable=SC2002
source "$(dirname "$0")/common.sh"
batch=batch_20251107_214500
tasks=(create_doc_1 create_doc_2 create_doc_3)
script=$temp/script.json
jq '.turns[0].wait_for_file = "go_on"' "$figures" >"$script"
start_server
cd "$work"

title "While it runs"
"$here/three_calls.sh" "$server_port" >/dev/null 2>&1
wait_for "task 1" in_progress create_doc_1

title "View lockfile"
say "cat data/execute_queue.lock"
cat data/execute_queue.lock | shown
check "the batch runs" "$(cat data/execute_queue.lock | jq -r .batch_id)" "$batch"

title "Check automation engine"
say "ps aux | grep cobatch     (there is no process called automation_engine)"
if command -v ps >/dev/null; then
  processes=$(ps aux | grep cobatch)
  grep -F "$temp" <<<"$processes" | cut -c 1-110 | shown
  check "the server, which is the engine, is there" \
    "$(awk -v pid="$server_pid" '$2 == pid' <<<"$processes" | grep -c 'cobatch serve')" 1
fi
say "cobatch status"
"$cobatch" status | shown
check "an engine is there" "$("$cobatch" status --json | jq '.engines | length')" 1

title "Remove stuck lockfile, though it is not stuck"
say "rm data/execute_queue.lock"
rm data/execute_queue.lock
check "one session all the same" "$(trigger | jq -r .status)" already_running
touch go_on
finish "$batch"
await_files "${tasks[@]}"

title "Check batch status"
say 'cat data/claude_task_queue.json | python3 -m json.tool | grep -A 10 "batch_20251107"'
found=$(cat data/claude_task_queue.json | json_tool | grep -A 10 "batch_20251107")
shown <<<"$found"
# What grep shows of each task: its id, status and tokens, a line each between two "--".
shows() { awk '/^--$/ {print ""; next} {printf "%s ", $0}' <<<"$found" | grep -cE "$*"; }
check "the first task stands together" \
  "$(shows '"task_id": "create_doc_1".*"status": "done".*"tokens_input": 45000.*"tokens_output": 2000,')" 1
check "the second" \
  "$(shows '"task_id": "create_doc_2".*"status": "done".*"tokens_input": 2000.*"tokens_output": 1500,')" 1
check "the third" \
  "$(shows '"task_id": "create_doc_3".*"status": "done".*"tokens_input": 1500.*"tokens_output": 1800,')" 1

title "View batch telemetry"
say 'cat data/claude_task_results.json | python3 -m json.tool | grep -B 5 -A 15 "batch_id"'
found=$(cat data/claude_task_results.json | json_tool | grep -B 5 -A 15 "batch_id")
shown <<<"$found"
# one_task TASK INPUT OUTPUT POSITION INPUT_OF_THE_GUIDE
one_task() {
  printf '"status": "done", .*"task_id": "%s", .*"tokens_input": %s, .*"tokens_output": %s, ' "$1" "$2" "$3"
  printf '.*"batch_id": "%s", .*"batch_position": %s, .*"tokens_input_guide": %s, ' "$batch" "$4" "$5"
}
check "the first task stands together" "$(shows "$(one_task create_doc_1 45000 2000 1 45000)")" 1
check "the second, with no input as the guide counts" "$(shows "$(one_task create_doc_2 2000 1500 2 0)")" 1
check "the third, too" "$(shows "$(one_task create_doc_3 1500 1800 3 0)")" 1

title "The lockfile, when nothing runs"
wait_for "the lock file's removal" is_gone "$marker"
say "cat data/execute_queue.lock"
check "there is none" "$(LC_ALL=C cat data/execute_queue.lock 2>&1 | sed 's/.*: //')" "No such file or directory"

title "Manually trigger execute_queue"
reply=$(trigger)
jq -r .message <<<"$reply" | shown
check "there is nothing to run" "$(jq -c '[.status, .task_count]' <<<"$reply")" '["success",0]'
