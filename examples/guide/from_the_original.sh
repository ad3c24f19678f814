#!/usr/bin/env bash
# Coming from the original system: its tasks and results are taken over, in the folder where they are, and what was
# queued runs.
# shellcheck source=examples/guide/common.sh
source "$(dirname "$0")/common.sh"
batch=batch_20251107_214500
mkdir -p "$work/data/task_archive"
cd "$work"

title "What the original has left behind"
cat >data/claude_task_queue.json <<'QUEUE'
{"tasks": {
  "create_doc_1": {"status": "in_progress", "created_at": "2025-11-07T21:45:00.123456", "priority": "high",
                   "assigned_by": "claude", "description": "Create documentation for feature A", "context": {},
                   "batch_id": "batch_20251107_214500", "started_at": "2025-11-07T21:46:02.004711", "agent_id": "x7"},
  "create_doc_2": {"status": "queued", "created_at": "2025-11-07T21:45:01.654321", "priority": "high",
                   "assigned_by": "claude", "description": "Create documentation for feature B", "context": {},
                   "batch_id": "batch_20251107_214500"}
}}
QUEUE
cat >data/claude_task_results.json <<'RESULTS'
{"results": {
  "fix_login": {"status": "done", "description": "Fix the login", "completed_at": "2025-11-06T10:12:13.141592",
                "execution_time_seconds": 41.5, "actions_taken": ["edited login.py"], "output": "Fixed.",
                "output_summary": "Fixed", "errors": null, "batch_id": "batch_20251106_101130_fix_logi",
                "batch_position": 1, "tokens": {"input": 45000, "output": 2000, "total": 47000}, "token_cost": 0.165}
}}
RESULTS
echo '{"task_id": "old_report", "status": "error", "description": "Report", "errors": ["Execution error"]}' \
  >data/task_archive/results_2025-10.jsonl
ls data | shown

title "cobatch import data --dry-run"
before=$(cat data/*.json data/task_archive/* | cksum)
"$cobatch" import data --dry-run | shown
check "nothing was changed" "$(cat data/*.json data/task_archive/* | cksum)" "$before"
check "and nothing was made" "$(is_gone data/.cobatch && echo none)" none

title "cobatch import data"
"$cobatch" import data | shown
check "to do it again changes nothing" "$("$cobatch" import data --json | jq -c '[.put_in.total, .there_already]')" "[0,4]"

title "cobatch run $batch"
"$cobatch" run "$batch" --agent scripted --script "$figures" | shown
check "what was queued has run" "$("$cobatch" status "$batch" --json | jq -r '[.tasks[].status] | join(" ")')" "done done"
in_results() { jq -r ".results.$1" data/claude_task_results.json; }
check "a result of the original is there" "$(in_results fix_login.output)" Fixed.
check "with a member that Cobatch does not know" "$(in_results fix_login.token_cost)" 0.165
check "and one of the archive" "$(in_results old_report.status)" error
