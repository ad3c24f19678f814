# What the scripts in this folder share: a server in a workspace of its own, requests, and checks.
#
# Source it. It makes a temporary workspace, and when the script ends it stops the server and removes everything.
# COBATCH names the program; without it, the one in ../../build or in PATH is taken.
# shellcheck shell=bash disable=SC2034
set -euo pipefail
unset COBATCH_ROOT COBATCH_STATE COBATCH_SESSION # of another workspace

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
figures=$here/figures.json # the guide's worked example, for the scripted agent
patience=60                # seconds until a wait counts as failed

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  [[ ! -s ${temp:-/nowhere}/server.log ]] || sed 's/^/  server: /' "$temp/server.log" >&2
  exit 1
}

find_cobatch() {
  local found
  for found in "${COBATCH:-}" "$here"/../../build/{release,dev}/bin/cobatch "$(command -v cobatch || true)"; do
    if [[ -n $found && -x $found ]]; then
      realpath "$found"
      return
    fi
  done
  die "there is no cobatch program. Build it (examples/run.sh does), or name it: COBATCH=/path/to/cobatch $0"
}

for tool in curl jq; do
  command -v "$tool" >/dev/null || die "$tool is not installed; examples/run.sh installs what is missing"
done
cobatch=$(find_cobatch)
temp=$(mktemp -d "${TMPDIR:-/tmp}/cobatch-example.XXXXXX")
temp=$(realpath "$temp")
work=$temp/workspace
marker=$work/data/execute_queue.lock
mkdir "$work"
server_pid=
server_port=

# ------------------------------------------------------------------------------------------------ telling

bold='' faint='' green='' red='' plain=''
if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
  bold=$'\e[1m' faint=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
fi

say() { printf '%s\n' "$*"; }
title() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
shown() { sed "s/^/    $faint/; s/\$/$plain/"; } # indents what a command printed

# check WHAT ACTUAL EXPECTED
check() {
  if [[ $2 == "$3" ]]; then
    printf '  %sok%s  %s\n' "$green" "$plain" "$1"
  else
    printf '  %sNO%s  %s: expected "%s", got "%s"\n' "$red" "$plain" "$1" "$3" "$2"
    die "this is not what the README says"
  fi
}

# ------------------------------------------------------------------------------------------------ the server

# The processes of the scripted agent that works in our workspace.
agent_pids() {
  local folder
  # Processes that end while it looks are no failure.
  { find /proc -maxdepth 2 -path '/proc/[0-9]*/cwd' -lname "$work" 2>/dev/null || true; } | while read -r folder; do
    folder=${folder%/cwd}
    if [[ $(readlink "$folder/exe") == */cobatch-scripted ]]; then printf '%s\n' "${folder#/proc/}"; fi
  done
}

# try_server PORT [OPTION…]: starts a server; its exit code if it could not. PORT 0: any that is free.
try_server() {
  local port=$1 code=0 line=
  shift
  rm -f "$temp/said"
  mkfifo "$temp/said"
  "$cobatch" serve --root "$work" --port "$port" --json "$@" >"$temp/said" 2>"$temp/server.log" &
  server_pid=$!
  # The server says one line when it can be asked; none if it could not start.
  read -r line <"$temp/said" || true
  if [[ $(jq -r '.status' <<<"$line" 2>/dev/null) != success ]]; then
    wait "$server_pid" || code=$?
    server_pid=
    printf '%s\n' "$line" >>"$temp/server.log"
    return "$((code == 0 ? 1 : code))"
  fi
  server_port=$(jq -r .port <<<"$line")
}

# With the scripted agent, which plays $script (set it before), on a free port.
script=$figures
start_server() {
  try_server 0 --agent scripted --script "$script" || die "the server did not start"
}

stop_server() {
  [[ -n $server_pid ]] || return 0
  kill -TERM "$server_pid" 2>/dev/null || true
  wait "$server_pid" 2>/dev/null || true
  server_pid=
}

# kill -9, as a crash would.
kill_server() {
  kill -KILL "$server_pid"
  wait "$server_pid" 2>/dev/null || true
  server_pid=
}

clean_up() {
  local code=$? pid
  trap - EXIT
  for pid in $(agent_pids); do kill -TERM "$pid" 2>/dev/null || true; done
  stop_server
  rm -rf "$temp"
  exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# ------------------------------------------------------------------------------------------------ requests

# call ACTION [PARAMS]: one request over HTTP, as the guide sends it; prints the reply.
call() {
  local params='{}'
  if (($# > 1)); then params=$2; fi
  jq -nc --arg action "$1" --argjson params "$params" \
    '{tool_name: "claude_assistant", action: $action, params: $params}' |
    curl -sS -X POST "http://127.0.0.1:$server_port/execute_task" -H 'Content-Type: application/json' -d @-
}

# assign TASK BATCH AUTO_EXECUTE: BATCH may be empty.
assign() {
  call assign_task "$(jq -nc --arg task "$1" --arg batch "$2" --argjson auto "$3" \
    '{task_id: $task, description: "Create documentation: \($task)", auto_execute: $auto}
     + (if $batch == "" then {} else {batch_id: $batch} end)')"
}

# start_server_that_pauses_in_task_2: its agent notes each task that it starts in `ran`, and goes on in task 2 when the
# file `go_on` is there; both in the workspace.
start_server_that_pauses_in_task_2() {
  script=$temp/script.json
  jq '.turns |= (to_entries | map(.value + {task_id: "create_doc_\(.key + 1)", touch: "ran"}))
      | .turns[1].wait_for_file = "go_on"' "$figures" >"$script"
  start_server
}

# reach_task_2: sends the guide's three calls to that server; in task 2, $agent is the agent's process, and $keeper that
# of its keeper.
reach_task_2() {
  "$here/three_calls.sh" "$server_port" >/dev/null 2>&1
  wait_for "task 2" in_progress create_doc_2
  agent=$(agent_pids)
  keeper=$(awk '/^PPid:/ {print $2}' "/proc/$agent/status")
}

# finish BATCH: waits until its round has ended.
finish() {
  local until=$((SECONDS + patience)) reply
  while ((SECONDS < until)); do
    reply=$(call wait_batch "$(jq -nc --arg batch "$1" '{batch_id: $batch, timeout_seconds: 20}')")
    case $(jq -r '.ended // .status' <<<"$reply") in
      true) return ;;
      error) die "wait_batch: $reply" ;;
    esac
  done
  die "batch $1 did not end within $patience s: $(call batch_status "{\"batch_id\":\"$1\"}")"
}

# trigger: the guide's "Manually trigger execute_queue", as it stands there but for the port.
trigger() {
  curl -sS -X POST "http://localhost:$server_port/execute_task" \
    -H 'Content-Type: application/json' \
    -d '{"tool_name": "claude_assistant", "action": "execute_queue"}'
}

# result TASK: its result object.
result() { call get_task_result "$(jq -nc --arg task "$1" '{task_id: $task}')" | jq -c .result; }

# sessions TASK…: how many sessions these tasks ran in.
sessions() {
  local task
  for task in "$@"; do result "$task" | jq .session; done | sort -u | grep -c .
}

# statuses BATCH: the states of its tasks, in order.
statuses() { call batch_status "{\"batch_id\":\"$1\"}" | jq -r '[.tasks[].status] | join(" ")'; }

# of_each FILTER TASK…: what the filter finds in the result of each, as a list.
of_each() {
  local filter=$1 task
  shift
  for task in "$@"; do result "$task"; done | jq -sc "map($filter)"
}

# diagnosis BATCH CHECK: what `cobatch doctor` answers to one of its checks: yes, no or unknown.
diagnosis() {
  { "$cobatch" doctor "$1" --root "$work" --json || true; } |
    jq -r --arg check "$2" '.findings[] | select(.check == $check).answer'
}

# warning_codes REPLY
warning_codes() { jq -r '[.warnings[]?.code] | join(" ")' <<<"$1"; }

# wait_for WHAT COMMAND…: until the command succeeds.
wait_for() {
  local what=$1 until=$((SECONDS + patience))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < until)) || die "$what did not happen within $patience s"
    sleep 0.05
  done
}

in_progress() { [[ $(call check_task_status "{\"task_id\":\"$1\"}" | jq -r .task_status) == in_progress ]]; }
is_gone() { [[ ! -e $1 ]]; }

# await_files TASK…: until the JSON files in data/ show that these have ended. They follow what is stored.
await_files() {
  local file task
  for file in claude_task_queue.json claude_task_results.json; do
    for task in "$@"; do
      wait_for "task $task in $file" jq -e --arg task "$task" \
        '(.tasks // .results)[$task].status | . == "done" or . == "error"' "$work/data/$file"
    done
  done
}

# The guide says python3 -m json.tool; jq does the same where Python is not there.
json_tool() { if command -v python3 >/dev/null; then python3 -m json.tool; else jq --indent 4 .; fi; }
