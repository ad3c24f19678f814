#!/usr/bin/env bash
# The guide's second incorrect use: auto_execute true on the first task. The batch starts at once; tasks that follow
# join it all the same, while it runs or within the 5 seconds that its session then waits for stragglers.
# shellcheck source=examples/guide/common.sh
source "$(dirname "$0")/common.sh"
batch=batch_20251107_214500
start_server

title "The first task has auto_execute true"
reply=$(assign task1 "$batch" true)
jq -r '.message, (.warnings[]? | "warning \(.code): \(.message)")' <<<"$reply" | shown
check "a warning says so" "$(warning_codes "$reply")" auto_execute_too_early
wait_for "task 1's end" bash -c "[[ \$('$cobatch' status task1 --root '$work' --json | jq -r .task_status) == done ]]"

title "Two more follow when it is done, with auto_execute false as in the guide"
assign task2 "$batch" false | jq -r .message | shown
assign task3 "$batch" false | jq -r .message | shown
finish "$batch"

title "After it"
check "all tasks are done" "$(statuses "$batch")" "done done done"
check "one session did all three" "$(sessions task1 task2 task3)" 1
check "the context was loaded once" "$(of_each .tokens_input_guide task1 task2 task3)" '[45000,0,0]'
check "the doctor says that it was luck" "$(diagnosis "$batch" auto_execute)" no
