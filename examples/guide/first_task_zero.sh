#!/usr/bin/env bash
# The guide's issue 5, "First Task Shows 0 Input Tokens": an agent that does not report what loading the context took.
# The doctor finds it. Where Cobatch sends the context itself (preamble), it is part of the first task's figures.
# shellcheck source=examples/guide/common.sh
source "$(dirname "$0")/common.sh"
cd "$work"

title "An agent that reports 0 input for all tasks"
script=$temp/zero.json
echo '{"otherwise": {"usage": {"input_tokens": 0, "output_tokens": 1500}}}' >"$script"
for task in task1 task2; do "$cobatch" assign "$task" "Do $task" --batch zero --open >/dev/null 2>&1; done
"$cobatch" run zero --agent scripted --script "$script" | shown
{ "$cobatch" doctor zero || true; } | grep "first task" | shown
check "the doctor says that it is wrong" "$(diagnosis zero first_task)" no
check "and no saving is counted from it" "$("$cobatch" savings zero --json | jq .guide)" null

title "Context that Cobatch sends, and the guide's figures"
for task in task3 task4; do
  "$cobatch" assign "$task" "Do $task" --batch loaded --open --preamble "All of it is in English." >/dev/null 2>&1
done
said=$("$cobatch" run loaded --agent scripted --script "$figures" --show-prompts)
shown <<<"$said"
check "it is sent once, before the first task" \
  "$(grep -E '^(All of it|Task [0-9]+ of)' <<<"$said" | cut -d' ' -f 1,2 | paste -sd,)" "All of,Task 1,Task 2"
{ "$cobatch" doctor loaded || true; } | grep "first task" | shown
check "the doctor finds it well" "$(diagnosis loaded first_task)" yes
await_files task3 task4
check "45000, then 0 as the guide counts" \
  "$(jq -c '[.results | .task3, .task4 | .tokens_input_guide]' data/claude_task_results.json)" '[45000,0]'
