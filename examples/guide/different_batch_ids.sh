#!/usr/bin/env bash
# The guide's first incorrect use: three tasks that belong together, each under a batch_id of its own.
# It works, at the price of three sessions that each load the context; a warning says so, and the doctor sees it. The
# guide's issue 1, "Tasks Not Batching", is the same.
# shellcheck source=examples/guide/common.sh
source "$(dirname "$0")/common.sh"
batches=(batch_20251107_214500 batch_20251107_214600 batch_20251107_214700)
start_server

title "Three tasks under three batch_ids"
for n in 1 2 3; do
  # auto_execute is not said, as in the guide: it is true then.
  reply=$(call assign_task \
    "{\"task_id\":\"task$n\",\"description\":\"Create doc $n\",\"batch_id\":\"${batches[n - 1]}\"}")
  jq -r '.message, (.warnings[]? | "warning \(.code): \(.message)")' <<<"$reply" | shown
done
check "the last call warns" "$(warning_codes "$reply")" different_batch_ids
for batch in "${batches[@]}"; do finish "$batch"; done

title "After it"
check "three sessions" "$(sessions task1 task2 task3)" 3
check "each loaded the context" \
  "$(of_each .tokens_input_guide task1 task2 task3)" '[45000,45000,45000]'
check "the doctor finds the batches of one task" "$(diagnosis "$batch" batch_ids)" no

title "The fix: exactly the same batch_id"
assign task4 batch_20251107_214800 false | jq -r .message | shown
assign task5 batch_20251107_214800 true | jq -r .message | shown
finish batch_20251107_214800
check "one session did both" "$(sessions task4 task5)" 1
