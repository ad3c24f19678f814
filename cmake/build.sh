#!/usr/bin/env bash
# Configures and builds a preset of CMakePresets.json, and shows how far it is.
#
#   cmake/build.sh PRESET [TARGET…]
#
# What the tools print goes to build/PRESET.log; its end is shown if something fails.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:?usage: cmake/build.sh PRESET [TARGET…]}
shift
log=build/$preset.log

mkdir -p build
for place in build "build/$preset" "$log"; do
  if [[ -e $place && ! -w $place ]]; then
    echo "$PWD/$place belongs to another user; remove it, or give it to yourself" >&2
    exit 1
  fi
done
if command -v ccache >/dev/null; then
  export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache
  export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 # what one clone has compiled, another need not
fi

# One line, replaced at each step; only where somebody can see it.
line() { if [[ -t 1 ]]; then printf '\r\e[K%s' "$*"; fi; }
trap line EXIT
failed() {
  line
  tail -n 40 "$log" >&2
  echo "The build failed; all that it said is in $log." >&2
  exit 1
}

# follow: copies what ninja prints to the log. A step that has ended begins with "[DONE/TOTAL] ".
follow() {
  local text begun='' code done=0 total=0 end=0 left='' started=$SECONDS
  while :; do
    code=0
    IFS= read -r -t 1 text || code=$?
    text=$begun$text begun=''
    if ((code == 0)); then
      printf '%s\n' "$text" >>"$log"
      if [[ $text =~ ^\[([0-9]+)/([0-9]+)\]\  ]]; then
        done=${BASH_REMATCH[1]} total=${BASH_REMATCH[2]}
        # Steps are of different lengths, so the first ones say little.
        if ((done * 4 >= total)); then end=$((started + (SECONDS - started) * total / done)); fi
      fi
    elif ((code > 128)); then # a second without the end of a line
      begun=$text
    else
      printf '%s' "$text" >>"$log"
      break
    fi
    if ((end > SECONDS)); then left=", about $((end - SECONDS)) s left"; else left=''; fi
    if ((total > 0)); then
      line "  step $done of $total, $((SECONDS - started)) s$left"
    fi
  done
  line
}

echo "Building the preset $preset in build/$preset (the log is $log)"
started=$SECONDS
line "  looking for compiler and libraries"
cmake --preset "$preset" >"$log" 2>&1 || failed
targets=()
if (($# > 0)); then targets=(--target "$@"); fi
NINJA_STATUS='[%f/%t] ' cmake --build --preset "$preset" "${targets[@]}" 2>&1 | follow || failed
echo "Built in $((SECONDS - started)) s"
