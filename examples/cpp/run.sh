#!/usr/bin/env bash
# Runs three_tasks, the C++ example, in a folder of its own: run.sh PATH_OF_THREE_TASKS
set -euo pipefail
program=$(realpath "${1:?usage: $0 PATH_OF_THREE_TASKS}")
agent=$(cd "$(dirname "$0")/../command" && pwd)/agent.py
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
said=$("$program" "$agent")
echo "$said"
[[ $said == $'sessions: 1\ndoc_1: done\ndoc_2: done\ndoc_3: done' ]]
