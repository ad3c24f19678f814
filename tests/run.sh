#!/usr/bin/env bash
# Builds Cobatch and runs its tests.
#
#   tests/run.sh [--install] [--agents] [--file-by-file] [--portable] [--sanitizers] [--style] [--tidy]
#
#   --install        also the tests of installation: each way to use Cobatch from another project, and the wheel
#   --agents         also the tests with the real agent programs, which come from npm (0.9 GB)
#   --file-by-file   also compile each file of the library by itself, so that it includes what it uses
#   --portable       also built for systems that have POSIX and none of what Linux adds: the tests that lean on the system
#   --sanitizers     also everything once more with the address and undefined-behaviour sanitizers, and what has threads
#                    with the thread sanitizer
#   --style          also clang-format
#   --tidy           also clang-tidy (about 20 minutes of processor time)
#
# What is missing is installed first, with apt; the agent programs, with npm into build/agents. The last line says how
# many tests passed and failed; the exit code is 0 if none failed.
set -euo pipefail
cd "$(dirname "$0")/.."

presets=(dev)
needs=(--tests)
install='' agents='' file_by_file='' style='' tidy=''
for option in "$@"; do
  case $option in
    --install) install=1 needs+=(--install --bundle) ;;
    --agents) agents=1 ;;
    --file-by-file) file_by_file=1 ;;
    --portable) presets+=(portable) ;;
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
  "${without_randomisation[@]}" cmake/build.sh "$preset" || return 1
  rm -f "$results"
  "${without_randomisation[@]}" ctest --preset "$preset" -j "$((2 * jobs))" --output-junit "$results" --progress \
    "${left_out[@]}" || true
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
# Of each file what the compiler is called with, when it is compiled by itself.
configure_file_by_file() { cmake --preset file-by-file >build/file-by-file.log; }
each_file() {
  configure_file_by_file &&
    jq -r --arg src "$PWD/src/" --arg capi "$PWD/capi/" '.[] | select(.file | startswith($src) or startswith($capi)) |
      "cd \(.directory | @sh) && \(.command) -fsyntax-only"' build/file-by-file/compile_commands.json |
    xargs -d '\n' -n 1 -P "$jobs" bash -c
}
clang_tidy() {
  configure_file_by_file &&
    find src -name '*.cpp' -print0 |
    xargs -0 -n 4 -P "$jobs" clang-tidy-14 --quiet -p build/file-by-file --warnings-as-errors='*' 2>build/clang-tidy.log
}

jobs=$(nproc) # of compilers; of tests, which wait for much, twice as many
cmake/install-dependencies.sh "${needs[@]}"
mkdir -p build
if [[ $agents ]]; then fetch_agents; fi
left_out=()
labels=$([[ $install ]] || echo install; [[ $agents ]] || echo agents)
if [[ $labels ]]; then left_out=(-LE "${labels//$'\n'/|}"); fi
for preset in "${presets[@]}"; do
  check_preset "$preset" || failed=$((failed + 1))
done
if [[ $file_by_file ]]; then check "each file by itself" each_file; fi
if [[ $style ]]; then check clang-format clang_format; fi
if [[ $tidy ]]; then check clang-tidy clang_tidy; fi
complete=1
