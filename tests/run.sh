#!/usr/bin/env bash
# Builds Cobatch and runs its tests.
#
#   tests/run.sh [--fast] [--sanitizers] [--style] [--tidy]
#
#   --fast         without the tests of installation, those with real agent programs, and the benchmarks
#   --sanitizers   also everything once more with the address and undefined-behaviour sanitizers, and with the thread
#                  sanitizer
#   --style        also clang-format
#   --tidy         also clang-tidy (about 20 minutes of processor time)
#
# What is missing is installed first, with apt; the agent programs, with npm into build/agents. The last line says how
# many tests passed and failed; the exit code is 0 if none failed.
set -euo pipefail
cd "$(dirname "$0")/.."

presets=(dev)
needs=(--tests)
fast='' style='' tidy=''
exclude=()
for option in "$@"; do
  case $option in
    --fast) fast=1 exclude=(-LE 'install|agents|bench') ;;
    --sanitizers) presets+=(asan-ubsan tsan) ;;
    --style) style=1 needs+=(--style) ;;
    --tidy) tidy=1 needs+=(--tidy) ;;
    *)
      sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2
      exit 2
      ;;
  esac
done

passed=0
failed=0
skipped=0
complete=
report() {
  # A step that could not be done is a failure, too: of it no test tells.
  if [[ ! $complete ]]; then failed=$((failed + 1)); fi
  local text="$passed passed, $failed failed"
  if ((skipped > 0)); then text+=", $skipped skipped"; fi
  echo "$text"
  trap - EXIT
  exit "$((failed > 0))"
}
trap report EXIT

# count FILE: adds up the test cases in ctest's JUnit file.
count() {
  passed=$((passed + $(cases run "$1")))
  skipped=$((skipped + $(cases 'notrun|disabled' "$1")))
  failed=$((failed + $(cases fail "$1")))
}
cases() { grep -cE "^[[:space:]]*<testcase .* status=\"($1)\"" "$2" || true; }

# check_preset NAME: configures, builds and tests.
check_preset() {
  local preset=$1 without_randomisation=() results=$PWD/build/$1/tests.xml
  # Kernels that place programs at very random addresses leave the thread sanitizer of gcc 12 no room.
  if [[ $preset == tsan ]] && setarch -R true 2>/dev/null; then without_randomisation=(setarch -R); fi
  echo "== $preset: configure and build"
  cmake --preset "$preset" >"build/$preset.log" 2>&1 || {
    tail -n 30 "build/$preset.log"
    return 1
  }
  "${without_randomisation[@]}" cmake --build --preset "$preset" >"build/$preset.log" 2>&1 || {
    tail -n 60 "build/$preset.log"
    return 1
  }
  echo "== $preset: test"
  rm -f "$results"
  "${without_randomisation[@]}" ctest --preset "$preset" -j "$jobs" --output-junit "$results" --progress \
    "${exclude[@]}" || true
  if [[ ! -s $results ]]; then
    echo "ctest left no results"
    return 1
  fi
  count "$results"
}

# Gets what the tests with real agent programs run. That they cannot be had is said there; these tests are skipped then.
fetch_agents() { tests/agents/fetch.sh "${COBATCH_AGENTS:-build/agents}" || (($? == 77)); }

# check WHAT COMMAND…: a check that is no test of ctest's, counted as one.
check() {
  echo "== $1"
  shift
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}
clang_format() {
  # Not cobatch.cdef.h, which is made.
  find include src capi tests examples \( -name '*.hpp' -o -name '*.cpp' -o -name '*.h' -o -name '*.c' \) \
    ! -name '*.cdef.h' -print0 |
    xargs -0 clang-format-14 --dry-run -Werror
}
clang_tidy() {
  find src -name '*.cpp' -print0 |
    xargs -0 -n 4 -P "$jobs" clang-tidy-14 --quiet -p build/dev --warnings-as-errors='*' 2>build/clang-tidy.log
}

jobs=$(nproc)
cmake/install-dependencies.sh "${needs[@]}"
if command -v ccache >/dev/null; then
  export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache
  export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1  # what one clone has compiled, another need not
fi
mkdir -p build
if [[ ! $fast ]]; then fetch_agents; fi
for preset in "${presets[@]}"; do
  check_preset "$preset" || failed=$((failed + 1))
done
if [[ $style ]]; then check clang-format clang_format; fi
if [[ $tidy ]]; then check clang-tidy clang_tidy; fi
complete=1
