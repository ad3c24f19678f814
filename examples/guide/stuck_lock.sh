#!/usr/bin/env bash
# The guide's issue 2, "Batch Never Starts": a lock file that Cobatch did not write is there. It is honoured and
# explained, never broken by itself; when it goes, what waits runs without a further call.
# shellcheck source=examples/guide/common.sh
source "$(dirname "$0")/common.sh"
batch=batch_20251107_214500
stick() { echo '{"locked_at": "2025-11-07T20:00:00Z", "batch_id": "batch_of_somebody_else"}' >"$marker"; }
mkdir -p "$work/data"
stick
start_server

title "A lock file of somebody else is there"
shown <"$marker"
"$here/three_calls.sh" "$server_port" 2>/dev/null | jq -r .message | shown
lock=$(call lock_status)
jq -r .message <<<"$lock" | shown
check "lock_status calls it foreign" "$(jq -r .marker <<<"$lock")" foreign
reply=$(call execute_queue)
jq -r '.message, (.warnings[]? | "warning \(.code): \(.message)")' <<<"$reply" | shown
check "execute_queue answers already_running" "$(jq -r .status <<<"$reply")" already_running
check "nothing has run" "$(statuses "$batch")" "queued queued queued"
check "the lock file was left alone" "$(jq -r .batch_id "$marker")" batch_of_somebody_else

title "cobatch unlock removes it"
"$cobatch" unlock --root "$work" | shown
finish "$batch"
check "the batch ran without a further call" "$(statuses "$batch")" "done done done"
check "in one session" "$(sessions create_doc_1 create_doc_2 create_doc_3)" 1

title "The guide's way: rm, then execute_queue by hand"
wait_for "the lock file's removal" is_gone "$marker"
stick
assign late_1 batch_20251107_220000 true | jq -r .message | shown
check "the next batch is stuck" "$(statuses batch_20251107_220000)" queued
(cd "$work" && rm data/execute_queue.lock)
reply=$(trigger)
jq -r '.status + ": " + .message' <<<"$reply" | shown
finish batch_20251107_220000
check "it ran" "$(statuses batch_20251107_220000)" "done"
