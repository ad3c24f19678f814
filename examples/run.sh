#!/usr/bin/env bash
# The batch guide's example, from nothing: installs what is missing, builds, serves, sends the guide's three curl calls,
# and shows what came of them. The agent is the scripted one, which plays the guide's figures: no model is asked.
#
#   examples/run.sh
#
# With COBATCH=/path/to/cobatch it takes that program and neither installs nor builds.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)

if [[ -z ${COBATCH:-} ]]; then
  "$top/cmake/install-dependencies.sh"
  "$top/cmake/build.sh" release bin/cobatch bin/cobatch-keeper bin/cobatch-scripted
  export COBATCH=$top/build/release/bin/cobatch
fi
# shellcheck source=examples/guide/common.sh
source "$top/examples/guide/common.sh"
batch=batch_20251107_214500
tasks=(create_doc_1 create_doc_2 create_doc_3)

line() { printf '  %-28s%s\n' "$1" "$2"; }

# The session stops in task 1 and in task 3 until a file is there, so that one can look at it.
script=$temp/script.json
jq '.turns[0].wait_for_file = "task_1_may_end" | .turns[2].wait_for_file = "task_3_may_end"' "$figures" >"$script"

# ------------------------------------------------------------------------------------------------- the batch

serve() {
  local port code
  for port in {5001..5099}; do
    code=0
    try_server "$port" --agent scripted --script "$script" || code=$?
    case $code in
      0) return ;;
      4) say "Port $port is taken; trying the next." ;; # "the port is in use", see cobatch --help
      *) die "the server did not start" ;;
    esac
  done
  die "no port from 5001 to 5099 is free"
}

title "The batch guide's example, with the scripted agent: no model is asked"
serve
line "server" "http://localhost:$server_port"
line "workspace" "$work"

title "The guide's three curl calls"
"$here/three_calls.sh" "$server_port" 2>/dev/null | jq -r '"  " + .message'

title "While it runs"
wait_for "task 1" in_progress create_doc_1
first_agent=$(agent_pids)
line "in task 1: agent process" "$first_agent"
line "data/execute_queue.lock" "$(cat "$marker")"
line "execute_queue answers" "$(call execute_queue | jq -r .status)"
touch "$work/task_1_may_end"
wait_for "task 3" in_progress create_doc_3
last_agent=$(agent_pids)
[[ $last_agent == "$first_agent" ]] || die "task 3 has another agent process ($last_agent) than task 1 ($first_agent)"
line "in task 3: agent process" "$last_agent, the same: one for all three tasks"
touch "$work/task_3_may_end"
finish "$batch"

title "After it"
wait_for "the lock file's removal" is_gone "$marker"
line "batch $batch" "$(call batch_status "{\"batch_id\":\"$batch\"}" | jq -r .batch_status)"
line "data/execute_queue.lock" "$([[ -e $marker ]] && cat "$marker" || echo "gone, by itself")"
[[ $(sessions "${tasks[@]}") == 1 ]] || die "the tasks ran in more than one session"
line "sessions" "1: session $(result create_doc_1 | jq .session) did $(call batch_status "{\"batch_id\":\"$batch\"}" | jq .tally.done) tasks"

# ----------------------------------------------------------------------------------------------- the figures

# Tokens in thousands, with a decimal where there is one.
thousands='def k: "\(. / 100 | round / 10)K";'

title "Tokens (played by the scripted agent, as in the guide)"
printf '  %-14s%20s%20s\n' "" "the guide's count" "really processed"
for task in "${tasks[@]}"; do
  result "$task" | jq -r "$thousands"'"\(.task_id) \(.tokens_input_guide + .tokens_output | k) \(
    .tokens_input + .tokens_cache_read + .tokens_output | k) \(.tokens_cache_read | k)"' |
    while read -r task counted processed from_cache; do
      printf '  %-14s%20s%20s   of it %s read from the cache\n' "$task" "$counted" "$processed" "$from_cache"
    done
done

measured=$("$cobatch" savings "$batch" --root "$work" --json)
guide=$(for task in "${tasks[@]}"; do result "$task"; done | jq -s 'map(.tokens_input_guide + .tokens_output) | add')
modelled=$("$cobatch" savings --json)
# The calculator's row is about this batch only if it comes to the same figures.
row=$(jq -c --argjson batch "$measured" --argjson guide "$guide" '.rows[] | select(.guide.with == $guide and
  .guide.without == $batch.guide.without and .tokens_processed.with == $batch.tokens_processed)' <<<"$modelled")
[[ -n $row ]] || die "the calculator has no row for this batch: $measured"
thousands+='def tenths: . * 10 | round | "\(. / 10 | floor).\(. % 10)";
  def change: if . < 0 then "\(-. | tenths) % more" else "\(. | tenths) % saved" end;'
told() { jq -r "$thousands $1" <<<"$2"; }

title "What one session saved"
line "the guide's count" "$(told '.guide | "\(.with | k) instead of \(.without | k): \(.saved_percent | round) % saved"' "$row")"
line "with writes to the cache" "$(told '.guide | "\(.with | k) instead of \(.without | k): \(.saved_percent | change)"' "$measured")"
line "tokens processed" "$(told '.tokens_processed | "\(.without | k) → \(.with | k): \(.saved_percent | change)"' "$row")"
line "money, modelled" "$(told '.money_against_cold.saved_percent | change' "$row") against separate sessions with cold caches"
line "" "$(told '.money_against_warm.saved_percent | change' "$row") against separate sessions with warm caches"
line "" "$(jq -r .prices <<<"$modelled")"
say "  The guide counts input that the cache already holds as nothing. It is processed all the same, at a tenth of the"
say "  price; and sessions that run one after another often find a warm cache by themselves."

title "How to go on"
say "  Serve a project, with Claude Code if it is installed:  cd PROJECT && $cobatch serve"
say "  See each of the guide's flows, and each failure:       examples/guide/*.sh"
say "  Read on:                                               README.md, $cobatch --help"
