#!/usr/bin/env bash
# The guide's issue 3, "Nested Session Error": Cobatch was started from inside a Claude Code session. The variables that
# mark such a session do not reach the agent; all others do. The guide's `env -u CLAUDECODE` is not needed, and does no
# harm.
# shellcheck source=examples/guide/common.sh
source "$(dirname "$0")/common.sh"
script=$temp/script.json
jq '.turns[0].wait_for_file = "go_on"' "$figures" >"$script"
export CLAUDECODE=1 CLAUDE_CODE_ENTRYPOINT=cli MY_SETTING=kept
start_server

title "A server with CLAUDECODE=1 in its environment"
"$here/three_calls.sh" "$server_port" >/dev/null 2>&1
wait_for "task 1" in_progress create_doc_1
seen=$(tr '\0' '\n' <"/proc/$(agent_pids)/environ")
check "the agent does not see it" "$(grep -cE '^(CLAUDECODE|CLAUDE_CODE_ENTRYPOINT)=' <<<"$seen" || true)" 0
check "it sees the rest" "$(grep '^MY_SETTING=' <<<"$seen")" MY_SETTING=kept
check "the server has it still" "$(tr '\0' '\n' <"/proc/$server_pid/environ" | grep '^CLAUDECODE=')" CLAUDECODE=1
touch "$work/go_on"
finish batch_20251107_214500
check "the batch ran" "$(statuses batch_20251107_214500)" "done done done"

title "The guide's fix: stopped, and started again with env -u CLAUDECODE"
stop_server
cd "$work"
env -u CLAUDECODE "$cobatch" assign create_doc_4 "Create documentation for feature D" >/dev/null 2>&1
env -u CLAUDECODE "$cobatch" run --agent scripted --script "$figures" | shown
check "runs all the same" "$("$cobatch" status create_doc_4 --json | jq -r .task_status)" done
