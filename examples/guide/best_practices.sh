#!/usr/bin/env bash
# The guide's "Best Practices", as far as a program can keep them: what Cobatch does where they are not followed.
# shellcheck source=examples/guide/common.sh
source "$(dirname "$0")/common.sh"
script=$temp/script.json
jq '.turns[0] += {task_id: "first_1", wait_for_file: "go_on"}' "$figures" >"$script"
start_server

title "One batch at a time: two are assigned at once"
for n in 1 2; do assign "first_$n" batch_20251107_214500 "$([[ $n == 2 ]] && echo true || echo false)" >/dev/null; done
wait_for "task 1" in_progress first_1
for n in 1 2; do assign "next_$n" batch_20251107_220000 "$([[ $n == 2 ]] && echo true || echo false)" >/dev/null; done
check "the second waits for the lock file to go" "$(statuses batch_20251107_220000)" "queued queued"
check "one agent process" "$(agent_pids | grep -c .)" 1
touch "$work/go_on"
finish batch_20251107_214500
finish batch_20251107_220000
check "then it ran, without a further call" "$(statuses batch_20251107_220000)" "done done"
check "each batch in one session" "$(of_each .session first_1 first_2 next_1 next_2)" '[1,1,2,2]'

title "Reasonable batch size: 11 tasks"
tasks=$(jq -nc '[range(1; 12) | {task_id: "many_\(.)", description: "Create doc \(.)"}]')
reply=$(call assign_batch "{\"batch_id\":\"batch_20251107_230000\",\"tasks\":$tasks}")
jq -r '.message, (.warnings[]? | "warning \(.code): \(.message)")' <<<"$reply" | shown
check "a warning says that they are many" "$(warning_codes "$reply")" batch_too_large
finish batch_20251107_230000
check "a session takes ten" "$(of_each .session many_1 many_10 many_11)" '[3,3,4]'

title "Monitor token usage"
"$cobatch" savings batch_20251107_214500 --root "$work" | shown
check "of a task" "$(result first_1 | jq -c '[.tokens_input, .tokens_output]')" '[45000,2000]'

title "Descriptive batch_ids: one that is not given has the timestamp format"
made=$(assign alone "" true | jq -r .batch_id)
say "    $made"
check "batch_YYYYMMDD_HHMMSS" "$(tr '[:digit:]' 0 <<<"$made")" batch_00000000_000000
finish "$made"
