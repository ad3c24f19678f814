#!/usr/bin/env bash
# The guide's "rm data/execute_queue.lock", at the worst moment: while a session runs. It never admits a second one.
# shellcheck source=examples/guide/common.sh
source "$(dirname "$0")/common.sh"
script=$temp/script.json
jq '.turns[0].wait_for_file = "go_on"' "$figures" >"$script"
start_server

title "rm data/execute_queue.lock while task 1 runs"
"$here/three_calls.sh" "$server_port" >/dev/null 2>&1
wait_for "task 1" in_progress create_doc_1
rm "$marker"
call lock_status | jq -r .message | shown
check "lock_status still says locked" "$(call lock_status | jq -r .locked)" true
check "execute_queue answers already_running" "$(call execute_queue | jq -r .status)" already_running

title "A second batch, and a second engine"
assign other_1 batch_20251107_220000 true | jq -r .message | shown
"$cobatch" engine --root "$work" --agent scripted --script "$script" >"$temp/engine.log" 2>&1 &
engine=$!
registered() { [[ $("$cobatch" status --root "$work" --json | jq '.engines | length') == 2 ]]; }
wait_for "the second engine" registered
check "one agent process all the same" "$(agent_pids | grep -c .)" 1
check "the second batch waits" "$(statuses batch_20251107_220000)" queued
touch "$work/go_on"
finish batch_20251107_214500
finish batch_20251107_220000
kill -TERM "$engine"
wait "$engine" || true
check "the first batch ran in one session" "$(sessions create_doc_1 create_doc_2 create_doc_3)" 1
check "the second ran after it, in another" "$(sessions create_doc_1 other_1)" 2
