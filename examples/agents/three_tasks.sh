#!/usr/bin/env bash
# Three tasks, each of which writes a file, done by a real coding agent in one session.
#
#   examples/agents/three_tasks.sh [claude|codex|gemini]
#
# It runs the agent that you have installed, with your login, in a scratch git repository: this costs what three small
# tasks cost. `cobatch` must be in PATH, or named in COBATCH.
set -euo pipefail
agent=${1:-claude}
cobatch=${COBATCH:-cobatch}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
git init -q .
git -c user.name=example -c user.email=example@localhost commit -q --allow-empty -m "Begin"
echo "All files are in English, one sentence each." >house_rules.md

share=(--batch docs --preamble "You work on a small collection of notes." --context-file house_rules.md)
"$cobatch" assign alpha "Write alpha.txt: what a batch is." "${share[@]}" --open
"$cobatch" assign beta "Write beta.txt: what a session is." "${share[@]}" --open
"$cobatch" assign gamma "Write gamma.txt: how the two belong together." "${share[@]}" --need alpha --need beta
"$cobatch" run docs --agent "$agent"

for task in alpha beta gamma; do
  printf '{"tool_name":"claude_assistant","action":"get_task_result","params":{"task_id":"%s"}}' "$task" |
    "$cobatch" call | python3 -c 'import json, sys
reply = json.load(sys.stdin)
result = reply["result"]
print(result["task_id"], result["status"], result.get("files_changed"))'
done
"$cobatch" savings docs
