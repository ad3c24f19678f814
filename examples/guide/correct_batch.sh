#!/usr/bin/env bash
# The guide's flow: three tasks, one batch_id, auto_execute true on the last. Then the same three calls once more.
# shellcheck source=examples/guide/common.sh
source "$(dirname "$0")/common.sh"
batch=batch_20251107_214500
tasks=(create_doc_1 create_doc_2 create_doc_3)

# The session waits in task 1 for a file, so that it can be looked at while it runs.
script=$temp/script.json
jq '.turns[0].wait_for_file = "go_on"' "$figures" >"$script"
start_server

title "Three calls"
"$here/three_calls.sh" "$server_port" 2>/dev/null | jq -r '.message' | shown
wait_for "task 1" in_progress create_doc_1

title "While it runs"
shown <"$marker"
check "the lock file names the batch" "$(jq -r .batch_id "$marker")" "$batch"
check "the lock file has the guide's two fields" "$(jq -c keys "$marker")" '["batch_id","locked_at"]'
reply=$(call execute_queue)
check "execute_queue answers already_running" "$(jq -r .status <<<"$reply")" already_running
agent=$(agent_pids)
check "one agent process" "$(grep -c . <<<"$agent")" 1
touch "$work/go_on"
finish "$batch"

title "After it"
check "all tasks are done" "$(statuses "$batch")" "done done done"
check "one session did all three" "$(sessions "${tasks[@]}")" 1
wait_for "the lock file's removal" is_gone "$marker"
check "the lock file is gone" "$(ls "$work/data/execute_queue.lock" 2>/dev/null || echo gone)" gone
check "tokens_input as the guide counts" \
  "$(for task in "${tasks[@]}"; do result "$task"; done | jq -sc 'map(.tokens_input_guide)')" '[45000,0,0]'
check "tokens_output" \
  "$(for task in "${tasks[@]}"; do result "$task"; done | jq -sc 'map(.tokens_output)')" '[2000,1500,1800]'

title "The same three calls again"
again=$("$here/three_calls.sh" "$server_port" 2>/dev/null)
jq -r '.message' <<<"$again" | shown
check "all three are duplicates" "$(jq -sc 'map(.duplicate)' <<<"$again")" '[true,true,true]'
check "nothing runs again" "$(call execute_queue | jq -c '[.status, .task_count]')" '["success",0]'
check "still one session" "$(sessions "${tasks[@]}")" 1
