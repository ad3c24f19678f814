#!/usr/bin/env bash
# The guide's third incorrect use: no batch_id at all. Each task gets a batch of its own, and a session of its own.
# shellcheck source=examples/guide/common.sh
source "$(dirname "$0")/common.sh"
start_server

title "Three tasks without batch_id"
batches=()
for n in 1 2 3; do
  reply=$(call assign_task "{\"task_id\":\"task$n\",\"description\":\"Create doc $n\"}") # as in the guide
  jq -r '.message, (.warnings[]? | "warning \(.code): \(.message)")' <<<"$reply" | shown
  batches+=("$(jq -r .batch_id <<<"$reply")")
done
check "the last call warns" "$(warning_codes "$reply")" no_batch_id
check "three batches, with ids of the form batch_YYYYMMDD_HHMMSS" \
  "$(printf '%s\n' "${batches[@]}" | sort -u | grep -cE '^batch_[0-9]{8}_[0-9]{6}$')" 3
for batch in "${batches[@]}"; do finish "$batch"; done

title "After it"
check "three sessions" "$(sessions task1 task2 task3)" 3
check "each loaded the context" "$(of_each .tokens_input_guide task1 task2 task3)" '[45000,45000,45000]'
