#!/usr/bin/env bash
# Starting by hand: all tasks came with auto_execute false, so the batch is open and runs nothing.
# shellcheck source=examples/guide/common.sh
source "$(dirname "$0")/common.sh"
batch=batch_20251107_214500
script=$temp/script.json
jq '.turns[0].wait_for_file = "go_on"' "$figures" >"$script"
start_server

title "Three tasks, all with auto_execute false"
for n in 1 2 3; do assign "task$n" "$batch" false | jq -r .message | shown; done
check "the batch is open" "$(call batch_status "{\"batch_id\":\"$batch\"}" | jq -r .batch_status)" open

title "execute_queue without batch_id leaves alone what was just assigned to"
reply=$(trigger)
jq -r '.message, .next_step' <<<"$reply" | shown
check "it starts nothing, and makes no lock file" "$(is_gone "$marker" && echo none)" none
check "which it says" "$(jq -c '[.status, .task_count]' <<<"$reply")" '["success",0]'
check "and names the batch in left_open" "$(jq -r '.left_open[].batch_id' <<<"$reply")" "$batch"

title "execute_queue with batch_id seals and runs it"
reply=$(call execute_queue "{\"batch_id\":\"$batch\"}")
jq -r .message <<<"$reply" | shown
check "it starts three tasks" "$(jq -c '[.status, .task_count]' <<<"$reply")" '["task_started",3]'
wait_for "task 1" in_progress task1
shown <"$marker"
check "the lock file is there" "$(jq -r .batch_id "$marker")" "$batch"
check "execute_queue answers already_running now" "$(trigger | jq -r .status)" already_running
touch "$work/go_on"
finish "$batch"
check "all tasks are done" "$(statuses "$batch")" "done done done"
check "one session did all three" "$(sessions task1 task2 task3)" 1
