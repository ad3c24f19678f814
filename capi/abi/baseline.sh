#!/usr/bin/env bash
# What is checked in about the C library's ABI: the declarations (cobatch.cdef.h), the exported names (symbols.txt) and
# the types that they use (abi/libcobatch.so.0.abi).
#
#   capi/abi/baseline.sh check declarations|symbols|types LIBRARY
#   capi/abi/baseline.sh renew LIBRARY
#
# `check` fails if the header or the library differs from what is checked in; of the types, if a program that was linked
# with them may break (names that were added are fine). `renew` writes all three anew: look at the difference before
# you commit it. Exit code 77: `check` could not be done, and why is said.
#
# LIBRARY is a libcobatch.so with debug information; the types need Debian's abigail-tools.
set -euo pipefail
capi=$(cd "$(dirname "$0")/.." && pwd)
types=$capi/abi/libcobatch.so.0.abi
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT

declarations() { python3 "$capi/make_cdef.py" "$capi/cobatch.h"; }
symbols() { nm -D --defined-only "$1" | sed -n 's/.* T \(.*\)@@COBATCH_0$/\1/p' | LC_ALL=C sort; }
declared() { grep -oE '\bcobatch_[a-z_]+\(' "$capi/cobatch.cdef.h" | tr -d '(' | LC_ALL=C sort; }

can_read_types() {
  command -v abidw >/dev/null || { echo "abidw is missing: install abigail-tools" && return 1; }
  readelf -S "$1" | grep '\.debug_info' >/dev/null || { echo "$1 has no debug information" && return 1; }
}
types() {
  # A folder with the public header and no other: what is not in it is private.
  mkdir "$temp/headers"
  cp "$capi/cobatch.h" "$temp/headers"
  abidw --headers-dir "$temp/headers" --drop-private-types --no-corpus-path --no-comp-dir-path --no-show-locs \
    --no-elf-needed --exported-interfaces-only "$1" | sed "s# path='[^']*/capi/# path='capi/#"
}

check_declarations() { diff -u "$capi/cobatch.cdef.h" <(declarations); }
check_symbols() {
  # All that the library shows has its version; the version itself is the only other name.
  diff -u "$capi/symbols.txt" <(symbols "$1")
  diff -u "$capi/symbols.txt" <(declared)
  diff <(echo COBATCH_0) <(nm -D --defined-only "$1" | sed 's/.* . //' | grep -v '@@COBATCH_0$')
}
check_types() {
  can_read_types "$1" || exit 77
  types "$1" >"$temp/found.abi"
  abidiff --no-added-syms "$types" "$temp/found.abi"
}

for library; do :; done
[[ $# == 0 || -f $library ]] || { echo "$library is not there" >&2 && exit 1; }
case "${1:-} $#" in
  'check 3') "check_$2" "$3" ;;
  'renew 2')
    can_read_types "$2"
    declarations >"$capi/cobatch.cdef.h"
    symbols "$2" >"$capi/symbols.txt"
    types "$2" >"$types"
    ;;
  *)
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2
    exit 2
    ;;
esac
