#!/usr/bin/env bash
# Two tasks done by a program of one's own, agent.py, through the line protocol; no server.
# shellcheck source=examples/guide/common.sh
source "$(dirname "$0")/../guide/common.sh"
agent=$(realpath "$(dirname "$0")/agent.py")
cd "$work"

title "Two tasks, one batch, one process of agent.py"
"$cobatch" assign doc_1 "Document feature A" --batch docs --open 2>&1 | shown
"$cobatch" assign doc_2 "Document feature B" --batch docs 2>&1 | shown
"$cobatch" run --agent command --exec "$agent" | shown
check "what the agent said is the result" "$("$cobatch" status doc_2 --json | jq -r .output)" "Did: Document feature B"
check "one process did both" "$(find data/.cobatch/sessions -name '*.out' | grep -c .)" 1
