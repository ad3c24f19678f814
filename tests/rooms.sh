#!/usr/bin/env bash
# Checks that each room of the source tree includes only what it may.
#
#   tests/rooms.sh [ROOT]
#
# The rooms and their order stand in docs/architecture.md, in the rows of its table that begin with "| `": a room may
# include itself and the rooms above it. Core headers need only the standard library and tl/expected.hpp, the other public
# headers also <cobatch/…>, and SQLite, simdjson and fmt stay out of headers.
set -euo pipefail
root=${1:-$(cd "$(dirname "$0")/.." && pwd)}
cd "$root"

faults=0
fault() {
  echo "$1"
  faults=$((faults + 1))
}

# includes FOLDER: "FILE INCLUDED" of each #include in it, with its quotes or angle brackets.
includes() {
  grep -rE --include='*.[ch]' --include='*.[ch]pp' '^ *# *include ' "$1" | sed -E 's/^([^:]+): *# *include +([^ ]+).*/\1 \2/'
}

declare -A floor
rooms=()
while read -r room; do
  floor[$room]=${#rooms[@]}
  rooms+=("$room")
done < <(sed -nE 's/^\| `src\/([a-z]+)\/`.*/\1/p' docs/architecture.md)

for folder in src/*/; do
  room=$(basename "$folder")
  if [[ ! ${floor[$room]+set} ]]; then fault "$folder is no room of docs/architecture.md"; fi
done
for room in "${rooms[@]}"; do
  [[ -d src/$room ]] || { fault "src/$room is in docs/architecture.md, and not there"; continue; }
  while read -r file included; do
    [[ $included == \"*/* ]] || { [[ $included != \"* ]] || fault "$file includes $included without its room"; continue; }
    other=${included#\"}
    other=${other%%/*}
    if [[ ! ${floor[$other]+set} ]]; then
      fault "$file includes $included, which is in no room"
    elif ((floor[$other] > floor[$room])); then
      fault "$file includes $included: $room stands above $other"
    fi
  done < <(includes "src/$room")
done

while read -r file included; do
  case $file:$included in
    include/cobatch/core/*:\<cobatch/core/*) ;;
    include/cobatch/core/*:\<cobatch/*) fault "$file includes $included: the core needs nothing else of Cobatch" ;;
    *:\<cobatch/* | *:\<tl/expected.hpp\>) ;;
    *:\"* | *:\<*/*\> | *:\<*.h\> | *:\<*.hpp\>) fault "$file includes $included: a public header needs only the standard library" ;;
  esac
done < <(includes include)

while read -r file included; do
  case $file:$included in
    *.hpp:\<sqlite3.h\> | *.hpp:\<simdjson* | *.hpp:\<fmt/*) fault "$file includes $included, which belongs into a .cpp" ;;
  esac
done < <(includes src)

((faults == 0))
