#!/usr/bin/env bash
# The guide's first incorrect use: three tasks that belong together, each under a batch_id of its own.
# It works, at the price of three sessions that each load the context; a warning says so.
# shellcheck source=examples/guide/common.sh
source "$(dirname "$0")/common.sh"
start_server

title "Three tasks under three batch_ids"
for n in 1 2 3; do
  reply=$(assign "task$n" "batch_20251107_21450$n" true)
  jq -r '.message, (.warnings[]? | "warning \(.code): \(.message)")' <<<"$reply" | shown
done
check "the last call warns" "$(warning_codes "$reply")" different_batch_ids
for n in 1 2 3; do finish "batch_20251107_21450$n"; done

title "After it"
check "three sessions" "$(sessions task1 task2 task3)" 3
check "each loaded the context" \
  "$(for n in 1 2 3; do result "task$n"; done | jq -sc 'map(.tokens_input_guide)')" '[45000,45000,45000]'
