#!/usr/bin/env bash
# Runs in_short.py in a folder of its own.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
said=$(python3 "$here/in_short.py" "$here/../command/agent.py")
echo "$said"
[[ $said == $'sessions: 1\ndoc_1: done, Did: Document feature A\ndoc_2: done, Did: Document feature B\ndoc_3: done, Did: Document feature C' ]]
