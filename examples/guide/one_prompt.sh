#!/usr/bin/env bash
# The guide's own way: an agent gets all tasks in one prompt, marks each, does it, writes its telemetry, logs it, and
# removes the lock file at its end. Once with `cobatch call` and no server, once with curl.
# shellcheck source=examples/guide/common.sh
source "$(dirname "$0")/common.sh"
batch=batch_20251107_214500
tasks=(create_doc_1 create_doc_2 create_doc_3)
export LC_ALL=C PATH
PATH=$(dirname "$cobatch"):$PATH
cd "$work"

# as_the_guide_has_it TASK…: what must be there when such an agent has done them.
as_the_guide_has_it() {
  await_files "$@"
  in_results() { jq -c "[.results[] | [.batch_position, .$1]] | sort | map(.[1])" data/claude_task_results.json; }
  jq -c '.results[] | {task_id, tokens_input, tokens_output, batch_id, batch_position}' \
    data/claude_task_results.json | shown
  check "each has the summary that it was logged with" "$(in_results output_summary)" \
    "$(printf '%s\n' "$@" | jq -Rnc '[inputs | "Wrote \(.).md"]')"
  check "tokens_input: 45000, then 0" "$(in_results tokens_input)" '[45000,0,0]'
  check "tokens_output" "$(in_results tokens_output)" '[1500,1500,1500]'
  check "they are told, and not measured" "$(in_results tokens_source)" '["told","told","told"]'
  check "each telemetry file served one task" "$(is_gone data/last_execution_telemetry.json && echo gone)" gone
  check "the agent removed the lock file" "$(tail -n 1 data/.cobatch/sessions/1/1.out)" \
    "removed 'data/execute_queue.lock'"
  check "and it is gone" "$(is_gone "$marker" && echo gone)" gone
}

title "cobatch run --agent prompt --exec agent_by_calls.sh"
for task in "${tasks[@]}"; do "$cobatch" assign "$task" "Write $task" --batch "$batch" --open 2>&1 | shown; done
said=$("$cobatch" run "$batch" --agent prompt --exec "$here/agent_by_calls.sh")
shown <<<"$said"
check "one session did all three" "$(tail -n 1 <<<"$said")" "1 session, 3 turns: 3 done."
as_the_guide_has_it "${tasks[@]}"

title "cobatch serve --agent prompt --exec agent_by_curl.sh"
rm -r data
for port in {5101..5199}; do
  # The agent has to know the port before the server has one.
  code=0
  try_server "$port" --agent prompt --exec "$here/agent_by_curl.sh" --exec-arg "$port" || code=$?
  ((code == 4)) || break # the port is in use
done
[[ -n $server_pid ]] || die "the server did not start"
"$here/three_calls.sh" "$server_port" 2>/dev/null | jq -r .message | shown
finish "$batch"
wait_for "the lock file's removal" is_gone "$marker"
shown <data/.cobatch/sessions/1/1.out
check "one session did all three" "$(sessions "${tasks[@]}")" 1
as_the_guide_has_it "${tasks[@]}"
