#!/usr/bin/env bash
# Each program that the README shows is an example file that is compiled and run: readme.sh SOURCE
# shellcheck source=tests/install/common.sh
source "$(dirname "$0")/common.sh"
cd "$1"
# One file a block of C++, C or Python.
awk -v folder="$temp" '
  /^```(cpp|c|python)$/ { file = sprintf("%s/block%d.txt", folder, ++count); next }
  /^```/ { file = ""; next }
  file != "" { print > file }' README.md
blocks=0
for block in "$temp"/block*.txt; do
  blocks=$((blocks + 1))
  found=
  while IFS= read -r -d '' example; do
    if cmp -s "$block" "$example"; then found=$example; fi
  done < <(find examples \( -name '*.cpp' -o -name '*.c' -o -name '*.py' \) -print0)
  if [[ ! $found ]]; then
    echo "no example is this block of the README:" >&2
    cat "$block" >&2
    exit 1
  fi
  echo "$found"
done
[[ $blocks -ge 4 ]]
