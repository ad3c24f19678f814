#!/usr/bin/env bash
# The guide's "Why Batch Assignment?" and its "Token Savings Calculator": the same three tasks one by one and as a
# batch, and each row of the table. What is read from the cache counts nothing there; README.md has the other answers.
# shellcheck source=examples/guide/common.sh
source "$(dirname "$0")/common.sh"

title "One by one: each in a session of its own, which loads 45K"
script=$temp/alone.json
jq '.turns |= (to_entries | map(.value + {task_id: "alone_\(.key + 1)",
      usage: (.value.usage + {cache_creation_input_tokens: 45000, cache_read_input_tokens: 0})}))' "$figures" >"$script"
start_server
for n in 1 2 3; do assign "alone_$n" "batch_20251107_21450$n" true >/dev/null; done
for n in 1 2 3; do finish "batch_20251107_21450$n"; done
check "47K, 46.5K and 46.8K" \
  "$(of_each '(.tokens_input_guide + .tokens_output)' alone_1 alone_2 alone_3)" '[47000,46500,46800]'
check "140K in all" "$(of_each .tokens.total alone_1 alone_2 alone_3 | jq add)" 140300
stop_server

title "As one batch: the context is loaded once"
script=$figures
start_server
"$here/three_calls.sh" "$server_port" >/dev/null 2>&1
finish batch_20251107_214500
counted=$(of_each '(.tokens_input_guide + .tokens_output)' create_doc_1 create_doc_2 create_doc_3)
check "47K, 1.5K and 1.8K" "$counted" '[47000,1500,1800]'
check "50.3K in all" "$(jq add <<<"$counted")" 50300
check "64% savings" "$(jq '(1 - (add / 140300)) * 100 | round' <<<"$counted")" 64

title "cobatch savings"
table=$("$cobatch" savings)
sed -n '1,/^$/p' <<<"$table" | shown
# row TASKS: the first line of the table with so many.
row() { awk -v tasks="$1" '$1 == tasks {print $2, $3, $4 $5; exit}' <<<"$table"; }
check "2 tasks" "$(row 2)" "94K 48.5K 48%"
check "3 tasks" "$(row 3)" "140K 50.3K 64%"
check "5 tasks" "$(row 5)" "235K 54K 77%"
check "10 tasks" "$(row 10)" "470K 63K 87%"
check "the same by a request" "$(call savings | jq -c '.rows | map([.tasks, .printed.percent])')" \
  '[[2,48],[3,64],[5,77],[10,87]]'
