#!/usr/bin/env bash
# Runs a module of the tests with real agent programs, where there is no network: tests/agents/run.sh MODULE [OPTION…]
#
# The program is the first word behind test_ in the module's name; the options are those of Python's unittest. COBATCH
# names the cobatch program, COBATCH_AGENTS the folder that fetch.sh has filled (build/agents). Exit code 77, which
# ctest counts as skipped: the agent program does not run here.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=tests/agents/environment.sh
source ./environment.sh
module=${1:?usage: tests/agents/run.sh MODULE [OPTION…]}
program=${module#test_}
program=${program%%_*}
COBATCH=$(realpath "${COBATCH:?it is to name the cobatch program}")
COBATCH_AGENTS=$(realpath -m "${COBATCH_AGENTS:-../../build/agents}")
export COBATCH COBATCH_AGENTS PYTHONDONTWRITEBYTECODE=1

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
if ! offline env HOME="$scratch" "$COBATCH_AGENTS/node_modules/.bin/$program" --version >"$scratch/said" 2>&1; then
  cat "$scratch/said"
  printf '\n*** %s does not run here; tests/agents/fetch.sh says how to get it.\n*** %s is SKIPPED.\n\n' \
    "$program" "$module"
  exit 77
fi >&2
offline python3 -W error -X faulthandler -m unittest "$@"
