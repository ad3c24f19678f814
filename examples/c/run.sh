#!/usr/bin/env bash
# Runs the C examples, each in a folder of its own: run.sh PATH_OF_THREE_TASKS PATH_OF_OWN_SESSION
set -euo pipefail
three_tasks=$(realpath "${1:?usage: $0 PATH_OF_THREE_TASKS PATH_OF_OWN_SESSION}")
own_session=$(realpath "${2:?usage: $0 PATH_OF_THREE_TASKS PATH_OF_OWN_SESSION}")
agent=$(cd "$(dirname "$0")/../command" && pwd)/agent.py
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/three" "$folder/own"

cd "$folder/three"
said=$("$three_tasks" "$agent")
echo "$said"
[[ $said == $'sessions: 1\ndoc_1: done, Did: Document feature A\ndoc_2: done, Did: Document feature B\ndoc_3: done, Did: Document feature C' ]]

cd "$folder/own"
said=$("$own_session")
echo "$said"
[[ $said == $'doc_1: It is documented.\ndoc_2: It is documented.' ]]
[[ ! -e data/execute_queue.lock ]]
jq -e '.results.doc_2 | .status == "done" and .tokens_output == 12' data/claude_task_results.json >/dev/null
