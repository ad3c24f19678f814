#!/usr/bin/env bash
# The guide's correct example as it writes it, in Python: in_python.py. Its result: all 3 tasks run in ONE session.
# shellcheck source=examples/guide/common.sh
source "$(dirname "$0")/common.sh"
if ! command -v python3 >/dev/null; then
  say "skipped: there is no python3"
  exit 77
fi
start_server

title "in_python.py"
python3 "$here/in_python.py" "$server_port" | shown
finish batch_20251107_214500
check "all tasks are done" "$(statuses batch_20251107_214500)" "done done done"
check "one session did all three" "$(sessions task1 task2 task3)" 1
