#!/usr/bin/env bash
# Coming from the original system, as README.md has it: its tasks, results, archive and history of tokens are taken over
# in the folder where they are, and what was queued runs.
# shellcheck source=examples/guide/common.sh
source "$(dirname "$0")/common.sh"
batch=batch_20251107_214500
mkdir -p "$work/data/task_archive"
cd "$work"

title "What the original has left behind, after a crash"
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
cat >data/task_archive/results_2025-10.jsonl <<'ARCHIVE'
{"task_id": "old_report", "status": "error", "description": "Report", "errors": ["Execution error"]}
{"task_id": "cut_off", "status": "do
ARCHIVE
cat >data/token_telemetry.json <<'HISTORY'
{"sessions": [
  {"timestamp": "2025-10-06T09:30:00.271828", "task_id": "old_report", "task_type": "report", "tokens_input": 38000,
   "tokens_output": 900, "tokens_total": 38900, "duration_seconds": 12.5, "success": false}
], "task_patterns": {}, "weekly_resets": []}
HISTORY
echo '{"locked_at": "2025-11-07T21:45:02Z", "batch_id": "batch_20251107_214500"}' >data/execute_queue.lock
ls data | shown

title "cobatch import data --dry-run"
before=$(cat data/*.json data/task_archive/* | cksum)
{ "$cobatch" import data --dry-run || true; } | shown # 1, as the archive has a line that cannot be read
check "nothing was changed" "$(cat data/*.json data/task_archive/* | cksum)" "$before"
check "and nothing was made" "$(is_gone data/.cobatch && echo none)" none

title "cobatch import data"
{ "$cobatch" import data || true; } | shown
check "the original's own files are there, under other names" \
  "$(cat data/*.json.outside-* data/task_archive/* | cksum)" "$before"
check "and a copy of the one that could not be read in full" \
  "$(cmp data/task_archive/results_2025-10.jsonl data/results_2025-10.jsonl.unreadable-* && echo same)" same
check "to do it again changes nothing" \
  "$("$cobatch" import data --json | jq -c '[.put_in.total, .there_already]')" "[0,4]"

title "What has ended has ended here, with its result and tokens"
of_result() { jq -c ".results.$1" data/claude_task_results.json; }
of_task() { jq -c ".tasks.$1" data/claude_task_queue.json; }
check "a result" "$(of_result 'fix_login | [.status, .output, .actions_taken]')" \
  '["done","Fixed.",["edited login.py"]]'
check "with its tokens" "$(of_result 'fix_login | [.tokens_input, .tokens_output]')" '[45000,2000]'
check "and a member that Cobatch does not know" "$(of_result fix_login.token_cost)" 0.165
check "one of the archive" "$(of_result 'old_report | [.status, .errors]')" '["error",["Execution error"]]'
check "with its tokens, which only the history had" "$(of_result 'old_report | [.tokens_input, .tokens_output]')" \
  '[38000,900]'
check "and the entry of the history itself" "$(of_task 'old_report.token_telemetry[0].task_type')" '"report"'

title "What was queued or in progress is queued, and does not start by itself"
"$cobatch" status | shown
check "both are queued" "$(of_task 'create_doc_1.status')$(of_task 'create_doc_2.status')" '"queued""queued"'
check "in the order and with the members that they had" \
  "$("$cobatch" status "$batch" --json | jq -c '[.batch_status, [.tasks[].task_id]]')$(of_task create_doc_1.agent_id)" \
  '["open",["create_doc_1","create_doc_2"]]"x7"'

title "cobatch unlock, as the crash left a lock file; then cobatch run $batch"
"$cobatch" unlock | shown
"$cobatch" run "$batch" --agent scripted --script "$figures" | shown
check "what was queued has run" \
  "$("$cobatch" status "$batch" --json | jq -r '[.tasks[].status] | join(" ")')" "done done"
await_files create_doc_1 create_doc_2
check "and stands in the results beside the original's" "$(jq -c '.results | keys' data/claude_task_results.json)" \
  '["create_doc_1","create_doc_2","fix_login","old_report"]'

title "cobatch import FOLDER, into another project"
mkdir "$temp/other"
{ "$cobatch" import "$work/data" --root "$temp/other" --json || true; } | jq -c .put_in | shown
check "all four are there" "$("$cobatch" status --root "$temp/other" --json | jq .tasks.total)" 4
