#!/usr/bin/env bash
# The keeper, the small process between server and agent, is killed in the middle of task 2. The agent ends with it; the
# task is interrupted and is done again in a new agent process, with a note in its prompt. No hand is needed.
# shellcheck source=examples/guide/common.sh
source "$(dirname "$0")/common.sh"
batch=batch_20251107_214500
start_server_that_pauses_in_task_2

title "kill -9 of the keeper in task 2"
reach_task_2
check "it is the keeper" "$(basename "$(readlink "/proc/$keeper/exe")")" cobatch-keeper
kill -KILL "$keeper"
agent_replaced() { local now; now=$(agent_pids) && [[ -n $now && $now != "$agent" ]]; }
wait_for "a new agent process" agent_replaced
check "one agent process" "$(agent_pids | grep -c .)" 1
touch "$work/go_on"
finish "$batch"

title "After it"
check "all tasks are done" "$(statuses "$batch")" "done done done"
check "task 2 was interrupted once" \
  "$(call check_task_status '{"task_id":"create_doc_2"}' | jq '.interruptions')" 1
check "only task 2 was started twice" "$(sort "$work/ran" | uniq -c | awk '{print $1, $2}' | paste -sd,)" \
  "1 create_doc_1,2 create_doc_2,1 create_doc_3"
wait_for "the lock file's removal" is_gone "$marker"
