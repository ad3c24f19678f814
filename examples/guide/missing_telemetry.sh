#!/usr/bin/env bash
# The guide's issue 4, "Missing Telemetry": an agent that reports by calls logs a task before it wrote its telemetry.
# What it used is then not known, which is said; the others' figures stand. Other agents write no telemetry at all.
# shellcheck source=examples/guide/common.sh
source "$(dirname "$0")/common.sh"
PATH=$(dirname "$cobatch"):$PATH
cd "$work"
for task in task1 task2 task3; do "$cobatch" assign "$task" "Do $task" --batch told --open >/dev/null 2>&1; done

title "An agent that forgets it in task 1"
cat >"$temp/agent.sh" <<'AGENT'
#!/usr/bin/env bash
# Logged, without telemetry; to tell it afterwards is too late:
cobatch call mark_task_in_progress task_id=task1
cobatch call log_task_completion task_id=task1 status=done
cobatch call capture_token_telemetry task_id=task1 tokens_input=45000 tokens_output=2000
# As the guide wants it: execute, write the telemetry, log:
cobatch call mark_task_in_progress task_id=task2
echo '{"tokens_input": 1200, "tokens_output": 1500}' >data/last_execution_telemetry.json
cobatch call log_task_completion task_id=task2 status=done
# The same with a call instead of the file:
cobatch call mark_task_in_progress task_id=task3
cobatch call capture_token_telemetry task_id=task3 tokens_input=900 tokens_output=1800
cobatch call log_task_completion task_id=task3 status=done
AGENT
chmod +x "$temp/agent.sh"
"$cobatch" run told --agent prompt --exec "$temp/agent.sh" | shown
await_files task1 task2 task3
tokens_of() { jq -c ".results.$1 | [.status, .tokens_input, .tokens_output]" data/claude_task_results.json; }
check "task 1 is done, and has no figures: unknown is not 0" "$(tokens_of task1)" '["done",null,null]'
check "too late is said" "$(jq -r 'select(.status == "error").code' data/.cobatch/sessions/1/1.out)" task_ended
check "task 2 has those of the file" "$(tokens_of task2)" '["done",1200,1500]'
check "task 3 has those of the call" "$(tokens_of task3)" '["done",900,1800]'
check "the doctor finds it" "$(diagnosis told telemetry)" no

title "An agent whose usage Cobatch reads itself"
for task in task4 task5; do "$cobatch" assign "$task" "Do $task" --batch read --open >/dev/null 2>&1; done
"$cobatch" run read --agent scripted --script "$figures" | shown
await_files task4 task5
check "it wrote no file, and its figures are there" "$(tokens_of task4)$(tokens_of task5)" \
  '["done",45000,2000]["done",2000,1500]'
check "the doctor misses nothing" "$(diagnosis read telemetry)" yes
