#!/usr/bin/env bash
# The guide's flow: three tasks, one batch_id, auto_execute true on the last. Then the same three calls once more.
# shellcheck source=examples/guide/common.sh
source "$(dirname "$0")/common.sh"
batch=batch_20251107_214500
tasks=(create_doc_1 create_doc_2 create_doc_3)

# The session waits in task 1 and in task 3 for a file, so that it can be looked at while it runs.
script=$temp/script.json
jq '.turns[0].wait_for_file = "task_1_may_end" | .turns[2].wait_for_file = "task_3_may_end"' "$figures" >"$script"
start_server

title "Three calls"
said=$("$here/three_calls.sh" "$server_port" 2>/dev/null)
jq -r '.message' <<<"$said" | shown
check "each is taken" "$(jq -sc 'map(.status)' <<<"$said")" '["success","success","success"]'
check "with auto_execute false the batch stays open, with true it is sealed" \
  "$(jq -sc 'map(.batch_status)' <<<"$said")" '["open","open","sealed"]'
wait_for "task 1" in_progress create_doc_1

title "While it runs"
shown <"$marker"
check "the lock file names the batch" "$(jq -r .batch_id "$marker")" "$batch"
check "the lock file has the guide's two fields" "$(jq -c keys "$marker")" '["batch_id","locked_at"]'
check "locked_at is as in the guide" "$(jq -r .locked_at "$marker" | tr '[:digit:]' 0)" 0000-00-00T00:00:00Z
reply=$(call execute_queue)
check "execute_queue answers already_running" "$(jq -r .status <<<"$reply")" already_running
agent=$(agent_pids)
check "one agent process" "$(grep -c . <<<"$agent")" 1
touch "$work/task_1_may_end"
wait_for "task 3" in_progress create_doc_3
check "it is the same one in task 3" "$(agent_pids)" "$agent"
check "and the lock file is there until all tasks are done" "$(jq -r .batch_id "$marker")" "$batch"
touch "$work/task_3_may_end"
finish "$batch"

title "After it"
check "all tasks are done" "$(statuses "$batch")" "done done done"
check "one session did all three, one after another" "$(of_each '[.session, .turn]' "${tasks[@]}")" \
  '[[1,1],[1,2],[1,3]]'
wait_for "the lock file's removal" is_gone "$marker"
check "the lock file is gone" "$(ls "$work/data/execute_queue.lock" 2>/dev/null || echo gone)" gone

title "Its telemetry"
first=$(result create_doc_1 | jq '{task_id, tokens_input, tokens_output, batch_id, batch_position}')
shown <<<"$first"
check "the first task's members are the guide's" "$(jq -c . <<<"$first")" \
  "$(jq -nc '{task_id: "create_doc_1", tokens_input: 45000, tokens_output: 2000, batch_id: "batch_20251107_214500",
              batch_position: 1}')"
check "batch_position" "$(of_each .batch_position "${tasks[@]}")" '[1,2,3]'
check "tokens_output" "$(of_each .tokens_output "${tasks[@]}")" '[2000,1500,1800]'
check "input as the guide counts it: 0 after the first" "$(of_each .tokens_input_guide "${tasks[@]}")" '[45000,0,0]'
check "tokens_input is what was loaded anew: here, the answer before it" \
  "$(of_each .tokens_input "${tasks[@]}")" '[45000,2000,1500]'
check "the context itself is read from the cache" "$(of_each .tokens_cache_read "${tasks[@]}")" '[0,45000,47000]'

title "The same three calls again"
again=$("$here/three_calls.sh" "$server_port" 2>/dev/null)
jq -r '.message' <<<"$again" | shown
check "all three are duplicates" "$(jq -sc 'map(.duplicate)' <<<"$again")" '[true,true,true]'
check "nothing runs again" "$(call execute_queue | jq -c '[.status, .task_count]')" '["success",0]'
check "still one session" "$(sessions "${tasks[@]}")" 1
