#!/usr/bin/env bash
# What it costs to include each public header: the processor time in seconds to compile a program of five lines, the
# smallest of RUNS (5) runs; beside it, what an empty program and the standard headers that most of ours need cost.
#
#   [CXX=g++] [RUNS=5] tests/bench/headers.sh [INCLUDE_FOLDER…]
#
# With several folders (of two versions, say) there is a column each; their runs alternate, so that all meet the same
# machine.
set -euo pipefail
if (($# == 0)); then set -- "$(cd "$(dirname "$0")/../../include" && pwd)"; fi
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
TIMEFORMAT='%U %S'

# cost NAME FOLDERS HEADER…: a row. A header that a folder lacks has no figure.
cost() {
  local name=$1 run folder column
  local -n of=$2
  shift 2
  {
    (($# == 0)) || printf '#include <%s>\n' "$@"
    printf 'int main(int argc, char**) {\n  const int failed = argc > 1 ? 1 : 0;\n  return failed;\n}\n'
  } >"$temp/program.cpp"
  for ((run = 0; run < ${RUNS:-5}; ++run)); do
    column=0
    for folder in "${of[@]}"; do
      printf '%s ' "$((column++))"
      { time "${CXX:-g++}" -std=c++20 -O1 -I"$folder" -c "$temp/program.cpp" -o "$temp/program.o" 2>"$temp/errors"; } 2>&1 || true
      if [[ -s $temp/errors ]]; then echo "$((column - 1)) none"; fi
    done
  done | awk -v name="$name" -v columns="${#of[@]}" '
    $2 == "none" { lacks[$1] = 1; next }
    !($1 in least) || $2 + $3 < least[$1] { least[$1] = $2 + $3 }
    END {
      printf "%-36s", name
      for (i = 0; i < columns; ++i) if (i in lacks) printf "%8s", "-"; else printf "%8.2f", least[i]
      print ""
    }'
}

folders=("$@")
"${CXX:-g++}" --version | head -n 1
printf '%s\n' "${folders[@]}"
cost '(an empty program)' folders
cost '(string, vector, optional)' folders string vector optional
cost '(and tl/expected, chrono, memory)' folders string vector optional tl/expected.hpp chrono memory
cost '(and filesystem)' folders string vector optional tl/expected.hpp chrono memory filesystem
for folder in "${folders[@]}"; do (cd "$folder" && find cobatch* -name '*.hpp'); done | LC_ALL=C sort -u |
  while read -r header; do cost "$header" folders "$header"; done
