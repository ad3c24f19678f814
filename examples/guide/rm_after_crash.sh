#!/usr/bin/env bash
# The guide's issue 2, "Batch Never Starts", as it has it: everything crashed in task 2 and left its lock file. It is
# removed with rm, and the queue triggered by hand. Here that is allowed, and not needed: crashed_server.sh.
# shellcheck source=examples/guide/common.sh
source "$(dirname "$0")/common.sh"
batch=batch_20251107_214500
start_server_that_pauses_in_task_2

title "kill -9 of server and keeper in task 2"
reach_task_2
kill_server
kill -KILL "$keeper" # the agent ends with its keeper
agent_runs() { [[ -n $(agent_pids) ]]; }
agent_ended() { ! agent_runs; }
wait_for "the end of the agent" agent_ended
cd "$work"
say "cat data/execute_queue.lock"
shown <data/execute_queue.lock
check "the lock file is still there" "$(jq -r .batch_id data/execute_queue.lock)" "$batch"
"$cobatch" status | shown

title "rm data/execute_queue.lock"
rm data/execute_queue.lock

title "The next server, and execute_queue by hand"
start_server
wait_for "the next session" agent_runs
reply=$(trigger)
jq -r .message <<<"$reply" | shown
check "it went on by itself already" "$(jq -r .status <<<"$reply")" already_running
touch go_on
finish "$batch"
check "all tasks are done" "$(statuses "$batch")" "done done done"
check "task 1 was not run again" "$(grep -c create_doc_1 ran)" 1
check "task 2 was, as nobody knows how far it had come" "$(grep -c create_doc_2 ran)" 2
check "which is counted as an interruption" \
  "$(call check_task_status '{"task_id":"create_doc_2"}' | jq .interruptions)" 1
wait_for "the lock file's removal" is_gone "$marker"
