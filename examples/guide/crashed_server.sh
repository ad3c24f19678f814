#!/usr/bin/env bash
# The guide's issue 2 again, for real: the server is killed in the middle of task 2. Nothing is to be cleaned up by
# hand; the next server goes on.
# shellcheck source=examples/guide/common.sh
source "$(dirname "$0")/common.sh"
batch=batch_20251107_214500
start_server_that_pauses_in_task_2

title "kill -9 in task 2"
reach_task_2
kill_server
shown <"$marker"
check "the lock file is still there" "$(jq -r .batch_id "$marker")" "$batch"
check "the agent lives: its keeper lets the turn finish" "$(agent_pids | grep -c .)" 1

title "The turn finishes, with no server there"
touch "$work/go_on"
agent_ended() { [[ -z $(agent_pids) ]]; }
wait_for "the end of the agent" agent_ended

title "A new server goes on by itself"
start_server
finish "$batch"
check "all tasks are done" "$(statuses "$batch")" "done done done"
check "each task was started once" "$(sort "$work/ran" | uniq -c | awk '{print $1, $2}' | paste -sd,)" \
  "1 create_doc_1,1 create_doc_2,1 create_doc_3"
check "task 2 was recovered from what the agent had written" \
  "$(result create_doc_2 | jq -c '[.session, .tokens_output]')" '[1,1500]'
wait_for "the lock file's removal" is_gone "$marker"
check "the lock file is gone, and nobody removed it by hand" "$(ls "$marker" 2>/dev/null || echo gone)" gone
