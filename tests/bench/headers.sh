#!/usr/bin/env bash
# What it costs to include each public header: the processor time in seconds to compile a program of five lines, the
# smallest of RUNS (5) runs, beside the same for an empty program and for what most headers need of the standard library.
#
#   [CXX=g++] tests/bench/headers.sh [INCLUDE_FOLDER [RUNS]]
set -euo pipefail
include=${1:-$(cd "$(dirname "$0")/../../include" && pwd)}
runs=${2:-5}
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
TIMEFORMAT='%U %S'

# cost NAME HEADER…
cost() {
  local name=$1 run
  shift
  {
    printf '#include <%s>\n' "$@"
    printf 'int main(int argc, char**) {\n  const int failed = argc > 1 ? 1 : 0;\n  return failed;\n}\n'
  } | grep -v '<>' >"$temp/program.cpp"
  for ((run = 0; run < runs; ++run)); do
    { time "${CXX:-g++}" -std=c++20 -O1 -I"$include" -c "$temp/program.cpp" -o "$temp/program.o"; } 2>&1
  done | awk -v name="$name" 'NR == 1 || $1 + $2 < least { least = $1 + $2 } END { printf "%-36s%6.2f\n", name, least }'
}

"${CXX:-g++}" --version | head -n 1
cost '(an empty program)' ''
cost '(string, vector, optional)' string vector optional
cost '(and tl/expected, chrono, memory)' string vector optional tl/expected.hpp chrono memory
cost '(and filesystem)' string vector optional tl/expected.hpp chrono memory filesystem
(cd "$include" && find cobatch* -name '*.hpp') | LC_ALL=C sort | while read -r header; do cost "$header" "$header"; done
