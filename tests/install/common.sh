# What the scripts in this folder share: a temporary folder that is removed at the end.
# shellcheck shell=bash disable=SC2034
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
temp=$(mktemp -d "${TMPDIR:-/tmp}/cobatch-install.XXXXXX")
temp=$(realpath "$temp")
trap 'rm -rf "$temp"' EXIT
export TMPDIR=$temp
cxx=${CXX:-c++}

# must_not COMMAND…: fails, showing what it printed, if the command succeeds.
must_not() {
  if "$@"; then
    echo "must not succeed: $*" >&2
    exit 1
  fi
}

# everything INCLUDE_FOLDER FOLDER: writes FOLDER/everything.hpp, which includes each public header.
everything() {
  (cd "$1" && find cobatch* -name '*.hpp' | LC_ALL=C sort | sed 's/.*/#include <&>/') >"$2/everything.hpp"
  [[ $(grep -c . "$2/everything.hpp") -ge 20 ]]
}

# run_consumer PROGRAM
run_consumer() {
  mkdir -p "$temp/place"
  "$1" "$temp/place"
}
