#!/usr/bin/env bash
# A task that comes after its batch has ended: it starts the next round of the batch, and is not stranded.
# shellcheck source=examples/guide/common.sh
source "$(dirname "$0")/common.sh"
batch=batch_20251107_214500
start_server
"$here/three_calls.sh" "$server_port" >/dev/null 2>&1
finish "$batch"

title "A fourth task under the same batch_id"
reply=$(assign create_doc_4 "$batch" false)
jq -r '.message, .execution, (.warnings[]? | "warning \(.code): \(.message)")' <<<"$reply" | shown
check "a warning says that it is late" "$(warning_codes "$reply")" late_task
finish "$batch"
check "it has run, though its auto_execute was false" "$(statuses "$batch")" "done done done done"
check "in a session of its own" "$(sessions create_doc_1 create_doc_4)" 2
check "as round 2" "$(call batch_status "{\"batch_id\":\"$batch\"}" | jq .round)" 2
