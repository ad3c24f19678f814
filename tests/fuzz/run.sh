#!/usr/bin/env bash
# Looks for inputs that break what the fuzz targets promise, with libFuzzer and the address and undefined-behaviour
# sanitizers.
#
#   tests/fuzz/run.sh [SECONDS] [TARGET…]      SECONDS of each target: 600; TARGET: all of them
#
# What is missing is installed first, with apt. Inputs that were found useful are kept in build/fuzz/found/TARGET, to go
# on from there; one that breaks something in build/fuzz/broken. To see it again: build/fuzz/tests/fuzz/fuzz_TARGET FILE.
# One that was mended belongs into corpus/TARGET, which runs with the tests.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${1:-600}
shift $(($# > 0))
targets=("$@")
if ((${#targets[@]} == 0)); then targets=(json dialects requests import prices http_rules capi); fi

cmake/install-dependencies.sh --tests --fuzz
cmake/build.sh fuzz fuzzers
scratch=$(mktemp -d -p "$([[ -w /dev/shm ]] && echo /dev/shm || echo /tmp)")
trap 'rm -rf "$scratch"' EXIT
mkdir -p build/fuzz/broken
failed=0
for target in "${targets[@]}"; do
  echo "== $target"
  mkdir -p "build/fuzz/found/$target"
  inputs=("build/fuzz/found/$target" "tests/fuzz/corpus/$target")
  if [[ $target == dialects ]]; then inputs+=(tests/agents/recorded); fi
  # A fuzzer that is not there or is killed writes neither.
  status=0
  TMPDIR=$scratch nice "build/fuzz/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=4096 \
    -artifact_prefix="build/fuzz/broken/$target-" -print_final_stats=1 "${inputs[@]}" \
    2>&1 | tee "build/fuzz/$target.log" | grep -E '^==|ERROR|not so:|SUMMARY|Test unit|stat::number|stat::average' ||
    status=${PIPESTATUS[0]}
  if ((status != 0)) || grep -qE 'ERROR: |SUMMARY: ' "build/fuzz/$target.log"; then failed=1; fi
done
exit "$failed"
